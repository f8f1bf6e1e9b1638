"""The table "What passes" in docs/service.md: every row of it is tried on bare sockets, and no other row stands there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.faults.base import suiting
from harness.reading.target import Link

PAGE = Path(__file__).resolve().parents[3] / "docs" / "service.md"
OPEN = b"GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Key: x\r\n\r\n"
AGREED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: x\r\n0\r\n\r\n"
)
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: x"


def _table() -> dict[str, str]:
    """What becomes of each thing, by its name on the page."""
    text = PAGE.read_text().partition("| on an HTTP link |")[2].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()[2:]]
    return {row[0]: row[1] for row in rows}


def _plain(at: SimpleNamespace) -> None:
    client = at.connect()
    client.say(at.kit.post() * 3 + b"GET / HTTP/1.0\r\n\r\n")
    assert client.hear_all().count(at.kit.WHOLE) == 4


def _streams(at: SimpleNamespace) -> None:
    for said in (CHUNKED, ENDLESS):
        # What ends by its framing leaves the provider's connection open for the next one.
        at.answer(said, closed=said is ENDLESS)
        client = at.connect()
        client.say(at.kit.post())
        client.hear(b"data: x")


def _websocket(at: SimpleNamespace) -> None:
    at.provider.on_bytes = lambda line, data: line.write(AGREED if data.startswith(b"GET") else data)
    client = at.connect()
    client.say(OPEN % b"websocket")
    client.hear(b"\r\n\r\n")
    client.say(b"\x81\x02hi")
    assert client.hear(b"hi").startswith(b"HTTP/1.1 101 ")
    client.leave()
    at.kit.eventually(lambda: [row.status for row in at.wire.attempts()] == [101])


def _other_upgrade(at: SimpleNamespace) -> None:
    client = at.connect()
    client.say(OPEN % b"h2c")
    client.hear(at.kit.WHOLE)
    assert "upgrade" not in {name.lower() for name, _ in at.provider.accepted[0].headers}


def _redirect(at: SimpleNamespace, away: bytes) -> bytes:
    said = at.kit.answer(b"", status=b"307 Moved", headers=b"Location: " + away + b"\r\n")
    at.answer(said)
    client = at.connect()
    client.say(at.kit.post())
    heard = client.hear(b"\r\n\r\n")
    client.leave()
    at.kit.eventually(at.wire.arrivals)
    return heard


def _redirect_home(at: SimpleNamespace) -> None:
    heard = _redirect(at, b"http://127.0.0.1:%d/x/" % at.provider.port)
    assert b"Location: http://127.0.0.1:%d/x/\r\n" % at.wire.tap() in heard
    assert [row.astray for row in at.wire.arrivals()] == [""]


def _redirect_away(at: SimpleNamespace) -> None:
    assert b"Location: https://cdn.example/x\r\n" in _redirect(at, b"https://cdn.example/x")
    assert [row.astray for row in at.wire.arrivals()] == ["https://cdn.example/x"]


def _signed(at: SimpleNamespace) -> None:
    client = at.connect()
    client.say(at.kit.post())
    client.hear(at.kit.WHOLE)
    assert ("Host", "x") in at.provider.accepted[0].headers


def _refused(opening: bytes, answer: bytes) -> Callable[[SimpleNamespace], None]:
    def tried(at: SimpleNamespace) -> None:
        client = at.connect()
        client.say(opening)
        assert answer in client.hear_all()
        assert at.provider.lines == []

    return tried


def _nothing_read(at: SimpleNamespace) -> None:
    for opening in (b"CONNECT api.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"EHLO x\r\n\r\n"):
        _refused(opening, b"HTTP/1.1 400 ")(at)


TRIED: dict[str, tuple[str, Callable[[SimpleNamespace], None], dict[str, Any]]] = {
    "HTTP/1.1 and HTTP/1.0": ("passes", _plain, {}),
    "a stream, chunked or up to the end of its connection": ("passes", _streams, {}),
    "an upgrade to WebSocket": ("passes", _websocket, {}),
    "an upgrade to anything else": ("the request goes on without it", _other_upgrade, {}),
    "a redirect to the provider itself": ("passes, and leads over the link", _redirect_home, {}),
    "a redirect to another server": ("passes, and leads past the link, which is told", _redirect_away, {}),
    "a request signed over its `Host`": ("passes with `host: keep`", _signed, {"host": "keep"}),
    "HTTP/2 without asking, and so gRPC": (
        "refused: GOAWAY",
        _refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"link east carries HTTP/1.1, and its client speaks HTTP/2: "),
        {},
    ),
    "TLS on a link that does not [say so](#a-dependency-that-is-reached-by-tls)": (
        "refused: 400",
        _refused(b"\x16\x03\x01\x00\x05", b"and its client speaks TLS: "),
        {},
    ),
    "`CONNECT`, and what is no request": ("refused: 400", _nothing_read, {}),
}


def test_the_page_names_what_is_tried_here_and_says_of_it_what_is_seen() -> None:
    table = _table()
    assert set(table) == set(TRIED)
    assert [name for name, (becomes, *_) in TRIED.items() if not table[name].startswith(becomes)] == []


def test_the_page_names_the_faults_that_whatever_passes_can_meet() -> None:
    said = PAGE.read_text().partition("Network faults need not know what passes: ")[2].partition(".")[0]
    # What switches a service's version breaks nothing on any link.
    assert set(re.findall(r"`(\w+)`", said)) == {*suiting(Link(kind="store", upstream="127.0.0.1:1"))} - {"switch"}


@pytest.mark.parametrize("name", TRIED)
def test_what_the_page_says_of_a_shape_is_what_becomes_of_it(new_wire, provider, clients, kit, name: str) -> None:
    _, tried, link = TRIED[name]
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, **link)

    def answer(said: bytes, *, closed: bool = False) -> None:
        async def script(_, line) -> None:
            line.write(said)
            if closed:
                line.close()

        provider.script = script

    at = SimpleNamespace(wire=wire, provider=provider, kit=kit, connect=lambda: clients(wire.tap()), answer=answer)
    tried(at)
