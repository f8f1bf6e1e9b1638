"""An exchange at the edge by itself, without a network: what is left of it when it has ended, however it did."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import weakref
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from harness.faults.effects import CutStream, Delay, Fail, HangUp, Rule, Throttle
from harness.faults.requests import Requests
from harness.http1.answer_head import Head, UnreadableError
from harness.http1.request import Request
from harness.record.rowfile import read_rows
from harness.record.rows import Arrival
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.exchange import Exchange
from harness.running.wire.ledger import Ledger

BODY = b'{"model":"m","messages":[]}'
HEAD = Head(200, b"OK", [(b"Content-Type", b"text/event-stream")])
SWITCHED = Head(101, b"Switching Protocols", [(b"Upgrade", b"websocket")])
EVENT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'


class Asked(Request):
    """One of which it can be told when it is gone."""


class Transport(asyncio.Transport):
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: object) -> None: ...

    def close(self) -> None: ...


class Client:
    number, flushed = 1, True

    def __init__(self) -> None:
        self.told = b""
        self.near = Transport()

    def write(self, data: bytes) -> None:
        self.told += data

    def hold_back(self, *, full: bool) -> None: ...

    def done(self, *, keep_alive: bool) -> None: ...

    def cut(self, *, reset: bool = False) -> None: ...

    def hand_over(self) -> asyncio.Transport:
        return self.near


class Connection:
    """To a provider that takes whatever is said."""

    left, asker = False, None

    def take_up(self, asker: Any, **_: object) -> None:
        self.asker = asker

    def say(self, data: bytes, *, last: bool) -> None:
        if last:
            self.asker.sent()

    def let_go(self) -> None:
        self.asker = None


class Edge:
    """One, with *rules* in force, at which a request is made; its last byte has come if *whole*."""

    def __init__(self, folder: Path, rules: list[Rule], *, whole: bool = True, upgrade: bytes = b"") -> None:
        self._rows = folder / "rows"
        self.account = Account(LinkConfig("east", "http://127.0.0.1:1"), 1, Config([], "", 1, ""), Ledger(self._rows))
        for number, rule in enumerate(rules):
            self.account.rules.put(f"{number}", rule, Requests(), 0.0)
        self.connection: Connection | None = Connection()
        self.account.upstream.take = lambda: self.connection  # type: ignore[assignment,method-assign,return-value]  # as much of one as is asked
        self.client, self.far = Client(), Transport()
        method = b"GET" if upgrade else b"POST"
        request = Asked(method, b"/v1", [], False, True, [BODY], len(BODY), whole, upgrade)
        self.exchange = Exchange(self.account, request, self.client)
        self._left = [weakref.ref(self.exchange), weakref.ref(request)]

    def ask(self) -> None:
        self.exchange.go_on()

    def hear(self, *pieces: bytes, whole: bool = False) -> None:
        assert self.connection
        asker = self.connection.asker
        if whole:
            self.connection.asker = None
        asker.hear(HEAD, list(pieces), whole=whole)

    def lose(self, error: Exception) -> None:
        assert self.connection
        asker, self.connection.asker = self.connection.asker, None
        asker.lost(error)

    @property
    def outcomes(self) -> list[str]:
        """What is written of it."""
        return [row.outcome for row in read_rows(self._rows, Arrival)]

    def kept(self) -> list[object]:
        """What is still there of the exchange and of its request once nobody wants them."""
        del self.exchange
        return [kept for left in self._left if (kept := left()) is not None]


def _whole(edge: Edge) -> None:
    edge.ask()
    edge.hear(EVENT)
    edge.hear(EVENT, whole=True)


def _answered(edge: Edge) -> None:
    edge.ask()


def _cut_within(edge: Edge) -> None:
    edge.ask()
    edge.hear(EVENT, EVENT)


def _never_answered(edge: Edge) -> None:
    edge.ask()
    edge.lose(ConnectionResetError("reset"))


def _lost_within(edge: Edge) -> None:
    edge.ask()
    edge.hear(EVENT)
    edge.lose(UnreadableError("what is no chunk"))


def _left_halfway(edge: Edge) -> None:
    edge.ask()
    edge.exchange.leave()


def _left_within(edge: Edge) -> None:
    edge.ask()
    edge.hear(EVENT)
    edge.exchange.leave()


def _answered_halfway(edge: Edge) -> None:
    edge.ask()
    edge.hear(EVENT, whole=True)


def _tunnelled(edge: Edge) -> None:
    edge.ask()
    assert edge.connection
    asker, edge.connection.asker = edge.connection.asker, None
    asker.switched(SWITCHED, b"", edge.far)
    edge.client.near.protocol.connection_lost(None)
    edge.far.protocol.connection_lost(None)


def _broken(edge: Edge) -> None:
    edge.ask()
    edge.client.write = None  # type: ignore[assignment,method-assign]  # as if it were not there
    edge.hear(EVENT)


TOLD: list[Rule] = [Throttle(1e9, 1000), CutStream(after=9, by="close")]
"""Rules that hit nobody here, and go along with each answer."""
ENDINGS: dict[str, tuple[Callable[[Edge], None], list[Rule], dict[str, Any], list[str]]] = {
    "whole": (_whole, [], {}, ["complete"]),
    "whole, with rules": (_whole, TOLD, {}, ["complete"]),
    "answered by a fault": (_answered, [Fail(503)], {}, ["answered_by_fault"]),
    "cut by a fault": (_answered, [HangUp()], {}, ["cut_by_fault"]),
    "cut within by a fault": (_cut_within, [CutStream(after=1, by="close")], {}, ["cut_by_fault"]),
    "ended early by a fault": (_cut_within, [CutStream(after=1, by="end")], {}, ["cut_by_fault"]),
    "never answered": (_never_answered, TOLD, {}, ["closed"]),
    "lost within": (_lost_within, [], {}, ["truncated"]),
    "lost within, with rules": (_lost_within, TOLD, {}, ["truncated"]),
    "left halfway": (_left_halfway, [], {"whole": False}, []),
    "left within": (_left_within, TOLD, {}, ["client_left"]),
    "answered halfway": (_answered_halfway, [], {"whole": False}, ["complete"]),
    "another protocol": (_tunnelled, TOLD, {"upgrade": b"websocket"}, ["complete"]),
}


@pytest.fixture
def no_garbage() -> Iterator[None]:
    """Garbage is not looked for."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage")
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_of_an_exchange_waits_for_garbage_to_be_looked_for(tmp_path: Path, ending: str) -> None:
    ends, rules, request, outcomes = ENDINGS[ending]
    edge = Edge(tmp_path, rules, **request)
    ends(edge)
    assert edge.outcomes == outcomes
    assert edge.kept() == []


