"""Sets the clock under what keeps a schedule: ``python tests/chaos/clocks.py RESULTS.jsonl``; goes on where it was stopped.

The real scheduler keeps a real file and begins real processes, all of which ask libfaketime for the time (``apt-get install libfaketime``):
on both days on which clocks are changed, over a jump of three hours forward and of one back, and with SIGKILL in between. Each time has to
be begun exactly once or told as missed, which what was begun writes down itself. Takes some minutes, most of which it waits: a scheduler
looks at the clock every 30 s.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from schedules import ROOT, until

from harness.reading.timetable import Occurrence, Timetable, parse_timetable
from harness.schedules.keeping import WAIT_S

LIBRARY = "libfaketimeMT.so.1"
INSTALL = f"{LIBRARY} is missing; install it with: sudo apt-get install --yes libfaketime"
STEADY_S = 5.0
"""For so long nothing may come any more after all came that was to."""
SUITE = """
schema: harness.suite/1
name: kept
scenarios: {root}/scenarios/region-loss.yaml
targets: {root}/scenarios/targets/resilient.yaml
schedule: {{cron: "{cron}", zone: {zone}, late: 10min}}
"""
SCHEDULER = """
import sys
from dataclasses import replace
from pathlib import Path
from harness.interfaces import scheduling
from harness.schedules import machine, scheduled
from harness.schedules.scheduled import Passed
from harness.settings import settings

