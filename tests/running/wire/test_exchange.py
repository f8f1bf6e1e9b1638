"""An exchange at the edge by itself, without a network: what is left of it when it has ended."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from typing import Any

import pytest

from harness.faults.effects import CutStream, Fail, Rule, Throttle
from harness.faults.requests import ALL, Requests
from harness.http1.answer_head import Head
from harness.http1.request import RequestReading
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.exchange import Exchange
from harness.running.wire.ledger import Ledger

ASKED = b'POST /v1 HTTP/1.1\r\nContent-Length: 27\r\n\r\n{"model":"m","messages":[]}'
HEAD = Head(200, b"OK", [(b"Content-Type", b"text/event-stream")])
EVENT = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'


class Client:
    number, flushed = 1, True

    def __init__(self) -> None:
        self.told = b""
        self.ended = False

    def write(self, data: bytes) -> None:
        self.told += data

    def hold_back(self, *, full: bool) -> None: ...

    def done(self, *, keep_alive: bool) -> None:
        self.ended = True

    def cut(self, *, reset: bool = False) -> None: ...

    def hand_over(self) -> asyncio.Transport:
        raise NotImplementedError


class Connection:
    """To a provider that takes whatever is said."""

    left = False

    def take_up(self, asker: Any, **_: object) -> None:
        self.asker = asker

    def say(self, data: bytes, *, last: bool) -> None: ...

    def let_go(self) -> None: ...


RULES: list[tuple[Rule, Requests]] = [
    (Throttle(1e9, 1000), ALL), (CutStream(after=9, by="end"), ALL), (Fail(503), Requests(share_ratio=0.0))
]  # fmt: skip


@pytest.mark.parametrize("rules", [[], RULES], ids=["no rule", "rules that hit nobody"])
def test_nothing_of_an_exchange_waits_for_garbage_to_be_looked_for(
    tmp_path: Path, rules: list[tuple[Rule, Requests]]
) -> None:
    account = Account(LinkConfig("east", "http://127.0.0.1:1"), 1, Config([], "", 1, ""), Ledger(tmp_path / "rows"))
    for number, (rule, requests) in enumerate(rules):
        account.rules.put(f"{number}", rule, requests, 0.0)
    connection, client = Connection(), Client()
    account.upstream.take = lambda: connection  # type: ignore[assignment,method-assign,return-value]
    (request,) = RequestReading().feed(ASKED)
    exchange = Exchange(account, request, client)
    gc.disable()
    try:
        exchange.go_on()
        connection.asker.hear(HEAD, [EVENT], whole=False)
        connection.asker.hear(HEAD, [EVENT], whole=True)
        del connection.asker  # as a connection does that is free again
        left = weakref.ref(exchange)
        del exchange
        assert client.ended
        assert client.told.count(b"data: ") == 2
        assert left() is None
    finally:
        gc.enable()
