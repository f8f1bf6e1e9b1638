"""Requests of clients: as they are they go to the provider, or they are refused with one line."""

from __future__ import annotations

import gzip

from wire_shapes.shape import BODY, Shape, answered, asked, chunks

_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_EXPECTING = asked(headers=b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_LARGE = b'{"model":"m","messages":[{"role":"user","content":"%b n-00000000aa"}]}' % (b"x" * (1 << 22))
_UNAUTHORIZED = answered(b'{"error":"no"}', line=b"HTTP/1.1 401 Unauthorized")
_TOO_LARGE = answered(b'{"error":"large"}', line=b"HTTP/1.1 413 Content Too Large", headers=b"Connection: close\r\n")


def _bytewise(said: bytes) -> tuple[bytes, ...]:
    return tuple(said[at : at + 1] for at in range(len(said)))


PASSED = [
    Shape("sized"),
    Shape("byte by byte", asks=_bytewise(asked())),
    Shape("head and body apart", asks=(asked()[: -len(BODY)], BODY)),
    Shape("without a body", asks=(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",)),
    Shape("a POST without a length", asks=(b"POST /v1/files HTTP/1.1\r\nHost: x\r\n\r\n",)),
    Shape("a POST of length 0", asks=(asked(b""),)),
    Shape("a GET with a body", asks=(asked(line=b"GET /v1/search HTTP/1.1"),)),
    Shape("DELETE", asks=(b"DELETE /v1/files/1 HTTP/1.1\r\nHost: x\r\n\r\n",)),
    Shape("OPTIONS of all", asks=(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",)),
    Shape("chunked", asks=(_CHUNKED + chunks(BODY[:20], BODY[20:]),)),
    Shape("chunked, and slowly", asks=(_CHUNKED, b"14\r\n", BODY[:20], b"\r\n", chunks(BODY[20:]))),
    Shape(
        "gzip for the way alone",
        asks=(_HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks(gzip.compress(BODY)),),
    ),
    Shape("gzip", asks=(asked(gzip.compress(BODY), headers=b"Content-Encoding: gzip\r\n"),)),
    Shape("a byte that is no UTF-8", asks=(asked(BODY.replace(b'"m"', b'"m\xff"')),)),
    Shape(
        "JSON that is deep", asks=(asked(b'{"n":"n-00000000aa","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),)
    ),
    Shape("no JSON", asks=(asked(b"\0\1\2 n-00000000aa"),)),
    Shape("4 MiB", asks=(asked(_LARGE),)),
    Shape(
        "4 MiB in chunks",
        asks=(_CHUNKED + chunks(*(_LARGE[at : at + 70_000] for at in range(0, len(_LARGE), 70_000))),),
    ),
    Shape("a target with a port of escapes", asks=(asked(line=b"POST /a%2Fb/%7Ec?q=%20+%2B&r=a/b HTTP/1.1"),)),
    Shape("two slashes", asks=(asked(line=b"POST //double//slash?a HTTP/1.1"),)),
    Shape(
        "odd headers",
        asks=(asked(headers=b"X-Empty:\r\nX-Name: caf\xc3\xa9\r\nx-lower: 1\r\nX-Twice: 1\r\nX-Twice: 2\r\n"),),
    ),
    Shape(
        "a connection that names what is not its own",
        asks=(asked(headers=b"Connection: Content-Length, Authorization, keep-alive\r\nAuthorization: Bearer k\r\n"),),
    ),
    Shape("a long header", asks=(asked(headers=b"X: " + b"a" * 60_000 + b"\r\n"),)),
    Shape("waits until it is told to go on", asks=(_EXPECTING[0] + _EXPECTING[1], BODY), goes_on=_GO_ON),
    Shape("would wait, and sends all", asks=(asked(headers=b"Expect: 100-continue\r\n"),)),
    Shape(
        "waits, and is refused", asks=(_EXPECTING[0] + _EXPECTING[1],), answers=_UNAUTHORIZED, early=True, status=401
    ),
    Shape("is refused at its head", asks=(asked()[:-20],), answers=_UNAUTHORIZED, early=True, status=401),
    Shape(
        "is refused at its head, in chunks", asks=(_CHUNKED + b"5\r\n",), answers=_UNAUTHORIZED, early=True, status=401
    ),
    Shape(
        "is refused at its head, and the connection ends",
        asks=(asked()[:-20],),
        answers=_TOO_LARGE,
        early=True,
        then="close",
        status=413,
    ),
]

REFUSED = [
    Shape("words", asks=(b"nonsense\r\n\r\n",), refused="method"),
    Shape("a line without a colon", asks=(b"GET /a HTTP/1.1\r\nsecret\r\n\r\n",), refused="header"),
    Shape("a tunnel", asks=(b"CONNECT secret:443 HTTP/1.1\r\n\r\n",), refused="tunnel"),
    Shape(
        "two framings",
        asks=(_HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",),
        refused="Content-Length",
    ),
    Shape("two lengths", asks=(_HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",), refused="Content-Length"),
    Shape("a length that is none", asks=(_HEAD + b"Content-Length: secret\r\n\r\n",), refused="Content-Length"),
    Shape("a folded header", asks=(_HEAD + b"X: 1\r\n secret\r\n\r\n",), refused="header"),
    Shape(
        "a coding that does not end in chunks",
        asks=(_HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",),
        refused="Transfer-Encoding",
    ),
    Shape("a chunk that is none", asks=(_CHUNKED, b"secret\r\n"), refused="chunk"),
    Shape(
        "a head that is too long",
        asks=(_HEAD + b"X: secret" + b"a" * 70_000 + b"\r\n\r\n",),
        refused="longer than 65536 bytes",
    ),
]
"""What a proxy could read in two ways, or not at all; none of it is quoted."""
