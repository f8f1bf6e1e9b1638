"""What a test asks for, and how it comes by a run: with the project's own defaults, when no other run goes on, or as a skip."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Never

import pytest

from harness.interfaces.pytest_plugin.wanted import Wanted

if TYPE_CHECKING:
    from harness.interfaces.pytest_plugin.made import Made

_RUNS: pytest.StashKey[list[Made]] = pytest.StashKey()
OF_A_RUN = "resilience-"
"""What the properties of a test begin with that tell of its runs."""
_SCHEMA = re.compile(r"^schema:\s*[\"']?harness\.([a-z]+)/\d+", re.MULTILINE)
_HOW = 'write @pytest.mark.resilience("scenarios/x.yaml"), or in the test run = resilience("scenarios/x.yaml")'
_SAYS_NOTHING = "this says nothing of the service"


class Resilience:
    """Runs scenarios for one test: ``run = resilience("scenarios/x.yaml", target="my-service.yaml")``."""

    def __init__(self, node: pytest.Item) -> None:
        self._node, self._config = node, node.config

    def __call__(
        self,
        scenario: str | Path,
        *,
        target: str | Path | None = None,
        set: Mapping[str, object] | Sequence[str] = (),  # noqa: A002 - as the command line calls it
        expect: str | Sequence[str] = (),
        seed: int | None = None,
        with_faults: bool = True,
        allowed_hosts: str | Sequence[str] = (),
        trials: int | None = None,
    ) -> Made:
        """Break what *scenario* says, for real, and return the judged run, or the trials: ``assert run.passed``.

        Paths are seen from pytest's root folder; without *target* it is that of the options, of the configuration, or
        ``targets/default.yaml`` beside the scenario. Skips the test where Toxiproxy cannot be had, where the target is held or frozen, and
        where the run says nothing of the service (`resilience_invalid`); fails it where a file is wrong or nothing could be started.
        """
        if wrong := wrongly_asked((scenario,), {}):
            pytest.fail(wrong, pytrace=False)
        options = self._config.option
        named = Path(target) if target else _default_target(self._config, self._config.rootpath / scenario)
        wanted = Wanted(
            scenario=self._seen(Path(scenario)),
            target=self._seen(named) if named else None,
            overrides=set,
            expect=expect,
            seed=seed,
            with_faults=with_faults,
            allowed_hosts=allowed_hosts,
            trials=options.resilience_trials if trials is None else trials,
            out=Path(options.resilience_out) if options.resilience_out else self._seen(Path("reports")),
        )
        return self._heeded(self._made(wanted))

    def __getattr__(self, name: str) -> Never:
        """Raises AttributeError: it is what makes runs, and no run, whatever a test without a scenario in its marker takes it for."""
        raise AttributeError(f"there is no run yet, and so no {name!r}; {_HOW}")

    def _made(self, wanted: Wanted) -> Made:
        from harness.interfaces.pytest_plugin.turn import turn
        from harness.problems import HarnessError, RefusedError, UnavailableError, UnavailableProblems, UsageProblems
        from harness.settings import settings

        try:
            with turn(settings()):
                run: Made = self._config.hook.pytest_resilience_run(config=self._config, wanted=wanted)
                return run
        except (HarnessError, UsageProblems) as error:
            raised = error
        # Out of the clause, or pytest would show both.
        match raised:
            case UnavailableError() | UnavailableProblems():
                pytest.skip(f"no Toxiproxy can be had: {raised}")
            case RefusedError():
                pytest.skip(str(raised))
            case _:
                pytest.fail(str(raised), pytrace=False)

    def _heeded(self, run: Made) -> Made:
        """*run*, kept with the test; raises KeyboardInterrupt where somebody interrupted it, and skips where it says nothing."""
        from harness.interfaces.pytest_plugin.made import properties, reason

        self._node.stash.setdefault(_RUNS, []).append(run)
        told = properties(run, self._config.invocation_params.dir)
        self._node.user_properties += [(f"{OF_A_RUN}{name}", value) for name, value in told.items()]
        if run.interrupted:
            raise KeyboardInterrupt
        if run.verdict in ("invalid", "inconclusive") and self._config.getini(f"resilience_{run.verdict}") == "skip":
            pytest.skip(f"{run.verdict}, so {_SAYS_NOTHING}: {reason(run)}; report: {told['report']}")
        return run

    def _seen(self, path: Path) -> Path:
        """*path* below the root folder, as it is seen from here: what repeats a run is to do so on other machines too."""
        whole, here = self._config.rootpath / path, Path.cwd()
        return whole.relative_to(here) if whole.is_relative_to(here) else whole


def wrongly_asked(args: Sequence[object], keys: Mapping[str, object]) -> str:
    """What is wrong with the arguments of a marker, or of a call, in one sentence; empty where nothing is."""
    from harness.registry import suggestion

    known = [name for name in signature(Resilience.__call__).parameters if name != "self"]
    for name in keys:
        if name not in known:
            return f"resilience: unknown argument {name!r}; {suggestion(name, known)}"
    if len(args) > 1 or (args and "scenario" in keys):
        return f"resilience: takes one scenario, and all else by name ({', '.join(f'{name}=' for name in known[1:])})"
    if not args and "scenario" not in keys:
        return f"resilience: names no scenario; {_HOW}"
    scenario = [*args, keys.get("scenario")][0]
    if not isinstance(scenario, str | Path):
        return f"resilience: the scenario should be the path of one file, but is {scenario!r}"
    return ""


def made_for(node: pytest.Item) -> Sequence[Made]:
    """The runs that were made for a test, in order."""
    return node.stash.get(_RUNS, [])


def schema_of(path: Path) -> str:
    """Of which kind the file at *path* says it is, at a glance: ``scenario``, ``suite``; an empty text where it says none of ours."""
    try:
        match = _SCHEMA.search(path.read_text("utf-8", "replace"))
    except OSError:
        return ""
    return match[1] if match else ""


def _default_target(config: pytest.Config, scenario: Path) -> Path | None:
    """That of the options, as seen from where pytest was started, or that of the configuration; a suite names its own."""
    asked: str | None = config.option.resilience_target
    if asked:
        return config.invocation_params.dir / asked
    configured: str = config.getini("resilience_target")
    return Path(configured) if configured and schema_of(scenario) != "suite" else None
