"""Keeps files on their schedules: each time that comes is written down before it is begun, begun once at most, or told as missed and why.

Nothing here reads a clock, waits or starts anything by itself: all that is done in a `World`, which tests make up. What was taken is on
disk before it is begun, and what begins it claims it on disk first (`World.standing`); so whoever is killed in between leaves what the
next one can tell: it was never begun, it goes on, or it has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from harness.problems import cannot
from harness.reading.timetable import KEPT, MISSED, Occurrence, Timetable
from harness.schedules.scheduled import Scheduled

WAIT_S = 30.0
"""No longer than so it is waited in one go: a clock that somebody sets is seen that soon."""
_WATCH_S = 1.0
"""How often it is looked whether what goes on has ended, and whether what is in the way is gone."""
_JUMP = timedelta(seconds=60)
"""What the clock may be off from the time that went by before that is told."""
_YEAR = timedelta(days=366)
_SHOWN = 5
BROKEN = 70
REFUSED = 5
INTERRUPTED = 130
_WORST = (INTERRUPTED, BROKEN, REFUSED, 4, 1, 3, 2)
"""Exit statuses, the worst first."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why nothing can begin now, by a word of `MISSED`, and a sentence."""

    why: str
    told: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """That what was begun has ended; *status* is None where nobody saw with which."""

    status: int | None


Standing = Literal["never", "on"] | Ended
"""Of an occurrence that was taken: nothing ever began it, it goes on, or it has ended."""


class World(Protocol):
    """Where files are kept on their schedules: a machine, or one that is made up."""

    @property
    def leaving(self) -> bool:
        """Whether somebody has told us to end."""
        ...

    def now(self) -> datetime:
        """What the machine's clock says, which people may set."""
        ...

    def monotonic_s(self) -> float:
        """Seconds on a clock that nobody sets, from any beginning."""
        ...

    def wait(self, at_most_s: float) -> None:
        """Return after so many seconds on that clock, or as soon as *leaving*."""
        ...

    def files(self) -> Sequence[Scheduled]:
        """The files, as they stand on disk now."""
        ...

    def kept(self, one: Scheduled) -> Timetable | None:
        """What is on disk of *one*; None where there is nothing."""
        ...

    def keep(self, timetable: Timetable) -> None:
        """Return once *timetable* is on disk, whatever happens to the machine. Raises OSError."""
        ...

    def fresh(self, one: Scheduled, now: datetime, until: datetime) -> Timetable:
        """The first timetable of *one*."""
        ...

    def begin(self, one: Scheduled, planned: datetime) -> None:
        """Begin *one* for the time *planned*, unless that was ever done. Raises OSError where nothing can be begun."""
        ...

    def standing(self, one: Scheduled, planned: datetime) -> Standing:
        """What is known of that."""
        ...

    def give_up(self, one: Scheduled, planned: datetime) -> bool:
        """See to it that the time *planned*, which never began, never does; False where it has begun meanwhile."""
        ...

    def end(self, one: Scheduled, planned: datetime) -> None:
        """Tell what goes on for the time *planned* to take back what it broke, and end."""
        ...

    def missed(self, one: Scheduled, occurrence: Occurrence) -> None:
        """Tell whoever outside wants to hear of it that *occurrence* was missed."""
        ...

    def obstacle(self, one: Scheduled) -> Obstacle | None:
        """What is in the way of beginning *one* now: somebody's freeze, or another's run on its target."""
        ...

    def tell(self, line: str) -> None:
        """Show a person *line*."""
        ...


