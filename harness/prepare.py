"""Files into a plan: everything is read and checked before anything is touched, and every problem is told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from harness.checks import (
    Written,
    foreign_hosts,
    meaningless,
    never_settled,
    nobody_asks,
    target_problems,
    unknown_values,
    warnings,
)
from harness.planning.plan import Plan, plan
from harness.problems import Problem, UsageProblems
from harness.reading.kinds import load_any
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import Document, load

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for beside the files."""

    seed: int | None = None
    overrides: tuple[str, ...] = ()
    expectations: tuple[str, ...] = ()
    with_faults: bool = True
    allowed_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and the documents it was made from."""

    plan: Plan
    scenario: Document[Scenario]
    target: Document[Target]
    questions: Document[Questions]
    asked: Asked
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Validated:
    """What is wrong with a file; *without_target*: it is a scenario, and was held against no target."""

    problems: tuple[Problem, ...]
    without_target: bool = False
    warnings: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is; what may not have been meant is warned of all the same."""
        return not self.problems


def prepare(
    scenario_path: Path,
    target_path: Path | None,
    asked: Asked,
    environment: Mapping[str, str] | None,
    *,
    questions_path: Path | None = None,
) -> Prepared:
    """Raises UsageProblems with all that is wrong in the files, in what was asked, and between the two files.

    Without a *target_path* it is ``targets/default.yaml`` beside the scenario. *environment* is where ``${VAR}`` comes from; None says that
    nothing will be touched, so that neither secrets nor hosts are needed.
    """
    problems: list[Problem] = []
    scenario = _loaded(problems, lambda: load(scenario_path, Scenario, _overrides(asked)))
    target = None
    if target_path or scenario_path.exists():
        target = _loaded(problems, lambda: load(target_path or _default_target(scenario_path), Target))
    questions = _loaded(problems, lambda: _questions(scenario, scenario_path, questions_path)) if scenario else None
    written = Written(scenario, asked.expectations)
    problems += written.problems
    if target:
        problems += target_problems(target, environment)
        problems += foreign_hosts(target, asked.allowed_hosts) if environment is not None else ()
    if not scenario or not target:
        raise UsageProblems(*problems)
    made, found = plan(scenario.value, target.value, written.expectations, with_faults=asked.with_faults)
    problems += [scenario.problem(problem.path, problem.what) for problem in found]
    # Without a fault that could not be placed, nobody knows what can be settled.
    unknown = list(unknown_values(written, target.value))
    problems += unknown
    placed = {disturbance.of for disturbance in made.disturbances}
    if placed == (set(scenario.value.fault_ids) if asked.with_faults else set()) and not unknown:
        problems += never_settled(written, made)
    if questions:
        problems += nobody_asks(written, made, questions.value)
    if problems or not questions:
        raise UsageProblems(*problems)
    return Prepared(made, scenario, target, questions, asked, tuple(warnings(scenario, made, questions.value)))


def validate(path: Path, target_path: Path | None = None) -> Validated:
    """All that is wrong with one file of the kind that it says it is; a scenario is also held against a target.

    That is the one at *target_path*, else ``targets/default.yaml`` beside the scenario; where there is neither, what
    depends on a target is left out.
    """
    try:
        document = load_any(path)
        if isinstance(document.value, Scenario):
            return _validated_scenario(path, target_path)
        if isinstance(document.value, Target):
            return Validated(tuple(target_problems(load(path, Target), None)))
        if isinstance(document.value, Questions):
            return Validated(tuple(meaningless(load(path, Questions))))
    except UsageProblems as problems:
        return Validated(problems.problems)
    return Validated(())


def _validated_scenario(path: Path, target_path: Path | None) -> Validated:
    if target_path or _beside(path).exists():
        return Validated((), warnings=prepare(path, target_path, Asked(), None).warnings)
    scenario = load(path, Scenario)
    problems = [*Written(scenario, ()).problems]
    _loaded(problems, lambda: _questions(scenario, path, None))
    return Validated(tuple(problems), without_target=True)


def _loaded(problems: list[Problem], load: Callable[[], Loaded]) -> Loaded | None:
    """What *load* gives; None where that fails, and then what is wrong is added to *problems*."""
    try:
        return load()
    except UsageProblems as found:
        problems += found.problems
        return None


def _beside(scenario_path: Path) -> Path:
    return scenario_path.parent / "targets" / "default.yaml"


def _default_target(scenario_path: Path) -> Path:
    path = _beside(scenario_path)
    if not path.exists():
        raise UsageProblems(Problem(f"left out, and there is no {path}; name a target file", path="--target"))
    return path


def _questions(scenario: Document[Scenario], scenario_path: Path, path: Path | None) -> Document[Questions]:
    path = path or scenario_path.parent / scenario.value.load.questions
    if not path.exists():
        raise UsageProblems(
            scenario.problem("load.questions", f"there is no file {path}; it is looked for beside the scenario")
        )
    questions = load(path, Questions)
    if problems := [*meaningless(questions)]:
        raise UsageProblems(*problems)
    return questions


def _overrides(asked: Asked) -> dict[str, str]:
    """``KEY=VALUE`` of the command line, the last of each key, and the seed."""
    problems = [
        Problem(f"{written!r} is not KEY=VALUE, such as load.rate_per_s=40", path="--set")
        for written in asked.overrides
        if "=" not in written or written.startswith("=")
    ]
    if problems:
        raise UsageProblems(*problems)
    overrides = dict(written.split("=", 1) for written in asked.overrides)
    return overrides | ({"seed": str(asked.seed)} if asked.seed is not None else {})
