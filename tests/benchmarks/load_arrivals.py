"""What one core carries: ``python -m tests.benchmarks.load_arrivals`` prints send lag, CPU share and how late chunks are stamped.

The load child runs on the first core and a server that does next to nothing on the last. Takes 25 s. On a machine that
does something else, the child is kept waiting, and how long it was is printed: the figures are then about the machine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from harness.judging.scoring.audit import Audit, audit
from harness.planning.curve import Linear
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.load import (
    Limits,
    LoadPlan,
    PlannedQuestion,
    ResolvedAsk,
    Schedule,
    command,
    ready,
    start_at,
    write_plan,
)

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = b'{"choices": [{"message": {"content": "fifty milliseconds later"}}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)
CHUNKS, GAP_S = 50, 0.1


class Mock(asyncio.Protocol):
    """Answers after 50 ms, or (to ``stream``) with 50 chunks 100 ms apart that say when they were sent."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def data_received(self, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        if b'"content":"stream' in data:
            self.transport.write(HEAD)
            self._chunk(loop, loop.time(), 1)
        else:
            loop.call_later(0.05, self.transport.write, ANSWER)

    def _chunk(self, loop: asyncio.AbstractEventLoop, began_s: float, number: int) -> None:
        content = f"{time.monotonic():.6f} "
        event = b"data: %s\n\n" % json.dumps({"choices": [{"delta": {"content": content}}]}).encode()
        self.transport.write(b"%x\r\n%s\r\n" % (len(event), event))
        if number < CHUNKS:
            loop.call_at(began_s + number * GAP_S, self._chunk, loop, began_s, number + 1)
        else:
            self.transport.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def serve(told: Connection) -> None:
    import uvloop

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", 0, backlog=4096)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    uvloop.run(forever())


def cpu_s(pid: int) -> tuple[float, float]:
    """Seconds for which the process ran, and for which it was ready to run while others had the core."""
    ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def constant(
    port: int, question: str, rate_per_s: float, total_s: float, folder: Path, jitter: float = 0.2
) -> LoadPlan:
    """A load of one worker that asks the service at *port* one *question* at a constant rate, and writes to *folder*."""
    return LoadPlan(
        run_id="bench",
        schedule=Schedule(
            "constant", (Linear(total_s, rate_per_s, rate_per_s),), jitter=jitter, turn_gap_s=5.0, seed=1
        ),
        entries={"mock": f"http://127.0.0.1:{port}"},
        questions=(PlannedQuestion("q", question),),
        ask=ResolvedAsk("openai-chat", "/v1/chat/completions", model="m"),
        in_flight_max=5000,
        rows_dir=str(folder),
        ready_path=f"{folder}/ready",
        start_path=f"{folder}/start",
        limits=Limits(),
    )


def run(port: int, question: str, rate_per_s: float, total_s: float, steady_s: float) -> tuple[list[Request], LoadPlan]:
    """Rows of a load; prints the child's share of a core from *steady_s* to the last arrival."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = constant(port, question, rate_per_s, total_s, folder)
        write_plan(plan, folder / "plan.json")
        asked_s = time.monotonic()
        child = subprocess.Popen(command(folder / "plan.json"), preexec_fn=lambda: os.sched_setaffinity(0, {0}))
        while not (said := ready(plan)):
            time.sleep(0.005)
        print(f"  command to ready: {time.monotonic() - asked_s:.2f} s")
        zero_s = time.monotonic() + 0.1
        start_at(plan, zero_s)
        time.sleep(zero_s + steady_s - time.monotonic())
        before_s, before_at_s = cpu_s(said.pid), time.monotonic()
        time.sleep(zero_s + total_s - time.monotonic())
        span_s = time.monotonic() - before_at_s
        ran, waited = ((after - before) / span_s for before, after in zip(before_s, cpu_s(said.pid), strict=True))
        print(f"  CPU {ran:.0%} of a core; kept waiting by other processes {waited:.0%} of the time")
        if child.wait():
            sys.exit("the load child failed")
        rows = list(read_rows(folder / "requests-0.rows", Request))
        last_s = max(row.end_s or 0.0 for row in rows)
        print(f"  last answer to exit: {time.monotonic() - last_s:.2f} s")
        return rows, plan


def report(rows: list[Request], plan: LoadPlan) -> None:
    offered, sound = plan.schedule.requests, audit((row.index for row in rows), plan.schedule.requests) == Audit()
    lags_ms = sorted(1000 * (row.sent_s - row.due_s) for row in rows if row.sent_s is not None)
    complete = sum(row.outcome == "complete" for row in rows)
    if not sound or complete < len(lags_ms):
        others = Counter((row.outcome, row.detail) for row in rows if row.outcome != "complete")
        sys.exit(f"  no measurement: {complete} of {len(lags_ms)} complete; sound: {sound}; {others.most_common(3)}")
    print(
        f"  {offered} offered, {len(lags_ms)} sent, {offered - len(lags_ms)} dropped, {complete} complete, sound: {sound}"
    )
    p50_ms, p99_ms = (lags_ms[int(share * len(lags_ms))] for share in (0.5, 0.99))
    print(f"  send lag ms p50 {p50_ms:.2f}  p99 {p99_ms:.2f}  max {lags_ms[-1]:.2f}")


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("fork").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    print("1000 arrivals a second, answers of 50 ms, for 5 s")
    rows, plan = run(port, "whole", 1000.0, 5.0, 1.0)
    report(rows, plan)
    print("200 streams a second of 50 chunks, 100 ms apart: 1000 are open after 5 s; for 9 s")
    rows, plan = run(port, "stream", 200.0, 9.0, 5.2)
    report(rows, plan)
    firsts = [row.first_token_s - float(row.answer.split()[0]) for row in rows if row.first_token_s is not None]
    lasts = [row.end_s - float(row.answer.split()[-1]) for row in rows if row.end_s is not None]
    late = sorted([*firsts, *lasts])
    p50, p99 = (1000 * late[len(late) * percent // 100] for percent in (50, 99))
    print(f"  first and last chunks stamped late by ms p50 {p50:.2f}  p99 {p99:.2f}  max {1000 * late[-1]:.2f}")
    server.kill()
    server.join()


if __name__ == "__main__":
    main()
