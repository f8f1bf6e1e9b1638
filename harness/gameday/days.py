"""Game days as they lie on disk: found, read from their events, and put in order, whether they are over or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.gameday.events import Event, Opened, decode
from harness.gameday.folder import BELOW, EVENTS, DayFolder
from harness.gameday.standing import Standing, told
from harness.problems import Problem, UsageProblems, cannot
from harness.reading.gameday import GameDay
from harness.reading.target import Target
from harness.reading.yaml import load
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

    @property
    def standing(self) -> Standing:
        """Where it stood after the last of its events."""
        return told(self.events)


def read(folder: Path) -> PastDay:
    """The day in *folder*; raises UsageProblems where there is none, or a whole line of it is no event."""
    day = DayFolder(folder)
    events = _events(day)
    if not events or not isinstance(events[0], Opened):
        raise UsageProblems(Problem(f"is no game day: its {EVENTS} does not begin with one", file=str(folder)))
    return PastDay(day, events[0], events)


def _events(folder: DayFolder) -> tuple[Event, ...]:
    try:
        return tuple(decode(folder.events.read_bytes()))
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as error:
        what = cannot(error) if isinstance(error, OSError) else str(error)
        raise UsageProblems(Problem(f"cannot be read: {what}", file=str(folder.events))) from None


def day_at(path: Path, out: Path) -> DayFolder:
    """The day in the folder *path*, or the newest below *out* of the game-day file *path*. Raises UsageProblems where there is none."""
    if path.is_dir():
        folder = DayFolder(path)
        if not folder.events.exists():
            raise UsageProblems(Problem(f"is no game day: there is no {EVENTS} in it", file=str(path)))
        return folder
    below = out / BELOW / load(path, GameDay).value.name
    if not (days := sorted(below.glob(f"*/{EVENTS}"))):
        raise UsageProblems(Problem(f"no day of it was opened: there is none below {below}", str(path)))
    return DayFolder(days[-1].parent)


def find(below: Path) -> tuple[list[PastDay], list[str]]:
    """Every day in or below *below*, the oldest first, and a line for each that cannot be read.

    *below* is the place of all runs, that of all days, or one day.
    """
    days: list[PastDay] = []
    unread: list[str] = []
    folders = {path.parent for deep in _DEPTHS for path in below.glob(f"{deep}{EVENTS}")}
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
