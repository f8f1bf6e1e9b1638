"""What a fault does to the commands on one connection of a Redis link, and to what comes back: errors in the server's place, or nothing."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.faults.effects import TapAnswers
from harness.faults.redis_commands import OTHER_TALK, SPARED
from harness.running.wire.tap.resp import Frames, Unreadable, message_on, name_of

_ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
_DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"


@dataclass(slots=True)
class _Owed:
    """A reply that is owed to the client: *own* words, at once or (*instead*) in place of what the server says; None: what it says."""

    own: bytes | None = None
    instead: bool = False


class Drew(Protocol):
    """Is told of each command that came to a *fault* for a share of them."""

    def __call__(self, fault: str, *, picked: bool) -> None: ...


class RedisGate:
    """The gate of one connection. *tell* says something to the client; *done* is told the name of a fault for each command that it hit,
    and *drew*, of a fault for a share of commands, for each that came to it, whether that was picked.

    As long as no fault is in force, all passes unread. It begins to read where nothing is owed, so that it knows which reply is whose.
    What is left to chance hangs on *seed* alone.
    """

    def __init__(self, tell: Callable[[bytes], None], done: Callable[[str], None], drew: Drew, seed: str) -> None:
        self._tell, self._done, self._drew, self._seed = tell, done, drew, seed
        self.effects: Mapping[str, TapAnswers] = {}
        """What is in force, by fault."""
        self.mute = False
        """A command was never answered, and so nothing behind it is."""
        self._reads = False
        self._said, self._heard = Frames(commands=True), Frames(commands=False)
        self._owed: deque[_Owed] = deque()
        self._in_order = True  # one reply for each command
        self._together = False  # between MULTI and EXEC
        self._aborts = False  # a command of the transaction was answered an error
        self._passes = False  # what was met could not be read
        self._chances: dict[str, random.Random] = {}

    def asked(self, data: bytes, *, quiet: bool) -> bytes:
        """What of *data*, said by the client, goes on; *quiet*: nothing was owed, and no command was half said, before it."""
        if not self._reads and not self._passes:
            self._reads = bool(self.effects) and quiet
        if self.mute:
            return b""
        if not self._reads:
            return data
        try:
            commands = self._said.feed(data)
        except Unreadable:
            self._give_up()
            return self._said.rest
        passed = b"".join(self._command(command) for command in commands)
        self._tell_own()
        return passed

    def answered(self, data: bytes, *, quiet: bool) -> None:
        """Tell the client what it is to hear of *data*, said by the server; *quiet*: that begins a reply or a message."""
        if not self._reads and not self._passes and self._loses_messages() and quiet:
            # It may have subscribed before anybody read along: whatever comes unasked is a message.
            self._reads, self._in_order = True, False
        if self.mute:
            return
        if not self._reads:
            self._tell(data)
            return
        try:
            replies = self._heard.feed(data)
        except Unreadable:
            self._give_up()
            return
        for reply in replies:
            self._reply(reply)
            self._tell_own()

    def _command(self, command: bytes) -> bytes:
        """What goes on to the server in the place of *command*."""
        name = name_of(command)
        if not name:
            return command
        if name in OTHER_TALK:
            self._in_order = False
        if not self._in_order:
            return command
        if name in ("MULTI", "EXEC", "DISCARD"):
            aborted, self._aborts, self._together = self._aborts, False, name == "MULTI"
            if aborted and name == "EXEC":
                self._owed.append(_Owed(_ABORTED, instead=True))
                return _DISCARD
        for fault, effect in self.effects.items():
            if self._hits(fault, effect, name):
                self._done(fault)
                return self._refused(effect, command)
        self._owed.append(_Owed())
        return command

    def _refused(self, effect: TapAnswers, command: bytes) -> bytes:
        if effect.error:
            # Of a transaction the server is told at its end to forget what it has, as it would have done by itself.
            self._aborts = self._together
            self._owed.append(_Owed(b"-" + effect.error.encode() + b"\r\n"))
        else:
            self.mute = True
        return b""

    def _hits(self, fault: str, effect: TapAnswers, name: str) -> bool:
        if effect.messages or name in SPARED or (effect.commands and name not in effect.commands):
            return False
        if effect.share_ratio >= 1 or not self._seed:
            return True
        if fault not in self._chances:
            self._chances[fault] = random.Random(f"{self._seed}/{fault}")
        picked = self._chances[fault].random() < effect.share_ratio
        self._drew(fault, picked=picked)
        return picked

    def _reply(self, reply: bytes) -> None:
        if message_on(reply) is not None and (reply.startswith(b">") or not self._in_order):
            for fault, effect in self.effects.items():
                if effect.messages:
                    self._done(fault)
                    return
            self._tell(reply)
            return
        owed = self._owed.popleft() if self._owed and not reply.startswith(b">") else _Owed()
        self._tell(owed.own if owed.instead and owed.own is not None else reply)

    def _tell_own(self) -> None:
        """Tell the client what it is owed of our own words, up to the first reply that has to come from the server."""
        while self._owed and self._owed[0].own is not None and not self._owed[0].instead:
            own = self._owed.popleft().own
            assert own is not None
            self._tell(own)

    def _loses_messages(self) -> bool:
        return any(effect.messages for effect in self.effects.values())

    def _give_up(self) -> None:
        """What cannot be read is passed on as it is, and so is all that follows."""
        self._reads, self._passes = False, True
        if self._heard.rest:
            self._tell(self._heard.rest)
