"""The edge in front of a provider that does what the test says; the tap before it passes everything on."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from pathlib import Path

import pytest

from harness.faults.effects import EdgeRule, Fail, Throttle
from harness.faults.requests import Requests
from harness.protocols.nonce import lot, marked, nonce
from harness.protocols.sketch import sketch

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = EdgeRule("east", Throttle(requests_per_min=60, burst=1))
ERRORS = EdgeRule("east", Fail(503))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _event(**said: object) -> bytes:
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def _arrivals(wire) -> list[tuple[str, str, bool]]:
    return [(row.nonce, row.outcome, row.forwarded_s is not None) for row in wire.arrivals()]


@pytest.fixture
def ask(wire, clients, kit):
    """One request and its whole answer, on a connection of its own."""

    def ask(headers: bytes = b"", **options) -> bytes:
        client = clients(wire.tap())
        client.say(kit.post(**options, headers=headers + b"Connection: close\r\n"))
        return client.hear_all()

    return ask


def test_a_request_and_its_answer_are_one_arrival(wire, provider, ask, kit) -> None:
    said = ask(path=b"/v1/chat/completions?key=secret")

    assert said.startswith(b"HTTP/1.1 200 OK\r\n")
    assert said.endswith(kit.WHOLE)
    (row,) = wire.arrivals()
    assert (row.link, row.nonce, row.status, row.outcome) == ("east", kit.NONCE, 200, "complete")
    assert (row.path, row.fault, row.redials) == ("/v1/chat/completions", "", 0)
    assert (row.tokens_in, row.tokens_out) == (7, 3)
    assert row.start_s < row.forwarded_s < row.first_byte_s <= row.end_s
    assert (provider.accepted[0].target, provider.accepted[0].body) == ("/v1/chat/completions?key=secret", kit.BODY)
    assert wire.stage.counts()["east"].forwarded == 1


@pytest.mark.parametrize("target", [b"/a%2Fb/%7Ec?q=%20+%2B&r=a/b", b"/v1/%E4%BD%A0?x=%41", b"//double//slash?a"])
def test_the_target_of_a_request_is_not_changed_by_a_byte(provider, ask, target: bytes) -> None:
    ask(path=target)
    assert provider.accepted[0].target == target.decode()


def test_the_path_of_the_upstream_comes_first(new_wire, provider, clients, kit) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}/base/"})
    client = clients(wire.tap())
    client.say(kit.post(path=b"/v1/x?a=b"))
    client.hear(b"}}")
    assert provider.accepted[0].target == "/base/v1/x?a=b"


def test_headers_of_one_connection_stop_here_and_all_others_pass(wire, provider, ask, kit) -> None:
    async def script(request, line) -> None:
        extra = b"Connection: x-hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\n"
        line.write(kit.answer(headers=extra + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"))

    provider.script = script
    said = ask(
        headers=b"TE: trailers\r\nX-Named: 1\r\nX-Other: 2\r\nConnection: X-Named\r\nAuthorization: Bearer k\r\n"
    )

    head, _, _ = said.lower().partition(b"\r\n\r\n")
    names = sorted(line.split(b":")[0] for line in head.split(b"\r\n")[1:])
    assert names == [b"connection", b"content-length", b"content-type", b"set-cookie", b"set-cookie", b"x-kept"]
    sent = {name.lower() for name, _ in provider.accepted[0].headers}
    assert sent == {"host", "te", "x-other", "authorization", "content-length"}


def test_nobodys_cookies_are_sent_for_another(wire, provider, ask, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(headers=b"Set-Cookie: a=1; Path=/\r\n"))

    provider.script = script
    ask()
    ask()
    assert all(name.lower() != "cookie" for request in provider.accepted for name, _ in request.headers)


def test_pieces_pass_as_they_come(wire, provider, clients, kit) -> None:
    go_on = asyncio.Event()

    async def script(request, line) -> None:
        line.write(HEAD)
        for number in range(5):
            await go_on.wait()
            go_on.clear()
            line.write(_chunk(_event(number=number)))
        line.write(b"0\r\n\r\n")

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    assert client.hear(b"\r\n\r\n").endswith(b"\r\n\r\n")
    for number in range(5):
        assert b'"number": %d' % number not in client.heard
        provider.call(go_on.set)
        client.hear(b'"number": %d}\n\n' % number)
    client.hear(b"0\r\n\r\n")
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "complete", True)])


@pytest.mark.parametrize(
    ("events", "tokens"),
    [
        ([{"choices": [{"delta": {"content": "x" * 41}}]}], (3, 10)),
        (
            [
                {"choices": [{"delta": {"content": "x"}}]},
                {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 9}},
            ],
            (5, 9),
        ),
        (
            [
                {"type": "message_start", "message": {"usage": {"input_tokens": 11, "output_tokens": 1}}},
                {"type": "content_block_delta", "delta": {"text": "hi"}},
                {"type": "message_delta", "usage": {"output_tokens": 6}},
            ],
            (11, 6),
        ),
    ],
)
def test_tokens_are_the_providers_or_else_estimated(wire, provider, ask, events, tokens) -> None:
    async def script(request, line) -> None:
        text = b"".join(_event(**event) for event in events) + b"data: [DONE]\n\n"
        line.write(HEAD + b"".join(_chunk(text[at : at + 13]) for at in range(0, len(text), 13)) + b"0\r\n\r\n")

    provider.script = script
    ask(body=b'{"messages": [{"role": "user", "content": "twelve chars"}]}')
    (row,) = wire.arrivals()
    assert (row.tokens_in, row.tokens_out) == tokens


@pytest.mark.parametrize(
    ("events", "finish"),
    [
        ([{"choices": [{"delta": {"content": "Good"}}]}, {"choices": [{"delta": {"content": " day"}}]}], ""),
        (
            [
                {"choices": [{"delta": {"content": "Good day"}}]},
                {"choices": [{"delta": {}, "finish_reason": "length"}]},
            ],
            "length",
        ),
        (
            [
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Good "}},
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "day"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 6}},
            ],
            "end_turn",
        ),
        (
            [
                {"type": "response.output_text.delta", "delta": "Good day"},
                {"type": "response.completed", "response": {"status": "completed", "output": [{"text": "Good day"}]}},
            ],
            "completed",
        ),
        ([{"candidates": [{"content": {"parts": [{"text": "Good day"}]}, "finishReason": "STOP"}]}], "STOP"),
        ([{"message": {"content": "Good day"}}, {"done": True, "done_reason": "stop"}], "stop"),
    ],
)
def test_what_was_said_is_known_by_its_sketch_and_why_it_ended(wire, provider, ask, events, finish) -> None:
    async def script(request, line) -> None:
        line.write(HEAD + b"".join(_chunk(_event(**event)) for event in events) + b"0\r\n\r\n")

    provider.script = script
    ask()
    (row,) = wire.arrivals()
    assert (row.sketch, row.finish) == (sketch("Good day"), finish)


TOOLS = b'"tools": [{"type": "function", "function": {"name": "search"}}, {"name": "pay"}]'
STREAMED = [
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "search", "arguments": ""}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"q": "sk-secret"}'}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "pay", "arguments": "{}"}}]}}]},
]  # fmt: skip
BLOCKS = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "a", "name": "search", "input": {}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '"sk-secret"'}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "b", "name": "pay", "input": {}}},
]  # fmt: skip


@pytest.mark.parametrize("events", [STREAMED, BLOCKS], ids=["chat", "messages"])
def test_tools_are_named_that_are_offered_called_in_a_stream_and_brought_back(wire, provider, ask, events) -> None:
    async def script(request, line) -> None:
        text = b"".join(_event(**event) for event in events) + b"data: [DONE]\n\n"
        line.write(HEAD + b"".join(_chunk(text[at : at + 13]) for at in range(0, len(text), 13)) + b"0\r\n\r\n")

    provider.script = script
    ask(body=b'{"messages": [{"role": "user", "content": "x"}], ' + TOOLS + b"}")
    said = [
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "search"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "sk-secret"},
    ]
    ask(body=json.dumps({"messages": said}).encode())
    first, second = wire.arrivals()
    assert (first.tools_offered, first.tools_called, first.tool_results) == ("search pay", "search pay", "")
    assert (second.tools_offered, second.tool_results) == ("", "search")
    assert "sk-secret" not in str([first, second])


def test_an_answer_that_only_speaks_of_tools_calls_none(wire, provider, ask, kit) -> None:
    async def script(request, line) -> None:
        body = json.dumps(
            {"choices": [{"message": {"content": '"tool_calls": [{"function": {"name": "pay"}}]'}}]}
        ).encode()
        line.write(kit.answer(body, headers=b"Content-Type: application/json\r\n"))

    provider.script = script
    ask(body=b'{"messages": [{"role": "user", "content": "the tool_result of \\"tool\\""}], "tools": "search"}')
    (row,) = wire.arrivals()
    assert (row.tools_offered, row.tools_called, row.tool_results) == ("", "", "")


def test_what_could_not_be_read_to_its_end_has_no_sketch(wire, provider, ask, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(kit.WHOLE, headers=b"Content-Encoding: compress\r\n"))

    provider.script = script
    ask()
    assert [(row.sketch, row.finish) for row in wire.arrivals()] == [("", "")]


def test_attempts_with_the_same_messages_have_the_same_digest_whatever_their_nonce(wire, ask, kit) -> None:
    ask(body=kit.BODY)
    ask(body=kit.BODY.replace(b"00aa", b"00bb").replace(b'"m"', b'"other"'))
    ask(body=kit.BODY.replace(b"Hello", b"Howdy"))
    ask(body=b"no json")
    mark = marked(kit.NONCE, 2).encode()
    ask(body=kit.BODY.replace(kit.NONCE.encode(), mark))
    first, same, other, none, again = [row.messages_sha256 for row in wire.arrivals()]
    assert first == same == again != other
    # A client that asks again sends the mark of its press, and the row has the nonce of the request.
    told = [(row.nonce, row.press) for row in wire.arrivals()]
    assert (told[0], told[4]) == ((kit.NONCE, 0), (kit.NONCE, 2))
    assert len(first) == 64
    assert none == ""


def test_a_compressed_answer_is_not_touched_but_read(wire, provider, ask, kit) -> None:
    packed = gzip.compress(kit.WHOLE)

    async def script(request, line) -> None:
        line.write(kit.answer(packed, headers=b"Content-Encoding: gzip\r\n"))

    provider.script = script
    assert ask(headers=b"Accept-Encoding: gzip\r\n").endswith(packed)
    assert ("Accept-Encoding", "gzip") in provider.accepted[0].headers
    assert [(row.tokens_in, row.tokens_out) for row in wire.arrivals()] == [(7, 3)]


def test_a_compressed_request_is_not_touched(wire, provider, ask, kit) -> None:
    packed = gzip.compress(kit.BODY)
    ask(body=packed, headers=b"Content-Encoding: gzip\r\n")
    assert provider.accepted[0].body == packed


def test_large_bodies_pass_both_ways(wire, provider, ask, kit) -> None:
    body = bytes(range(256)) * 20_000

    async def script(request, line) -> None:
        line.write(kit.answer(request.body[::-1]))

    provider.script = script
    assert ask(body=body).endswith(body[::-1])
    assert _arrivals(wire) == [("", "complete", True)]


def test_a_chunked_request_arrives_whole(wire, provider, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(b"POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + _chunk(kit.BODY[:70]))
    client.say(_chunk(kit.BODY[70:]) + b"0\r\n\r\n")
    client.hear(b"}}")
    assert provider.accepted[0].body == kit.BODY
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "complete", True)])
    assert wire.attempts()[0].nonce == kit.NONCE


def test_pipelined_requests_are_all_answered_in_order(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(request.target.encode()))

    provider.script = script
    client = clients(wire.tap())
    client.say(b"".join(kit.post(path=b"/%d." % number) for number in range(4)))
    heard = client.hear(b"/3.")
    assert [heard.find(b"\r\n\r\n/%d." % number) for number in range(4)] == sorted(
        heard.index(b"\r\n\r\n/%d." % number) for number in range(4)
    )
    kit.eventually(lambda: len(wire.attempts()) == len(wire.arrivals()) == 4)


def test_a_client_of_http_1_0_gets_no_chunks(wire, provider, clients) -> None:
    async def script(request, line) -> None:
        line.write(HEAD + _chunk(b"one") + _chunk(b"two") + b"0\r\n\r\n")

    provider.script = script
    client = clients(wire.tap())
    client.say(b"GET /a HTTP/1.0\r\n\r\n")
    assert client.hear_all().endswith(b"\r\n\r\nonetwo")


def test_head_is_answered_by_a_head_alone(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nX-Kept: 1\r\n\r\n")

    provider.script = script
    client = clients(wire.tap())
    client.say(b"HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    kit.eventually(lambda: len(wire.attempts()) == 2)
    assert [request.method for request in provider.accepted] == ["HEAD", "HEAD"]
    client.leave()
    kit.eventually(lambda: len(wire.arrivals()) == 2)
    assert {(row.method, row.outcome) for row in wire.attempts()} == {("HEAD", "complete")}


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_a_status_without_a_body_ends_by_itself(wire, provider, clients, kit, status: bytes) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 " + status + b"\r\n\r\n")

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post() * 2)
    kit.eventually(lambda: len(wire.attempts()) == len(wire.arrivals()) == 2)
    assert {row.outcome for row in wire.attempts()} == {"complete"}


def test_who_asks_whether_to_go_on_is_told_to_by_the_provider(wire, provider, clients, kit) -> None:
    provider.on_head = lambda line: line.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    client = clients(wire.tap())
    client.say(b"POST /v1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    client.hear(b"HTTP/1.1 100 Continue\r\n\r\n")
    client.say(b"body")
    client.hear(b"}}")
    assert provider.accepted[0].body == b"body"
    assert ("Expect", "100-continue") in provider.accepted[0].headers
    kit.eventually(lambda: [row.status for row in wire.attempts()] == [200])


def test_early_hints_of_the_provider_do_no_harm(wire, provider, ask, kit) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + kit.answer())

    provider.script = script
    assert ask().endswith(kit.WHOLE)
    assert _arrivals(wire) == [(kit.NONCE, "complete", True)]


def test_an_answer_that_ends_with_its_connection_ends_cleanly(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
        line.close()

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    assert b"until the end" in client.hear(b"\r\n0\r\n\r\n")


# How the provider fails, and how that reaches the client.


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize(
    "said",
    [HEAD + _chunk(b"data: 1\n\n"), b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"],
    ids=["chunked", "sized"],
)
def test_an_answer_cut_by_the_provider_is_cut_for_the_client(wire, provider, clients, kit, said, end) -> None:
    async def script(request, line) -> None:
        line.write(said)
        await line.flushed()
        await asyncio.sleep(0.01)
        getattr(line, end)()

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    heard = client.hear_all()
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert not heard.endswith(b"0\r\n\r\n")
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "truncated", True)])
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["truncated"])


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("said", [b"", HEAD + _chunk(b"data: 1\n\n")], ids=["before it answers", "within its answer"])
def test_a_reset_by_the_provider_is_a_reset_for_the_client_and_a_close_a_close(
    wire, provider, clients, kit, said, end
) -> None:
    async def script(request, line) -> None:
        line.write(said)

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(said[-9:]) if said else kit.eventually(lambda: provider.accepted)
    provider.call(getattr(provider.lines[0], end))
    assert client.hear_all().endswith(said[-9:])
    assert client.end == end


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_a_request_that_a_provider_reads_on_a_kept_connection_and_drops_is_not_sent_again(
    wire, provider, clients, kit, end, method
) -> None:
    async def script(request, line) -> None:
        if line.number == 1 and line.nth == 2:
            getattr(line, end)()
        else:
            line.write(kit.answer())

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post().replace(b"POST", method))
    client.hear(kit.WHOLE)
    client.say(kit.post().replace(b"POST", method))
    client.hear_all()

    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "complete", True), (kit.NONCE, "closed", True)])
    assert [(request.connection, request.nth) for request in provider.accepted] == [(1, 1), (1, 2)]
    counts = wire.stage.counts()["east"]
    assert (counts.attempts, counts.arrivals, counts.forwarded, counts.redials) == (2, 2, 2, 0)


def test_an_answer_that_had_begun_is_not_asked_for_again(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer() if line.nth == 1 else b"HTTP/1.1 200 OK\r\nContent-")
        if line.nth == 2:
            await line.flushed()
            line.close()

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(b"}}")
    client.say(kit.post())
    client.hear_all()
    kit.eventually(lambda: len(wire.arrivals()) == 2)
    assert len(provider.accepted) == 2
    assert wire.stage.counts()["east"].redials == 0


@pytest.mark.parametrize("leave", ["leave", "reset"])
@pytest.mark.parametrize("said", [b"", HEAD + _chunk(b"data: 1\n\n")], ids=["before", "within"])
def test_a_client_that_hangs_up_ends_the_upstream_request(wire, provider, clients, kit, leave, said) -> None:
    async def script(request, line) -> None:
        line.write(said)

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    kit.eventually(lambda: provider.accepted)
    if said:
        client.hear(b"data: 1")
    getattr(client, leave)()
    kit.eventually(lambda: provider.gone == 1)
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "client_left", True)])


def test_half_a_request_is_an_attempt_but_no_arrival(wire, provider, clients, kit) -> None:
    half, whole = clients(wire.tap()), clients(wire.tap())
    half.say(kit.post()[:-5])
    kit.eventually(lambda: wire.stage.counts()["east"].attempts == 1)
    half.leave()
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["client_left"])
    whole.say(kit.post())
    whole.hear(b"}}")
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "complete", True)])
    assert len(provider.accepted) == wire.stage.counts()["east"].arrivals == 1


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"nonsense\r\n\r\n", "status line"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "TLS"),
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
        (b"HTTP/2 200 OK\r\n\r\n", "HTTP/1.x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "differ"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok", "no number"),
        (b"HTTP/1.1 200 OK\r\nsk-aaaa\r\nContent-Length: 2\r\n\r\nok", "colon"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * (1 << 18), "longer"),
    ],
    ids=["words", "TLS", "frames", "version", "two lengths", "no length", "no colon", "endless"],
)
def test_an_answer_that_cannot_be_read_is_a_cut_and_row_and_log_say_why(
    wire, provider, clients, kit, caplog, said, reason
) -> None:
    async def script(request, line) -> None:
        line.write(said)

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    assert client.hear_all() == b""
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "unreadable", True)])
    assert reason in wire.arrivals()[0].detail
    assert "link east: " in caplog.text
    assert reason in caplog.text
    assert "sk-aaaa" not in caplog.text + wire.arrivals()[0].detail


# Faults that the edge makes.


def _head(said: bytes) -> dict[str, str]:
    lines = said.decode().partition("\r\n\r\n")[0].split("\r\n")[1:]
    return {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}


def test_above_the_rate_the_edge_answers_as_openai_does(wire, provider, ask, kit) -> None:
    wire.stage.inject("f", LIMIT)
    allowed, denied = ask(), ask()

    assert _head(allowed)["x-ratelimit-remaining-requests"] == "0"
    assert "retry-after" not in _head(allowed)
    assert denied.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
    head = _head(denied)
    assert (head["retry-after"], head["x-ratelimit-limit-requests"]) == ("1", "60")
    assert 0 < int(head["retry-after-ms"]) <= 1000
    assert b"Rate limit reached for m in organization" in denied
    assert len(provider.accepted) == 1
    _, row = wire.arrivals()
    assert (row.fault, row.status, row.outcome, row.forwarded_s) == ("f", 429, "answered_by_fault", None)
    counts = wire.stage.counts()["east"]
    assert (counts.by_fault, counts.forwarded, counts.arrivals) == ({"f": 1}, 1, 2)


def test_a_streamed_answer_is_told_of_the_limit_in_the_providers_place(wire, provider, ask) -> None:
    async def script(request, line) -> None:
        head = HEAD.replace(b"\r\n\r\n", b"\r\nX-RateLimit-Limit-Requests: 9\r\nx-ratelimit-limit-tokens: 5\r\n\r\n")
        line.write(head + _chunk(b"data: 1\n\n") + b"0\r\n\r\n")

    provider.script = script
    wire.stage.inject("f", LIMIT)
    said = ask()
    assert said.lower().count(b"x-ratelimit-limit-requests") == 1
    head = _head(said)
    assert (head["x-ratelimit-limit-requests"], head["x-ratelimit-limit-tokens"]) == ("60", "5")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_long_request_that_a_fault_answers_never_reaches_the_provider_whole(
    wire, provider, clients, kit, chunked
) -> None:
    wire.stage.inject("errors-1", ERRORS)
    body = b'{"messages":"%b n-00000000aa"}' % (b"x" * (1 << 21))
    client = clients(wire.tap())
    head = b"POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    client.say(head + _chunk(body) + b"0\r\n\r\n" if chunked else kit.post(body))
    assert client.hear(b"}}").startswith(b"HTTP/1.1 503 ")
    assert (provider.accepted, wire.stage.counts()["east"].forwarded) == ([], 0)
    assert [(row.nonce, row.outcome, row.fault) for row in wire.arrivals()] == [
        (kit.NONCE, "answered_by_fault", "errors-1")
    ]
    wire.stage.revert("errors-1", ERRORS)
    client.say(kit.post())
    client.hear(kit.WHOLE)


def test_a_long_request_that_a_limit_lets_pass_arrives_whole_and_its_answer_tells_of_the_limit(
    wire, provider, ask, kit
) -> None:
    wire.stage.inject("limit-1", LIMIT)
    body = b'{"messages":"%b n-00000000aa"}' % (b"x" * (1 << 21))
    assert b"x-ratelimit-limit-requests: 60\r\n" in ask(body=body)
    assert [request.body for request in provider.accepted] == [body]


def test_what_a_provider_says_before_a_request_is_whole_is_in_its_place_where_a_fault_says_so(
    wire, provider, clients, kit
) -> None:
    wire.stage.inject("errors-1", ERRORS)
    provider.on_head = lambda line: line.write(kit.answer(b"no", status=b"401 Unauthorized"))
    client = clients(wire.edge())
    client.say(b"POST /v1 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    assert client.hear_all().startswith(b"HTTP/1.1 503 ")
    assert [row.outcome for row in wire.arrivals()] == ["answered_by_fault"]


def test_a_share_of_all_fails_all_until_the_fault_ends(wire, provider, ask) -> None:
    wire.stage.inject("f", ERRORS)
    wire.stage.inject("f", ERRORS)
    assert ask().startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    wire.stage.revert("f", ERRORS)
    wire.stage.revert("f", ERRORS)
    assert ask().startswith(b"HTTP/1.1 200 OK\r\n")
    assert wire.stage.counts()["east"].by_fault == {"f": 1}


def test_with_one_seed_the_same_requests_fail_on_two_wires_whatever_their_runs_are_called(
    new_wire, provider, clients, kit
) -> None:
    def failed(run: str) -> set[str]:
        wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
        wire.stage.inject("f", EdgeRule("east", Fail(503), Requests(share_ratio=0.5)))
        for index in range(16):
            client = clients(wire.tap())
            client.say(kit.post(b'{"messages": [{"content": "Hello? [%b]"}]}' % nonce(run, index).encode()))
            client.hear(b"HTTP/1.1 ")
        wire.stage.finish()
        rows = wire.arrivals()
        assert len(rows) == 16
        return {lot(row.nonce) for row in rows if row.fault}

    first = failed("a run")
    assert first == failed("another")
    assert 0 < len(first) < 16


def test_a_fault_on_one_link_leaves_the_others_alone(new_wire, provider, clients, kit) -> None:
    url = f"http://127.0.0.1:{provider.port}"
    wire = new_wire({"east": url, "west": url})
    wire.stage.inject("f", ERRORS)
    for link, status in (("east", b"503"), ("west", b"200")):
        client = clients(wire.tap(link))
        client.say(kit.post())
        client.hear(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(("api", "words"), [("openai", b'"code": "server_is_overloaded"'), ("none", b"\r\n\r\n503 ")])
def test_a_fault_errs_in_the_words_of_the_links_api(new_wire, provider, clients, kit, api, words) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, api=api)
    wire.stage.inject("f", ERRORS)
    client = clients(wire.tap())
    client.say(kit.post())
    said = client.hear(words)
    assert said.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert (b"x-request-id" in said) == (api == "openai")


def test_a_limit_where_no_api_words_it_says_only_when_to_come_again(new_wire, provider, clients, kit) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, api="none")
    wire.stage.inject("f", LIMIT)
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(kit.WHOLE)
    client.say(kit.post())
    said = client.hear(b"429 Too Many Requests\n").lower()
    assert b"x-ratelimit" not in said
    assert b"retry-after: 1\r\n" in said


def test_the_undo_of_a_fault_can_be_sent_by_anybody(wire, ask) -> None:
    wire.stage.inject("a fault/1", ERRORS)
    (undo,) = wire.stage.undo_requests("a fault/1", ERRORS)
    assert undo["method"] == "DELETE"
    host, _, path = undo["url"].removeprefix("http://").partition("/")
    with socket.create_connection((host.split(":")[0], int(host.split(":")[1]))) as sender:
        sender.sendall(f"DELETE /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert sender.recv(100).startswith(b"HTTP/1.1 204")
    assert ask().startswith(b"HTTP/1.1 200 OK")


def test_the_probe_is_answered_by_the_edge_and_counted_nowhere(wire, provider, clients) -> None:
    wire.stage.inject("f", ERRORS)
    client = clients(wire.edge())
    client.say(b"GET /.harness/probe HTTP/1.1\r\nHost: x\r\nx-harness-probe: 1\r\nConnection: close\r\n\r\n")
    assert client.hear_all().startswith(b"HTTP/1.1 204 ")
    assert wire.arrivals() == provider.accepted == []
    counts = wire.stage.counts()["east"]
    assert (counts.arrivals, counts.forwarded, counts.by_fault) == (0, 0, {})


def test_without_its_header_a_probe_is_a_request_like_any_other(wire, provider, clients) -> None:
    client = clients(wire.edge())
    client.say(b"GET /.harness/probe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert client.hear_all().startswith(b"HTTP/1.1 200 ")
    assert len(provider.accepted) == len(wire.arrivals()) == 1


def test_no_secret_reaches_a_row(wire, ask, provider) -> None:
    secrets = [b"sk-aaaa", b"key-bbbb", b"key-cccc", b"key-dddd", b"cook-eeee"]
    headers = b"Authorization: Bearer %b\r\napi-key: %b\r\nx-api-key: %b\r\nCookie: s=%b\r\n" % (
        secrets[0], secrets[1], secrets[2], secrets[4],
    )  # fmt: skip
    ask(headers=headers, path=b"/v1?key=" + secrets[3])

    assert ("Authorization", "Bearer sk-aaaa") in provider.accepted[0].headers
    written = b"".join(path.read_bytes() for path in Path(wire.rows).glob("*.rows"))
    assert written
    assert not [secret for secret in secrets if secret in written]


@pytest.mark.parametrize(
    "line", [b"Authorization: Bearer sk-aaaa\x00\r\n", b"sk-aaaa\r\n", b"X: sk-aaaa" + b"a" * 70_000]
)
def test_a_secret_in_what_cannot_be_read_reaches_no_log(wire, clients, caplog, capfd, line) -> None:
    client = clients(wire.tap())
    client.say(b"POST /v1 HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n\r\n")
    assert client.hear(b" 400 ")
    out, err = capfd.readouterr()
    assert "sk-aaaa" not in caplog.text + out + err


# TLS.


@pytest.fixture
def tls(new_authority, new_provider, monkeypatch):
    """A provider that is vouched for under the given names, by somebody whom this machine trusts or not."""

    def make(*names, trusted=True):
        authority, context = new_authority(*names)
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        return new_provider(tls=context)

    return make


def test_a_provider_behind_tls_is_reached_when_its_certificate_is_trusted(new_wire, tls, clients, kit) -> None:
    provider = tls("localhost")
    wire = new_wire({"east": f"https://localhost:{provider.port}"})
    client = clients(wire.tap())
    for count in (1, 2):
        client.say(kit.post())
        client.hear(kit.WHOLE, times=count)
    kit.eventually(lambda: _arrivals(wire) == [(kit.NONCE, "complete", True)] * 2)
    assert len(provider.lines) == 1


def test_a_provider_whose_certificate_is_not_trusted_is_not_spoken_to(new_wire, tls, clients, kit) -> None:
    provider = tls("localhost", trusted=False)
    wire = new_wire({"east": f"https://localhost:{provider.port}"})
    client = clients(wire.tap())
    client.say(kit.post())
    assert client.hear_all() == b""
    assert _arrivals(wire) == [(kit.NONCE, "closed", False)]
    assert provider.accepted == []


@pytest.mark.parametrize("name", ["elsewhere.example", "127.0.0.1"])
def test_a_provider_that_is_vouched_for_under_another_name_is_not_spoken_to(new_wire, tls, clients, kit, name) -> None:
    provider = tls(name)
    wire = new_wire({"east": f"https://localhost:{provider.port}"})
    client = clients(wire.tap())
    client.say(kit.post())
    assert client.hear_all() == b""
    assert _arrivals(wire) == [(kit.NONCE, "closed", False)]
    assert provider.accepted == []
