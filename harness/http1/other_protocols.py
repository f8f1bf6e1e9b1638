"""What a client speaks that does not begin with a request of HTTP/1.1, told from its first bytes, and what can be said to it."""

from __future__ import annotations

from typing import Literal

Protocol = Literal["", "HTTP/2", "TLS"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"  # RFC 9113, 3.4
OPENING_BYTES = len(_PREFACE)
"""So many bytes are enough to tell."""
_HANDSHAKE = b"\x16"  # RFC 8446, 5.1; no method begins with it
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"  # RFC 9113, 6.5: none
_GOAWAY, _HTTP_1_1_REQUIRED = 7, 0xD  # 6.8 and 7


def spoken(opening: bytes) -> Protocol | None:
    """What a client that begins with *opening* speaks; empty where it is no protocol known here, None where more has to come first."""
    if opening.startswith(_HANDSHAKE):
        return "TLS"
    if opening.startswith(_PREFACE):
        return "HTTP/2"
    return None if _PREFACE.startswith(opening) else ""


def refusal(protocol: Protocol, line: bytes) -> bytes:
    """What tells a client that speaks *protocol* why it is refused: *line*, which is shown as the reason where it has a place for one."""
    if protocol == "HTTP/2":
        said = b"\x00\x00\x00\x00" + _HTTP_1_1_REQUIRED.to_bytes(4, "big") + line
        return _SETTINGS + len(said).to_bytes(3, "big") + bytes([_GOAWAY, 0, 0, 0, 0, 0]) + said
    head = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n" % len(line)
    return head + b"Connection: close\r\n\r\n" + line
