"""Every scenario with every target, read and checked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.reading.kinds import kind_of
from harness.reading.scenario import Scenario


def scenario_files(named: Sequence[Path]) -> list[Path]:
    """The files that are *named*, and in the place of a folder the scenarios that lie in it, by their names; each once.

    Raises UsageProblems for a folder in which there is none.
    """
    return once([file for path in named for file in (_inside(path) if path.is_dir() else [path])])


def once(files: Sequence[Path]) -> list[Path]:
    """*files* without those that were named before, by whatever way: what is run twice would count as two trials."""
    first: dict[Path, Path] = {}
    for file in files:
        first.setdefault(file.resolve(), file)
    return list(first.values())


def prepare_all(
    scenarios: Sequence[Path], targets: Sequence[Path | None], asked: Asked, environment: Mapping[str, str] | None
) -> list[Prepared]:
    """Every scenario with every target, read and checked, scenario by scenario.

    Raises UsageProblems with what is wrong with all of them: a mistake in the last must not cost the runs of the others.
    """
    prepared: list[Prepared] = []
    problems: list[Problem] = []
    named = once([target for target in targets if target])
    for scenario in scenarios:
        for target in named or targets:
            try:
                prepared.append(prepare(scenario, target, asked, environment, starts=environment is not None))
            except UsageProblems as found:
                problems += [problem for problem in found.problems if problem not in problems]
    problems += _told_apart(prepared) if not problems else ()
    if problems:
        raise UsageProblems(*problems)
    return prepared


def _inside(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.glob("*.yaml")) if kind_of(path) is Scenario]
    if not found:
        raise UsageProblems(
            Problem("no scenario lies in this folder; name one that has some, or files", file=str(folder))
        )
    return found


def _told_apart(prepared: Sequence[Prepared]) -> Iterator[Problem]:
    """Files of one name that are not one: their cells would stand in one place of the scorecard."""
    for of in (lambda one: one.scenario, lambda one: one.target):
        first: dict[str, str] = {}
        for document in map(of, prepared):
            name = document.value.name
            other = first.setdefault(name, document.file)
            if other != document.file:
                what = f"is called {name!r}, as {other} is; in a grid each needs a name of its own"
                yield Problem(what, document.file, path="name")
