"""What a fault of streams does to one, from the edge to a client on a bare socket, wherever the pieces of the stream end."""

from __future__ import annotations

import asyncio
import gzip
import json
from functools import partial

import pytest
from wire_shapes.streams import BEFORE, CONTENT, CONVERSE, STREAMS, WORDS

from harness.faults.effects import CutStream, EdgeRule, SlowStream, SpoilAnswer, SpoilStream, StallStream
from harness.faults.requests import Ramp, Requests
from harness.protocols.amazon_frames import CONTENT_TYPE, framed
from harness.protocols.model_stream import error_event

MALFORMED = b'{"contentBlockIndex":0,"delta":{"text":" well"}}'[:24]
KIND = b"Content-Type: text/event-stream; charset=utf-8\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n"
SIZES = [1, 7, 160, 10**6]


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _body(heard: bytes) -> bytes:
    """The body of a chunked answer, as far as it has come."""
    body, rest = b"", heard.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


def _data(body: bytes) -> list[str]:
    """What each event says."""
    return [line.removeprefix("data: ") for line in body.decode().splitlines() if line.startswith("data: ")]


@pytest.fixture
def streams(provider):
    """Has the provider stream *events*, *size* bytes to a chunk; where it does not *end*, more may come."""

    def start(events: list[bytes], size: int = 10**6, *, end: bytes = b"0\r\n\r\n", head: bytes = HEAD) -> bytes:
        text = b"".join(events)
        said = head + b"".join(_chunk(text[at : at + size]) for at in range(0, len(text), size)) + end

        async def script(request, line) -> None:
            line.write(said)

        provider.script = script
        return said

    return start


@pytest.fixture
def ask(wire, clients, kit):
    """A client that has asked, through the tap; *faults* are in force."""

    def start(*rules, **requests):
        for number, rule in enumerate(rules):
            wire.stage.inject(f"f{number}", EdgeRule("east", rule, Requests(**requests)))
        client = clients(wire.tap())
        client.say(kit.post(kit.BODY[:-1] + b',"stream":true}'))
        return client

    return start


@pytest.fixture
def ended(wire, kit):
    """The outcome of the only request, at tap and edge, and what hit it."""

    def rows():
        kit.eventually(lambda: wire.arrivals() and wire.attempts(), "rows of the request")
        (arrival,), (attempt,) = wire.arrivals(), wire.attempts()
        return attempt.outcome, arrival.outcome, arrival.hit_by

    return rows


@pytest.mark.parametrize("by", ["reset", "close", "end"])
@pytest.mark.parametrize(("api", "size", "after"), [
    ("chat", 1, 3), ("chat", 7, 1), ("chat", 160, 0), ("chat", 10**6, 6),
    ("responses", 7, 2), ("responses", 10**6, 6), ("messages", 1, 0), ("messages", 160, 5), ("gemini", 7, 0), ("gemini", 160, 4),
])  # fmt: skip
def test_a_stream_is_cut_at_exactly_the_event_that_was_asked_for(ask, streams, ended, api, size, after, by) -> None:
    events = STREAMS[api]
    streams(events, size, end=b"")
    client = ask(CutStream(after, by))
    if by == "end":
        client.hear(b"0\r\n\r\n")
    else:
        client.hear_all()
        assert client.end == by
        assert not client.heard.endswith(b"0\r\n\r\n")
    assert _body(client.heard) == b"".join(events[: BEFORE[api] + after])
    assert ended() == ("complete" if by == "end" else "truncated", "cut_by_fault", "f0")


def test_a_stream_that_ends_in_good_order_leaves_the_connection_for_the_next_request(ask, streams, kit, wire) -> None:
    streams(STREAMS["chat"])
    client = ask(CutStream(2, "end"))
    client.hear(b"0\r\n\r\n")
    wire.stage.revert("f0", EdgeRule("east", CutStream(2, "end")))
    client.say(kit.post(kit.BODY[:-1] + b',"stream":true}'))
    client.hear(b"[DONE]")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\n"])
