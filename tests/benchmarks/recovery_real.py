"""How near the measured recovery time comes to the true one, on a real server that knows when it was well again.

::

    python tests/benchmarks/recovery_real.py [OUTAGES]

The real load child asks two servers, one 20 and one 100 times a second, each OUTAGES times (default 22) through a fault of
0.5 s and a full outage that goes on for 1 to 2 s after it. Takes OUTAGES x 9 s. The root mean square error is meant to stay
within 40 ms at 20/s, and 10 ms at 100/s. A request that a busy machine sends late finds a server that is well again, though
it was due before: so the error is also told with each request at when it was sent, which leaves the machine out of it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

import numpy as np

from harness.judging.scoring.audit import Audit, audit
from harness.judging.scoring.band import band, hold
from harness.judging.scoring.recovery import Recovery, recovery_time
from harness.planning.curve import Linear
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.load import Limits, LoadPlan, PlannedQuestion, ResolvedAsk, Schedule
from harness.running.load.child import command, ready, start_at, write_plan

RMSE_MS_MAX = {20.0: 40.0, 100.0: 10.0}
WELL_S, FAULT_S, OUT_S, SETTLED_S = 1.0, 0.5, (1.0, 2.0), 5.5
CYCLE_S = WELL_S + FAULT_S + OUT_S[1] + SETTLED_S
WITHIN_S = 1.0
WHOLE = b'{"choices": [{"message": {"content": "well"}}]}'
Instant = Callable[[Request], float]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)


@dataclass(frozen=True)
class Outage:
    """Instants of the monotonic clock: the fault's, and when answers were *well* again; *until_s* nothing else happened."""

    fault_start_s: float
    fault_end_s: float
    well_s: float
    until_s: float

    @property
    def recovery_s(self) -> float:
        return self.well_s - self.fault_end_s


class Server(asyncio.Protocol):
    """Answers at once, and in an outage drops who asks."""

    out = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def data_received(self, _data: bytes) -> None:
        if Server.out:
            self._transport.abort()
        else:
            self._transport.write(ANSWER)


def serve(told: Connection) -> None:
    """Says its port, is told when the load begins and how long each outage outlasts its fault, and says what it then did."""
    import uvloop

    async def live() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Server, "127.0.0.1", 0, backlog=4096)
        told.send(server.sockets[0].getsockname()[1])
        zero_s, lasting_s = await loop.run_in_executor(None, told.recv)
        told.send([await _break(zero_s + number * CYCLE_S, out_s) for number, out_s in enumerate(lasting_s)])
        server.close()

    uvloop.run(live())


async def _break(begins_s: float, out_s: float) -> Outage:
    await asyncio.sleep(begins_s + WELL_S - time.monotonic())
    Server.out, fault_start_s = True, time.monotonic()
    await asyncio.sleep(fault_start_s + FAULT_S - time.monotonic())
    fault_end_s = time.monotonic()
    await asyncio.sleep(fault_end_s + out_s - time.monotonic())
    Server.out, well_s = False, time.monotonic()
    await asyncio.sleep(begins_s + CYCLE_S - time.monotonic())
    return Outage(fault_start_s, fault_end_s, well_s, begins_s + CYCLE_S)