@pytest.mark.usefixtures("no_garbage")
def test_nothing_of_an_exchange_that_a_defect_ended_waits_for_garbage(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        logging.getLogger("harness.running.wire.edge.exchange"), "disabled", True
    )  # it keeps tracebacks here
    edge = Edge(tmp_path, TOLD)
    _broken(edge)
    assert edge.outcomes == ["broken"]
    assert edge.kept() == []


async def _put_off(edge: Edge) -> None:
    edge.ask()
    edge.exchange.leave()


async def _not_reached(edge: Edge) -> None:
    async def refused() -> None:
        raise ConnectionRefusedError

    edge.connection, edge.account.upstream.dial = None, refused  # type: ignore[assignment,method-assign]  # in place of a real one
    edge.ask()
    await asyncio.sleep(0)


async def _left_while_dialling(edge: Edge) -> None:
    edge.connection, edge.account.upstream.dial = None, asyncio.Event().wait  # type: ignore[assignment,method-assign]  # in place of a real one
    edge.ask()
    await asyncio.sleep(0)
    edge.exchange.leave()
    await edge.account.close()
    await asyncio.sleep(0)


async def _left_before_an_answer(edge: Edge) -> None:
    edge.ask()
    edge.exchange.leave()
    await edge.account.close()


@pytest.mark.usefixtures("no_garbage")
@pytest.mark.parametrize(
    ("ends", "rules", "outcome"),
    [
        (_put_off, [Delay(9.0)], "client_left"),
        (_not_reached, TOLD, "closed"),
        (_left_while_dialling, TOLD, "client_left"),
        (_left_before_an_answer, TOLD, "client_left"),
    ],
)
def test_nothing_waits_for_garbage_of_what_ended_before_a_provider_spoke(
    tmp_path: Path, monkeypatch: Any, ends: Callable[[Edge], Awaitable[None]], rules: list[Rule], outcome: str
) -> None:
    for name in ("_LINGER_S", "_WHOLE_WITHIN_S"):
        monkeypatch.setattr(f"harness.running.wire.edge.upstream_request.{name}", 0.0)

    async def main() -> None:
        edge = Edge(tmp_path, rules)
        await ends(edge)
        assert edge.outcomes == [outcome]
        assert edge.kept() == []

    asyncio.run(main())


WHOLE = Head(200, b"OK", [(b"Content-Type", b"application/json"), (b"Content-Length", b"46")], 46)
SMALL = b'{"choices":[{"message":{"content":"a word"}}]}'


CALLS = 100
"""Of functions written in Python, for one request: they run once for each, so they are cold, and what they are is what it costs."""


def test_a_request_with_a_small_answer_goes_through_few_functions(tmp_path: Path) -> None:
    # Times would tell more of the machine.
    edge, called = Edge(tmp_path, []), list[str]()
    assert edge.connection

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        edge.ask()
        edge.connection.asker.hear(WHOLE, [SMALL], whole=True)
    finally:
        sys.setprofile(None)
    assert edge.outcomes == ["complete"]
    assert len(called) <= CALLS, called