def test_a_stream_is_cut_where_it_should_be_with_comments_and_however_its_lines_end(ask, streams, end, size) -> None:
    events = [event.replace(b"\n", end) for event in STREAMS["chat"]]
    events = [part for event in events for part in (b": keep alive" + end + end, event)]
    streams(events, size, end=b"")
    client = ask(CutStream(2, "close"))
    client.hear_all()
    assert _body(client.heard).rstrip() == b"".join(events[:6]).rstrip()


@pytest.mark.parametrize("rule", [
    CutStream(7, "close"), StallStream(7), SpoilStream("malformed", 6), SpoilStream("reordered", 5),
], ids=repr)  # fmt: skip
@pytest.mark.parametrize("size", [1, 10**6])
def test_a_stream_that_gives_a_fault_nothing_to_do_passes_as_it_is_and_is_not_hit(
    ask, streams, ended, rule, size
) -> None:
    streams(STREAMS["chat"], size)
    client = ask(rule)
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["chat"])
    assert ended() == ("complete", "complete", "")


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize("kind", [
    b"", b"Content-Type: text/plain\r\n", b"Content-Type: application/json\r\n", b"Content-Type: application/x-ndjson\r\n",
])  # fmt: skip
def test_a_stream_is_one_whatever_its_head_calls_it_and_measured_as_what_is_left_of_it(
    ask, streams, ended, wire, kind, size
) -> None:
    events = [b"\xef\xbb\xbf: hello\n\n", *STREAMS["chat"]]
    streams(events, size, end=b"", head=b"HTTP/1.1 201 Created\r\n" + kind + b"Transfer-Encoding: chunked\r\n\r\n")
    client = ask(CutStream(3, "end"))
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(events[: 1 + BEFORE["chat"] + 3])
    assert ended() == ("complete", "cut_by_fault", "f0")
    assert wire.arrivals()[0].tokens_from == "estimate"


def test_an_answer_in_one_piece_where_a_stream_was_asked_for_passes_as_it_is(ask, provider, ended, kit) -> None:
    said = b'{"data": "no stream"}'

    async def script(request, line) -> None:
        line.write(kit.answer(said))

    provider.script = script
    client = ask(CutStream(0, "end"), SpoilAnswer("empty"))
    assert _body(client.hear(b"0\r\n\r\n")) == said
    assert ended() == ("complete", "complete", "")


@pytest.mark.parametrize("rule", [CutStream(0, "end"), SpoilAnswer("empty")], ids=repr)
def test_what_waits_to_be_told_is_let_go_of_when_its_fault_ends(ask, provider, wire, rule) -> None:
    going = []

    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndat")
        going.append(line)

    provider.script = script
    client = ask(rule)
    client.hear(b"\r\n\r\n")
    wire.stage.revert("f0", EdgeRule("east", rule))
    client.hear(b"dat")
    provider.call(lambda: (going[0].write(b"a: x\n\n"), going[0].close()))
    assert _body(client.hear(b"0\r\n\r\n")) == b"data: x\n\n"


@pytest.mark.parametrize("head", [
    b"HTTP/1.1 503 Busy\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n",
])  # fmt: skip
def test_what_is_no_stream_that_can_be_read_is_not_hit(ask, streams, ended, wire, head) -> None:
    streams(STREAMS["chat"], head=head)
    client = ask(CutStream(0, "end"), SlowStream(60))
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["chat"])
    assert ended() == ("complete", "complete", "")
    assert [(row.came_to, row.picked) for row in wire.arrivals()] == [("f0 f1", "f0 f1")]


def test_the_provider_is_asked_for_a_stream_that_is_not_compressed_and_only_for_a_fault_that_reads_it(
    ask, streams, provider, wire, clients, kit
) -> None:
    streams(STREAMS["chat"])
    asking = kit.post(headers=b"Accept-Encoding: gzip, br\r\n")
    plain = clients(wire.tap())
    plain.say(asking)
    plain.hear(b"[DONE]")
    ask(CutStream(1, "end")).hear(b"0\r\n\r\n")
    read = clients(wire.tap())
    read.say(asking)
    read.hear(b"0\r\n\r\n")
    said = [[value for name, value in request.headers if name == "Accept-Encoding"] for request in provider.accepted]
    assert said == [["gzip, br"], ["identity"], ["identity"]]


