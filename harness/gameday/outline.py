"""What a game day would do, in lines for a person: its people, its steps in order, when, at what cost, and every command that is run."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from shlex import join

from harness.gameday.control import HIDDEN
from harness.gameday.files import DayFiles
from harness.gameday.shown import people, planned_s, starts, title
from harness.planning.outline import outline as outline_of_run
from harness.planning.outline import started
from harness.reading.abort import AbortLimit
from harness.reading.gameday import Prerequisite, Step
from harness.reading.quantities import plain
from harness.suites.spending import FIRST_BEYOND_S, spelt


def outline(files: DayFiles) -> Iterator[str]:
    """The lines, in the order in which they matter. What a secret step does is left out; its own file says it."""
    day = files.day
    yield f"{day.title} ({day.name}) on {files.target.value.name}"
    yield f"objective   {day.objective}"
    yield f"hypothesis  {day.hypothesis}"
    yield from ("", "people")
    for person in people(day):
        yield f"  {person.role:<12} {person.name}{f': has to agree to {person.of}' if person.role == 'approves' else ''}"
    if day.prerequisites:
        yield from ("", "has to be so before anything is broken")
        yield from (f"  {number:>2}  {_prerequisite(one)}" for number, one in enumerate(day.prerequisites, 1))
    yield from ("", "agenda, and when each step begins at the earliest")
    yield from _agenda(files)
    yield from ("", *_budget(files), *_aborts(files), *_told(files))
    yield from ("", *_commands(files))


def read_out(files: DayFiles, id_: str) -> Iterator[str]:
    """What the step of that id would do, as it is read out on a tabletop; of a scenario, its plan."""
    step = files.day.step(id_)
    if step.about:
        yield step.about
    if id_ in files.runs:
        yield from outline_of_run(files.runs[id_].plan)
    else:
        yield from _by_people(step)


def _by_people(step: Step) -> Iterator[str]:
    if step.verify:
        yield f"verify    {step.verify}"
    if step.rollback:
        yield f"roll back {step.rollback}"


def _prerequisite(one: Prerequisite) -> str:
    if one.tick is not None:
        return f"{one.said} (somebody ticks it)"
    how = f"{join(one.command)} ends with 0" if one.command is not None else f"{one.url} answers 2xx"
    within = f"{how} within {spelt(one.within)}"
    return f"{one.about} ({within})" if one.about else within


def _agenda(files: DayFiles) -> Iterator[str]:
    after_s = 0.0
    unknown = False
    for id_, step in zip(files.day.ids, files.day.agenda, strict=True):
        after_s = max(after_s, step.start) if isinstance(step.start, float) else after_s
        lasts_s = planned_s(files, id_)
        lasts = f", {spelt(lasts_s)}" if lasts_s is not None and id_ in files.runs else ""
        what = HIDDEN if step.secret else title(files, id_)
        later = " or later" if unknown or step.start == "hand" else ""
        yield f"  +{_clock(after_s)}{later:<9}  {id_:<12} {step.kind}: {what}{lasts}; begins {starts(step)}"
        if not step.secret:
            yield from (f"{'':<18}  {line}" for line in _details(files, id_))
        unknown = unknown or lasts_s is None or step.start == "hand"
        after_s += (lasts_s or 0.0) + (FIRST_BEYOND_S if id_ in files.runs else 0.0)


def _details(files: DayFiles, id_: str) -> Iterator[str]:
    step = files.day.step(id_)
    if step.about:
        yield step.about
    yield from _by_people(step)
    if id_ in files.runs:
        plan = files.runs[id_].plan
        yield from [f"watches {plan.scenario.load.who}"] if plan.scenario.load.watched else []
        yield from dict.fromkeys(f"breaks {one.fault.summary()}" for one in plan.disturbances)
        yield from (f"expects {expected}" for expected in plan.expectations)


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02}"


def _budget(files: DayFiles) -> Iterator[str]:
    """What the day costs at the worst, as far as anything limits it."""
    budget = files.day.budget
    if budget.time is not None:
        yield f"time   no scenario is begun that might end later than {spelt(budget.time)} after the day was opened"
    if not files.runs:
        return
    if not files.target.value.prices:
        yield f"money  target {files.target.value.name!r} has no prices, so nobody knows what a run costs"
        return
    most = sum(run.plan.limits.cost for run in files.runs.values())
    if most < inf:
        yield f"money  {plain(most, 6)} at the worst: each scenario is ended at its own limit"
    else:
        open_ = ", ".join(
            HIDDEN if files.day.step(id_).secret else id_
            for id_, run in files.runs.items()
            if run.plan.limits.cost == inf
        )
        yield f"money  nothing limits what {open_} may cost; write abort: [cost > NUMBER]"
    if budget.money is not None:
        yield f"money  no scenario is begun that might take the day beyond {plain(budget.money, 6)}"


def _aborts(files: DayFiles) -> Iterator[str]:
    for one in files.day.abort:
        if isinstance(one, AbortLimit):
            ((name, value),) = one.model_dump(exclude_none=True).items()
            said = f"{name}: {value:g}" if isinstance(value, float) else f"{name}: {value}"
        else:
            said = one
        yield f"abort  {said}: the scenario ends, and the day stops"


def _told(files: DayFiles) -> Iterator[str]:
    for hook in files.day.notify:
        yield f"tells  {hook.url} when {', '.join(hook.on)}"


def _commands(files: DayFiles) -> Iterator[str]:
    """Every command that would be run: of the game-day file and of the target's; a scenario has none but the locustfile that it names."""
    if files.commands:
        yield f"runs, in {files.beside or '.'} and with your environment, once somebody here has agreed to them (--yes)"
        yield from (f"  {join(command)}" for command in files.commands)
    yield from dict.fromkeys(line for run in files.runs.values() for line in started(run.plan))
