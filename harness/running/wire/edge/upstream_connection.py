"""A connection to a provider, on which one request is made at a time."""

from __future__ import annotations

import asyncio
from typing import Protocol

from harness.http1.answer import ResponseReading
from harness.http1.answer_head import Head, UnreadableError
from harness.running.wire.intake import MUCH_BYTES, Intake
from harness.running.wire.sockets import Ear, left_unread, unbuffered


class Asker(Protocol):
    """Who makes a request on a connection, and is told what becomes of it."""

    def sent(self) -> None:
        """The last byte of the request was given to the system."""

    def hold_up(self, *, full: bool) -> None:
        """The provider takes no more of the request right now; or, not *full*, it does again."""

    def hear_interim(self, head: Head) -> None:
        """The provider said *head*, and the answer is still to come."""

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        """The next *pieces* of the answer, whose head is *head*; *whole*: they are the last."""

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None:
        """The provider goes on with another protocol, as it was asked to, and has *said* this in it; *transport* is the asker's now."""

    def lost(self, error: Exception) -> None:
        """The rest of the answer will not come."""


class Pool(Protocol):
    """Who keeps connections."""

    def keep(self, connection: UpstreamConnection) -> None:
        """*connection* is free for another request."""

    def forget(self, connection: UpstreamConnection) -> None:
        """*connection* has ended."""


class UpstreamConnection(asyncio.Protocol):
    """One of *pool*, from its first request to its end."""

    _transport: asyncio.Transport
    _intake: Intake
    _ear: Ear

    def __init__(self, pool: Pool) -> None:
        self.free_since_s = 0.0
        self._pool = pool
        self._asker: Asker | None = None
        self._reading = ResponseReading(to_head=False)
        self._sent = True
        self._last_said = True

    @property
    def ending(self) -> bool:
        return self._transport.is_closing()

    @property
    def left(self) -> bool:
        """Whether the provider has ended it, or said something that nobody asked for, though the event loop has not read that yet."""
        return self._ear.spoken

    def take_up(self, asker: Asker, *, to_head: bool, may_switch: bool = False) -> None:
        """From now on this is for *asker*, who makes one request; it has to be free."""
        self._asker = asker
        self._reading = ResponseReading(to_head=to_head, may_switch=may_switch)
        self._sent = self._last_said = False

    def say(self, data: bytes, *, last: bool) -> None:
        """Send the next part of the request; *last*: it is whole with that."""
        if self._transport.is_closing():
            return
        self._transport.write(data)
        self._last_said = last
        if last:
            self._look_if_sent()

    def let_go(self) -> None:
        """End at once; its asker hears no more, and nothing more is written."""
        self._asker = None
        self._transport.abort()

    def pause(self) -> None:
        """Read no more of the answer until `resume`."""
        self._intake.hold()

    def resume(self) -> None:
        self._intake.release()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = unbuffered(transport)
        self._intake = Intake(self._transport)
        self._ear = Ear(self._transport)

    def pause_writing(self) -> None:
        if self._asker is not None:
            self._asker.hold_up(full=True)

    def resume_writing(self) -> None:
        self._look_if_sent()
        if self._asker is not None:
            self._asker.hold_up(full=False)

    def data_received(self, data: bytes) -> None:
        if len(data) >= MUCH_BYTES:
            self._intake.came(len(data))
        asker, reading = self._asker, self._reading
        if asker is None:
            self._transport.abort()  # Nobody has asked.
            return
        unreadable: UnreadableError | None = None
        try:
            reading.feed(data)
        except UnreadableError as error:
            unreadable = error
        if reading.head is not None and reading.switched is not None:
            self._asker = None
            self._pool.forget(self)
            asker.switched(reading.head, reading.switched, self._transport)
            return
        self._tell(asker, reading)
        if unreadable is not None:
            self._lose(unreadable)

    def eof_received(self) -> None:
        # A provider that will say no more may not read on either, and then a close would wait for ever.
        self._end(None)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and self._asker is not None and not self._sent:
            # Who refuses half a request answers and closes; then to write on fails before the answer was read.
            answer = left_unread(self._transport)
            if answer:
                self.data_received(answer)
                exc = None
        self._end(exc)
        self._pool.forget(self)

    # What becomes of the request.

    def _look_if_sent(self) -> None:
        if self._sent or not self._last_said or self._transport.is_closing() or self._transport.get_write_buffer_size():
            return
        self._sent = True
        if self._asker is not None:
            self._asker.sent()

    def _tell(self, asker: Asker, reading: ResponseReading) -> None:
        if reading.interim:
            interim, reading.interim = reading.interim, []
            for head_before in interim:
                asker.hear_interim(head_before)
        head, pieces = reading.head, reading.pieces
        if head is None:
            return
        reading.pieces = []
        if reading.whole:
            self._asker = None
            if reading.keep_alive and not reading.excess and self._sent:
                self._pool.keep(self)
            else:
                self._transport.abort()
        asker.hear(head, pieces, whole=reading.whole)

    def _end(self, exc: Exception | None) -> None:
        if exc is None and self._asker is not None:
            self._reading.finish()
            if self._reading.whole:
                self._tell(self._asker, self._reading)
        self._lose(exc or ConnectionResetError("the provider closed the connection before the end of its answer"))

    def _lose(self, error: Exception) -> None:
        asker, self._asker = self._asker, None
        if asker is not None:
            self._transport.abort()
            asker.lost(error)
