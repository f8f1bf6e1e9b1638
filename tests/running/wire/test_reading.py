"""What is read along: whatever that raises, what passes is not touched, and no row is lost."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import tracemalloc
import zlib
from importlib import import_module

import brotli
import pytest

from harness.http1.decompression import ANSWER_BYTES_MAX, PIECE_BYTES_MAX, CompressionError, decompression
from harness.protocols.sketch import sketch
from harness.running.wire.edge import usage
from harness.running.wire.edge.reading import AnswerReading
from harness.running.wire.edge.usage import Tally


def _broken(*_: object, **__: object) -> None:
    raise MemoryError("whatever a reader may raise, sk-aaaa")


@pytest.mark.parametrize(
    "where",
    [
        "harness.running.wire.edge.usage.Tally.read",
        "harness.running.wire.edge.prompt.without",
        "harness.running.wire.edge.prompt.NonceSearch.piece",
        "harness.running.wire.edge.prompt.NonceSearch.header",
        "harness.running.wire.tap.http_exchanges.HttpExchanges._feed_questions",
        "harness.running.wire.tap.http_exchanges.HttpExchanges._feed_answers",
        "harness.running.wire.tap.http_exchanges.NonceSearch.piece",
    ],
)
def test_whatever_a_reader_raises_the_answer_passes_and_both_rows_are_there(
    wire, provider, clients, kit, monkeypatch, caplog, where
) -> None:
    monkeypatch.setattr(where, _broken)
    client = clients(wire.tap())
    client.say(kit.post(headers=b"X-Request-Id: n-00000000aa\r\nConnection: close\r\n"))
    assert client.hear_all().endswith(kit.WHOLE)
    assert provider.accepted[0].body == kit.BODY
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["complete"])
    kit.eventually(lambda: len(wire.attempts()) == 1)
    assert "sk-aaaa" not in caplog.text


def test_that_a_reader_raises_is_said_once_a_connection(wire, clients, kit, monkeypatch, caplog) -> None:
    monkeypatch.setattr("harness.running.wire.edge.usage.Tally.read", _broken)
    client = clients(wire.tap())
    client.say(kit.post(headers=b"Connection: close\r\n"))
    client.hear_all()
    kit.eventually(lambda: wire.arrivals())
    assert caplog.text.count("an answer could not be read along, and passes all the same: MemoryError") == 1


_TEXT = b"what is said " * 20
_RAW = zlib.compressobj(wbits=-15)


@pytest.mark.parametrize("step", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("codings", "packed"),
    [
        ("gzip", gzip.compress(_TEXT[:9]) + gzip.compress(b"") + gzip.compress(_TEXT[9:])),
        ("gzip", gzip.compress(_TEXT) + b"\0\0what is no member"),
        ("deflate", zlib.compress(_TEXT) + b"rest"),
        ("deflate", _RAW.compress(_TEXT) + _RAW.flush()),
        ("gzip, br", brotli.compress(gzip.compress(_TEXT))),
        ("identity, GZIP ,", gzip.compress(_TEXT)),
        ("", _TEXT),
    ],
    ids=["members", "behind gzip", "behind zlib", "no head", "two layers", "identity", "plain"],
)
def test_what_is_packed_is_read_as_clients_do_however_it_is_cut(codings: str, packed: bytes, step: int) -> None:
    unpacking = decompression(codings)
    assert unpacking is not None
    assert b"".join(unpacking.feed(packed[at : at + step]) for at in range(0, len(packed), step)) == _TEXT


def test_what_is_packed_in_too_many_layers_or_members_is_not_read() -> None:
    assert decompression("gzip, gzip, gzip, gzip") is None
    assert decompression("gzip, compress") is None
    unpacking = decompression("gzip")
    assert unpacking is not None
    with pytest.raises(CompressionError, match="1000 members"):
        unpacking.feed(gzip.compress(b"") * 1001)


def _frame(document: bytes, headers: bytes = b"\x05:name\x07\0\1a") -> bytes:
    """A frame of Amazon's event streams; nobody here looks at its checksums."""
    size = 16 + len(headers) + len(document)
    return size.to_bytes(4, "big") + len(headers).to_bytes(4, "big") + b"crc1" + headers + document + b"crc2"


