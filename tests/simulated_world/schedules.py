"""A machine that is made up, on which files are kept on their schedules: its clock can be set, and it can be killed at any touch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from harness.reading.timetable import Occurrence, Timetable
from harness.schedules.closed import Holidays, NoHolidays, Once, Weekly
from harness.schedules.hours import Hours
from harness.schedules.keeping import Ended, Obstacle, Standing
from harness.schedules.scheduled import Scheduled

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
"""A Monday."""


class KilledError(BaseException):
    """The process is no more."""


def daily(
    name: str = "day",
    cron: str = "0 14 * * *",
    *,
    zone: str = "UTC",
    late: timedelta = timedelta(minutes=15),
    windows: tuple[Weekly | Once, ...] = (),
    holidays: Holidays | None = None,
    target: str = "shop",
) -> Scheduled:
    """A file on a schedule."""
    hours = Hours(cron, ZoneInfo(zone), late, windows, holidays or NoHolidays())
    return Scheduled(Path(f"/{name}.yaml"), name, name, "", (Path(f"/{target}.yaml"),), hours, ("gameday", "run", name))


@dataclass
class MadeUpMachine:
    """A `keeping.World`. What is begun *takes* so long, and ends with *status*; *dies_at* that touch of the world, before or *after* it.

    Where it *hurries*, a wait goes on until something comes that changes anything: a time, its end, or that it is too late for it.
    """

    scheduled: list[Scheduled]
    at: datetime = NOON
    takes: timedelta = timedelta(minutes=30)
    status: int = 0
    in_the_way: Obstacle | None = None
    full: bool = False
    dies_at: int | None = None
    after: bool = False
    hurries: bool = True
    ends: datetime | None = None
    """When somebody tells the process to end."""
    disk: dict[str, Timetable] = field(default_factory=dict)
    begun: dict[tuple[str, datetime], datetime] = field(default_factory=dict)
    """When each was begun, in order."""
    given_up: set[tuple[str, datetime]] = field(default_factory=set)
    told_to_end: list[tuple[str, datetime]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    told_outside: list[tuple[datetime, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    touches: int = 0
    went_by_s: float = 1000.0

    @property
    def leaving(self) -> bool:
        return self.ends is not None and self.at >= self.ends

    def now(self) -> datetime:
        return self.at

    def monotonic_s(self) -> float:
        return self.went_by_s

    def wait(self, at_most_s: float) -> None:
        self.waits.append(at_most_s)
        until = self.at + timedelta(seconds=max(at_most_s, 0.001))
        self.goes_by((max(until, min(self._events())) if self.hurries else until) - self.at)

    def _events(self) -> Iterator[datetime]:
        """When something comes next."""
        yield from [self.ends] if self.ends is not None and self.ends > self.at else []
        yield from (began + self.takes for began in self.begun.values() if began + self.takes > self.at)
        for one in self.scheduled:
            over = one.hours.late + timedelta(seconds=1)
            yield next(one.hours.moments(self.at))
            yield next(one.hours.moments(self.at - over)) + over

    def goes_by(self, much: timedelta) -> None:
        """Time, with nobody there."""
        self.at += much
        self.went_by_s += much.total_seconds()

    def files(self) -> Sequence[Scheduled]:
        return self.scheduled

    def kept(self, one: Scheduled) -> Timetable | None:
        return self.disk.get(one.name)

    def keep(self, timetable: Timetable) -> None:
        if self.full:
            raise OSError(28, "No space left on device", "/state/day.json")
        with self._touch():
            self.disk[timetable.name] = timetable

    def fresh(self, one: Scheduled, now: datetime, until: datetime) -> Timetable:
        return Timetable(
            by="ann@host", name=one.name, file=str(one.file), host="host",
            cron=one.hours.cron, zone=one.hours.zone.key, since=now, until=until,
        )  # fmt: skip

    def begin(self, one: Scheduled, planned: datetime) -> None:
        with self._touch():
            if (one.name, planned) not in self.given_up:
                assert (one.name, planned) not in self.begun, "it was begun twice"
                kept = self.disk[one.name].occurrences
                assert planned in [known.planned for known in kept], "it is begun before it is on disk"
                self.begun[one.name, planned] = self.at

    def standing(self, one: Scheduled, planned: datetime) -> Standing:
        if (one.name, planned) in self.given_up:
            return Ended(None)
        began = self.begun.get((one.name, planned))
        if began is None:
            return "never"
        if (one.name, planned) in self.told_to_end:
            return Ended(130)
        return Ended(self.status) if self.at >= began + self.takes else "on"

    def give_up(self, one: Scheduled, planned: datetime) -> bool:
        if (one.name, planned) in self.begun:
            return False
        with self._touch():
            self.given_up.add((one.name, planned))
        return True

    def end(self, one: Scheduled, planned: datetime) -> None:
        self.told_to_end.append((one.name, planned))

    def missed(self, one: Scheduled, occurrence: Occurrence) -> None:
        self.told_outside.append((occurrence.planned, occurrence.missed))

    def obstacle(self, one: Scheduled) -> Obstacle | None:
        return self.in_the_way

    def tell(self, line: str) -> None:
        self.told.append(line)

    def _touch(self) -> _Touch:
        self.touches += 1
        return _Touch(self.touches == self.dies_at, self.after)


@dataclass
class _Touch:
    dies: bool
    after: bool

    def __enter__(self) -> None:
        if self.dies and not self.after:
            raise KilledError

    def __exit__(self, *_: object) -> None:
        if self.dies and self.after:
            raise KilledError
