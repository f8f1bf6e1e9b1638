"""What it costs that a link is reached by TLS: ``python tests/benchmarks/tls_cost.py``.

It takes some two minutes. Two wires lead to one provider each, one in clear and one by TLS, and are asked in turn, so that both see the
same moments of the machine: over a connection that is kept, and over a new one for each request, with a whole handshake. What counts is the
median over pairs of turns. What the client waits has its own part of the handshake in it; the processor time is that of the wire's process
alone.
"""

from __future__ import annotations

import argparse
import os
import ssl
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from statistics import median
from typing import NamedTuple

from harness.interval import Interval
from harness.reading.target import Tls
from harness.running import certificates

sys.path.insert(0, str(Path(__file__).parent))
from both_ways import cpu_s
from one_link import LINK, OneLink, a_folder, one_link
from ten_rules import compared

PAIRS, KEPT, NEW = 20, 100, 40
"""Pairs of turns; requests of a turn over one connection, and over one each."""


class Turn(NamedTuple):
    """What a turn came to, a request: the median of what its client waited, and the processor time of the wire's process."""

    waited_ms: float
    cpu_ms: float


class Way:
    """A wire, and how connections to it are opened."""

    def __init__(self, link: OneLink, trusted: Path | None) -> None:
        self._link = link
        self._context = ssl.create_default_context(cafile=str(trusted)) if trusted else None

    def open(self) -> HTTPConnection:
        """A connection of which nothing has been said yet."""
        if self._context is None:
            return HTTPConnection("127.0.0.1", self._link.tap, timeout=30)
        return HTTPSConnection("127.0.0.1", self._link.tap, timeout=30, context=self._context)

    def kept(self) -> Turn:
        """Over one connection, which has been used before."""
        connection = self.open()
        ask(connection)
        try:
            return self._turn(KEPT, lambda: ask(connection))
        finally:
            connection.close()

    def new(self) -> Turn:
        """Over a connection for each."""
        return self._turn(NEW, self._once)

    def _once(self) -> None:
        connection = self.open()
        ask(connection)
        connection.close()

    def _turn(self, times: int, one: Callable[[], None]) -> Turn:
        used_s, waited_ms = cpu_s(self._link.pid), []
        for _ in range(times):
            began_s = time.perf_counter()
            one()
            waited_ms.append(1e3 * (time.perf_counter() - began_s))
        return Turn(median(waited_ms), 1e3 * (cpu_s(self._link.pid) - used_s) / times)


def ask(connection: HTTPConnection) -> None:
    """One request over *connection*, and its answer to the end."""
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    pairs = parser.parse_args().pairs
    with a_folder() as folder:
        made = certificates.issue(folder / "tls", {LINK: Tls()}, [], certificates.whom_this_machine_trusts(os.environ))
        (folder / "clear").mkdir()
        (folder / "by-tls").mkdir()
        with one_link(folder / "clear") as clear, one_link(folder / "by-tls", tls=str(made.parent / LINK)) as by_tls:
            ways = Way(clear, None), Way(by_tls, made)
            print(f"{pairs} pairs of turns, in ms a request; the difference with its 95 % interval")
            for name, turn, times in (("a kept connection", Way.kept, KEPT), ("a new one each", Way.new, NEW)):
                for way in ways:
                    turn(way)  # opens what is opened once
                found = [(turn(ways[0]), turn(ways[1])) for _ in range(pairs)]
                for part in Turn._fields:
                    _tell(
                        f"{name}, {part}, {times} requests a turn",
                        [(getattr(a, part), getattr(b, part)) for a, b in found],
                    )


def _tell(what: str, pairs: list[tuple[float, float]]) -> None:
    more: Interval = compared([b - a for a, b in pairs])
    clear, by_tls = (median(side) for side in zip(*pairs, strict=True))
    print(
        f"{what}: in clear {clear:.3f}, by TLS {by_tls:.3f}, {more.value:+.3f} ({more.low:+.3f} to {more.high:+.3f})",
        flush=True,
    )


if __name__ == "__main__":
    main()
