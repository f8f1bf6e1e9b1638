"""What rules that hit nobody cost a request in processor time: ``python tests/benchmarks/rules_cost.py`` (about 20 s).

Requests go through an edge's exchange in this process, from the end of their head to their row, with nothing on the network: a few without
a rule, then a few with each ten of `ten_rules`, by turns. What counts is the median over the turns of the ratio within each. So it tells
what of that in `wire_overhead.py` is our own work, on a busy machine, too, where its own figures tell more of the machine.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from harness.http1.answer_head import Head
from harness.http1.request import RequestReading
from harness.record.rows import Arrival
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.exchange import Exchange
from harness.running.wire.ledger import Ledger

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import LINK
from streams import asked
from ten_rules import SETS, compared, written

TURNS = 150
REQUESTS = 40
PARTS = ("until it goes on", "from answer to first token", "in all")
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
HEAD = Head(200, b"OK", [(b"Content-Type", b"text/event-stream")])
_NUMBERS = count()


class _Client:
    number, flushed = 1, True
    told_s = 0.0

    def write(self, data: bytes) -> None:
        self.told_s = self.told_s or time.process_time()

    def hold_back(self, *, full: bool) -> None: ...

    def done(self, *, keep_alive: bool) -> None: ...

    def cut(self, *, reset: bool = False) -> None:
        raise AssertionError("no rule hits anybody")

    def hand_over(self) -> asyncio.Transport:
        raise AssertionError("nothing is tunnelled")


class _Connection:
    left, said_s = False, 0.0

    def take_up(self, *_: object, **__: object) -> None: ...

    def say(self, data: bytes, *, last: bool) -> None:
        self.said_s = time.process_time()

    def let_go(self) -> None: ...


def main() -> None:
    """Print what a request costs until it goes on, until its first token is told, and in all, and how many times that with ten rules."""
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(_measure(Path(folder))))


async def _measure(folder: Path) -> str:
    account = Account(
        LinkConfig(LINK, "http://127.0.0.1:1"), 1, Config([], str(folder), 1, ""), Ledger[Arrival](folder / "a")
    )
    costs: dict[str, list[list[float]]] = {name: [] for name in ("no rule", *SETS)}
    for _ in range(TURNS):
        for name, turns in costs.items():
            rules = SETS.get(name, {})
            for fault, rule in rules.items():
                account.rules.put(fault, rule.rule, rule.requests, time.monotonic())
            _cost_s(account)  # what is found out once, of a kind of requests
            turns.append(
                [1e6 * median(part) for part in zip(*(_cost_s(account) for _ in range(REQUESTS)), strict=True)]
            )
            for fault in rules:
                account.rules.drop(fault)
    none = costs.pop("no rule")
    lines = [f"{name:24} {part:28} {line}" for name, turns in costs.items() for part, line in _told(turns, none)]
    each = (f"{part} {median(values):.1f} µs" for part, values in zip(PARTS, zip(*none, strict=True), strict=True))
    return "\n".join([f"processor time of a request without a rule: {', '.join(each)}", *lines])


def _told(turns: list[list[float]], none: list[list[float]]) -> Iterator[tuple[str, str]]:
    """A line for each of `PARTS`: how many times that *turns* cost as much as those with *none*, and how much more."""
    for number, part in enumerate(PARTS):
        pairs = [(ten[number], without[number]) for ten, without in zip(turns, none, strict=True)]
        more_us = median(ten - without for ten, without in pairs)
        yield part, f"{more_us:+6.1f} µs, {written(compared([ten / without for ten, without in pairs]))}"


def _cost_s(account: Account) -> tuple[float, float, float]:
    """What one request costs: until it is said to the provider, from its answer until the client is told of it, and in all."""
    connection, client, reading = _Connection(), _Client(), RequestReading()
    account.upstream.take = lambda: connection  # type: ignore[assignment,method-assign,return-value]  # as much of one as is asked
    (request,) = reading.feed(asked(next(_NUMBERS)))
    began_s = time.process_time()
    exchange = Exchange(account, request, client)
    exchange.go_on()
    heard_s = time.process_time()
    exchange.hear(HEAD, [EVENT], whole=False)
    exchange.hear(HEAD, [EVENT], whole=True)
    ended_s = time.process_time()
    return connection.said_s - began_s, client.told_s - heard_s, ended_s - began_s


if __name__ == "__main__":
    sys.exit(main())