def test_a_stream_compressed_all_the_same_passes_byte_by_byte(ask, provider, ended) -> None:
    packed = gzip.compress(b"".join(STREAMS["chat"]))
    said = (
        b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    )

    async def script(request, line) -> None:
        line.write(said)

    provider.script = script
    client = ask(CutStream(1, "close"))
    assert client.hear_whole(len(said)) == said
    assert ended() == ("complete", "complete", "")


def test_the_head_and_what_comes_before_content_are_told_at_once_and_the_first_token_late(ask, streams, ended) -> None:
    streams(STREAMS["messages"])
    client = ask(SlowStream(0.4))
    client.hear(b"content_block_start")
    assert client.silent_for(0.1)
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["messages"])
    assert ended() == ("complete", "complete", "f0")


@pytest.mark.parametrize(
    "rule", [SlowStream(0, 0.01), SlowStream(0, 0, 20_000), SlowStream(0.01, 0.01, 40_000)], ids=repr
)
@pytest.mark.parametrize("size", [7, 10**6])
def test_a_stream_drips_and_nothing_is_lost(ask, streams, ended, rule, size) -> None:
    streams(STREAMS["responses"], size)
    client = ask(rule)
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["responses"])
    assert ended() == ("complete", "complete", "f0")


def test_a_stream_is_as_slow_as_its_ramps_have_come_when_it_is_asked_for() -> None:
    falls, climbs = Ramp(4.0, 10.0), Ramp(0.0, 10.0)
    rule = SlowStream(2.0, 0.4, 1000, falls, climbs, Ramp(3000.0, 10.0))
    assert rule.at(0.0) == SlowStream(4.0, 0.0, 3000)
    assert rule.at(5.0) == SlowStream(3.0, 0.2, 2000)
    assert rule.at(99.0) == SlowStream(2.0, 0.4, 1000)


@pytest.mark.parametrize(("start_s", "late"), [(30.0, True), (0.0, False)])
def test_a_first_token_that_climbs_or_falls_is_late_by_what_it_is_now(ask, streams, start_s: float, late: bool) -> None:
    streams(STREAMS["chat"])
    client = ask(SlowStream(30.0 - start_s, first_token_ramp=Ramp(start_s, 3600.0)))
    client.hear(STREAMS["chat"][0])
    assert client.silent_for(0.05) if late else client.hear(b" day")


def test_a_stalled_stream_goes_on_after_its_time(ask, streams, ended) -> None:
    streams(STREAMS["chat"])
    client = ask(StallStream(2, 0.4))
    assert _body(client.hear(b" day")) == b"".join(STREAMS["chat"][:3])
    assert client.silent_for(0.1)
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["chat"])
    assert ended() == ("complete", "complete", "f0")


def test_a_stream_that_stalls_as_long_as_the_fault_lasts_goes_on_when_that_is_reverted(
    ask, streams, wire, ended
) -> None:
    streams(STREAMS["chat"])
    client = ask(StallStream(3))
    client.hear(b" 30")
    assert client.silent_for(0.2)
    wire.stage.revert("f0", EdgeRule("east", StallStream(3)))
    assert _body(client.hear(b"0\r\n\r\n")) == b"".join(STREAMS["chat"])
    assert ended() == ("complete", "complete", "f0")


@pytest.mark.parametrize("rule", [CutStream(5, "reset"), SlowStream(0, 30), SpoilStream("reordered", 0)], ids=repr)
def test_a_fault_that_ends_in_the_middle_of_a_stream_lets_the_rest_of_it_pass(ask, provider, wire, rule) -> None:
    """The half of an event that it had held included, and what it was about to put behind another one."""
    text, going = b"".join(STREAMS["chat"]), []
    half = text.index(b" day") + (0 if rule.__class__ is SpoilStream else 60)

    async def script(request, line) -> None:
        going.append(line)
        line.write(HEAD + _chunk(text[:half]))

    provider.script = script
    client = ask(rule)
    client.hear(b"assistant")
    wire.stage.revert("f0", EdgeRule("east", rule))
    provider.call(partial(going[0].write, _chunk(text[half:]) + b"0\r\n\r\n"))
    assert _body(client.hear(b"0\r\n\r\n")) == text


