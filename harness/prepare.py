"""Files into a plan: everything is read and checked before anything is touched, and every problem is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from harness.checks import (
    Written,
    by_conversation,
    foreign_hosts,
    foreign_to_scenario,
    load_target,
    meaningless,
    missing_commands,
    never_settled,
    nobody_asks,
    nowhere_bound,
    of_note,
    priceless,
    shared_listens,
    strangers,
    target_problems,
    unabortable,
    unheard,
    unknowable,
    unreachable,
    unshared,
    unworded,
    warnings,
)
from harness.planning.placing import misaimed
from harness.planning.plan import Plan, laid_out, plan
from harness.planning.replay import recorded
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.kinds import kind_of
from harness.reading.load_hosts import NO_HOSTS, LoadHosts, load_hosts
from harness.reading.locustfile import asked_before, is_installed, meant
from harness.reading.question_files import load_questions, nothing_asked
from harness.reading.questions import Questions
from harness.reading.recorded_curves import RecordedCurve, read_curve
from harness.reading.scenario import Scenario
from harness.reading.suite import Suite
from harness.reading.target import Target
from harness.reading.yaml import Document, Draft, DraftProblems, all_sayable, load, sayable
from harness.reading.yaml.expected import clipped
from harness.reading.yaml.overrides import split

if TYPE_CHECKING:
    from harness.reading.traces import Trace

Loaded = TypeVar("Loaded")
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for beside the files."""

    seed: int | None = None
    overrides: tuple[str, ...] = ()
    expectations: tuple[str, ...] = ()
    with_faults: bool = True
    allowed_hosts: tuple[str, ...] = ()
    hosts: LoadHosts = NO_HOSTS

    def with_hosts(self, many: int, bind: str | None, wait: str) -> Asked:
        """The same, with *many* workers of the load on other machines. Raises UsageProblems; see `load_hosts`."""
        return replace(self, hosts=load_hosts(many, bind, wait))

    def shared_by_hosts(self) -> Asked:
        """The same, where those on other machines alone share the load."""
        return replace(self, overrides=(*self.overrides, f"load.workers={self.hosts.many}"))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and the documents it was made from."""

    plan: Plan
    scenario: Document[Scenario]
    target: Document[Target]
    questions: Document[Questions]
    asked: Asked
    warnings: tuple[Problem, ...] = ()
    trace_sha256: str = ""
    """Of the trace's file, where the load is one."""

    @property
    def recorded_sha256(self) -> str:
        """Of the recorded curve's file, where the scenario names one."""
        return self.plan.logged.sha256 if self.plan.logged else ""


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
    starts: bool = False,
) -> Prepared:
    """Raises UsageProblems with all that is wrong in the files, in what was asked, and between the two files.

    Without a *target_path* it is ``targets/default.yaml`` beside the scenario. *environment* is where ``${VAR}`` comes from; None says that
    nothing will be touched, so that neither secrets nor hosts are needed; *starts* says that what the target starts has to be here.
    """
    problems: list[Problem] = []
    of_scenario, of_target = _overrides(asked)
    scenario, draft = _scenario(problems, scenario_path, of_scenario)
    if scenario and not scenario.value.load.watched and scenario.value.load.workers < asked.hosts.many:
        asked = asked.shared_by_hosts()
        scenario, draft = _scenario(problems, scenario_path, _overrides(asked)[0])
    target, refused = None, None
    if target_path or _is_there(scenario_path):
        target, refused = _target(problems, target_path, scenario_path, of_target)
    questions = _asked_of(problems, scenario or draft, scenario_path, questions_path)
    trace = _loaded(problems, lambda: _trace(scenario, scenario_path)) if scenario else None
    logged = _loaded(problems, lambda: _logged(scenario, scenario_path)) if scenario else None
    written = Written(scenario or draft, asked.expectations)
    problems += written.problems
    if target:
        problems += target_problems(target, environment)
        problems += missing_commands(target) if starts else ()
        problems += foreign_hosts(target, asked.allowed_hosts) if environment is not None else ()
        problems += unreachable(target, asked.hosts)
    rest, against = scenario or _rest(draft), target or refused
    if rest:
        problems += all_sayable(lambda: unabortable(rest))
        problems += all_sayable(lambda: unshared(rest, asked.hosts))
        problems += (
            all_sayable(lambda: foreign_to_scenario(rest, asked.allowed_hosts)) if environment is not None else ()
        )
    made = None
    if rest and against:
        made, found = _together(rest, against, written, asked, trace, logged, questions)
        problems += found
    if problems or not (scenario and target and questions and made):
        raise UsageProblems(*_in_order(problems))
    noted = tuple(warnings(scenario, made, questions.value))
    return Prepared(made, scenario, target, questions, asked, noted, trace.sha256 if trace else "")


