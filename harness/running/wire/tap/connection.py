"""One connection through the tap: what a target says is counted before any fault can touch it, and passed on byte by byte.

When the far side fails before a request was whole, the request is first read to its end, so that no attempt is lost; only
then is the failure passed on, as a close if it was one and as a reset otherwise.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from harness.running.wire.farewell import Listening
from harness.running.wire.half_close import still_listens
from harness.running.wire.intake import MUCH_BYTES, Intake
from harness.running.wire.looking_on import LookingOn
from harness.running.wire.sockets import Ear, reset, unbuffered, unread
from harness.running.wire.tap.lane import Lane
from harness.running.wire.tap.passage import PROBE, Passage, Stream
from harness.running.wire.tap.redis_gate import RedisGate
from harness.running.wire.tap.traffic import LinkTraffic
from harness.running.wire.tap.watch import Watch

_READ_ON_S = 1.0
"""How long after its last byte the rest of a request is waited for, once there is nobody to pass it to."""
_ASKS_WITHIN_S = 5.0
"""So long a connection that is to be reset is given to say something first; a network resets what is sent, not who is silent."""
_SENT_S = 0.02
"""A request has this long to get from the tap to the edge, also when its client has left."""
_FLUSH_S = 1.0
_WAITING_BYTES = 1 << 18
"""So much of what a client says is kept while it cannot be passed on; then it has to wait, as in a network whose buffers are full."""

Afterwards = Literal["deliver", "reset", "hold"]


class Near(asyncio.Protocol):
    """The side of one connection that faces the target."""

    _transport: asyncio.Transport
    _intake: Intake

    def __init__(
        self,
        passage: Passage,
        watched: Watch,
        traffic: LinkTraffic | None,
        near_sides: set[Near],
        far_sides: set[Far],
        number: int,
    ) -> None:
        self.number = number
        self._passage = passage
        self._watched = watched
        self._looking = LookingOn(f"a connection of link {passage.link}")
        self._listening = Listening(passage.farewell)
        self._traffic = traffic
        self._all = near_sides
        self._all_far = far_sides
        self._loop = asyncio.get_running_loop()
        self._far: Far | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._unheard: list[bytes] = []
        self._far_end: Literal["close", "reset"] | None = None
        self._born_to_reset = False
        self._told = False
        self._touched = False
        """Something of it was held back by a silence, or would have been."""
        self._held = False
        """It stays silent although the silence is over."""
        self._timer: asyncio.TimerHandle | None = None
        self._gone_s: float | None = None
        self._unheard_since_s: float | None = None
        self._silent: frozenset[Stream] = frozenset()
        """The streams on which nothing passes."""
        self._done_to: set[str] = set()
        self._met: set[str] = set()
        """Faults for a share of connections that were in force while it was there."""
        self._cut_by = ""
        self._half_closed = False
        """The client says no more, and waits for its answer."""
        self._lost = False
        self._was_reset = False
        """The client has reset the connection."""
        self._hushed = False
        """The far side says no more, of which the client is still to be told."""
        self._retires = False
        """It is closed with its next whole answer."""
        self._far_crowded = self._near_crowded = False
        """That side takes no more for now."""
        self._gate = self._gated() if passage.gated and number != PROBE else None
        self._up = self._lane("upstream", self._reach, self._read_on)
        self._down = self._lane("downstream", self._tell, self._let_far_speak)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = unbuffered(transport)
        self._intake = Intake(self._transport)
        if self._passage.closed or not self._passage.listens():
            self._gone_s = time.monotonic()
            reset(self._transport)
            return
        self._all.add(self)
        if self._traffic is not None:
            self._traffic.opened()
        self.settle(None)
        if self._passage.resets(self.number):
            self._born_to_reset = True
            self._learn("reset")
        elif self._mute:
            # In a network that swallows packets nobody is reached.
            self._touched = True
        else:
            self._begin_to_dial()

    def data_received(self, data: bytes) -> None:
        if len(data) >= MUCH_BYTES:
            self._intake.came(len(data))
        if self._traffic is not None:
            self._traffic.said(len(data))
        with self._looking:
            self._watched.asked(data)
        if self._gate is not None:
            data = self._gate.asked(data)
        if self._far_end is not None and not self._deaf:
            self._mirror()
            return
        self._up.say(data)
        if self._up.full:
            self._intake.hold()

    def eof_received(self) -> bool:
        # Toxiproxy treats a half-closed connection as closed, so that nobody behind it may know of this one before the answer has come,
        # but by a word where an edge listens for one.
        told = self._watched.tunnelled
        self._half_closed = self._far_end is None and (told or self._watched.awaits) and still_listens(self._transport)
        if self._half_closed:
            self._intake.hold()
        else:
            self._leave()
        if self._half_closed and told:
            self._tell_half()
        return self._half_closed

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._was_reset = isinstance(exc, ConnectionResetError)
        self._leave()
        self.part()

    def pause_writing(self) -> None:
        self._near_crowded = True
        self._pause_far()

    def resume_writing(self) -> None:
        self._near_crowded = False
        self._let_far_speak()

    # What the far side calls.

    def reached(self, far: Far) -> None:
        """The far side is there."""
        self._far = far
        if not self._mute:
            self._pass_on()
        if self._deaf:
            self._pause_far()
        if self._cut_by:
            self._cut(self._cut_by)
        if self._passage.closed:
            far.abort()
        elif self._gone_s is not None:
            self._let_far_go()

    def hear(self, data: bytes) -> None:
        """The far side said *data*."""
        if self._gone_s is not None:
            return
        data, end = self._listening.hear(data)
        if data:
            self._pass_down(data)
        if end == "reset":
            self.far_ended("reset")
        elif end == "half":
            self._down.end(self._hush)
        if self._down.full:
            self._pause_far()

    def far_ended(self, how: Literal["close", "reset"]) -> None:
        """The far side is not there, or no longer."""
        if rest := self._listening.rest():
            self._down.say(rest)
        if self._gate is not None:
            self._gate.ended()
        self._down.end(lambda: self._learn(how))

    def part(self) -> None:
        """Once both sides are gone, all that knows this one is let go of: else it would stay until garbage is looked for."""
        dials = self._dialling is not None and not self._dialling.done()
        if not self._lost or dials or (self._far is not None and not self._far.lost):
            return
        self._watched.let_go()
        self._up.close()
        self._down.close()
        self._far = self._dialling = self._timer = self._gate = None

    def _hush(self) -> None:
        """The far side says no more, and listens on; the news of it have come."""
        self._hushed = True
        if not self._deaf and not self._unheard and not self._told and not self._transport.is_closing():
            self._told = True
            self._transport.write_eof()

    def _learn(self, how: Literal["close", "reset"]) -> None:
        """The news of the far side's end have come; what was said of it first counts."""
        self._far_end = self._far_end or how
        if self._deaf:
            return  # The news is swallowed like all else.
        self._forget_waiting()
        self._up.forget()
        if self._gone_s is None:
            self.resume()
            self._mirror()

    def pause(self) -> None:
        self._far_crowded = True
        if self._gone_s is None:
            self._intake.hold()

    def resume(self) -> None:
        self._far_crowded = False
        self._read_on()

    # What the tap calls.

    def settle(self, how: Afterwards | None) -> None:
        """Be treated as what is in force now says; *how*: what becomes of this connection if that ends a silence that touched it."""
        if self.number != PROBE:
            self._passage.meet(self.number, self._met)
        was, self._silent = self._silent, self._passage.silent(self.number)
        self._up.shape(self._passage.shapes(self.number, "upstream"))
        self._down.shape(self._passage.shapes(self.number, "downstream"))
        if self._gate is not None:
            self._gate.effects = self._passage.answers()
            if self._gate.muted_by and self._gate.muted_by not in self._gate.effects:
                self.fail()  # It would wait for ever for what was never answered.
        if self._silent - was:
            self._fall_silent()
        if how is not None and was - self._silent:
            self._speak_again(how)

    def _fall_silent(self) -> None:
        """From now on nothing passes on the streams that are silent."""
        if self._deaf and self._far is not None:
            self._touched = self._touched or self._watched.owed
            self._far.pause()

    def _speak_again(self, how: Afterwards) -> None:
        """What was silent no longer is; *how*: what becomes of this connection if the silence touched it."""
        unheard = bool(self._unheard) or (self._far is not None and self._far.unheard)
        touched = self._touched or bool(self._waiting) or unheard or self._far_end is not None
        self._touched = False
        if touched and how == "reset":
            self.fail()
        elif touched and how == "hold":
            self._held = True
        elif self._far_end is not None:
            self._let_far_speak()
            self._learn(self._far_end)
        elif self._far is not None:
            self._pass_on()
            self._let_far_speak()
        elif self._dialling is None:
            self._begin_to_dial()

    @property
    def silenced(self) -> bool:
        """Whether nothing passes in one direction at least, so that no handshake gets anywhere."""
        return self._mute or self._deaf

    def touch(self) -> None:
        """A silence holds back what its client says."""
        self._touched = True

    def retire(self) -> None:
        """Close both sides, as soon as nothing that was asked is without its whole answer."""
        if self._watched.owed and not self._watched.tunnelled:
            self._retires = True
        else:
            self._end(by_reset=False)

    def fail(self) -> None:
        """Reset both sides at once."""
        self._watched.far_ended(reset=True)
        self._end(by_reset=True)

    def drop(self) -> None:
        """Close both sides at once; the attempts stay open."""
        self._end(by_reset=False)

    # What is held back.

    @property
    def _mute(self) -> bool:
        """Whether what the client says is not passed on."""
        return self._held or "upstream" in self._silent

    @property
    def _deaf(self) -> bool:
        """Whether the client is told nothing of what the far side says or does."""
        return self._held or "downstream" in self._silent

    def _lane(self, stream: Stream, out: Callable[[bytes], None], eased: Callable[[], None]) -> Lane:
        passage = self._passage
        seed = f"{passage.seed}/{passage.link}/{self.number}/{stream}" if self.number != PROBE else ""
        return Lane(out, eased, self._cut, self._note, passage.busy, seed)

    def _pass_down(self, data: bytes) -> None:
        if self._gate is None:
            self._down.say(data)
        else:
            self._gate.answered(data)

    def _gated(self) -> RedisGate:
        passage = self._passage
        seed = f"{passage.seed}/{passage.link}/{self.number}/commands"

        def done(fault: str) -> None:
            passage.done_to[fault] += 1

        return RedisGate(lambda data: self._down.say(data), done, passage.draw, self.fail, seed)

    def _note(self, fault: str) -> None:
        """*fault* does something to this connection."""
        if self.number != PROBE and fault not in self._done_to:
            self._done_to.add(fault)
            self._passage.done_to[fault] += 1

    def _reach(self, data: bytes) -> None:
        """What the client said has come to the far end of what delays it."""
        if self._far is None or self._mute:
            self._wait(data)
        else:
            self._far.say(data)

    def _tell(self, data: bytes) -> None:
        """What the far side said has come to where the client hears it."""
        if self._gone_s is not None:
            return
        if self._deaf:
            # uvloop reads once from a connection that was to be paused as soon as it was there.
            self._unheard.append(data)
            self._pause_far()
            return
        was_tunnelled = self._watched.tunnelled
        with self._looking:
            self._watched.answered(data)
        if self._half_closed and self._watched.tunnelled and not was_tunnelled:
            self._tell_half()  # There is somebody who listens for it now.
        if self._traffic is not None:
            self._traffic.heard(len(data))
        if not self._transport.is_closing():
            self._transport.write(data)
        over = self._half_closed and not self._watched.awaits and not self._watched.tunnelled
        if over or (self._retires and not self._watched.owed):
            self._end(by_reset=False)

    def _cut(self, by: str) -> None:
        """A fault ends the connection, for both sides."""
        if self._gone_s is not None:
            return
        if self._far is None:
            # Once it is there it gets what came before the cut.
            self._cut_by = by
            return
        self._far.close()
        self._learn("reset" if by == "reset" else "close")

    def _wait(self, data: bytes) -> None:
        self._touched = self._touched or self._mute
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _WAITING_BYTES:
            self._intake.hold()

    def _pass_on(self) -> None:
        """Say to the far side what has waited."""
        assert self._far is not None
        waiting = self._waiting
        self._forget_waiting()
        self.resume()
        for data in waiting:
            self._far.say(data)

    def _read_on(self) -> None:
        """Read what the client says, unless there is no room for it."""
        crowded = self._far_crowded or self._up.full or self._waiting_bytes > _WAITING_BYTES
        if self._gone_s is None and not crowded and not self._half_closed:
            self._intake.release()

    def _forget_waiting(self) -> None:
        self._waiting, self._waiting_bytes = [], 0

    def _pause_far(self) -> None:
        if self._far is not None:
            self._far.pause()

    def _let_far_speak(self) -> None:
        if self._far is None or self._deaf:
            return
        unheard, self._unheard = self._unheard, []
        for data in unheard:
            self._tell(data)
        if self._hushed:
            self._hush()
        if not self._near_crowded and not self._down.full:
            self._far.resume()

    # How the end of the far side reaches the client.

    def _mirror(self) -> None:
        if self._born_to_reset and self._is_about_to_ask():
            self._in(_ASKS_WITHIN_S, self._pass_on_the_end)
        elif self._watched.halfway or self._is_coming() or self._is_about_to_ask():
            self._in(_READ_ON_S, self._pass_on_the_end)
        else:
            self._pass_on_the_end()

    def _is_about_to_ask(self) -> bool:
        # What is asked on a connection that dies is an attempt all the same.
        if self._watched.begun or self._told or self._traffic is None:
            return False
        return self._watched.asks_first or self._born_to_reset

    def _is_coming(self) -> bool:
        # A reset would take from us what the client has already sent.
        return self._far_end == "reset" and unread(self._transport)

    def _pass_on_the_end(self) -> None:
        self._watched.far_ended(reset=self._far_end == "reset")
        if self._far_end == "reset":
            self._reset_when_flushed(time.monotonic() + _FLUSH_S)
            return
        if not self._told and not self._transport.is_closing():
            self._transport.write_eof()
        self._told = True
        # The client may have asked again before it learns of the end: that is an attempt too.
        self._in(0.0 if self._half_closed else _READ_ON_S, self._give_up)

    def _give_up(self) -> None:
        self._watched.far_ended(reset=self._far_end == "reset")
        self._end(by_reset=False)

    def _reset_when_flushed(self, late_s: float) -> None:
        if self._transport.get_write_buffer_size() and not self._transport.is_closing() and time.monotonic() < late_s:
            self._in(0.002, lambda: self._reset_when_flushed(late_s))
        else:
            self._end(by_reset=True)

    # How the client leaves.

    def _leave(self) -> None:
        if self._gone_s is not None:
            return
        self._gone()
        if self._far is not None:
            self._let_far_go()
        elif self._unheard_since_s is None and self._dialling is not None:
            self._dialling.cancel()

    def _let_far_go(self) -> None:
        """Close the far side once the client's last request, if it was whole, is past what delays it."""
        assert self._far is not None
        assert self._gone_s is not None
        if not self._deaf:
            self._far.resume()
        self._up.end(self._close_far)

    def _close_far(self) -> None:
        """All that the client said is past the tap, and it has left."""
        assert self._far is not None
        assert self._gone_s is not None
        if self._was_reset and self._watched.tunnelled:
            self._far.say(self._passage.upward.say("reset"))
        unheard_since_s, gone_s = self._unheard_since_s, self._gone_s
        if unheard_since_s is None:
            self._far.close()
        else:
            at_s = max(gone_s + self._passage.owed_s, unheard_since_s + _SENT_S)
            self._far.close_in(max(0.0, at_s - time.monotonic()))

    def _tell_half(self) -> None:
        """Tell the far side in a word that the client says no more, behind all that it said: Toxiproxy would make a close of it."""
        self._up.end(lambda: self._reach(self._passage.upward.say("half")))

    def _gone(self) -> None:
        self._gone_s = time.monotonic()
        self._unheard_since_s = self._watched.unheard_since_s
        self._watched.client_left()
        if self._timer is not None:
            self._timer.cancel()
        self._all.discard(self)

    def _end(self, *, by_reset: bool) -> None:
        if self._gone_s is None:
            self._gone_s = time.monotonic()
            if self._timer is not None:
                self._timer.cancel()
            self._all.discard(self)
        if self._dialling is not None:
            self._dialling.cancel()
        if self._far is not None:
            self._far.close()
        if by_reset:
            reset(self._transport)
        else:
            self._transport.close()

    def _in(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, then)

    def _begin_to_dial(self) -> None:
        self._dialling = self._loop.create_task(self._dial())
        self._passage.dials.add(self._dialling)
        self._dialling.add_done_callback(self._passage.dials.discard)
        self._dialling.add_done_callback(self._dialled)

    def _dialled(self, dial: asyncio.Task[None]) -> None:
        if dial.cancelled() and self._far is not None:
            self._far.connection_lost(None)  # uvloop closes it without saying so
        self.part()

    async def _dial(self) -> None:
        try:
            if self._passage.via is None:
                raise ConnectionRefusedError
            await self._loop.create_connection(lambda: Far(self, self._all_far), "127.0.0.1", self._passage.via)
        except OSError:
            self.far_ended("reset")


