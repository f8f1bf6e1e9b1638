"""What the wire adds to the time to the first token: ``python tests/benchmarks/wire_overhead.py`` (about 30 s).

Streams are opened at a constant rate, in turn straight to a provider, through tap, Toxiproxy and edge, and so with ten rules in force
that hit nobody, so that all see the same moments of the machine. All processes are on this machine and share its processors, so what is
printed is an upper bound.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from harness.faults.effects import Delay, EdgeRule, Fail, Throttle
from harness.faults.requests import Requests

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import LINK, Ways, both_ways, cpu_s, run

RATE_PER_S = 200
CHUNKS = 20
GAP_S = 0.005
STRETCH_S = 2.0
STRETCHES = 4
TARGET_MS = 1.2
RULES_RATIO = 1.1
RULES = {
    **{f"seldom-{number}": EdgeRule(LINK, Fail(503), Requests(share_ratio=1e-9)) for number in range(4)},
    **{f"others-{number}": EdgeRule(LINK, Delay(1.0), Requests(model="gpt-*", attempt_max=1)) for number in range(4)},
    **{f"ample-{number}": EdgeRule(LINK, Throttle(1e9, 1000)) for number in range(2)},
}
"""Ten that hit nobody: they draw, they match, they count."""

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_EVENT = b'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
_CHUNK = b"%x\r\n%b\r\n" % (len(_EVENT), _EVENT)
_BODY = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"%b n-0123456789"}]}' % (b"words " * 300)
_REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class _Provider(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._bytes = 0

    def data_received(self, data: bytes) -> None:
        self._bytes += len(data)
        if data.endswith(b"]}"):
            self._transport.write(_HEAD)
            self._say(1)

    def _say(self, number: int) -> None:
        if number > CHUNKS:
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(_CHUNK)
        asyncio.get_running_loop().call_later(GAP_S, self._say, number + 1)


class _Stream(asyncio.Protocol):
    """A client's connection, used for one stream after another."""

    def __init__(self, idle: list[_Stream], waits_ms: list[float]) -> None:
        self._idle = idle
        self._waits_ms = waits_ms

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self) -> None:
        self._waiting = True
        self._began_s = time.perf_counter()
        self.transport.write(_REQUEST)

    def data_received(self, data: bytes) -> None:
        if self._waiting and b"data: " in data:
            self._waiting = False
            self._waits_ms.append((time.perf_counter() - self._began_s) * 1000)
        if data.endswith(b"0\r\n\r\n"):
            self._idle.append(self)


class _Load:
    """Streams to one port at a constant rate."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Stream] = []
        self.waits_ms: list[float] = []
        self.sent, self.cpu_s = 0, 0.0

    def forget(self) -> None:
        """Begin anew, with connections open."""
        self.waits_ms.clear()
        self.sent, self.cpu_s = 0, 0.0

    async def stretch(self, pid: int | None = None) -> None:
        """Streams for a while; `cpu_s` gets what process *pid* used meanwhile."""
        loop, before_s = asyncio.get_running_loop(), cpu_s(pid) if pid else 0.0
        began_s = loop.time()
        count = int(RATE_PER_S * STRETCH_S)
        for number in range(count):
            await asyncio.sleep(began_s + number / RATE_PER_S - loop.time())
            if not self._idle:
                _, stream = await loop.create_connection(
                    lambda: _Stream(self._idle, self.waits_ms), "127.0.0.1", self._port
                )
                self._idle.append(stream)
            self._idle.pop().ask()
        self.sent += count
        await asyncio.sleep(2 * CHUNKS * GAP_S)
        self.cpu_s += cpu_s(pid) - before_s if pid else 0.0


def main() -> None:
    """Print the time to the first token each way, and what the wire added."""
    with both_ways(_Provider) as ways:
        direct, through, ruled = _Load(ways.direct), _Load(ways.tap), _Load(ways.tap)
        run(_measure(ways, direct, through, ruled))
        _print("direct", direct)
        _print("tap + Toxiproxy + edge", through)
        _print(f"the same with {len(RULES)} rules", ruled)
        _print_difference(direct, through, ruled)


async def _measure(ways: Ways, direct: _Load, through: _Load, ruled: _Load) -> None:
    for load in (direct, through, ruled):
        await load.stretch()  # to open connections and fill caches
        load.forget()
    for number in range(STRETCHES):
        await direct.stretch()
        # By turns the one and the other first: a stretch that follows another through the wire is not as quick as one that follows rest.
        for load in (through, ruled) if number % 2 else (ruled, through):
            for name, rule in RULES.items() if load is ruled else ():
                ways.stage.inject(name, rule)
            await load.stretch(ways.pid)
            for name, rule in RULES.items() if load is ruled else ():
                ways.stage.revert(name, rule)


def _at(values: list[float], share_ratio: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share_ratio))]


def _print(name: str, load: _Load) -> None:
    p50_ms, p99_ms = _at(load.waits_ms, 0.5), _at(load.waits_ms, 0.99)
    print(
        f"{name:24} {len(load.waits_ms)} of {load.sent} streams, first token p50 {p50_ms:.3f} ms, p99 {p99_ms:.3f} ms"
    )


def _print_difference(direct: _Load, through: _Load, ruled: _Load) -> None:
    added_ms = [_at(through.waits_ms, share) - _at(direct.waits_ms, share) for share in (0.5, 0.99)]
    print(f"{'added':24} p50 {added_ms[0]:.3f} ms (target {TARGET_MS} ms), p99 {added_ms[1]:.3f} ms")
    each_ms = [1000 * load.cpu_s / load.sent for load in (through, ruled)]
    print(f"{'wire process':24} {each_ms[0]:.2f} ms of CPU a stream of {CHUNKS} chunks")
    ratio = _at(ruled.waits_ms, 0.5) / _at(through.waits_ms, 0.5)
    print(
        f"{f'{len(RULES)} rules to none':24} first token p50 {ratio:.2f} times (target {RULES_RATIO}), "
        f"CPU {each_ms[1] / each_ms[0]:.2f} times"
    )


if __name__ == "__main__":
    sys.exit(main())
