"""Answers of providers: what every client takes passes, and what no client could is told for what it is."""

from __future__ import annotations

import gzip
import zlib

import brotli

from wire_shapes.shape import EVENTS, JSON, USAGE, Shape, answered, chunked, zstandard, zstandard_bomb

_OK = b"HTTP/1.1 200 OK\r\n" + JSON
_SIZED = b"Content-Length: %d\r\n" % len(USAGE)
_HELLO = b'data: {"choices":[{"delta":{"content":"Good day, sir"}}]}\n\n'
_COUNTED = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9}}\n\n'
_DONE = b"data: [DONE]\n\n"
_RAW = zlib.compressobj(wbits=-15)
_DEFLATED = _RAW.compress(USAGE) + _RAW.flush()
_BOMB = gzip.compress(bytes(1 << 26))
# As small as with the best quality, in a twentieth of the time.
_BROTLI_BOMB = brotli.compress(bytes(1 << 26), quality=5)
_COUNTED_BY_PROVIDER = (7, 3, "provider")
_ESTIMATED = (6, 3, "estimate")
_UNREAD = (6, None, "unread")


def _packed(coding: bytes, body: bytes, kind: bytes = JSON) -> bytes:
    return answered(body, headers=kind + b"Content-Encoding: %b\r\n" % coding)