def _together(
    scenario: Document[Scenario],
    target: Document[Target],
    written: Written,
    asked: Asked,
    trace: Trace | None,
    logged: RecordedCurve | None,
    questions: Document[Questions] | None,
) -> tuple[Plan | None, list[Problem]]:
    """The plan, and all that is wrong between the files; of one that is refused there is no more than is right."""
    value, against = scenario.value, target.value
    problems = all_sayable(lambda: priceless(scenario, against)) + all_sayable(
        lambda: unheard(scenario, written, against)
    )
    problems += all_sayable(lambda: unknowable(scenario, written))
    unknown = all_sayable(lambda: strangers(written, against))
    planned = sayable(lambda: _planned(value, against, written, asked, trace, logged, questions))
    if planned is None:
        # Where nobody knows when faults are, it is known all the same at what they are aimed.
        aimed = all_sayable(lambda: misaimed(value, against)) if asked.with_faults else []
        return None, [*problems, *unknown, *(scenario.problem(one.path, one.what) for one in aimed)]
    made, found = planned
    found += all_sayable(lambda: by_conversation(made))
    problems += [*(scenario.problem(one.path, one.what) for one in found), *unknown]
    # Without a fault that could not be placed, or a trace that could not be read, nobody knows what can be settled.
    placed = {disturbance.of for disturbance in made.disturbances}
    whole = placed == (set(value.fault_ids) if asked.with_faults else set())
    whole &= (
        sayable(lambda: (made.recorded is not None or not _is_traced(value)) and not (value.recorded and not logged))
        is True
    )
    if whole and not unknown:
        problems += all_sayable(lambda: never_settled(written, made))
    if questions and sayable(lambda: made.asks and not made.closed):
        problems += all_sayable(lambda: unworded(questions, against))
        problems += all_sayable(lambda: nobody_asks(written, made, questions.value))
        problems += all_sayable(lambda: nowhere_bound(written, made, questions.value))
    return made, problems


def _planned(
    scenario: Scenario,
    target: Target,
    written: Written,
    asked: Asked,
    trace: Trace | None,
    logged: RecordedCurve | None,
    questions: Document[Questions] | None,
) -> tuple[Plan, list[Problem]]:
    """The plan, and all that is wrong with it, or with what its *trace* comes to."""
    problems, due = list[Problem](), None
    if trace and questions:
        names = [question.id for question in questions.value.questions]
        due, problems = recorded(trace, scenario.load, laid_out(scenario), names)
    sent = None if problems else due
    with_faults = asked.with_faults
    made, found = plan(scenario, target, written.expectations, with_faults=with_faults, recorded=sent, logged=logged)
    return made, problems + found


def _is_traced(scenario: Scenario) -> bool:
    return scenario.load.shape is not None and scenario.load.shape.trace is not None


def among(paths: Iterable[Path]) -> tuple[Problem, ...]:
    """All that is wrong between the target files of *paths*; of those that are no target, or no good one, nothing."""
    targets = []
    for path in dict.fromkeys(paths):
        with suppress(UsageProblems):
            if kind_of(path) is Target:
                targets.append(load_target(path))
    return tuple(shared_listens(targets))


def validate(path: Path, target_path: Path | None = None) -> Validated:
    """All that is wrong with one file of the kind that it says it is; a scenario is also held against a target.

    That is the one at *target_path*, else ``targets/default.yaml`` beside the scenario; where there is neither, what
    depends on a target is left out.
    """
    try:
        kind = kind_of(path)
        if kind is Scenario:
            return _validated_scenario(path, target_path)
        if kind is Target:
            target = load_target(path)
            return Validated(tuple(target_problems(target, None)), warnings=tuple(of_note(target)))
        if kind is Suite:
            load(path, Suite)
            return Validated(())
        if kind is GameDay:
            load(path, GameDay)
            return Validated(())
        return Validated(tuple(meaningless(load_questions(path))))
    except UsageProblems as problems:
        return Validated(problems.problems)