_AMAZON = "application/vnd.amazon.eventstream"
_SAID = _frame(b'{"contentBlockIndex":0,"delta":{"text":"Good day, sir"}}')
_COUNTED = _frame(b'{"metrics":{"latencyMs":9},"usage":{"inputTokens":5,"outputTokens":9,"totalTokens":14}}')
_INVOKED = _frame(
    b'{"bytes":"%b"}'
    % base64.b64encode(
        b'{"delta":{"text":"Hi"},"amazon-bedrock-invocationMetrics":{"inputTokenCount":5,"outputTokenCount":9}}'
    )
)


@pytest.mark.parametrize("step", [1, 50, 10_000])
@pytest.mark.parametrize("said", [_SAID + _COUNTED, _INVOKED], ids=["converse", "invoke"])
def test_tokens_are_read_out_of_the_frames_of_a_stream_of_amazons(said: bytes, step: int) -> None:
    reading = AnswerReading(200, _AMAZON, "")
    for at in range(0, len(said), step):
        reading.feed(said[at : at + step])
    reading.end()
    assert (reading.tokens_in, reading.tokens_out, reading.tokens_from) == (5, 9, "provider")
    assert reading.sketch


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"input_tokens": 7, "cache_creation_input_tokens": 100, "cache_read_input_tokens": 1000, "output_tokens": 3}, 1107),
        ({"input_tokens": 7, "cache_creation_input_tokens": None, "cache_read_input_tokens": 0, "output_tokens": 3}, 7),
        ({"inputTokens": 7, "cacheReadInputTokens": 1000, "cacheWriteInputTokens": 100, "outputTokens": 3}, 1107),
        # They are within the count already.
        ({"prompt_tokens": 1107, "prompt_tokens_details": {"cached_tokens": 1000}, "completion_tokens": 3}, 1107),
        ({"input_tokens": 1107, "input_tokens_details": {"cached_tokens": 1000}, "output_tokens": 3}, 1107),
        ({"prompt_tokens": 1107, "cache_read_input_tokens": 1000, "completion_tokens": 3}, 1107),  # of LiteLLM
    ],
)  # fmt: skip
def test_what_of_a_prompt_a_cache_knew_is_counted_once_whichever_way_the_api_tells_of_it(usage, tokens) -> None:
    reading = AnswerReading(200, "application/json", "")
    reading.feed(json.dumps({"usage": usage}).encode())
    reading.end()
    assert (reading.tokens_in, reading.tokens_out, reading.tokens_from) == (tokens, 3, "provider")


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        (_AMAZON, _SAID[:-1], "unread"),
        (_AMAZON, b"nonsense is no frame", "unread"),
        (_AMAZON, _SAID, "estimate"),
        ("application/json", b'{"choices":[', "unread"),
        ("application/json", b"\xff\xfe{\0}\0", "unread"),
        ("application/json", b"\xef\xbb\xbf{}", ""),
        ("application/json", b"", ""),
        ("text/html", b"<p>", ""),
    ],
)
def test_what_is_not_what_its_head_says_is_called_unread_and_no_text_is_not(kind: str, said: bytes, told: str) -> None:
    reading = AnswerReading(200, kind, "")
    reading.feed(said)
    reading.end()
    assert reading.tokens_from == told


def _gemini(*parts: str, **candidate: str) -> bytes:
    said = b",".join(f'{{"text":"{part}"}}'.encode() for part in parts)
    more = "".join(f',"{key}":"{value}"' for key, value in candidate.items()).encode()
    return b'data: {"candidates":[{"content":{"role":"model","parts":[' + said + b"]}" + more + b"}]}\r\n\r\n"


def _said_by(kind: str, document: bytes, what: str = "event") -> bytes:
    """A frame as Bedrock's streams have them."""
    typed = f":{what}-type"
    words = ((typed, kind), (":content-type", "application/json"), (":message-type", what))
    return _frame(document, b"".join(_header(name, said) for name, said in words))


