"""How well recovery is known from workers on other machines: ``python -m tests.benchmarks.load_hosts [LOADS]`` prints how far it is off.

A server that is lost for a while comes back some time after its fault is over, and knows when. It is asked by three workers at once: one
goes by this machine's clock, the two others by clocks that are 2 s ahead and behind, and drift by 100 ppm each way. From the rows of each
alone it is estimated how long the server took, and held against what it took; all three ask equally often, so they differ by their clocks
alone. Takes some fifteen seconds a load.
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))

from load_hosts import Machine, crew_of, serving
from load_workers import Answers, Clock, Crew

from harness.judging.scoring.audit import Audit, audit
from harness.judging.scoring.recovery import recovery_time
from harness.record.run_folder import read_workers

LOADS, TOTAL_S, LOST_S, OVER_S = 5, 9.0, 2.0, 4.0
BAND, HOLD_S = 0.9, 2.0
CLOCKS = (Clock(2.0, 1e-4), Clock(-2.0, -1e-4))
DIFFER_MS_MOST = 5.0


class Answering(Answers):
    """Answers at once, but for a while refuses."""

    lost = False
    wbufsize = 1 << 16  # an answer in one piece, or the kernel keeps a part of it back for 40 ms

    def send_response(self, code: int, message: str | None = None) -> None:
        super().send_response(503 if type(self).lost else code, message)


def errors_s(crew: Crew, takes_s: float) -> list[float]:
    """How far off the recovery of a server that *takes_s* for it is by the rows of each worker; the load has ended when this returns."""
    changed: list[float] = []

    def set_lost(lost: bool) -> None:
        Answering.lost = lost
        changed.append(time.monotonic() - crew.zero_s)

    crew.begin()
    timers = [threading.Timer(crew.zero_s - time.monotonic() + at_s, set_lost, [lost])
              for at_s, lost in ((LOST_S, True), (OVER_S + takes_s, False))]  # fmt: skip
    for timer in timers:
        timer.start()
    if told := crew.run():
        raise SystemExit(told)
    rows = sorted(crew.rows(), key=lambda row: row.due_s)
    if audit([row.index for row in rows], crew.plan.schedule.requests) != Audit():
        raise SystemExit("rows are missing")
    began_s, back_s = changed
    off: list[float] = []
    for number in range(1 + len(CLOCKS)):
        its = [(row.due_s - crew.zero_s, row.outcome == "complete") for row in rows if row.worker == number]
        due_s, good = zip(*its, strict=True)
        found = recovery_time(
            due_s, good, fault_start_s=began_s, fault_end_s=OVER_S, observed_until_s=TOTAL_S, band=BAND, hold_s=HOLD_S
        )
        off.append(found.interval.value - (back_s - OVER_S))
    return off


def main(loads: int = LOADS) -> int:
    errors: dict[str, list[float]] = {"this machine's clock": [], "clocks of others": []}
    with serving("127.0.0.1", Answering) as url:
        for n in range(loads):
            machines = [Machine(clock=clock) for clock in CLOCKS]
            with (
                tempfile.TemporaryDirectory() as name,
                crew_of(Path(name), url, machines, here=1, total_s=TOTAL_S, rate_per_s=300.0) as crew,
            ):
                ours, *theirs = errors_s(crew, random.Random(n).uniform(0.3, 1.3))
                known_ms = max(1000 * worker.uncertainty_s for worker in read_workers(crew.folder))
            errors["this machine's clock"] += [ours]
            errors["clocks of others"] += theirs
            said = ", ".join(f"{1000 * off_s:.1f}" for off_s in theirs)
            print(
                f"load {n + 1}: {1000 * ours:.1f} ms off, by others {said} ms; clocks known to {known_ms:.3f} ms",
                flush=True,
            )
    rmse = {whose: 1000 * math.sqrt(sum(error**2 for error in found) / len(found)) for whose, found in errors.items()}
    for whose, ms in rmse.items():
        print(f"{whose}: recovery is known to {ms:.3f} ms (rmse of {len(errors[whose])})")
    ours_ms, theirs_ms = rmse.values()
    print(f"others are {theirs_ms - ours_ms:+.3f} ms off beside it, of {DIFFER_MS_MOST:g} ms allowed")
    return 1 if theirs_ms - ours_ms > DIFFER_MS_MOST else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
