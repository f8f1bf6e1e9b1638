"""How well recovery is known from workers on other machines: ``python -m tests.benchmarks.load_hosts [LOADS]`` prints how far it is off.

A server that knows when it gave its first answer after a loss is asked by one worker, and by two whose clocks are 2 s off and drift by
100 ppm, in turns. What is scored is how far off that answer is in the rows. Takes half a minute a load.
"""

from __future__ import annotations

import math
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "chaos"))

from load_hosts import Machine, crew_of, serving
from load_workers import Answers, Clock, Crew

from harness.judging.scoring.audit import Audit, audit
from harness.record.run_folder import read_workers

LOADS, TOTAL_S, LOST_S, WHOLE_S = 5, 6.0, 2.0, 4.0
DIFFER_MS_MOST = 5.0


class Answering(Answers):
    """Answers at once, but for a while refuses."""

    lost = False
    wbufsize = 1 << 16  # an answer in one piece, or the kernel keeps a part of it back for 40 ms
    back_s = 0.0

    def send_response(self, code: int, message: str | None = None) -> None:
        kind = type(self)
        super().send_response(503 if kind.lost else code, message)
        kind.back_s = 0.0 if kind.lost else kind.back_s or time.monotonic()


def recovered_in(crew: Crew) -> float:
    """How far off it is when rows say that the server answers again, in seconds; the load has ended when this returns."""

    def set_lost(lost: bool) -> None:
        Answering.lost = lost

    crew.begin()
    timers = [threading.Timer(crew.zero_s - time.monotonic() + at_s, set_lost, [lost])
              for at_s, lost in ((LOST_S, True), (WHOLE_S, False))]  # fmt: skip
    for timer in timers:
        timer.start()
    if told := crew.run():
        raise SystemExit(told)
    rows = crew.rows()
    if audit([row.index for row in rows], crew.plan.schedule.requests) != Audit():
        raise SystemExit("rows are missing")
    lost_s = crew.zero_s + (LOST_S + WHOLE_S) / 2
    return (
        min(row.end_s for row in rows if row.outcome == "complete" and row.end_s and row.due_s > lost_s)
        - Answering.back_s
    )


def main(loads: int = LOADS) -> int:
    errors: dict[str, list[float]] = {"one machine": [], "two others": []}
    with serving("127.0.0.1", Answering) as url:
        for n in range(loads):
            for where, found in errors.items():
                clocks = [None] if where == "one machine" else [Clock(2.0, 1e-4), Clock(-2.0, -1e-4)]
                machines = [Machine(clock=clock) for clock in clocks]
                with tempfile.TemporaryDirectory() as name, crew_of(Path(name), url, machines, total_s=TOTAL_S) as crew:
                    found.append(recovered_in(crew))
                    off_ms = [1000 * worker.uncertainty_s for worker in read_workers(crew.folder)]
                print(
                    f"load {n + 1}, {where}: {1000 * found[-1]:.3f} ms, clocks known to {max(off_ms):.3f} ms",
                    flush=True,
                )
    rmse = {where: 1000 * math.sqrt(sum(error**2 for error in found) / len(found)) for where, found in errors.items()}
    differ_ms = abs(rmse["two others"] - rmse["one machine"])
    for where, ms in rmse.items():
        print(f"{where}: recovery is known to {ms:.3f} ms (rmse of {loads} loads)")
    print(f"they differ by {differ_ms:.3f} ms, of {DIFFER_MS_MOST:g} ms allowed")
    return 1 if differ_ms > DIFFER_MS_MOST else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