read = scheduled.scheduled
scheduled.scheduled = machine.scheduled = lambda path: replace(read(path), words=("--version",))
sys.exit(scheduling.keep([Path(sys.argv[1])], settings(), lambda line: print(line, flush=True), once=False, passed=Passed()))
"""


@dataclass(frozen=True)
class Moment:
    """The clock is set *to* a time in UTC, before which the scheduler is *killed* or not; *comes* is known of then, newest last."""

    to: str
    comes: tuple[tuple[str, str], ...] = ()
    killed: bool = False


@dataclass(frozen=True)
class Scene:
    """What happens to the clock of a schedule that *starts* to be kept at a time in UTC.

    What *comes* of each moment is a time in UTC with why it was missed, which is empty of one that was begun.
    """

    name: str
    cron: str
    zone: str
    starts: str
    moments: Sequence[Moment]


def _on(day: str, *times: str, why: str = "") -> tuple[tuple[str, str], ...]:
    return tuple((f"{day}T{at}", why) for at in times)


HOURLY, NIGHTLY, JUNE = "0 * * * *", "30 2 * * *", "2026-06-01"
_SPRING, _AUTUMN = "2026-03-29", "2026-10-25"
_BERLIN = "Europe/Berlin"
SCENES = [
    Scene(
        "clocks put forward: 02:30 is not there, and comes at 03:00",
        NIGHTLY,
        _BERLIN,
        f"{_SPRING}T00:10",
        [Moment(f"{_SPRING}T00:59:50", _on(_SPRING, "01:00")), Moment(f"{_SPRING}T01:29:50")],
    ),
    Scene(
        "clocks put back: 02:30 is there twice, and comes the first time",
        NIGHTLY,
        _BERLIN,
        f"{_AUTUMN}T00:10",
        [Moment(f"{_AUTUMN}T00:29:50", _on(_AUTUMN, "00:30")), Moment(f"{_AUTUMN}T01:29:50")],
    ),
    Scene(
        "clocks put back, killed in between",
        NIGHTLY,
        _BERLIN,
        f"{_AUTUMN}T00:10",
        [Moment(f"{_AUTUMN}T00:29:50", _on(_AUTUMN, "00:30")), Moment(f"{_AUTUMN}T01:29:50", killed=True)],
    ),
    Scene(
        "three hours forward",
        HOURLY,
        "UTC",
        f"{JUNE}T12:10",
        [
            Moment(f"{JUNE}T15:10:30", _on(JUNE, "13:00", "14:00", "15:00", why="clock")),
            Moment(f"{JUNE}T15:59:50", _on(JUNE, "16:00")),
        ],
    ),
    Scene(
        "three hours forward, killed in between",
        HOURLY,
        "UTC",
        f"{JUNE}T12:10",
        [
            Moment(f"{JUNE}T15:10:30", _on(JUNE, "13:00", "14:00", "15:00", why="down"), killed=True),
            Moment(f"{JUNE}T15:59:50", _on(JUNE, "16:00")),
        ],
    ),
    Scene(
        "an hour back",
        HOURLY,
        "UTC",
        f"{JUNE}T12:10",
        [
            Moment(f"{JUNE}T12:59:50", _on(JUNE, "13:00")),
            Moment(f"{JUNE}T12:00:05"),
            Moment(f"{JUNE}T12:59:50"),
            Moment(f"{JUNE}T13:59:50", _on(JUNE, "14:00")),
        ],
    ),
    Scene(
        "an hour back, killed in between",
        HOURLY,
        "UTC",
        f"{JUNE}T12:10",
        [
            Moment(f"{JUNE}T12:59:50", _on(JUNE, "13:00")),
            Moment(f"{JUNE}T12:00:05", killed=True),
            Moment(f"{JUNE}T12:59:50", killed=True),
            Moment(f"{JUNE}T13:59:50", _on(JUNE, "14:00")),
        ],
    ),
]


class Kept:
    """One schedule in a *folder* of its own, and the clock of all that keeps it."""

    def __init__(self, folder: Path, scene: Scene, library: Path) -> None:
        self._folder, self._library = folder, library
        (folder / "kept.yaml").write_text(SUITE.format(root=ROOT, cron=scene.cron, zone=scene.zone))

    def set(self, to: str) -> None:
        """Have it be that time in UTC now, for processes that run and for those to come."""
        ahead_s = datetime.fromisoformat(to).replace(tzinfo=UTC).timestamp() - time.time()
        part = self._folder / "clock.part"
        part.write_text(f"{ahead_s:+.0f}\n")
        part.replace(self._folder / "clock")

    def start(self) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._folder / "clock"),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "HARNESS_STATE": str(self._folder / "state"),
        }
        argv = [sys.executable, "-P", "-c", SCHEDULER, str(self._folder / "kept.yaml")]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def table(self) -> Timetable | None:
        try:
            return parse_timetable((self._folder / "state" / "_schedules" / "kept.json").read_text())
        except FileNotFoundError:
            return None

    def came(self) -> list[tuple[str, str]]:
        """Each time that was begun or missed, in UTC, with why; of one that was begun once how it ended is known."""
        table = self.table()
        over = [one for one in table.occurrences if one.missed or one.status is not None] if table else []
        return [(_written(one), one.missed) for one in over]

    def settled(self, wanted: list[tuple[str, str]], process: subprocess.Popen[bytes]) -> bool:
        """Whether all that was *wanted* came, or the *process* that keeps it has ended."""
        return (self.table() is not None and self.came() == wanted) or process.poll() is not None

    def times_begun(self) -> int:
        """How often anything was begun, as each process that was wrote down."""
        logs = (self._folder / "state" / "_schedules" / "kept").glob("*.log")
        return sum(log.read_text().count("harness ") for log in logs)

    def last_said(self) -> str:
        return ((self._folder / "log").read_text().splitlines() or [""])[-1]


def _written(one: Occurrence) -> str:
    return f"{one.planned.astimezone(UTC):%Y-%m-%dT%H:%M}"


def played(scene: Scene, folder: Path, library: Path) -> str:
    """What was amiss when *scene* was carried out; empty where nothing was."""
    kept, wanted = Kept(folder, scene, library), list[tuple[str, str]]()
    kept.set(scene.starts)
    process = kept.start()
    try:
        until(partial(kept.settled, [], process))
        for moment in scene.moments:
            if moment.killed:
                process.kill()
                process.wait()
            kept.set(moment.to)
            if moment.killed:
                process = kept.start()
            wanted += moment.comes
            told = until(partial(kept.settled, wanted, process))
            if process.poll() is not None:
                return f"the scheduler ended by itself: {kept.last_said()}"
            if not told:
                return f"after {moment.to} {wanted} was to come, and {kept.came()} did"
            # What is not to come has until the next look at the clock, and a time that is due by then.
            time.sleep(STEADY_S if moment.comes else WAIT_S + STEADY_S)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
    begun = [at for at, missed in wanted if not missed]
    if kept.came() != wanted or kept.times_begun() != len(begun):
        return f"{wanted} was to come, and {kept.came()} did; {kept.times_begun()} were begun"
    return ""


def preloaded() -> Path:
    """Where libfaketime is. Raises SystemExit that says how it is installed where it is not."""
    found = next(Path("/usr/lib").glob(f"*/faketime/{LIBRARY}"), None)
    if found is None:
        raise SystemExit(INSTALL)
    return found


def main(results: Path, scenes: Sequence[Scene] = SCENES) -> int:
    library = preloaded()
    done: list[dict[str, Any]] = (
        [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    )
    for scene in scenes[len(done) :]:
        with tempfile.TemporaryDirectory() as name:
            done.append({"scene": scene.name, "amiss": played(scene, Path(name), library)})
        with results.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
    for one in done:
        print(f"{one['scene']}: {one['amiss'] or 'as it should be'}")
    amiss = [one for one in done if one["amiss"]]
    print(f"{len(done) - len(amiss)} of {len(done)} scenes: each time begun once, or told as missed")
    return 1 if amiss else 0


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("results", type=Path)
    sys.exit(main(**vars(words.parse_args())))