def _validated_scenario(path: Path, target_path: Path | None) -> Validated:
    if target_path or _is_there(_beside(path)):
        target = _loaded([], lambda: load_target(target_path or _beside(path)))
        # What is not here may be where the run is to be.
        absent = tuple(of_note(target)) if target else ()
        try:
            return Validated((), warnings=(*prepare(path, target_path, Asked(), None).warnings, *absent))
        except UsageProblems as refused:
            return Validated(refused.problems, warnings=absent)
    problems: list[Problem] = []
    scenario, draft = _scenario(problems, path, {})
    written = Written(scenario or draft, ())
    problems += written.problems
    problems += unknowable(scenario, written) if scenario else ()
    _asked_of(problems, scenario or draft, path, None)
    if scenario:
        _loaded(problems, lambda: _trace(scenario, path))
        _loaded(problems, lambda: _logged(scenario, path))
    return Validated(tuple(_in_order(problems)), without_target=True)


def _rest(draft: Draft | None) -> Document[Scenario] | None:
    """As much of a refused scenario as is right, for checks that are sayable. None of them asks which seed it is."""
    scenario = draft.rest(Scenario) if draft else None
    return _with(scenario, seed=1) if scenario else None


def _with(document: Document[Model], **others: object) -> Document[Model]:
    """*document*, with *others* for keys that are not there."""
    kept = {key: value for key, value in others.items() if key not in document.value.__dict__}
    return replace(document, value=document.value.model_copy(update=kept))


def _target(
    problems: list[Problem], path: Path | None, scenario_path: Path, overrides: Mapping[str, str]
) -> tuple[Document[Target] | None, Document[Target] | None]:
    """The target; or, where it is refused, as much of it as is right."""
    try:
        return load_target(path or _default_target(scenario_path), overrides), None
    except DraftProblems as found:
        problems += found.problems
        target = found.draft.rest(Target)
        # It is only said with what is wrong with others.
        return None, _with(target, name=(path or _beside(scenario_path)).stem) if target else None
    except UsageProblems as found:
        problems += found.problems
        return None, None


def _scenario(
    problems: list[Problem], path: Path, overrides: Mapping[str, str]
) -> tuple[Document[Scenario] | None, Draft | None]:
    """The scenario, or as much of it as can be read where it is refused."""
    try:
        scenario = load(path, Scenario, overrides)
        return replace(scenario, value=scenario.value.of_folder(path.absolute().parent)), None
    except DraftProblems as found:
        problems += found.problems
        return None, found.draft
    except UsageProblems as found:
        problems += found.problems
        return None, None


def _asked_of(
    problems: list[Problem], scenario: Document[Scenario] | Draft | None, scenario_path: Path, path: Path | None
) -> Document[Questions] | None:
    """The questions of the file that *scenario* names, or that of a load of a locustfile's users; None where that cannot be told."""
    if scenario is None:
        return None
    if isinstance(scenario, Document) and not scenario.value.load.asks:
        return nothing_asked()
    named = {key: text for key in ("questions", "locustfile") if (text := _named(scenario, key)) is not None}
    match named:
        case {"locustfile": str(locustfile)}:
            problems += _untraced(scenario)
            return _loaded(problems, lambda: _users(locustfile, scenario.problem, scenario_path))
        case {"questions": str(questions)}:
            return _loaded(problems, lambda: _questions(questions, scenario.problem, scenario_path, path))
    return None


def _named(scenario: Document[Scenario] | Draft, key: str) -> str | None:
    """The file that *scenario* names at this *key* of its load; None where it names none, or that is wrong."""
    if isinstance(scenario, Document):
        named: str | None = getattr(scenario.value.load, key)
        return named
    match scenario.meant:
        case {"load": {**load}} if ("load", key) not in scenario.unsure and isinstance(load.get(key), str):
            return str(load[key])
    return None