def test_a_client_that_leaves_a_stalled_stream_has_it_forgotten(ask, streams, provider, kit, ended) -> None:
    streams(STREAMS["chat"], end=b"")
    client = ask(StallStream(1))
    client.hear(b"On")
    client.leave()
    assert ended() == ("client_left", "client_left", "f0")
    kit.eventually(lambda: provider.gone == 1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("api", list(STREAMS))
def test_an_event_is_malformed_comes_twice_or_too_late(wire, ask, streams, api, size) -> None:
    events, at = STREAMS[api], BEFORE[api] + 2
    streams(events, size)
    for flaw, told in (("duplicated", [events[at], events[at]]), ("reordered", [events[at + 1], events[at]])):
        rest = events[at + (2 if flaw == "reordered" else 1) :]
        client = ask(SpoilStream(flaw, 2))
        assert _body(client.hear(b"0\r\n\r\n")) == b"".join([*events[:at], *told, *rest])
    said = _data(_body(ask(SpoilStream("malformed", 2)).hear(b"0\r\n\r\n")))
    assert len(said) == len(events)
    for number, data in enumerate(said):
        if number == at:
            with pytest.raises(json.JSONDecodeError):
                json.loads(data)
        elif data != "[DONE]":
            json.loads(data)


@pytest.mark.parametrize("size", [1, 10**6])
@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("chat", '"server_error"'),
        ("responses", '"server_error"'),
        ("messages", '"overloaded_error"'),
        ("gemini", '"UNAVAILABLE"'),
    ],
)
def test_an_error_comes_inside_a_200_in_the_words_of_the_api_and_nothing_after_it(
    ask, streams, ended, api, said, size
) -> None:
    events = STREAMS[api]
    streams(events, size, end=b"")
    told = _body(ask(SpoilStream("error", 2)).hear(b"0\r\n\r\n"))
    before = b"".join(events[: BEFORE[api] + 2])
    assert told.startswith(before)
    (error,) = _data(told[len(before) :])
    assert said in error
    assert "message" in json.loads(error).get("error", json.loads(error))
    assert ended() == ("complete", "cut_by_fault", "f0")


MISSING = [
    ("chat", "no_finish", [7]), ("chat", "no_usage", [8]), ("chat", "no_end", [9]),
    ("responses", "no_finish", [9]), ("responses", "no_end", [9]), ("messages", "no_finish", [9]), ("messages", "no_end", [10]),
]  # fmt: skip


@pytest.mark.parametrize(("api", "flaw", "missing"), MISSING)
def test_an_event_never_comes(ask, streams, ended, api, flaw, missing) -> None:
    streams(STREAMS[api], 160)
    kept = [event for number, event in enumerate(STREAMS[api]) if number not in missing]
    assert _body(ask(SpoilStream(flaw)).hear(b"0\r\n\r\n")) == b"".join(kept)
    assert ended() == ("complete", "complete", "f0")


def test_of_an_event_that_says_something_else_too_the_rest_is_told(ask, streams) -> None:
    last = b'data: {"choices":[{"delta":{"content":"!"},"finish_reason":"stop"}],"usage":{"total_tokens":1}}\n\n'
    streams([last])
    assert _data(_body(ask(SpoilStream("no_finish"), SpoilStream("no_usage")).hear(b"0\r\n\r\n"))) == [
        '{"choices":[{"delta":{"content":"!"},"finish_reason":null}]}'
    ]
    streams(STREAMS["messages"])
    told = _body(ask(SpoilStream("no_usage")).hear(b"0\r\n\r\n"))
    assert b"usage" not in told
    assert len(_data(told)) == len(STREAMS["messages"])


def test_several_faults_act_on_one_stream_each_on_what_the_one_before_it_left(ask, streams, ended) -> None:
    streams(STREAMS["chat"], 7)
    client = ask(SpoilStream("duplicated", 0), SlowStream(0.01), CutStream(3, "reset"))
    client.hear_all()
    events = STREAMS["chat"]
    assert _body(client.heard) == b"".join([*events[:2], events[1], events[2]])
    assert client.end == "reset"
    assert ended() == ("truncated", "cut_by_fault", "f0 f1 f2")


