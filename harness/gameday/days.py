"""The folders of game days: where they lie, what is written in them, and which day came before which."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.gameday.events import Event, Opened
from harness.gameday.folder import BELOW, DayFolder, events_of
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.target import Target
from harness.reading.yaml.recall import recall

_DEPTHS = ("", "*/", "*/*/", f"{BELOW}/*/*/")


@dataclass(frozen=True, slots=True)
class PastDay:
    """What was written down of one day; *opened* is its first line."""

    folder: DayFolder
    opened: Opened
    events: tuple[Event, ...]

    @property
    def at(self) -> str:
        """When it was opened, which also tells its place among others."""
        return self.opened.at


def read(folder: Path) -> PastDay:
    """The day in *folder*; raises UsageProblems where there is none, or a whole line of it is no event."""
    events = tuple(events_of(DayFolder(folder)))
    if not events or not isinstance(events[0], Opened):
        raise UsageProblems(Problem("is no game day: its day.jsonl does not begin with one", file=str(folder)))
    return PastDay(DayFolder(folder), events[0], events)


def find(below: Path) -> tuple[list[PastDay], list[str]]:
    """Every day in or below *below*, the oldest first, and a line for each that cannot be read.

    *below* is the place of all runs, that of all days, or one day.
    """
    days: list[PastDay] = []
    unread: list[str] = []
    folders = {path.parent for deep in _DEPTHS for path in below.glob(f"{deep}day.jsonl")}
    for folder in sorted(folders):
        try:
            days.append(read(folder))
        except UsageProblems as problems:
            unread.append(str(problems))
    return sorted(days, key=lambda day: (day.at, day.opened.day)), unread


def before(day: PastDay) -> list[PastDay]:
    """The earlier days of the same name that lie where *day* lies, the oldest first; what cannot be read is none of them."""
    found, _ = find(day.folder.path.resolve().parent)
    mine = (day.at, day.opened.day)
    return [one for one in found if one.opened.name == day.opened.name and (one.at, one.opened.day) < mine]


def plan_of(day: PastDay) -> GameDay | None:
    """The game-day file as *day* had it: the copy beside its events, or the file itself if nobody has changed it; else None.

    As with a run, none of today's rules applies to what was carried out.
    """
    for path, changed in _candidates(day):
        try:
            document, _ = recall(path, GameDay)
        except UsageProblems:
            continue
        if not changed or document.sha256 == day.opened.sha256:
            return document.value
    return None


def target_of(day: PastDay) -> str:
    """What the target of *day* is called; empty where the copy of its file is not left."""
    try:
        return recall(day.folder.files / "target.yaml", Target)[0].value.name
    except UsageProblems:
        return ""


def _candidates(day: PastDay) -> Iterator[tuple[Path, bool]]:
    """Where the file may be, and whether somebody may have changed it since."""
    yield day.folder.files / "gameday.yaml", False
    yield Path(day.opened.file), True
