"""What `harness schedule` does: keeps files on their schedules, shows when they come, and writes that for other systems and calendars."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from harness.gameday.day import agreed_files
from harness.prepare import Asked
from harness.problems import Problem, UsageProblems
from harness.registry import suggestion
from harness.schedules.calendars import Entry, calendar_of
from harness.schedules.coming import Coming
from harness.schedules.keeping import Keeping
from harness.schedules.lines import SYSTEMS, Call, printed
from harness.schedules.machine import Machine
from harness.schedules.scheduled import Passed, Scheduled, refuse_unattended, several
from harness.settings import Settings
from harness.suites.asking import wanted

YEAR = timedelta(days=365)
_ENTRIES_MOST = 2000


def utc_now() -> datetime:
    return datetime.now(UTC)


def coming(paths: Sequence[Path], count: int, now: datetime) -> list[Coming]:
    """The next *count* times of the files at *paths*, all together. Raises UsageProblems with all that is wrong with any of them."""
    found = [one for each in several(list(paths)) for one in islice(_of(each, now), count)]
    return sorted(found, key=lambda one: (one.at, one.name))[:count]


def coming_lines(found: Sequence[Coming]) -> Iterator[str]:
    """A line for each."""
    width = max((len(one.said) for one in found), default=0)
    for one in found:
        yield f"{one.said:<{width}}  {one.at:%Y-%m-%d %H:%M} UTC  {one.name}{f'  not begun: {one.closed}' if one.closed else ''}"


def lines(paths: Sequence[Path], system: str, settings: Settings, now: datetime, passed: Passed) -> list[str]:
    """What *system* is told so that it begins the files at *paths*, with what is *passed* on.

    Raises UsageProblems, also where there is no such system, and where a game day waits for people who could not come to it.
    """
    if system not in SYSTEMS:
        raise UsageProblems(
            Problem(f"there is no system {system!r}; {suggestion(system, list(SYSTEMS))}", path="--print")
        )
    call = Call(_program(), Path.cwd(), settings.environment.get("HARNESS_STATE"), passed, settings.search_path)
    found = several(list(paths))
    for one in found:
        refuse_unattended(one, passed)
    parts = ["\n".join(printed(one, system, call, now)) for one in found]
    between = "\n---\n" if system == "kubernetes" else "\n\n"
    return between.join(parts).split("\n")


def write_calendar(paths: Sequence[Path], file: Path, now: datetime) -> int:
    """Write to *file* when the files at *paths* begin within a year; how many times that is. Raises UsageProblems and OSError."""
    entries = [entry for one in several(list(paths)) for entry in _entries(one, now)]
    file.write_bytes(calendar_of(sorted(entries, key=lambda entry: (entry.at, entry.name)), now))
    return len(entries)


def keep(
    paths: Sequence[Path],
    settings: Settings,
    say: Callable[[str], None],
    *,
    once: bool,
    passed: Passed,
    ask: Callable[[list[str]], bool] | None = None,
) -> int:
    """Keep the files at *paths* on their schedules until somebody ends that, or *once*; the exit status. What begins gets what is *passed*.

    *ask* is shown commands of game days, and says whether they may be run, where nobody has agreed to them yet. Raises UsageProblems with
    all that is wrong with the files, that nobody agrees, that nobody could come, and secrets that are missing included, and RefusedError
    where somebody else keeps them.
    """
    machine = Machine(paths, settings, say, inherit=once, passed=passed)
    for one in machine.files():
        refuse_unattended(one, passed)
        if one.game_day:
            agreed_files(one.file, settings, passed.allow_hosts, yes=passed.yes, ask=ask)
        else:
            wanted([one.file], (), Asked(allowed_hosts=passed.allow_hosts), settings.environment)
    with machine.held(alone=not once), machine.heard():
        return Keeping(machine, once).run()


def _of(one: Scheduled, now: datetime) -> Iterator[Coming]:
    for at in one.hours.moments(now):
        closed = one.hours.closed(at)
        yield Coming(one.name, at, one.hours.said(at), closed[1] if closed else "")


def _entries(one: Scheduled, now: datetime) -> Iterator[Entry]:
    for count, at in enumerate(one.hours.moments(now), 1):
        if at > now + YEAR:
            return
        if count > _ENTRIES_MOST:
            what = f"comes more than {_ENTRIES_MOST:,} times a year ({one.hours.cron}), which no calendar is for"
            raise UsageProblems(Problem(what, str(one.file)))
        if one.hours.closed(at) is None:
            yield Entry(one.name, at, one.takes, one.title, one.about)


def _program() -> str:
    """Where `harness` is on this machine."""
    asked = Path(sys.argv[0])
    return str(asked.absolute() if asked.name == "harness" else Path(sys.executable).with_name("harness"))