def drive(rate_per_s: float, outages: int) -> tuple[list[Request], list[Outage], float]:
    """Rows of the load, what the server did, and within how many ms 99 % of the requests were sent."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    chance = random.Random(rate_per_s)
    with tempfile.TemporaryDirectory() as name:
        plan = _load_plan(name, rate_per_s, outages * CYCLE_S, ours.recv())
        write_plan(plan, Path(name, "plan.json"))
        load = subprocess.Popen(command(Path(name, "plan.json")))
        while not ready(plan):
            time.sleep(0.005)
        zero_s = time.monotonic() + 0.2
        start_at(plan, zero_s)
        ours.send((zero_s, [chance.uniform(*OUT_S) for _ in range(outages)]))
        truths = ours.recv()
        if load.wait():
            sys.exit("the load child failed")
        rows = list(read_rows(Path(name, "requests-0.rows"), Request))
    server.join()
    found = audit((row.index for row in rows), plan.schedule.requests)
    if found != Audit():
        print(f"  at {rate_per_s:g}/s the load fell behind: {found}")
    lags_s = sorted(row.sent_s - row.due_s for row in rows if row.sent_s is not None)
    return rows, truths, 1000 * lags_s[int(0.99 * len(lags_s))]


def _load_plan(folder: str, rate_per_s: float, total_s: float, port: int) -> LoadPlan:
    return LoadPlan(
        run_id="bench",
        schedule=Schedule("constant", (Linear(total_s, rate_per_s, rate_per_s),), jitter=0.2, turn_gap_s=5.0, seed=1),
        entries={"server": f"http://127.0.0.1:{port}"},
        questions=(PlannedQuestion("q", "well?"),),
        ask=ResolvedAsk("openai-chat", "/v1/chat/completions", model="m", stream=False),
        in_flight_max=1000,
        rows_dir=folder,
        ready_path=f"{folder}/ready",
        start_path=f"{folder}/start",
        limits=Limits(deadline_s=WITHIN_S),
        drain_s=2 * WITHIN_S,
        late_s_max=1.0,
    )


def measured(rows: Sequence[Request], outage: Outage, rate_per_s: float, at_s: Instant) -> Recovery:
    """What the harness makes of the rows around one *outage*, each of which stands *at_s*."""
    begins_s = outage.until_s - CYCLE_S
    mine = [row for row in rows if row.sent_s is not None and begins_s <= at_s(row) < outage.until_s]
    due_s = np.array([at_s(row) for row in mine])
    good = np.array([row.outcome == "complete" and (row.end_s or inf) - row.due_s <= WITHIN_S for row in mine])
    baseline = good[due_s < outage.fault_start_s]
    return recovery_time(
        due_s,
        good,
        fault_start_s=outage.fault_start_s,
        fault_end_s=outage.fault_end_s,
        observed_until_s=outage.until_s,
        band=band(int(baseline.sum()), baseline.size, 0.95),
        hold_s=hold(rate_per_s, WITHIN_S),
    )


def report(rate_per_s: float, rows: Sequence[Request], outages: Sequence[Outage], lag_ms: float) -> None:
    """One line by when requests were due, which is what the harness goes by, and one by when they were sent."""
    by: dict[str, Instant] = {"due": lambda row: row.due_s, "sent": lambda row: row.sent_s or inf}
    for named, at_s in by.items():
        found = [(measured(rows, outage, rate_per_s, at_s), outage.recovery_s) for outage in outages]
        pairs = [(recovery.interval, truth_s) for recovery, truth_s in found if recovery.state == "recovered"]
        errors_ms = 1e3 * np.array([interval.value - truth_s for interval, truth_s in pairs] or [np.nan])
        covers = np.mean([interval.low <= truth_s <= interval.high for interval, truth_s in pairs] or [np.nan])
        width_ms = 1e3 * np.median([interval.high - interval.low for interval, _ in pairs] or [np.nan])
        rmse_ms = float(np.sqrt(np.mean(errors_ms**2)))
        states = dict(Counter(recovery.state for recovery, _ in found))
        print(
            f" {rate_per_s:6g}  {named:4} {rmse_ms:8.1f} {RMSE_MS_MAX[rate_per_s]:9.0f} {errors_ms.mean():8.1f}"
            f" {np.abs(errors_ms).max():8.1f} {covers:7.2f} {width_ms:9.0f} {lag_ms:12.1f}  {states}"
        )


def main(outages: int) -> None:
    rates = list(RMSE_MS_MAX)
    print(f"{outages} full outages at each rate, {outages * CYCLE_S:.0f} s", flush=True)
    with ThreadPoolExecutor(len(rates)) as threads:
        driven = list(threads.map(lambda rate_per_s: drive(rate_per_s, outages), rates))
    print(" rate/s  by    rmse ms  meant ms  bias ms   max ms  covers  width ms  sent p99 ms  states")
    for rate_per_s, (rows, truths, lag_ms) in zip(rates, driven, strict=True):
        report(rate_per_s, rows, truths, lag_ms)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 22)
