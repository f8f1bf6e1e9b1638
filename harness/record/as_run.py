"""What was run, as it was: a stored run's files read leniently, and its plan as its first line wrote it down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from harness.faults import Fault
from harness.faults.base import CONTAINER, LINK, PROCESS, Aim
from harness.faults.recalled import Recalled
from harness.faults.stretches import fault_of
from harness.planning.disturbance import Disturbance
from harness.planning.plan import Plan, plan
from harness.problems import Problem, UsageProblems
from harness.reading import expectation
from harness.reading.expectation import Expectation
from harness.reading.question_files import nothing_asked, recall_questions
from harness.reading.questions import Questions
from harness.reading.recorded_curves import RecordedCurve, read_curve
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import Document
from harness.reading.yaml.overrides import split
from harness.reading.yaml.paths import KeyPath
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.recall import recall
from harness.record.history import Begun, History, Injecting, Look, PlannedFault, Reverting
from harness.record.run_folder import RunFolder
from harness.record.trace_file import read_due

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class AsRun:
    """The plan of a stored run and the documents that it was made from; *refused_today* would keep it from being run again."""

    plan: Plan
    scenario: Document[Scenario]
    target: Document[Target]
    questions: Document[Questions]
    refused_today: tuple[Problem, ...]


def read(folder: RunFolder, begun: Begun, events: History) -> AsRun:
    """What was run in *folder*, whatever may be run today; raises UsageProblems with all that cannot be read at all."""
    problems: list[Problem] = []
    refused: list[Problem] = []
    of_scenario, of_target = split(begun.overrides)

    def read_one(path: Path, model: type[M], settings: Mapping[str, str]) -> Document[M] | None:
        try:
            document, refused_today = recall(path, model, settings, _stranger)
        except UsageProblems as found:
            problems.extend(found.problems)
            return None
        refused.extend(refused_today)
        return document

    def read_questions() -> Document[Questions] | None:
        try:
            document, refused_today = recall_questions(folder.questions)
        except UsageProblems as found:
            problems.extend(found.problems)
            return None
        refused.extend(refused_today)
        return document

    scenario = read_one(folder.scenario, Scenario, of_scenario | {"seed": str(begun.seed)})
    target = read_one(folder.target, Target, of_target)
    questions = nothing_asked() if scenario and not scenario.value.load.asks else read_questions()
    expectations = _expectations(scenario, begun, problems.append) if scenario else ()
    logged = _logged(scenario.value, folder, problems) if scenario else None
    if problems or not (scenario and target and questions):
        raise UsageProblems(*problems)
    shape = scenario.value.load.shape
    made, found = plan(
        scenario.value,
        target.value,
        expectations,
        with_faults=begun.with_faults,
        recorded=read_due(folder) if shape is not None and shape.trace is not None else None,
        logged=logged,
    )
    refused += [scenario.problem(problem.path, problem.what) for problem in found]
    as_it_was = _as_looked_at(_as_it_was(made, begun.faults or _seen(made, events)), events)
    return AsRun(as_it_was, scenario, target, questions, tuple(refused))


def _logged(scenario: Scenario, folder: RunFolder, problems: list[Problem]) -> RecordedCurve | None:
    """The curve that the run is held against; where its file is missing or damaged, that is added to the *problems*."""
    if scenario.recorded is None:
        return None
    try:
        return read_curve(folder.recorded)
    except UsageProblems as found:
        problems.extend(found.problems)
        return None


def lines_of(scenario: Document[Scenario]) -> dict[str, int]:
    """On which line of its file each expectation of *scenario* stands, by the expectation as it is written out."""
    found: dict[str, int] = {}
    for index, text in enumerate(scenario.value.expect):
        line = scenario.problem(f"expect[{index}]", "").line
        with suppress(ValueError):
            written = str(expectation.parse(text))
            if line is not None:
                found[written] = line
    return found


def written_down(made: Plan) -> list[PlannedFault]:
    """What a run's first line says of the faults of its plan, for who has not their kinds, or other rules."""
    return [
        PlannedFault(
            id=disturbance.id,
            kind=disturbance.fault.kind,
            summary=disturbance.summary,
            links=list(disturbance.links),
            processes=list(disturbance.processes),
            containers=list(disturbance.containers),
            start_s=disturbance.start_s,
            end_s=disturbance.end_s,
            publishes_at_s=list(disturbance.publishes_at_s),
            hides_attempts=disturbance.fault.hides_requests(),
            aftereffect=disturbance.fault.aftereffect,
        )
        for disturbance in made.disturbances
    ]


