"""HTTP as the edge speaks it: what clients and providers may do that is seldom done, and what they may not do."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import pytest

from harness.http1.request import RequestReading

GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _answering(provider, said: bytes, *, then: str = "") -> None:
    async def script(request, line) -> None:
        line.write(said)
        if then:
            await line.flushed()
            getattr(line, then)()

    provider.script = script


# Requests.


@pytest.mark.parametrize("whole", [True, False], ids=["in one piece", "byte by byte"])
@pytest.mark.parametrize("connection", [b"Upgrade", b"X-Named, upgrade"])
def test_an_upgrade_that_is_asked_for_is_ignored(wire, provider, clients, kit, whole, connection) -> None:
    ask = b"Connection: %b\r\nUpgrade: h2c\r\nX-Named: 1\r\nX-Kept: 2\r\n" % connection
    said = kit.post(headers=ask) + kit.post(path=b"/second", headers=ask)
    client = clients(wire.edge())
    for piece in [said] if whole else [said[at : at + 1] for at in range(len(said))]:
        client.say(piece)
    client.hear(kit.WHOLE, times=2)

    assert [request.body for request in provider.accepted] == [kit.BODY] * 2
    assert [request.target for request in provider.accepted] == ["/v1/chat/completions", "/second"]
    names = {name.lower() for name, _ in provider.accepted[0].headers}
    assert {"x-kept", "x-named"} - names == ({"x-named"} if b"X-Named" in connection else set())
    assert not names & {"upgrade", "connection"}


def test_a_body_that_looks_like_an_upgrade_is_not_touched(wire, provider, clients, kit) -> None:
    body = b"a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nb"
    client = clients(wire.edge())
    client.say(kit.post(body))
    client.hear(kit.WHOLE)
    assert provider.accepted[0].body == body


def test_pipelined_requests_in_any_pieces_are_answered_in_order_though_the_last_is_answered_first(
    wire, provider, clients, kit
) -> None:
    async def script(request, line) -> None:
        number = int(request.target[1:])
        await asyncio.sleep(0.02 if number == 0 else 0)
        line.write(kit.answer(b"answer %d." % number))

    provider.script = script
    said = b"".join(kit.post(path=b"/%d" % number) for number in range(50))
    client = clients(wire.edge())
    for at in range(0, len(said), 997):
        client.say(said[at : at + 997])
    heard = client.hear(b"answer 49.")
    places = [heard.index(b"answer %d." % number) for number in range(50)]
    assert places == sorted(places)
    assert len(provider.accepted) == 50


def test_what_follows_the_last_request_is_for_nobody(wire, provider, clients, kit) -> None:
    client = clients(wire.edge())
    client.say(kit.post(headers=b"Connection: close\r\n") + kit.post(path=b"/never"))
    heard = client.hear_all()
    assert heard.endswith(kit.WHOLE)
    assert b"\r\nConnection: close\r\n" in heard
    assert len(provider.accepted) == len(wire.arrivals()) == 1


def test_a_connection_is_kept_for_the_next_request(wire, provider, clients, kit) -> None:
    client = clients(wire.edge())
    for count in (1, 2):
        client.say(kit.post())
        assert b"connection:" not in client.hear(kit.WHOLE, times=count).lower()


def test_no_number_of_requests_is_too_many_for_a_connection(wire, provider, clients, kit) -> None:
    body = kit.BODY + b" " * 9_000
    client = clients(wire.edge())
    for count in range(1, 21):
        client.say(kit.post(body))
        client.hear(kit.WHOLE, times=count)
    client.say(kit.post(body) * 20)
    client.hear(kit.WHOLE, times=40)
    assert {request.body for request in provider.accepted} == {body}


def test_a_head_that_begins_behind_a_large_body_is_not_too_long() -> None:
    reading = RequestReading()
    said = b"POST /a HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000)
    (first,) = reading.feed(said + b"GET /b HTTP/1.1\r\nX: ")
    assert first.whole
    assert reading.feed(b"1") == []
    (second,) = reading.feed(b"\r\n\r\n")
    assert (second.target, second.headers, second.whole) == (b"/b", [(b"X", b"1")], True)


@pytest.mark.parametrize("kept", [b"", b"Connection: keep-alive\r\n"])
@pytest.mark.parametrize("sized", [True, False])
def test_a_client_of_http_1_0_keeps_its_connection_only_where_it_asks_and_the_length_is_known(
    wire, provider, clients, kit, kept, sized
) -> None:
    _answering(provider, kit.answer() if sized else HEAD + _chunk(b"one") + _chunk(kit.WHOLE) + b"0\r\n\r\n")
    client = clients(wire.edge())
    client.say(b"GET /a HTTP/1.0\r\n%b\r\n" % kept)
    if kept and sized:
        assert b"\r\nConnection: keep-alive\r\n" in client.hear(kit.WHOLE)
        client.say(b"GET /a HTTP/1.0\r\n\r\n")
    heard = client.hear_all()
    assert heard.startswith(b"HTTP/1.0 200 OK\r\n")
    assert heard.endswith(b"\r\n\r\n" + kit.WHOLE if sized else b"\r\n\r\none" + kit.WHOLE)
    assert b"chunked" not in heard.lower()


def test_who_asks_whether_to_go_on_behind_another_request_is_told_after_its_answer(
    wire, provider, clients, kit
) -> None:
    go_on = asyncio.Event()

    async def script(request, line) -> None:
        await go_on.wait()
        line.write(kit.answer())

    provider.script = script
    provider.on_head = lambda line: "100" in dict(line.headers).get("Expect", "") and line.write(GO_ON)
    client = clients(wire.edge())
    client.say(kit.post() + b"POST /b HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n")
    kit.eventually(lambda: provider.accepted)
    provider.call(go_on.set)
    heard = client.hear(b"100 Continue\r\n\r\n")
    assert heard.index(kit.WHOLE) < heard.index(b"100 Continue")
    client.say(b"body")
    client.hear(kit.WHOLE, times=2)
    assert client.heard.count(b"100 Continue") == 1
    assert provider.accepted[1].body == b"body"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"nonsense\r\n\r\n", b"method"),
        (b"GET /a HTTP/1.1\r\nsk-aaaa\r\n\r\n", b"header"),
        (b"CONNECT sk-aaaa:443 HTTP/1.1\r\n\r\n", b"tunnel"),
        (b"POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"Content-Length"),
        (b"POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nsk-aaaa\r\n", b"chunk"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"longer than 65536 bytes"),
        (b"GET /a HTTP/1.1\r\nX: " + b"a" * 700_000, b"longer than 65536 bytes"),
        (b"GET /a HTTP/1.1\r\n" + b"X: aaaaaaaaaaaaaaaaa\r\n" * 4000 + b"\r\n", b"longer than 65536 bytes"),
    ],
    ids=["words", "header", "connect", "two lengths", "chunk", "long target", "endless header", "many headers"],
)
def test_what_is_no_request_gets_a_400_that_says_why_after_the_answers_before_it(
    wire, provider, clients, kit, caplog, capfd, said, reason
) -> None:
    client = clients(wire.edge())
    client.say(kit.post() + said)
    heard = client.hear_all()
    assert client.end == "close"
    assert heard.index(kit.WHOLE) < heard.index(b"HTTP/1.1 400 Bad Request\r\n")
    line = heard.rpartition(b"\r\n\r\n")[2]
    assert line.startswith(b"link east carries HTTP/1.1, and what its client said is none: ")
    assert line.count(b"\n") == 1
    assert reason in line
    assert len(provider.accepted) == 1
    answered, refused = wire.arrivals()
    assert (answered.outcome, refused.outcome, refused.status) == ("complete", "refused", 0)
    assert reason.decode() in refused.detail
    out, err = capfd.readouterr()
    assert "sk-aaaa" not in caplog.text + out + err + heard.decode() + refused.detail


def test_a_chunked_request_with_a_trailer_arrives_with_it_but_for_what_frames_it(wire, provider, clients, kit) -> None:
    head = b"POST /v1 HTTP/1.1\r\nHost: x\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n"
    client = clients(wire.edge())
    client.say(head + _chunk(b"bo") + _chunk(b"dy") + b"0\r\nX-T: 1\r\nHost: y\r\n\r\n" + kit.post())
    client.hear(kit.WHOLE, times=2)
    assert [request.body for request in provider.accepted] == [b"body", kit.BODY]
    assert provider.accepted[0].headers == [
        ("Host", provider.accepted[1].headers[0][1]),
        ("Trailer", "X-T"),
        ("Transfer-Encoding", "chunked"),
        ("X-T", "1"),
    ]


def test_an_address_in_the_request_line_names_only_what_is_asked_for(wire, provider, clients, kit) -> None:
    client = clients(wire.edge())
    client.say(b"GET http://elsewhere.test/a?b HTTP/1.1\r\nHost: elsewhere.test\r\n\r\n")
    client.hear(kit.WHOLE)
    assert provider.accepted[0].target == "/a?b"
    assert ("Host", f"127.0.0.1:{provider.port}") in provider.accepted[0].headers
    kit.eventually(lambda: [row.path for row in wire.arrivals()] == ["/a"])


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (b"http://h.example?q=a/b", "/?q=a/b"),
        (b"http://h.example", "/"),
        (b"HTTPS://user:secret@h.example:8/a?q=http://b", "/a?q=http://b"),
        (b"/a?q=http://b/c", "/a?q=http://b/c"),
        (b"*", "*"),
    ],
)
def test_what_is_asked_for_begins_behind_the_host_whatever_stands_in_the_query(asked: bytes, target: str) -> None:
    (request,) = RequestReading().feed(b"OPTIONS " + asked + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert request.target.decode() == target


def test_a_client_that_says_no_more_has_left(wire, provider, clients, kit) -> None:
    _answering(provider, HEAD + _chunk(b"data: 1\n\n"))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear(b"data: 1")
    client.socket.shutdown(1)
    assert not client.hear_all().endswith(b"0\r\n\r\n")
    kit.eventually(lambda: provider.gone == 1)
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["client_left"])


# Answers.


def test_the_trailer_of_an_answer_passes_and_its_connection_is_used_again(wire, provider, clients, kit) -> None:
    _answering(provider, HEAD + _chunk(b"one") + b"0\r\nX-T: 1\r\nContent-Length: 9\r\n folded\r\nX-U:2\r\n\r\n")
    client = clients(wire.edge())
    for count in (1, 2):
        client.say(kit.post())
        heard = client.hear(b"0\r\nX-T: 1\r\nX-U: 2\r\n\r\n", times=count)
    assert b"Content-Length" not in heard
    assert [request.connection for request in provider.accepted] == [1, 1]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more", False),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
            True,
        ),
    ],
    ids=["kept", "close", "1.0", "excess", "interim"],
)
def test_a_connection_is_used_again_only_where_nothing_speaks_against_it(
    wire, provider, clients, kit, said, kept
) -> None:
    _answering(provider, said)
    client = clients(wire.edge())
    for count in (1, 2):
        client.say(kit.post())
        heard = client.hear(b"ok", times=count)
    assert heard.endswith(b"\r\n\r\nok")
    assert [request.connection for request in provider.accepted] == [1, 1 if kept else 2]
    assert wire.stage.counts()["east"].redials == 0


def test_the_length_in_an_answer_to_head_passes_and_no_body_is_waited_for(wire, provider, clients, kit) -> None:
    _answering(provider, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Kept: 1\r\n\r\n")
    client = clients(wire.edge())
    for count in (1, 2):
        client.say(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n")
        heard = client.hear(b"X-Kept: 1\r\n\r\n", times=count)
    assert heard.count(b"Content-Length: 99") == 2
    assert [request.connection for request in provider.accepted] == [1, 1]


def test_answers_to_head_in_one_segment_are_told_apart_by_the_tap(wire, provider, clients, kit) -> None:
    _answering(provider, b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    client = clients(wire.tap())
    client.say(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" * 9)
    client.hear(b"\r\n\r\n", times=9)
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"] * 9)
    assert all(row.first_byte_s for row in wire.attempts())


def test_an_answer_that_would_end_with_its_connection_is_cut_by_a_reset(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        await line.flushed()
        await asyncio.sleep(0.01)
        line.reset()

    provider.script = script
    client = clients(wire.edge())
    client.say(kit.post())
    assert not client.hear_all().endswith(b"0\r\n\r\n")
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["truncated"])


def test_nonsense_within_an_answer_is_a_cut_after_what_could_be_read(wire, provider, clients, kit) -> None:
    _answering(provider, HEAD + _chunk(b"data: 1\n\n") + b"nonsense\r\n")
    client = clients(wire.edge())
    client.say(kit.post())
    heard = client.hear_all()
    assert b"data: 1\n\n" in heard
    assert not heard.endswith(b"0\r\n\r\n")
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["truncated"])


def test_a_switch_of_protocols_that_nobody_asked_for_is_a_cut(wire, provider, clients, kit) -> None:
    _answering(provider, b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwords")
    client = clients(wire.edge())
    client.say(kit.post())
    assert client.hear_all() == b""
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["unreadable"])


def test_a_provider_that_refuses_half_a_request_is_heard_but_nothing_counts_as_forwarded(
    wire, provider, clients, kit
) -> None:
    refusal = kit.answer(b"too long", status=b"413 Content Too Large", headers=b"Connection: close\r\n")

    def refuse(line, data: bytes) -> None:
        provider.on_bytes = lambda line, data: None
        line.transport.pause_reading()
        line.write(refusal)

    provider.on_bytes = refuse
    client = clients(wire.edge())
    client.say(kit.post(bytes(1 << 25)))
    client.hear(b"too long")
    kit.eventually(lambda: [(row.status, row.forwarded_s) for row in wire.arrivals()] == [(413, None)])
    assert wire.stage.counts()["east"].forwarded == 0


def test_what_held_one_request_back_does_not_hold_back_the_next(wire, provider, clients, kit, monkeypatch) -> None:
    # As where a provider answers before it has taken the last bytes, and its connection ends with that.
    monkeypatch.setattr(
        "harness.running.wire.edge.exchange.Exchange._read", lambda exchange: exchange.hold_back(full=True)
    )
    client = clients(wire.edge())
    for count in (1, 2, 3):
        client.say(kit.post())
        client.hear(kit.WHOLE, times=count)


def test_a_client_that_does_not_read_holds_the_provider_back_and_loses_nothing(wire, provider, clients, kit) -> None:
    size = kit.TOO_MUCH
    unsaid: list[int] = []

    async def script(request, line) -> None:
        line.write(HEAD.replace(b"Transfer-Encoding: chunked", b"Content-Length: %d" % size))
        line.write(bytes(size))

    def held() -> bool:
        """The provider has said a part, and no more of it in the last fifty looks."""
        unsaid.append(provider.lines[0].transport.get_write_buffer_size())
        return 0 < unsaid[-1] < size and unsaid[-50:] == unsaid[-1:] * 50

    provider.script = script
    client = clients(wire.edge())
    client.say(kit.post())
    head = client.hear(b"\r\n\r\n").index(b"\r\n\r\n") + 4
    kit.eventually(held)
    assert wire.arrivals() == []
    client.hear_whole(head + size)
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["complete"])


def test_a_provider_that_does_not_read_holds_the_client_back_so_that_what_is_held_of_a_body_is_bounded(
    wire, provider, clients, kit
) -> None:
    size = kit.TOO_MUCH
    said = [0]
    provider.on_head = lambda line: line.transport.pause_reading()
    client = clients(wire.edge())
    client.say(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size)
    client.socket.setblocking(False)
    body = memoryview(bytes(size))

    def held() -> bool:
        """A part of the body has been taken, and no more of it in the last fifty looks."""
        with suppress(BlockingIOError):
            while said[-1] < size:
                said[-1] += client.socket.send(body[said[-1] :])
        assert said[-1] < size, "all of it was taken, though nobody reads it"
        said.append(said[-1])
        return said[-50:] == said[-1:] * 50

    kit.eventually(held)


def test_a_defect_of_ours_is_a_cut_and_is_said(wire, provider, clients, kit, monkeypatch, caplog) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("harness.running.wire.edge.exchange._Framed", broken)
    # It would say more: a connection whose answer is whole is kept for a while.
    _answering(provider, HEAD + _chunk(b"data: 1\n\n"))
    client = clients(wire.edge())
    with caplog.at_level(logging.ERROR):
        client.say(kit.post())
        assert client.hear_all() == b""
        kit.eventually(lambda: provider.gone == 1)
    assert "link east: a request could not be carried" in caplog.text
    (row,) = wire.arrivals()
    assert (row.nonce, row.outcome) == (kit.NONCE, "broken")
    assert "RuntimeError" in row.detail
    assert wire.stage.counts()["east"].forwarded == 1
