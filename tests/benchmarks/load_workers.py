"""What a second worker adds: ``python -m tests.benchmarks.load_workers [RATE]`` prints how much one and two workers can send.

Each is given RATE requests a second, which it sends on whatever the cores have left; how many it could send on a core of its own is what it
sent for each second for which it ran. So the figure does not hang on what else a machine does. Takes two minutes.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from harness.planning.curve import Linear
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.free_port import free_port
from harness.running.load import LoadPlan, PlannedQuestion, ResolvedAsk, Schedule, ready, start_at, write_plan
from harness.running.load.child import NUMBER, command, master_command, worker_command
from tests.benchmarks.load_arrivals import cpu_s, serve

TOTAL_S, RATE_PER_S, ROUNDS = 6.0, 300.0, 3


class Sent(NamedTuple):
    """What a load came to: requests *per_s*, and how many for each second for which a worker ran, over all workers."""

    per_s: float
    for_cores: float


def sent(port: int, workers: int, each_per_s: float) -> Sent:
    with tempfile.TemporaryDirectory() as name:
        rate = each_per_s * workers
        plan = LoadPlan(
            run_id="bench",
            schedule=Schedule("constant", (Linear(TOTAL_S, rate, rate),), 0.2, 5.0, 1, workers=workers),
            entries={"mock": f"http://127.0.0.1:{port}"},
            questions=(PlannedQuestion("q", "whole"),),
            ask=ResolvedAsk("openai-chat", "/v1/chat/completions", model="m"),
            in_flight_max=100_000,
            rows_dir=name,
            ready_path=f"{name}/ready",
            start_path=f"{name}/start",
            crew_path=f"{name}/crew",
            late_s_max=TOTAL_S,
        )
        path = Path(name) / "plan.json"
        write_plan(plan, path)
        running = _started(path, workers)
        while ready(plan) is None:
            time.sleep(0.01)
        zero_s = time.monotonic() + 0.5
        start_at(plan, zero_s)
        time.sleep(zero_s - time.monotonic())
        before = [cpu_s(process.pid)[0] for process in running]
        time.sleep(zero_s + TOTAL_S - time.monotonic())
        took = [cpu_s(process.pid)[0] - ran for process, ran in zip(running, before, strict=True)][-workers:]
        if any(process.wait() for process in running):
            sys.exit("a load child failed")
        rows = [row for file in Path(name).glob("*.rows") for row in read_rows(file, Request)]
        complete = [0] * workers
        for row in rows:
            complete[row.worker] += row.outcome == "complete" and (row.end_s or 0.0) < zero_s + TOTAL_S
        return Sent(sum(complete) / TOTAL_S, sum(many / took_s for many, took_s in zip(complete, took, strict=True)))


def _started(path: Path, workers: int) -> list[subprocess.Popen[bytes]]:
    if workers == 1:
        return [
            subprocess.Popen(command(path), preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}))
        ]
    port = free_port()
    master = subprocess.Popen(master_command(path, workers, port))
    each = [
        subprocess.Popen(worker_command(path, port), env={**os.environ, NUMBER: str(number)})
        for number in range(workers)
    ]
    return [master, *each]


def main(each_per_s: float = RATE_PER_S) -> None:
    cores = len(os.sched_getaffinity(0))
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    found: dict[int, list[Sent]] = {1: [], 2: []}
    for n in range(ROUNDS):
        for workers in found if n % 2 == 0 else reversed(found):
            came = sent(port, workers, each_per_s)
            print(
                f"{workers} worker{'s' * (workers > 1)} on {cores} cores: {came.per_s:.0f} requests a second, "
                f"{came.for_cores:.0f} were each worker to have a core"
            )
            found[workers].append(came)
    per_s, for_cores = (
        {many: statistics.median(came[n] for came in each) for many, each in found.items()} for n in (0, 1)
    )
    print(
        f"two workers can send {for_cores[2] / for_cores[1]:.2f} x what one can, where each has a core; "
        f"here they sent {per_s[2] / per_s[1]:.2f} x as much"
    )
    server.kill()
    server.join()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