def _header(name: str, said: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + len(said).to_bytes(2, "big") + said.encode()


_SSE = "text/event-stream"
_DAY = _said_by("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"On day"}}')
_ENDED = _said_by("messageStop", b'{"stopReason":"guardrail_intervened"}')
_THOUGHT = b'data: {"candidates":[{"content":{"parts":[{"text":"Which day?","thought":true}]}}]}\r\n\r\n'
_BLOCKED = b'data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":7}}\r\n\r\n'
_FAILED = b'data: {"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}\r\n\r\n'
_SLOW_DOWN = _said_by("throttlingException", b'{"message":"slow down"}', "exception")
_ON = b"".join((_gemini("On"), _gemini(" day")))
_REASONED = (
    b'{"status":"completed","output":[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"Which?"}]},'
    b'{"type":"message","content":[{"type":"output_text","text":"On day"}]}]}'
)


@pytest.mark.parametrize(
    ("kind", "said", "text", "finish"),
    [
        (_SSE, _ON + _gemini("", finishReason="STOP"), "On day", "STOP"),
        (_SSE, _ON, "On day", ""),  # Google's client raises nothing then
        (_SSE, _ON + _gemini(" 30")[:40], "On day", ""),
        (_SSE, _THOUGHT + _ON + _gemini("", finishReason="STOP"), "On day", "STOP"),
        (_SSE, _ON + _FAILED, "On day", ""),
        (_SSE, _BLOCKED, "", "SAFETY"),  # its client has no text, and raises nothing
        (_AMAZON, _DAY + _ENDED, "On day", "guardrail_intervened"),
        (_AMAZON, _DAY, "On day", ""),  # neither does botocore
        (_AMAZON, _DAY + _ENDED[:20], "On day", ""),  # nor here, where it ends in the middle of a frame
        (_AMAZON, _DAY + _SLOW_DOWN, "On day", ""),
        ("application/json", _REASONED, "On day", "completed"),
    ],
)
def test_what_a_stream_said_is_what_its_sdk_has_of_it_and_neither_thoughts_nor_errors(
    kind: str, said: bytes, text: str, finish: str
) -> None:
    reading = AnswerReading(200, kind, "")
    reading.feed(said)
    reading.end()
    assert (reading.sketch, reading.finish) == (sketch(text), finish)


def test_of_an_answer_of_which_something_could_not_be_read_no_text_is_known() -> None:
    reading = AnswerReading(200, _AMAZON, "")
    reading.feed(_DAY + b"no frame at all, and long enough to be one" + _DAY)
    reading.end()
    assert (reading.sketch, reading.tokens_from) == ("", "unread")


def test_an_answer_that_was_cut_is_not_called_unread() -> None:
    reading = AnswerReading(200, "application/json", "")
    reading.feed(b'{"choices":[')
    reading.end(whole=False)
    assert reading.tokens_from == ""


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_little_that_stands_for_much_is_read_no_further(coding: str) -> None:
    pack = gzip.compress if coding == "gzip" else brotli.compress
    unpacking = decompression(coding)
    assert unpacking is not None
    with pytest.raises(CompressionError):
        unpacking.feed(pack(bytes(PIECE_BYTES_MAX + (1 << 20))))


BOMBS = {
    "gzip": lambda text: gzip.compress(text, 1),
    "br": lambda text: brotli.compress(text, quality=1),
    "zstd": lambda text: import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd").compress(text),
}  # fmt: skip


@pytest.mark.parametrize("coding", BOMBS)
def test_of_what_stands_for_much_no_more_is_ever_held_than_is_read(coding: str) -> None:
    bomb, unpacking = BOMBS[coding](bytes(32 * PIECE_BYTES_MAX)), decompression(coding)
    assert unpacking is not None
    tracemalloc.start()
    try:
        with pytest.raises(CompressionError):
            unpacking.feed(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 4 * PIECE_BYTES_MAX


def test_of_an_answer_that_is_a_bomb_the_rest_is_not_even_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []

    class Counting:
        def __init__(self, codings: str) -> None:
            self._unpacking = decompression(codings)

        def feed(self, piece: bytes) -> bytes:
            made.append(0)
            assert self._unpacking is not None
            text = self._unpacking.feed(piece)
            made[-1] = len(text)
            return text

    monkeypatch.setattr("harness.running.wire.edge.reading.decompression", Counting)
    bomb = gzip.compress(b'{"a": "' + bytes(2 * ANSWER_BYTES_MAX), 1)
    reading = AnswerReading(200, "application/json", "gzip")
    pieces = [bomb[at : at + 1000] for at in range(0, len(bomb), 1000)]
    for piece in pieces:
        reading.feed(piece)
    reading.end()
    assert sum(made) <= ANSWER_BYTES_MAX
    assert len(made) < 0.6 * len(pieces)
    assert reading.tokens_from == "unread"


@pytest.mark.parametrize("coding", ["gzip", "br"])
def test_what_stands_for_less_is_read_in_any_pieces(coding: str) -> None:
    text = b"".join(b"%d, " % number for number in range(100_000))
    packed = gzip.compress(text) if coding == "gzip" else brotli.compress(text, quality=5)
    unpacking = decompression(coding)
    assert unpacking is not None
    assert b"".join(unpacking.feed(packed[at : at + 1000]) for at in range(0, len(packed), 1000)) == text


def test_an_answer_that_grows_without_end_is_read_no_further() -> None:
    unpacking, whole = decompression("gzip"), gzip.compress(bytes(ANSWER_BYTES_MAX + (1 << 20)))
    assert unpacking is not None
    with pytest.raises(CompressionError, match=str(ANSWER_BYTES_MAX)):
        # Pieces of one stream, each within bounds.
        list(map(unpacking.feed, (whole[at : at + 500] for at in range(0, len(whole), 500))))


def test_the_text_of_a_long_document_is_not_counted_but_its_usage_is(monkeypatch) -> None:
    monkeypatch.setattr(usage, "_TEXT_BYTES_MAX", 100)
    tally = Tally()
    tally.read(b'{"content":[{"text":"%b"}],"usage":{"input_tokens":1,"output_tokens":2}}' % (b"x" * 200))
    assert (tally.tokens_in, tally.tokens_out, tally.characters) == (1, 2, None)


_SAID_AS_EVENTS = b'data: {"choices":[{"delta":{"content":"Good day"}}]}\n\ndata: {"usage":{"completion_tokens":3}}\n\ndata: [DONE]\n\n'
_SAID_WHOLE = b'{"choices":[{"message":{"content":"Good day"}}],"usage":{"completion_tokens":3}}'


@pytest.mark.parametrize("step", [1, 10_000])
@pytest.mark.parametrize("coding", ["", "gzip"])
@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("", _SAID_AS_EVENTS),
        ("text/plain", _SAID_AS_EVENTS),
        ("application/json", _SAID_AS_EVENTS),
        ("application/octet-stream", b": hello\n\n" + _SAID_AS_EVENTS),
        ("application/x-ndjson", b"\xef\xbb\xbf" + _SAID_AS_EVENTS),
        ("", _SAID_WHOLE),
        ("text/plain; charset=utf-8", b"\n " + _SAID_WHOLE),
        ("text/html", b"\xef\xbb\xbf" + _SAID_WHOLE),
    ],
)
def test_what_its_head_calls_otherwise_is_read_as_its_clients_read_it(
    kind: str, said: bytes, coding: str, step: int
) -> None:
    said = gzip.compress(said) if coding else said
    reading = AnswerReading(200, kind, coding)
    for at in range(0, len(said), step):
        reading.feed(said[at : at + step])
    reading.end()
    assert (reading.tokens_out, reading.tokens_from, reading.sketch) == (3, "provider", sketch("Good day"))


@pytest.mark.parametrize(
    "said", [b"", b"\n", b"dat", b"<p>data: {}", b"database", b"{{ template }}", b"{" + b" " * (1 << 20), b"ID3\x04\0"]
)
@pytest.mark.parametrize("coding", ["", "compress"])
def test_what_neither_says_nor_begins_as_what_could_be_counted_has_no_text_that_was_missed(
    said: bytes, coding: str
) -> None:
    reading = AnswerReading(200, "text/plain", coding)
    reading.feed(said)
    reading.end()
    assert (reading.tokens_out, reading.tokens_from, reading.sketch) == (None, "", "")


def test_of_a_stream_that_is_called_text_what_is_too_long_is_called_unread() -> None:
    reading = AnswerReading(200, "text/plain", "")
    reading.feed(b"data: " + b"x" * (1 << 20))
    reading.end()
    assert reading.tokens_from == "unread"


@pytest.mark.parametrize("status", [304, 400, 500])
def test_what_is_no_success_is_not_read(status: int) -> None:
    reading = AnswerReading(status, "application/json", "compress")
    reading.feed(b"{}")
    reading.end()
    assert (reading.tokens_out, reading.tokens_from) == (None, "")