def test_a_share_of_streams_is_cut_and_the_others_are_whole(wire, ask, streams, kit) -> None:
    streams(STREAMS["chat"])
    told = [_body(ask(CutStream(CONTENT, "end"), share_ratio=0.5).hear(b"0\r\n\r\n")) for _ in range(30)]
    kit.eventually(lambda: len(wire.arrivals()) == 30)
    cut = [b"[DONE]" not in body for body in told]
    assert 5 <= sum(cut) <= 25
    assert sum(row.hit_by == row.picked == "f0" for row in wire.arrivals()) == sum(cut)


def test_of_an_event_of_geminis_that_says_all_at_once_the_rest_is_told(ask, streams) -> None:
    streams(STREAMS["gemini"])
    told = [
        json.loads(data)
        for data in _data(_body(ask(SpoilStream("no_finish"), SpoilStream("no_usage")).hear(b"0\r\n\r\n")))
    ]
    assert [[part["text"] for part in one["candidates"][0]["content"]["parts"]] for one in told[:-1]] == [
        [w] for w in WORDS
    ]
    assert "finishReason" not in json.dumps(told)
    assert "usageMetadata" not in json.dumps(told)


FRAMED = HEAD.replace(b"text/event-stream; charset=utf-8", CONTENT_TYPE.encode())


@pytest.mark.parametrize("size", [1, 160])
@pytest.mark.parametrize(
    ("rule", "left"),
    [
        (CutStream(2, "end"), CONVERSE[:3]),
        (CutStream(0, "end"), CONVERSE[:1]),
        (SlowStream(0.01), CONVERSE),
        (StallStream(3, 0.05), CONVERSE),
        (SpoilStream("duplicated", 1), [*CONVERSE[:2], CONVERSE[2], *CONVERSE[2:]]),
        (SpoilStream("reordered", 1), [*CONVERSE[:2], CONVERSE[3], CONVERSE[2], *CONVERSE[4:]]),
        (SpoilStream("malformed", 5), [*CONVERSE[:6], framed("contentBlockDelta", MALFORMED), *CONVERSE[7:]]),
        (SpoilStream("error", 2), [*CONVERSE[:3], error_event("bedrock")]),
        (SpoilStream("no_finish"), [*CONVERSE[:8], CONVERSE[9]]),
        (SpoilStream("no_usage"), [*CONVERSE[:9], framed("metadata", b'{"metrics":{"latencyMs":9}}')]),
    ],
    ids=repr,
)
def test_faults_of_streams_act_on_bedrocks_frames(ask, streams, ended, rule, left, size) -> None:
    streams(CONVERSE, size, head=FRAMED)
    assert _body(ask(rule).hear(b"\r\n0\r\n\r\n")) == b"".join(left)
    assert ended()[2] == "f0"


def test_what_only_says_that_it_is_of_frames_passes_as_it_is_and_is_not_hit(ask, streams, ended) -> None:
    streams([b"this is no frame of anybody's"], head=FRAMED)
    assert _body(ask(CutStream(0, "end")).hear(b"0\r\n\r\n")) == b"this is no frame of anybody's"
    assert ended() == ("complete", "complete", "")


@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("rule", [SlowStream(0.3), StallStream(1, 0.3), SlowStream(0, 0, 4000)], ids=repr)
def test_an_end_of_the_provider_comes_after_what_a_fault_holds_of_its_answer(ask, provider, ended, rule, end) -> None:
    """Also of one that ends too early."""
    text = b"".join(STREAMS["chat"][:4])

    async def script(request, line) -> None:
        line.write(HEAD + _chunk(text))
        await asyncio.sleep(0)
        getattr(line, end)()

    provider.script = script
    client = ask(rule)
    assert _body(client.hear_all()) == text
    assert client.end == end
    assert ended() == ("truncated", "truncated", "f0")


def test_an_end_of_the_provider_comes_when_the_fault_ends_that_held_its_answer_for_good(
    ask, provider, wire, ended
) -> None:
    text = b"".join(STREAMS["chat"][:4])

    async def script(request, line) -> None:
        line.write(HEAD + _chunk(text))
        line.close()

    provider.script = script
    client = ask(StallStream(1))
    client.hear(b"On")
    assert client.silent_for(0.1)
    wire.stage.revert("f0", EdgeRule("east", StallStream(1)))
    assert _body(client.hear_all()) == text
    assert ended() == ("truncated", "truncated", "f0")
