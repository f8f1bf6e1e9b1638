"""Kills what keeps a schedule at random moments: ``python tests/chaos/schedules.py RESULTS.jsonl [KILLS]``; goes on where it was stopped.

The real scheduler keeps a real file, claims on a real disk, and begins real processes; its clock alone is made up, so that a time comes
four seconds after it is started, or twice as long after it where the machine was too busy to start it in time. Within two seconds of that
it is killed with SIGKILL, and started again. The time has to have been begun exactly once, which what was begun writes down itself, and its
end has to be known. Takes some ten seconds a kill.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.reading.timetable import Timetable, parse_timetable

KILLS = 20
DUE_AFTER_S, NEAR_S, WITHIN_S = 4.0, 2.0, 180.0
STARTS = 4
"""So often it is started, each time with twice as long until the time comes, before that is too slow a machine."""
NOTHING = {"taken": False, "begun_then": 0, "begun": 0}
ROOT = Path(__file__).resolve().parents[2]
SUITE = """
schema: harness.suite/1
name: hourly
scenarios: {root}/scenarios/region-loss.yaml
targets: {root}/scenarios/targets/resilient.yaml
schedule: {{cron: "0 * * * *", zone: UTC, late: 10min}}
"""
SCHEDULER = """
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from harness.interfaces import scheduling
from harness.schedules import machine, scheduled
from harness.schedules.scheduled import Passed
from harness.settings import settings

file, due_at_s, words = Path(sys.argv[1]), float(sys.argv[2]), tuple(sys.argv[3:])
noon, read = datetime(2026, 6, 1, 12, tzinfo=UTC), scheduled.scheduled
scheduled.scheduled = machine.scheduled = lambda path: replace(read(path), words=words)
machine.Machine.now = lambda self: noon + (datetime.now(UTC) - datetime.fromtimestamp(due_at_s, UTC))
sys.exit(scheduling.keep([file], settings(), lambda line: print(line, flush=True), once=False, passed=Passed()))
"""


class Trial:
    """One schedule in a *folder* of its own, of which a time is due at *due_at_s* (seconds since 1970)."""

    def __init__(self, folder: Path, due_at_s: float) -> None:
        self._folder, self._due_at_s = folder, due_at_s
        (folder / "hourly.yaml").write_text(SUITE.format(root=ROOT))

    def start(self) -> subprocess.Popen[bytes]:
        argv = [
            sys.executable,
            "-P",
            "-c",
            SCHEDULER,
            str(self._folder / "hourly.yaml"),
            str(self._due_at_s),
            "--version",
        ]
        environment = {**os.environ, "HARNESS_STATE": str(self._folder / "state")}
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def kept(self) -> Timetable | None:
        try:
            return parse_timetable((self._folder / "state" / "_schedules" / "hourly.json").read_text())
        except FileNotFoundError:
            return None

    def last_said(self) -> str:
        return ((self._folder / "log").read_text().splitlines() or [""])[-1]

    def times_begun(self) -> int:
        """How often it was begun, as each process that was wrote down."""
        logs = (self._folder / "state" / "_schedules" / "hourly").glob("*.log")
        return sum(log.read_text().count("harness ") for log in logs)


def tried(after_s: float) -> dict[str, Any]:
    """What came of a kill *after_s* from when the time is due, which is later where the scheduler needs long to start."""
    for doubled in range(STARTS):
        with tempfile.TemporaryDirectory() as name:
            found = killed(Path(name), DUE_AFTER_S * 2**doubled, after_s)
        if not found.pop("again", False):
            return found
    return found


def killed(folder: Path, due_after_s: float, after_s: float) -> dict[str, Any]:
    """What came of it when the scheduler is killed *after_s* from when the time is due, which is *due_after_s* from now."""
    trial = Trial(folder, time.time() + due_after_s)
    first = trial.start()
    until(lambda: trial.kept() is not None or first.poll() is not None)
    if first.poll() is not None:
        return {**NOTHING, "amiss": f"the scheduler ended by itself: {trial.last_said()}"}
    if (early_s := trial._due_at_s - time.time()) < NEAR_S:
        first.kill()
        first.wait()
        slow = f"it took too long to start: {early_s:.1f} of {due_after_s:g} s were left"
        return {**NOTHING, "amiss": slow, "again": True}
    time.sleep(max(0.0, trial._due_at_s + after_s - time.time()))
    first.kill()
    first.wait()
    table = trial.kept()
    taken = [one for one in table.occurrences if not one.missed] if table else []
    found = {"taken": bool(taken), "begun_then": trial.times_begun()}
    second = trial.start()
    ended = until(lambda: (now := trial.kept()) is not None and any(one.status is not None for one in now.occurrences))
    time.sleep(1.0)  # somebody who is late begins it now, if ever
    second.send_signal(signal.SIGTERM)
    second.wait()
    begun, missed = trial.times_begun(), [one.missed for one in (trial.kept() or table).occurrences if one.missed]
    amiss = [] if begun == 1 else [f"it was begun {begun} times"]
    amiss += [] if ended else ["nobody knows how it ended"]
    amiss += [f"it was told as missed: {missed}"] if missed else []
    return {**found, "begun": begun, "amiss": "; ".join(amiss)}


def until(holds: Any) -> bool:
    """Whether that came to hold within `WITHIN_S`."""
    late_s = time.monotonic() + WITHIN_S
    while time.monotonic() < late_s:
        if holds():
            return True
        time.sleep(0.01)
    return False


def main(results: Path, kills: int = KILLS) -> int:
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    for n in range(len(done), kills):
        # Half of them right where it is written down and begun.
        chance = random.Random(n)
        after_s = round(chance.uniform(-NEAR_S / 2, NEAR_S) if n % 2 else chance.uniform(0.0, 0.08), 3)
        done.append({"kill": n, "after_s": after_s, **tried(after_s)})
        with results.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
    print("kill  s after due  taken on disk  begun by then  begun in all")
    for one in done:
        taken = "yes" if one["taken"] else "no"
        print(
            f"{one['kill']:>4}  {one['after_s']:>11.3f}  {taken:>13}  {one['begun_then']:>13}  {one['begun']:>12}  {one['amiss']}".rstrip()
        )
    amiss = [one for one in done if one["amiss"]]
    print(f"{len(done) - len(amiss)} of {len(done)} kills: begun exactly once, with an end that is known")
    return 1 if amiss else 0


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("results", type=Path)
    words.add_argument("kills", type=int, nargs="?", default=KILLS)
    sys.exit(main(**vars(words.parse_args())))