@dataclass
class Keeping:
    """Keeps the files of *world* on their schedules; *once*: no longer than until what is due now is done or missed."""

    world: World
    once: bool = False
    _tables: dict[str, Timetable] = field(default_factory=dict)
    _in_the_way: dict[str, Obstacle] = field(default_factory=dict)
    _clocks: tuple[datetime, float] | None = None
    _statuses: list[int] = field(default_factory=list)

    def run(self) -> int:
        """Return the exit status: 130 when told to leave; of *once* the worst of what was due, 5 where it could not begin."""
        try:
            while not self.world.leaving:
                self.step()
                if self.once and not self._busy:
                    return next((status for status in _WORST if status in self._statuses), 0)
                self.world.wait(self.wait_s())
        except Exception:
            with suppress(OSError):
                self._left()  # what goes on puts back what it broke before whoever watches over us ends it with us
            raise
        return self._left()

    def step(self) -> None:
        """Do what is to be done now."""
        now = self.world.now()
        gone = self._since_last(now)
        for one in self.world.files():
            known = self._tables.get(one.name)
            try:
                self._step(one, now, gone)
            except OSError as error:
                # What is not on disk is not begun, and is tried again: until it is too late for it.
                self._unkept(one, error)
            else:
                self._next_told(one, known, now)

    def wait_s(self) -> float:
        """How long nothing has to be done, as far as anybody knows."""
        now = self.world.now()
        coming = [
            (at - now).total_seconds() for one in self.world.files() if (at := next(one.hours.moments(now), None))
        ]
        return max(0.0, min([_WATCH_S if self._busy else WAIT_S, *coming]))

    @property
    def _busy(self) -> bool:
        return bool(self._in_the_way) or any(table.going_on for table in self._tables.values())

    def _since_last(self, now: datetime) -> str:
        """What times that went by are put down to; a clock that was set is told."""
        monotonic_s = self.world.monotonic_s()
        before, self._clocks = self._clocks, (now, monotonic_s)
        if before is None:
            return "down"
        off = now - before[0] - timedelta(seconds=monotonic_s - before[1])
        if abs(off) > _JUMP:
            way = "put forward" if off > timedelta() else "put back"
            slept = ", or the machine slept" if off > timedelta() else ""
            self.world.tell(f"the clock was {way} by {_long(abs(off))}{slept}: it is {now:%Y-%m-%d %H:%M:%S} UTC now")
        return "clock" if off > _JUMP else "down"

    def _step(self, one: Scheduled, now: datetime, gone: str) -> None:
        table = self._followed(one, self._taken_up(one, now), now)
        if now < table.until:
            # What was missed while the clock was wrong may come after all; what was begun never comes again.
            table = self._kept(table.model_copy(update={"until": now}))
        due, count = _come(one, table.until, now)
        if not due:
            self._in_the_way.pop(one.name, None)  # what waits is due
            return
        waited = self._in_the_way.get(one.name)
        *before, last = due
        overtaken = Obstacle("overtaken", waited.told) if waited else Obstacle(gone)
        table = self._missed(one, table, before, count - 1, now, overtaken)
        self._decided(one, table, last, now, waited or Obstacle(gone))

    def _taken_up(self, one: Scheduled, now: datetime) -> Timetable:
        """What is known of *one*, taken up at *now* where it is new, or comes at other times than before."""
        table = self._tables.get(one.name) or self.world.kept(one)
        cron, zone = one.hours.cron, one.hours.zone.key
        # Who asks once was sent by a clock of his own; who stays begins nothing that was due before he came.
        since = now - one.hours.late - timedelta(seconds=1) if self.once else now
        if table is None:
            return self._kept(self.world.fresh(one, now, since))
        if (table.cron, table.zone) != (cron, zone):
            table = self._kept(table.model_copy(update={"cron": cron, "zone": zone, "since": now, "until": since}))
            self._in_the_way.pop(one.name, None)
            self.world.tell(f"{one.name}: its schedule was changed, and is {cron} {zone} from now on")
        self._tables[one.name] = table
        return table

    def _followed(self, one: Scheduled, table: Timetable, now: datetime) -> Timetable:
        """What became of the occurrence that was taken last."""
        last = table.going_on
        if last is None:
            return table
        standing = self.world.standing(one, last.planned)
        if isinstance(standing, Ended):
            return self._over(one, table, last, now, standing.status)
        if standing == "never":
            if now - last.planned > one.hours.late or one.hours.closed(now) is not None:
                return self._unbegun(one, table, last, now)
            if self._obstacle(one) is None:
                return self._begun(one, table, last, now)
        return table

    def _decided(self, one: Scheduled, table: Timetable, planned: datetime, now: datetime, gone: Obstacle) -> None:
        """Begin the occurrence that was *planned* last, miss it, or leave it open while something is in the way that may go."""
        if self.world.standing(one, planned) != "never":
            self._kept(table.model_copy(update={"until": planned}))  # begun before the clock was put back
        elif closed := one.hours.closed(planned) or one.hours.closed(now):
            self._missed(one, table, [planned], 1, now, Obstacle(*closed))
        elif now - planned > one.hours.late:
            self._missed(one, table, [planned], 1, now, gone)
            self._statuses.append(REFUSED)
        elif obstacle := self._obstacle(one):
            if self._in_the_way.get(one.name) != obstacle:
                until = one.hours.said(planned + one.hours.late)
                self.world.tell(f"{one.name}: {one.hours.said(planned)} waits until {until} at most: {obstacle.told}")
            self._in_the_way[one.name] = obstacle
        else:
            taken = Occurrence(planned=planned, decided=now)
            self._begun(one, self._kept(table.with_one(taken)), taken, now)

    def _begun(self, one: Scheduled, table: Timetable, taken: Occurrence, now: datetime) -> Timetable:
        """Begin what is *taken* on disk."""
        self._in_the_way.pop(one.name, None)
        try:
            self.world.begin(one, taken.planned)
        except OSError as error:
            return self._over(one, table, taken, now, BROKEN, f"it could not be begun: {cannot(error)}")
        self.world.tell(f"{one.name}: {one.hours.said(taken.planned)} is begun")
        return table

    def _over(
        self, one: Scheduled, table: Timetable, taken: Occurrence, now: datetime, status: int | None, told: str = ""
    ) -> Timetable:
        how = f"ended with status {status}" if status is not None else "ended, and nobody saw how"
        over = taken.model_copy(update={"ended": now, "status": status, "told": told})
        table = self._kept(table.instead(taken, over))
        self._statuses.append(BROKEN if status is None else status)
        self.world.tell(f"{one.name}: {one.hours.said(taken.planned)} {how}{f': {told}' if told else ''}")
        return table

    def _unbegun(self, one: Scheduled, table: Timetable, taken: Occurrence, now: datetime) -> Timetable:
        """Miss what was *taken* and never begun, unless it begins at this very moment."""
        if not self.world.give_up(one, taken.planned):
            return table
        unbegun = taken.model_copy(update={"missed": "unbegun", "decided": now})
        table = self._kept(table.instead(taken, unbegun))
        self._statuses.append(REFUSED)
        self._told_missed(one, unbegun)
        return table

    def _missed(
        self, one: Scheduled, table: Timetable, times: Sequence[datetime], count: int, now: datetime, why: Obstacle
    ) -> Timetable:
        """Write down and tell that *times*, the last of *count*, are missed; not of those that were begun before the clock was put back."""
        if not times:
            return table
        missed = []
        for at in times:
            if self.world.standing(one, at) == "never":
                said = Obstacle(*closed) if (closed := one.hours.closed(at)) else why
                missed.append(Occurrence(planned=at, decided=now, missed=said.why, told=said.told))
                table = table.with_one(missed[-1])
        decided = {"until": max(table.until, times[-1]), "earlier": table.earlier + count - len(times)}
        table = self._kept(table.model_copy(update=decided))
        self._in_the_way.pop(one.name, None)
        if len(missed) > _SHOWN:
            self.world.tell(f"{one.name}: {count:,} were missed until {one.hours.said(times[-1])}; the last of them:")
        for occurrence in missed[-_SHOWN:]:
            self._told_missed(one, occurrence)
        return table

    def _told_missed(self, one: Scheduled, occurrence: Occurrence) -> None:
        why = occurrence.told or MISSED[occurrence.missed]
        self.world.tell(f"{one.name}: {one.hours.said(occurrence.planned)} was missed: {why}")
        self.world.missed(one, occurrence)

    def _obstacle(self, one: Scheduled) -> Obstacle | None:
        """What is in the way of beginning *one*: what goes on of ours, or what others say."""
        for other in self.world.files():
            table = self._tables.get(other.name)
            on = table.going_on if table is not None else None
            if on is None or (other.name != one.name and not set(other.targets) & set(one.targets)):
                continue
            if other.name == one.name and self.world.standing(one, on.planned) == "never":
                continue  # it is this one that is to be begun
            return Obstacle("held", f"{other.name} of {other.hours.said(on.planned)} still goes on")
        return self.world.obstacle(one)

    def _kept(self, table: Timetable) -> Timetable:
        self.world.keep(table)
        self._tables[table.name] = table
        return table

    def _unkept(self, one: Scheduled, error: OSError) -> None:
        if self.once:
            raise error
        obstacle = Obstacle("unanswered", f"what is begun cannot be written down: {cannot(error)}")
        if self._in_the_way.get(one.name) != obstacle:
            self.world.tell(f"{one.name}: {obstacle.told}")
        self._in_the_way[one.name] = obstacle

    def _next_told(self, one: Scheduled, known: Timetable | None, now: datetime) -> None:
        """Tell what goes on of *one*, or when it begins next, where anything of it has changed since it was *known*."""
        table = self._tables[one.name]
        if known is None and (on := table.going_on) and on.decided < now:
            self.world.tell(f"{one.name}: {one.hours.said(on.planned)} goes on")
        if table.going_on or (
            known is not None and known.occurrences == table.occurrences and known.cron == table.cron
        ):
            return
        for at in one.hours.moments(now):
            if at > now + _YEAR:
                return
            if one.hours.closed(at) is None:
                self.world.tell(f"{one.name}: next {one.hours.said(at)}")
                return

    def _left(self) -> int:
        """Tell what goes on to end, wait until it has, and write that down."""
        waiting = [
            (one, on) for one in self.world.files() if (table := self._tables.get(one.name)) and (on := table.going_on)
        ]
        for one, on in waiting:
            self.world.tell(f"{one.name}: {one.hours.said(on.planned)} is told to end")
            self.world.end(one, on.planned)
        while waiting := [(one, on) for one, on in waiting if not self._let_go(one, on)]:
            self.world.wait(_WATCH_S)
        return INTERRUPTED

    def _let_go(self, one: Scheduled, on: Occurrence) -> bool:
        """Whether what went *on* does no more, which is then written down."""
        standing, table, now = self.world.standing(one, on.planned), self._tables[one.name], self.world.now()
        if isinstance(standing, Ended):
            self._over(one, table, on, now, standing.status)
        elif standing == "never":
            self._unbegun(one, table, on, now)
        return self._tables[one.name].going_on is None


def _come(one: Scheduled, after: datetime, now: datetime) -> tuple[list[datetime], int]:
    """The last times of *one* that have come since *after*, and how many there were."""
    last = deque[datetime](maxlen=KEPT)
    count = 0
    for at in one.hours.moments(max(after, now - _YEAR)):
        if at > now:
            break
        last.append(at)
        count += 1
    return list(last), count


def _long(much: timedelta) -> str:
    minutes = round(much / timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
