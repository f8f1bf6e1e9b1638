"""What an entry of the table says."""

from __future__ import annotations

from dataclasses import dataclass

BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello there, n-00000000aa"}]}'
USAGE = b'{"choices":[{"message":{"content":"Good day"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}'
JSON = b"Content-Type: application/json\r\n"
EVENTS = b"Content-Type: text/event-stream\r\n"


def asked(body: bytes = BODY, *, headers: bytes = b"", line: bytes = b"POST /v1/chat/completions HTTP/1.1") -> bytes:
    return b"%b\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (line, headers, len(body), body)


def answered(body: bytes = USAGE, *, headers: bytes = JSON, line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"%b\r\n%bContent-Length: %d\r\n\r\n%b" % (line, headers, len(body), body)


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def chunked(*pieces: bytes, headers: bytes = EVENTS) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%bTransfer-Encoding: chunked\r\n\r\n%b" % (headers, chunks(*pieces))


@dataclass(frozen=True)
class Shape:
    """One exchange on raw sockets.

    The client says *asks*, piece by piece; where *goes_on* is not empty it waits for that before the last piece. The provider
    says *answers* once the request is whole, or, *early*, at its head; then its connection does what *then* says: close or reset.
    *differs* names what is not equal: `heads` of answers are written anew, by what they mean, and `chunks` are cut anew. The row
    of the arrival ends with *outcome*, *status*, and a reason that has *reason* in it; *tokens* are those in, those out, and who
    counted. A *refused* request gets a line with this in it.
    """

    name: str
    asks: tuple[bytes, ...] = (asked(),)
    answers: bytes = answered()
    early: bool = False
    then: str = ""
    goes_on: bytes = b""
    differs: str = ""
    outcome: str = "complete"
    status: int = 200
    reason: str = ""
    tokens: tuple[int | None, int | None, str] | None = None
    refused: str = ""

    def __str__(self) -> str:
        return self.name


_ZSTD, _BLOCK = b"\x28\xb5\x2f\xfd", 1 << 17


def zstandard(*frames: bytes) -> bytes:
    """Frames of Zstandard, each with its bytes as they are in one raw block of at most 128 KiB (RFC 8878, 3.1.1)."""
    return b"".join(
        _ZSTD + b"\xa0" + len(frame).to_bytes(4, "little") + (len(frame) << 3 | 1).to_bytes(3, "little") + frame
        for frame in frames
    )


def zstandard_bomb(size: int) -> bytes:
    """A frame that stands for *size* zeros, a multiple of 128 KiB: blocks that say how often one byte is repeated."""
    count = size // _BLOCK
    blocks = [(_BLOCK << 3 | 2 | (number == count - 1)).to_bytes(3, "little") + b"\0" for number in range(count)]
    return _ZSTD + b"\x00\x68" + b"".join(blocks)  # its window is 8 MiB, as large as it may be
