"""The TLS of one connection to the tap, which is shown the certificate that is in force as it begins.

Only bytes go through it: the socket stays the tap's own, so that silences, resets and half closes are what they are without TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from harness.faults.effects import CertificateFlaw
from harness.running.wire.tap.passage import Passage

if TYPE_CHECKING:
    from harness.running.wire.tap.connection import Near

GOOD = "good"
_READ_BYTES = 1 << 18
_ALERT = "ALERT_"


def contexts(folder: Path, *, http: bool) -> Mapping[str, ssl.SSLContext]:
    """How TLS is spoken with each certificate of *folder*: the good one, and one with each flaw; over it HTTP/1.1, or what one likes.

    Raises OSError (ssl.SSLError is one) for a file that is not there or cannot be used.
    """
    return {name: _context(folder / f"{name}.pem", http) for name in (GOOD, *get_args(CertificateFlaw))}


def _context(path: Path, http: bool) -> ssl.SSLContext:
    # One each: what a client has kept of a session with another certificate is not taken up again.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    if http:
        context.set_alpn_protocols(["http/1.1"])
    return context


class Encrypted(asyncio.Protocol, asyncio.Transport):
    """To the event loop the protocol of a connection through *passage*; to *near*, which is told what is said in clear, its transport."""

    _raw: asyncio.Transport
    _near: Near

    def __init__(self, passage: Passage, near: Near) -> None:
        super().__init__()
        self._passage, self._near = passage, near
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._fault = ""
        """Whose certificate is shown; empty: the good one."""
        self._shown = self._shaken = False
        self._settled = False
        """It is known what the client makes of what it was shown, or it never will be."""
        self._unsaid: list[bytes] = []
        self._goes_on = False

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._raw = transport  # type: ignore[assignment] # uvloop's is none by inheritance
        self._near.connection_made(self)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        self._go_on()

    def eof_received(self) -> bool:
        self._left("")
        return self._near.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._left("")
        self._near.connection_lost(exc)
        del self._near  # else both would stay until garbage is looked for

    def pause_writing(self) -> None:
        self._near.pause_writing()

    def resume_writing(self) -> None:
        self._near.resume_writing()

    # What the tap calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._shaken:
            self._unsaid.append(bytes(data))
            return
        with suppress(ssl.SSLError):  # its end has been told
            self._encrypt(bytes(data))

    def write_eof(self) -> None:
        self._settled = True
        self._say_goodbye()
        self._raw.write_eof()

    def close(self) -> None:
        self._settled = True
        self._say_goodbye()
        self._raw.close()

    def abort(self) -> None:
        self._settled = True
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._raw.is_closing()

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()
        self._go_on()  # a silence may have held up what had come

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._raw.get_extra_info(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size() + sum(map(len, self._unsaid))

    # What is behind both.

    def _go_on(self) -> None:
        """Take in what has come; not within itself, since who is told something may ask for more."""
        if self._goes_on or self._raw.is_closing():
            return
        self._goes_on = True
        try:
            if self._shaken or self._shake():
                self._read()
        finally:
            self._goes_on = False

    def _shake(self) -> bool:
        """Go on with the handshake as far as it can; whether it is over."""
        if not (self._incoming.pending or self._shown):
            return False
        if self._near.silenced:
            self._near.touch()
            return False
        tls = self._tls or self._begin()
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            self._show()
            return False
        except ssl.SSLError as error:
            self._flush()
            self._failed(error)
            return False
        self._show()
        self._shaken = True
        unsaid, self._unsaid = self._unsaid, []
        self._encrypt(*unsaid)
        return True

    def _begin(self) -> ssl.SSLObject:
        self._fault, flaw = self._passage.certificate(self._near.number)
        context = self._passage.contexts[flaw or GOOD]
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        return self._tls

    def _show(self) -> None:
        if self._outgoing.pending and not self._shown:
            self._shown = True
            if self._fault:
                self._passage.show(self._fault)
        self._flush()

    def _read(self) -> None:
        assert self._tls is not None
        try:
            while not self._raw.is_closing():
                data = self._tls.read(_READ_BYTES)
                if not data:
                    self._closed()
                    return
                self._asked()
                self._near.data_received(data)
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._failed(error)

    def _asked(self) -> None:
        """The client says something, so it has taken what it was shown for good."""
        if not self._settled:
            self._settled = True
            if self._fault:
                self._passage.traffic.accepted_bad()

    def _closed(self) -> None:
        """The client says that it says no more. Of who closes a connection so, most wait for nothing but to be told the same."""
        self._left("")
        if not self._near.eof_received():
            self.close()

    def _failed(self, error: ssl.SSLError) -> None:
        reason = error.reason or "unreadable"
        if _ALERT in reason:
            self._left(reason.partition(_ALERT)[2].lower())
        elif not self._settled:
            # Nothing that was shown is at fault: what is spoken is no TLS, or none that both ends know.
            self._settled = True
            self._passage.refuse("", reason.lower())
        self._near.eof_received()
        self._raw.close()

    def _left(self, alert: str) -> None:
        """The client has left, having said *alert*; where it went on after the handshake without a word, only a flaw explains that."""
        if self._settled or not self._shown or self._near.silenced:
            return
        self._settled = True
        if alert or self._fault or not self._shaken:
            self._passage.refuse(self._fault, alert)

    def _say_goodbye(self) -> None:
        if self._shaken and self._tls is not None:
            with suppress(ssl.SSLError):  # that of the other end is not waited for
                self._tls.unwrap()
            self._flush()

    def _encrypt(self, *said: bytes) -> None:
        assert self._tls is not None
        for data in _records(said):
            self._tls.write(data)
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._raw.is_closing():
            self._raw.write(self._outgoing.read())


def _records(said: Iterable[bytes]) -> Iterable[bytes]:
    """*said* in pieces that are no longer than a record is (RFC 8446, 5.1), each of which is taken whole."""
    size = 1 << 14
    return (data[at : at + size] for data in said for at in range(0, len(data), size))