def _untraced(scenario: Document[Scenario] | Draft) -> Iterator[Problem]:
    """That Locust's OpenTelemetry is asked for and not here: Locust says that in its log, and goes on."""
    if isinstance(scenario, Document) and scenario.value.load.otel and not is_installed("opentelemetry.sdk"):
        yield scenario.problem("load.otel", "OpenTelemetry is not installed here; pip install 'locust[otel]'")


def _users(named: str, problem: Callable[[str, str], Problem], scenario_path: Path) -> Document[Questions]:
    """What is asked before a load of the users of the locustfile that is *named*, which is looked at and not run."""
    folder = scenario_path.parent
    path = folder / relpath(folder.absolute() / named, folder.absolute())
    if not _is_there(path):
        what = _no_file(path) + meant(path)
        raise UsageProblems(problem("load.locustfile", what))
    if path.is_dir():
        raise UsageProblems(problem("load.locustfile", "is a folder; name one file, such as users.py"))
    if path.suffix != ".py":
        what = f"{path.name} is no locustfile by its name, as Locust goes by it; it has to end in .py"
        raise UsageProblems(problem("load.locustfile", what))
    return asked_before(path)


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    """*problems*, each once: file by file, and in each by its lines."""
    files = list(dict.fromkeys(problem.file for problem in problems))
    return sorted(dict.fromkeys(problems), key=lambda problem: (files.index(problem.file), problem.line or 0))


def _loaded(problems: list[Problem], load: Callable[[], Loaded]) -> Loaded | None:
    """What *load* gives; None where that fails, and then what is wrong is added to *problems*."""
    try:
        return load()
    except UsageProblems as found:
        problems += found.problems
        return None


def _is_there(path: Path) -> bool:
    """Whether there is something at *path*; under a name that is too long for the system there can be nothing."""
    try:
        return path.exists()
    except OSError:
        return False


def _beside(scenario_path: Path) -> Path:
    return scenario_path.parent / "targets" / "default.yaml"


def _default_target(scenario_path: Path) -> Path:
    path = _beside(scenario_path)
    if not _is_there(path):
        raise UsageProblems(Problem(f"left out, and there is no {path}; name a target file", path="--target"))
    return path


def _questions(
    named: str, problem: Callable[[str, str], Problem], scenario_path: Path, path: Path | None
) -> Document[Questions]:
    path = path or scenario_path.parent / named
    if not _is_there(path):
        raise UsageProblems(problem("load.questions", _no_file(path)))
    questions = load_questions(path)
    if problems := [*meaningless(questions)]:
        raise UsageProblems(*problems)
    return questions


def _trace(scenario: Document[Scenario], scenario_path: Path) -> Trace | None:
    """The trace that the load of *scenario* is; None where it is none."""
    from harness.reading.traces import read

    shape = scenario.value.load.shape
    if shape is None or shape.trace is None:
        return None
    return read(_named_file(scenario, scenario_path, shape.trace.file, "load.shape.trace"))


def _logged(scenario: Document[Scenario], scenario_path: Path) -> RecordedCurve | None:
    """The recorded curve that *scenario* names; None where it names none."""
    if scenario.value.recorded is None:
        return None
    return read_curve(_named_file(scenario, scenario_path, scenario.value.recorded, "recorded"))


def _named_file(scenario: Document[Scenario], scenario_path: Path, name: str, place: str) -> Path:
    """The file that *scenario* names at *place*; raises UsageProblems where there is none."""
    path = scenario_path.parent / name
    if not _is_there(path):
        raise UsageProblems(scenario.problem(place, _no_file(path)))
    return path


def _no_file(path: Path) -> str:
    return f"there is no file {clipped(str(path), _PATH_MOST)}; it is looked for beside the scenario"


_PATH_MOST = 300
"""Characters of a path that are told of one that is not there."""


def _overrides(asked: Asked) -> tuple[dict[str, str], dict[str, str]]:
    """``KEY=VALUE`` of the command line, the last of each key, of the scenario with its seed, and of the target."""
    problems = [
        Problem(f"{written!r} is not KEY=VALUE, such as load.rate_per_s=40", path="--set")
        for written in asked.overrides
        if "=" not in written or written.startswith("=")
    ]
    if problems:
        raise UsageProblems(*problems)
    of_scenario, of_target = split(asked.overrides)
    return of_scenario | ({"seed": str(asked.seed)} if asked.seed is not None else {}), of_target
