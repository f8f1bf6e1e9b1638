"""Scenario files as tests, where a project's configuration asks for it: each is run, and is red where it did not pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.interfaces.pytest_plugin.asking import Resilience, schema_of

FILES: pytest.StashKey[frozenset[Path]] = pytest.StashKey()
"""The files that the configuration names."""


def named(config: pytest.Config) -> frozenset[Path]:
    """The files that ``resilience_scenarios`` names, by patterns seen from the root folder."""
    patterns: list[str] = config.getini("resilience_scenarios")
    return frozenset(path for pattern in patterns for path in config.rootpath.glob(pattern) if path.is_file())


def outside(files: frozenset[Path], config: pytest.Config) -> list[str]:
    """Those of *files* in which pytest would not look of itself, since nothing was asked for and its ``testpaths`` lie elsewhere."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return []
    looked_in = [config.rootpath / argument for argument in config.args]
    return sorted(str(file) for file in files if not any(file.is_relative_to(place) for place in looked_in))


class ScenarioFile(pytest.File):
    """A file that may hold a scenario or a suite of them; targets and questions that lie beside those hold none."""

    def collect(self) -> Iterator[pytest.Item]:
        if schema_of(self.path) in ("scenario", "suite"):
            yield ScenarioItem.from_parent(self, name=self.path.stem)


class ScenarioItem(pytest.Item):
    """One scenario or suite, on the target that the options or the configuration name, or on the one beside it."""

    def runtest(self) -> None:
        run = Resilience(self)(self.path)
        if not run.passed:
            from harness.interfaces.pytest_plugin.made import findings

            pytest.fail("\n".join(findings(run)), pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{schema_of(self.path)} {self.name}"