class Far(asyncio.Protocol):
    """The side of one connection that faces Toxiproxy."""

    _transport: asyncio.Transport
    _intake: Intake
    _ear: Ear

    def __init__(self, near: Near, all_of_them: set[Far]) -> None:
        self._near = near
        self._all = all_of_them
        self._timer: asyncio.TimerHandle | None = None
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = unbuffered(transport)
        self._intake = Intake(self._transport)
        self._ear = Ear(self._transport)
        self._all.add(self)
        self._near.reached(self)

    def data_received(self, data: bytes) -> None:
        if len(data) >= MUCH_BYTES:
            self._intake.came(len(data))
        self._near.hear(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.lost:
            return
        self._all.discard(self)
        self.lost = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._near.far_ended("reset" if exc else "close")
        self._near.part()

    def pause_writing(self) -> None:
        self._near.pause()

    def resume_writing(self) -> None:
        self._near.resume()

    def say(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    @property
    def unheard(self) -> bool:
        """Whether something has come of which the near side has not been told."""
        return self._ear.spoken

    def pause(self) -> None:
        self._intake.hold()

    def resume(self) -> None:
        self._intake.release()

    def close(self) -> None:
        self._transport.close()

    def close_in(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self.close)

    def abort(self) -> None:
        self._transport.abort()
