"""A file on a schedule, as it is read: when it comes, what it is about, on which targets, and the command line that begins it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from os.path import normpath
from pathlib import Path

from harness.gameday.files import day_files
from harness.gameday.moves import waits_for_people
from harness.prepare import Asked
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay, Webhook
from harness.reading.kinds import Kind, kind_of
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.schedule import Schedule
from harness.reading.suite import Suite
from harness.reading.target import Target
from harness.reading.yaml import Document, load
from harness.schedules.hours import Hours, hours, of_document
from harness.suites.asking import wanted
from harness.suites.spending import Spending
from harness.suites.turns import interleaved

TAKES = timedelta(hours=1)
"""How long a game day without a budget of time stands in a calendar."""


@dataclass(frozen=True)
class Scheduled:
    """A *file* (absolute) that says when it begins; *words* are what `harness` is asked for then, *targets* are target files."""

    file: Path
    name: str
    title: str
    about: str
    targets: tuple[Path, ...]
    hours: Hours
    words: tuple[str, ...]
    takes: timedelta = TAKES
    reads: tuple[Path, ...] = ()
    """The files in which all of this stands."""
    game_day: bool = True
    notify: tuple[Webhook, ...] = ()
    waits: tuple[str, ...] = ()
    """What of a game day waits for people, in words."""
    commands: bool = False
    """Whether a game day has commands run, to which somebody has to agree."""


@dataclass(frozen=True)
class Passed:
    """What whoever keeps schedules said for all that is begun: *page* and *yes* are of game days alone."""

    allow_hosts: tuple[str, ...] = ()
    out: Path | None = None
    page: str | None = None
    yes: bool = False

    def words(self, game_day: bool = True) -> list[str]:
        """As options of `harness schedule`, and of what begins a game day; or of what runs a suite."""
        of_days = [*(["--page", self.page] if self.page else []), *(["--yes"] if self.yes else [])]
        hosts = [word for host in self.allow_hosts for word in ("--allow-host", host)]
        return [*hosts, *(["--out", str(self.out)] if self.out else []), *(of_days if game_day else [])]


NOTHING = Passed()
_NAMED_MOST = 3


def refuse_unattended(one: Scheduled, passed: Passed) -> None:
    """Raises UsageProblems for a game day that waits for people where no page is served, on which alone they could say anything."""
    if not one.waits or passed.page:
        return
    more = f" and {len(one.waits) - _NAMED_MOST} more" if len(one.waits) > _NAMED_MOST else ""
    waits = "; ".join(one.waits[:_NAMED_MOST]) + more
    what = (
        f"waits for people ({waits}), and by the clock nobody is there; write --page :8707, so that they can come to a page of it, or have "
        "it go on by itself, with scenarios and waits that say start: next"
    )
    raise UsageProblems(Problem(what, str(one.file)))


def scheduled(path: Path) -> Scheduled:
    """The file at *path*. Raises UsageProblems with all that is wrong with it and its schedule."""
    return _suite(path) if _kind(path) is Suite else _game_day(path)


def _kind(path: Path) -> type[Kind]:
    """What the file at *path* says it is. Raises UsageProblems, also where that says nothing of when it begins."""
    kind = kind_of(path)
    if kind in (Scenario, Target, Questions):
        what = "does not say when it begins; name a game day with a schedule, or a suite with one that has this in it"
        raise UsageProblems(Problem(what, str(path)))
    return kind


def _game_day(path: Path) -> Scheduled:
    """A game day, all of which is read: what is wrong with it would else be found out when it begins, while nobody looks."""
    beside = path.absolute().parent
    schedule = _schedule(load(path, GameDay), beside)
    day = day_files(path, None).day
    return Scheduled(
        path.absolute(),
        day.name,
        " ".join(day.title.split()),
        f"{day.objective}\n{path.name}",
        (Path(normpath(beside / day.target)),),
        hours(schedule, beside),
        ("gameday", "run", str(path.absolute()), "--waits", f"{schedule.waits:g}s"),
        timedelta(seconds=day.budget.time) if day.budget.time else TAKES,
        _reads(path.absolute(), schedule),
        notify=tuple(day.notify),
        waits=tuple(waits_for_people(day)),
        commands=any(one.command is not None for one in day.prerequisites),
    )


def _suite(path: Path) -> Scheduled:
    """A suite, likewise."""
    document = load(path, Suite)
    suite, beside = document.value, path.absolute().parent
    schedule = _schedule(document, beside)
    asking = wanted([path], (), Asked(), None)
    targets = dict.fromkeys(Path(normpath(Path(cell.prepared.target.file).absolute())) for cell in asking.cells)
    plans = [turn.cell.prepared.plan for turn in interleaved(asking.cells)]
    return Scheduled(
        path.absolute(),
        suite.name,
        " ".join(suite.about.split()) or suite.name,
        f"{len(plans)} runs\n{path.name}",
        tuple(targets),
        hours(schedule, beside),
        ("run", str(path.absolute())),
        timedelta(seconds=round(suite.budget.time or Spending().left_s(plans))),
        _reads(path.absolute(), schedule),
        game_day=False,
    )


def _schedule(document: Document[GameDay] | Document[Suite], beside: Path) -> Schedule:
    """The schedule of *document*; raises UsageProblems with all that is wrong with it, also where there is none."""
    schedule = document.value.schedule
    if schedule is None:
        what = "says no schedule; add one, such as schedule: {cron: 0 14 * * FRI, zone: UTC}"
        raise UsageProblems(Problem(what, document.file))
    if found := of_document(document, schedule, beside):
        raise UsageProblems(*sorted(found, key=lambda problem: problem.line or 0))
    return schedule


def _reads(file: Path, schedule: Schedule) -> tuple[Path, ...]:
    return (file, file.parent / schedule.holidays) if schedule.holidays else (file,)


def several(paths: list[Path]) -> list[Scheduled]:
    """The files at *paths*. Raises UsageProblems with all that is wrong with all of them, and where two have one name."""
    found, wrong = [], list[Problem]()
    for path in dict.fromkeys(paths):
        try:
            found.append(scheduled(path))
        except UsageProblems as problems_of_it:
            wrong += problems_of_it.problems
    for index, one in enumerate(found):
        if before := [other for other in found[:index] if other.name == one.name]:
            what = f"is called {one.name!r}, as {before[0].file} is; each schedule is kept by its name"
            wrong.append(Problem(what, str(one.file), path="name"))
    if wrong:
        raise UsageProblems(*wrong)
    return found
