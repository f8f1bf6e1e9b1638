"""What rules that hit nobody cost a request in processor time: ``python tests/benchmarks/rules_cost.py`` (about 10 s).

Requests go through an edge's exchange in this process, from the end of their head to their row, with nothing on the network: without a
rule and with the ten of `wire_overhead.py`, by turns. So it tells what of that benchmark's first token is our own work, on a busy machine,
too, where its own figures tell more of the machine.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
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
from wire_overhead import RULES

TURNS = 40
REQUESTS = 500
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"token "}}]}\n\n'
HEAD = Head(200, b"OK", [(b"Content-Type", b"text/event-stream")])


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
    """Print what a request costs without rules and with ten, until it goes on, until its first token is told, and in all."""
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(_measure(Path(folder))))


async def _measure(folder: Path) -> str:
    account = Account(
        LinkConfig(LINK, "http://127.0.0.1:1"), 1, Config([], str(folder), 1, ""), Ledger[Arrival](folder / "a")
    )
    costs: dict[bool, list[list[float]]] = {False: [], True: []}
    for turn in range(2 * TURNS):
        ruled = bool(turn % 2)
        for name, rule in RULES.items() if ruled else ():
            account.rules.put(name, rule.rule, rule.requests, time.monotonic())
        costs[ruled].append(
            [1e6 * median(part) for part in zip(*(_cost_s(account) for _ in range(REQUESTS)), strict=True)]
        )
        for name in RULES:
            account.rules.drop(name)
    lines = [f"{'processor time of a request, µs':34}  no rule  {len(RULES)} rules  times"]
    for number, part in enumerate(("until it goes on", "from answer to first token", "in all")):
        none, ten = (median(turn[number] for turn in costs[ruled]) for ruled in (False, True))
        lines.append(f"{part:34} {none:8.1f} {ten:9.1f} {ten / none:6.2f}")
    return "\n".join(lines)


def _cost_s(account: Account) -> tuple[float, float, float]:
    """What one request costs: until it is said to the provider, from its answer until the client is told of it, and in all."""
    connection, client, reading = _Connection(), _Client(), RequestReading()
    account.upstream.take = lambda: connection  # type: ignore[assignment,method-assign,return-value]  # as much of one as is asked
    (request,) = reading.feed(asked())
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