PASSED = [
    Shape("sized", tokens=_COUNTED_BY_PROVIDER),
    Shape("chunked", answers=chunked(_HELLO, _COUNTED, _DONE), tokens=(5, 9, "provider")),
    Shape("until its end", answers=_OK + b"\r\n" + USAGE, then="close", tokens=_COUNTED_BY_PROVIDER),
    Shape("of HTTP/1.0", answers=b"HTTP/1.0 200 OK\r\n" + JSON + b"\r\n" + USAGE, then="close", differs="heads"),
    Shape("without a reason", answers=b"HTTP/1.1 200\r\n" + JSON + _SIZED + b"\r\n" + USAGE),
    Shape("with a reason in UTF-8", answers="HTTP/1.1 200 schön\r\n".encode() + JSON + _SIZED + b"\r\n" + USAGE),
    Shape("empty", answers=b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", status=204),
    Shape("not modified, with a length", answers=b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", status=304),
    Shape("an error", answers=answered(b'{"error":{}}', line=b"HTTP/1.1 401 Unauthorized"), status=401),
    Shape("overloaded", answers=answered(b"{}", line=b"HTTP/1.1 529 Overloaded"), status=529),
    Shape("behind an interim one", answers=b"HTTP/1.1 100 Continue\r\n\r\n" + answered()),
    Shape("behind hints", answers=b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" + answered()),
    Shape("with a folded header", answers=_OK + b"X-A: one\r\n  two\r\n" + _SIZED + b"\r\n" + USAGE, differs="heads"),
    Shape("whose lines end in LF", answers=(_OK + _SIZED + b"\r\n").replace(b"\r", b"") + USAGE),
    Shape("with a blank after the chunk size", answers=chunked(USAGE, headers=JSON).replace(b"\r\n{", b" \r\n{")),
    Shape("with a chunk extension", answers=chunked(USAGE, headers=JSON).replace(b"\r\n{", b';a="b c"\r\n{')),
    Shape(
        "with zeros before the chunk size", answers=chunked(USAGE, headers=JSON).replace(b"\r\n\r\n", b"\r\n\r\n000", 1)
    ),
    Shape("with a trailer", answers=chunked(USAGE, headers=JSON)[:-2] + b"X-T: 1\r\n\r\n"),
    Shape(
        "without the line behind its last chunk",
        answers=chunked(USAGE, headers=JSON)[:-2],
        then="close",
        tokens=_COUNTED_BY_PROVIDER,
    ),
    Shape(
        "cut in the line of its last chunk",
        answers=chunked(_HELLO, _COUNTED, _DONE)[:-4],
        then="close",
        tokens=(5, 9, "provider"),
    ),
    Shape("cut in its trailer", answers=chunked(USAGE, headers=JSON)[:-2] + b"X-T: 1\r\nX-", then="close"),
    Shape("with equal lengths", answers=_OK + _SIZED * 2 + b"\r\n" + USAGE, differs="heads"),
    Shape("with chunks and a length", answers=chunked(USAGE, headers=JSON + b"Content-Length: 1\r\n"), differs="heads"),
    Shape("with an empty header", answers=_OK + b"X-Empty:\r\n" + _SIZED + b"\r\n" + USAGE),
    Shape("with two cookies", answers=_OK + b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" + _SIZED + b"\r\n" + USAGE),
    Shape("with bytes in a header", answers=_OK + b"X-Name: caf\xe9 \xff\r\n" + _SIZED + b"\r\n" + USAGE),
    Shape(
        "with forty headers",
        answers=_OK + b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(40)) + _SIZED + b"\r\n" + USAGE,
    ),
    Shape("with a long header", answers=_OK + b"X: " + b"a" * 60_000 + b"\r\n" + _SIZED + b"\r\n" + USAGE),
    Shape(
        "whose connection names its length and its type",
        answers=answered(headers=JSON + b"Connection: Content-Length, content-type, keep-alive\r\n"),
        tokens=_COUNTED_BY_PROVIDER,
    ),
    Shape("with a control character in a header", answers=answered(headers=JSON + b"X: a\x01b\x7f\r\n")),
    Shape("made of something", answers=answered(line=b"HTTP/1.1 201 Created"), status=201, tokens=_COUNTED_BY_PROVIDER),
    Shape("cut short", answers=answered()[:-3], then="close", outcome="truncated", reason="before the end"),
    Shape(
        "cut short in a chunk",
        answers=chunked(USAGE)[:-9],
        differs="chunks",
        then="close",
        outcome="truncated",
        reason="before the end",
    ),
    Shape("a close and no answer", answers=b"", then="close", outcome="closed", status=0, reason="before the end"),
]
"""What every client takes, and how a provider may fail it."""

READ_ALONG = [
    Shape(
        "a byte that is no UTF-8, in JSON",
        answers=answered(USAGE.replace(b"day", b"d\xffy")),
        tokens=(7, 3, "provider"),
    ),
    Shape(
        "a byte that is no UTF-8, in an event",
        answers=chunked(_HELLO.replace(b"day", b"d\xffy"), _COUNTED),
        tokens=(5, 9, "provider"),
    ),
    Shape("JSON that is deep", answers=answered(b"[" * 100_000 + b"]" * 100_000), tokens=_UNREAD),
    Shape(
        "an event that is deep",
        answers=chunked(b"data: " + b"[" * 50_000 + b"\n\n", _COUNTED),
        tokens=(5, 9, "provider"),
    ),
    Shape(
        "events that end in CR",
        answers=chunked(_HELLO.replace(b"\n", b"\r"), _COUNTED.replace(b"\n", b"\r")),
        tokens=(5, 9, "provider"),
    ),
    Shape("a last event without its blank line", answers=chunked(_HELLO, _COUNTED.rstrip()), tokens=(5, 9, "provider")),
    Shape(
        "a type in capitals",
        answers=chunked(_COUNTED, headers=b"Content-Type: Text/Event-Stream; charset=UTF-8\r\n"),
        tokens=(5, 9, "provider"),
    ),
    Shape("choices that are null", answers=chunked(b'data: {"choices":null}\n\n', _HELLO), tokens=_ESTIMATED),
    Shape(
        "a delta that is null",
        answers=chunked(b'data: {"choices":[{"delta":null}]}\n\n', _HELLO),
        tokens=_ESTIMATED,
    ),
    Shape(
        "counts that are none",
        answers=chunked(b'data: {"usage":{"prompt_tokens":-1,"completion_tokens":"x"}}\n\n', _HELLO),
        tokens=_ESTIMATED,
    ),
    Shape("gzip", answers=_packed(b"gzip", gzip.compress(USAGE)), tokens=_COUNTED_BY_PROVIDER),
    Shape("deflate", answers=_packed(b"deflate", zlib.compress(USAGE)), tokens=_COUNTED_BY_PROVIDER),
    Shape("deflate without a head", answers=_packed(b"deflate", _DEFLATED), tokens=_COUNTED_BY_PROVIDER),
    Shape("brotli", answers=_packed(b"br", brotli.compress(USAGE)), tokens=_COUNTED_BY_PROVIDER),
    Shape(
        "a stream in brotli",
        answers=_packed(b"br", brotli.compress(_HELLO + _COUNTED), EVENTS),
        tokens=(5, 9, "provider"),
    ),
    Shape("zstd", answers=_packed(b"zstd", zstandard(USAGE)), tokens=_COUNTED_BY_PROVIDER),
    Shape("a stream in zstd", answers=_packed(b"zstd", zstandard(_HELLO, _COUNTED), EVENTS), tokens=(5, 9, "provider")),
    Shape("zstd that is none", answers=_packed(b"zstd", USAGE), tokens=_UNREAD),
    Shape("a bomb of zstd", answers=_packed(b"zstd", zstandard_bomb(1 << 26)), tokens=_UNREAD),
    Shape("a coding that is not known here", answers=_packed(b"compress", USAGE), tokens=_UNREAD),
    Shape(
        "a coding in each of two lines",
        answers=_packed(b"identity\r\nContent-Encoding: gzip", gzip.compress(USAGE)),
        tokens=_COUNTED_BY_PROVIDER,
    ),
    Shape(
        "JSON behind a mark of the byte order", answers=answered(b"\xef\xbb\xbf" + USAGE), tokens=_COUNTED_BY_PROVIDER
    ),
    Shape(
        "JSON by another name",
        answers=answered(headers=b"Content-Type: application/vnd.api+json;v=1\r\n"),
        tokens=_COUNTED_BY_PROVIDER,
    ),
    Shape(
        "Bedrock's whole answer",
        answers=answered(
            b'{"output":{"message":{"role":"assistant","content":[{"text":"Good day"}]}},"stopReason":"end_turn",'
            b'"usage":{"inputTokens":8,"outputTokens":2,"totalTokens":10}}'
        ),
        tokens=(8, 2, "provider"),
    ),
    Shape("two codings that it has not", answers=_packed(b"gzip, br", b"whatever"), tokens=_UNREAD),
    Shape("gzip that is none", answers=_packed(b"gzip", USAGE), tokens=_UNREAD),
    Shape("a bomb", answers=_packed(b"gzip", _BOMB), tokens=_UNREAD),
    Shape("a bomb of brotli", answers=_packed(b"br", _BROTLI_BOMB), tokens=_UNREAD),
    Shape("a large answer", answers=answered(b'{"a":"' + b"x" * (1 << 21) + b'"}'), tokens=_UNREAD),
    Shape(
        "gzip for the way alone",
        answers=b"HTTP/1.1 200 OK\r\n"
        + JSON
        + b"Transfer-Encoding: gzip, chunked\r\n\r\n"
        + chunked(gzip.compress(USAGE)).partition(b"\r\n\r\n")[2],
    ),
    Shape(
        "OpenAI's responses",
        answers=chunked(
            b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"Good day"}\n\n',
            b'event: response.completed\ndata: {"type":"response.completed","response":{"usage":{"input_tokens":8,"output_tokens":4}}}\n\n',
        ),
        tokens=(8, 4, "provider"),
    ),
    Shape(
        "Gemini's stream",
        answers=chunked(
            b'data: {"candidates":[{"content":{"parts":[{"text":"Good day"}]}}]}\r\n\r\n',
            b'data: {"usageMetadata":{"promptTokenCount":6,"candidatesTokenCount":2,"thoughtsTokenCount":3}}\r\n\r\n',
        ),
        tokens=(6, 5, "provider"),
    ),
    Shape(
        "Ollama's lines",
        answers=chunked(
            b'{"message":{"content":"Good day"},"done":false}\n',
            b'{"message":{"content":""},"done":true,"prompt_eval_count":4,"eval_count":2}\n',
            headers=b"Content-Type: application/x-ndjson\r\n",
        ),
        tokens=(4, 2, "provider"),
    ),
    Shape(
        "Anthropic's stream",
        answers=chunked(
            b'data: {"type":"message_start","message":{"usage":{"input_tokens":11,"output_tokens":1}}}\n\n',
            b'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hi"}}\n\n',
            b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":6}}\n\n',
        ),
        tokens=(11, 6, "provider"),
    ),
]
"""What an answer says is read along; whatever that finds, the answer passes."""

UNREADABLE = [
    Shape("words", answers=b"nonsense\r\n\r\n", outcome="unreadable", status=0, reason="status line"),
    Shape(
        "a status of two digits",
        answers=b"HTTP/1.1 099 No\r\n\r\n",
        outcome="unreadable",
        status=0,
        reason="status line",
    ),
    Shape("TLS", answers=b"\x15\x03\x03\x00\x02\x02\x28", outcome="unreadable", status=0, reason="TLS"),
    Shape(
        "lengths that differ",
        answers=_OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nok",
        outcome="unreadable",
        status=0,
        reason="differ",
    ),
    Shape(
        "a line without a colon",
        answers=_OK + b"nonsense\r\n" + _SIZED + b"\r\n" + USAGE,
        outcome="unreadable",
        status=0,
        reason="colon",
    ),
    Shape(
        "a header's name with a blank in it",
        answers=_OK + b"X Y: secret\r\n" + _SIZED + b"\r\n" + USAGE,
        outcome="unreadable",
        status=0,
        reason="no name may have",
    ),
    Shape(
        "a chunk that is none",
        answers=chunked(USAGE).replace(b"0\r\n\r\n", b"nonsense"),
        outcome="truncated",
        reason="chunk",
    ),
]
"""What some client may still make something of, and the wire does not: a cut, and the row says why."""