def _expectations(
    scenario: Document[Scenario], begun: Begun, complain: Callable[[Problem], None]
) -> tuple[Expectation, ...]:
    of_file = {f"expect[{index}]": text for index, text in enumerate(scenario.value.expect)}
    of_command = {f"--expect {text}": text for text in begun.expectations}

    def parsed(texts: Mapping[str, str]) -> Iterator[Expectation]:
        for place, text in texts.items():
            try:
                yield expectation.parse(text)
            except ValueError as error:
                complain(
                    Problem(str(error), path=place) if place.startswith("--") else scenario.problem(place, str(error))
                )

    return expectation.replace(tuple(parsed(of_file)), tuple(parsed(of_command)))


def _stranger(said: Mapping[str, Plain], _at: KeyPath) -> Recalled:
    """A fault of a kind that is not installed."""
    begins, name = said.get("at"), said.get("id")
    return Recalled(
        kind=str(said["kind"]),
        id=name if isinstance(name, str) else None,
        at=begins if isinstance(begins, str) else None,
        aftereffect=said.get("aftereffect") is True,
        said=dict(said),
    )


def _seen(made: Plan, events: History) -> list[PlannedFault]:
    """Of a run whose first line tells of no faults: those that were injected and that today's rules would not place."""
    ends = {event.fault: event.at_s for event in events if isinstance(event, Reverting)}
    known = written_down(made)
    unplaced = [
        PlannedFault(
            event.fault,
            event.fault.rpartition("-")[0],
            start_s=event.at_s,
            end_s=ends.get(event.fault, made.fault_end_s),
        )
        for event in events
        if isinstance(event, Injecting) and event.fault not in {fault.id for fault in known}
    ]
    return [*known, *unplaced] if unplaced else []


def _as_it_was(made: Plan, faults: list[PlannedFault]) -> Plan:
    """*made* with its *faults* where and when they were; with none told, as today's rules place them."""
    if not faults:
        return made
    placed = {disturbance.id: disturbance for disturbance in made.disturbances}
    return replace(made, disturbances=tuple(_placed(fault, placed.get(fault.id), made) for fault in faults))


def _as_looked_at(made: Plan, events: History) -> Plan:
    """*made*, of whose faults of kinds that are not installed it is known whether a probe was sent for them."""
    looks = [event for event in events if isinstance(event, Look)]
    unprobed = {look.fault for look in looks} - {look.fault for look in looks if look.sight.outcome}

    def of(one: Disturbance) -> Disturbance:
        if not isinstance(one.fault, Recalled) or one.id not in unprobed:
            return one
        return replace(one, fault=one.fault.model_copy(update={"probed": False}))

    return replace(made, disturbances=tuple(map(of, made.disturbances)))


def _placed(written: PlannedFault, today: Disturbance | None, made: Plan) -> Disturbance:
    fault = today.fault if today else _of_kind(written, made.scenario)
    if isinstance(fault, Recalled):
        known = {"words": written.summary, "hides": written.hides_attempts, "aftereffect": written.aftereffect}
        fault = fault.model_copy(update=known)
    return Disturbance(
        id=written.id,
        fault=fault,
        aims=(
            *(Aim(LINK, link) for link in written.links if link in made.target.links),
            *(Aim(PROCESS, process) for process in written.processes),
            *(Aim(CONTAINER, container) for container in written.containers),
        ),
        effects=today.effects if today else (),
        start_s=written.start_s,
        end_s=written.end_s,
        publishes_at_s=tuple(written.publishes_at_s),
    )


def _of_kind(written: PlannedFault, scenario: Scenario) -> Fault:
    """The scenario's fault that stands for one that today's rules would not place."""
    named = zip(scenario.fault_ids, scenario.faults, strict=True)
    alike = [fault for name, fault in named if fault_of(written.id) == name]
    return alike[0] if alike else Recalled(kind=written.kind, said={})
