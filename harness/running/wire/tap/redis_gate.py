"""What a fault does to the commands on one connection of a Redis link, and to what comes back: errors in the server's place, or nothing."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from harness.faults.effects import TapAnswers
from harness.faults.redis_commands import OTHER_TALK, SPARED
from harness.running.wire.tap.resp import Frames, Piece, message_on, name_of, word_of

_ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
_DISCARD = b"*1\r\n$7\r\nDISCARD\r\n"
_TRANSACTION = frozenset({"MULTI", "EXEC", "DISCARD", "RESET"})
"""What begins one or ends it."""
_REPLICATION = frozenset({"SYNC", "PSYNC"})
"""What is said after these is of another form."""


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
    and *drew*, of a fault for a share of commands, for each that came to it, whether that was picked. *lose* ends a connection on which
    nobody can tell any more where our own words would stand.

    It reads along from the connection's first byte, since only who has read every command and every reply knows which reply is whose:
    many clients say the next command long before the last one is answered. What is left to chance hangs on *seed* alone.
    """

    def __init__(
        self,
        tell: Callable[[bytes], None],
        done: Callable[[str], None],
        drew: Drew,
        lose: Callable[[], None],
        seed: str,
    ) -> None:
        self._tell, self._done, self._drew, self._lose, self._seed = tell, done, drew, lose, seed
        self.effects: Mapping[str, TapAnswers] = {}
        """What is in force, by fault."""
        self.muted_by = ""
        """The fault by which a command is never answered; nothing behind it goes on. Empty: there is none."""
        self._said, self._heard = Frames(commands=True), Frames(commands=False)
        self._owed: deque[_Owed] = deque()
        self._name = ""  # of the command that is being said
        self._refusal: tuple[str, TapAnswers] | None = None  # the fault that answers it in the server's place, and how
        self._instead: bytes | None = (
            None  # what is told in the place of the reply that is being told; None: that itself
        )
        self._in_order = True  # one reply for each command
        self._together = False  # between MULTI and EXEC
        self._aborts = False  # a command of the transaction was answered an error
        self._passes = False  # nothing more is read: it could not be, or is of another form
        self._chances: dict[str, random.Random] = {}

    def asked(self, data: bytes) -> bytes:
        """What of *data*, said by the client, goes on."""
        if self.muted_by:
            return b""
        if self._passes:
            return self._said.rest() + data
        passed = b"".join([self._command(piece) for piece in self._said.feed(data)])
        if self._said.lost:
            self._passes = True
            passed += self._said.rest()
        self._tell_own()
        return passed

    def answered(self, data: bytes) -> None:
        """Tell the client what it is to hear of *data*, said by the server."""
        if self.muted_by and not self._owed and not self._heard.halfway:
            return
        if self._passes and not self._owes_own:
            self._tell(self._heard.rest() + data)
            return
        for piece in self._heard.feed(data, at_once=not self._loses_messages):
            self._reply(piece)
        if self._heard.lost:
            self._give_up()

    def ended(self) -> None:
        """The server says no more: the client is told what there is of a reply that has not come whole."""
        if not self.muted_by and not self._owes_own and (rest := self._heard.rest()):
            self._tell(rest)

    def _command(self, piece: Piece) -> bytes:
        """What goes on to the server in the place of a *piece* of a command."""
        if self.muted_by:
            return b""
        if piece.first:
            self._name = name_of(piece.data) if self._in_order else ""
            self._refusal = self._refused_by(self._name)
        if self._refusal is not None:
            if piece.last:
                self._refuse(*self._refusal)
            return b""
        return self._passed(piece.data) if piece.last and self._name else piece.data

    def _refused_by(self, name: str) -> tuple[str, TapAnswers] | None:
        """The fault, and its effect, that answers a command called *name* in the server's place, which is counted; None where it passes."""
        for fault, effect in self.effects.items() if name and name not in OTHER_TALK else ():
            if self._hits(fault, effect, name):
                self._done(fault)
                return fault, effect
        return None

    def _refuse(self, fault: str, effect: TapAnswers) -> None:
        if effect.error:
            # Of a transaction the server is told at its end to forget what it has, as it would have done by itself.
            self._aborts = self._together
            self._owed.append(_Owed(b"-" + effect.error.encode() + b"\r\n"))
        else:
            self.muted_by = fault

    def _passed(self, data: bytes) -> bytes:
        """What goes on in the place of *data*, the last of a command that passes; its reply is owed from now on."""
        name = self._name
        if name in OTHER_TALK or (name == "CLIENT" and word_of(data, 1) == "REPLY"):
            self._in_order, self._passes = False, name in _REPLICATION
            return data
        if name in _TRANSACTION:
            aborted, self._aborts, self._together = self._aborts, False, name == "MULTI"
            if aborted and name == "EXEC":
                self._owed.append(_Owed(_ABORTED, instead=True))
                return _DISCARD
        self._owed.append(_Owed())
        return data

    def _hits(self, fault: str, effect: TapAnswers, name: str) -> bool:
        if effect.messages or name in SPARED or (effect.commands and name not in effect.commands):
            return False
        if effect.share_ratio >= 1 or not self._seed:
            return True
        if fault not in self._chances:
            # A connection may outlive thousands of faults that come and go, and what one draws from is large.
            self._chances = {one: chance for one, chance in self._chances.items() if one in self.effects}
            self._chances[fault] = random.Random(f"{self._seed}/{fault}")
        picked = self._chances[fault].random() < effect.share_ratio
        self._drew(fault, picked=picked)
        return picked

    def _reply(self, piece: Piece) -> None:
        """Tell the client a *piece* of a reply, or what it is told in its place."""
        if piece.first:
            self._instead = self._told_instead(piece.data)
        if self._instead is None:
            self._tell(piece.data)
        elif piece.last and self._instead:
            self._tell(self._instead)
        if piece.last:
            self._tell_own()

    def _told_instead(self, reply: bytes) -> bytes | None:
        """What is told in the place of a *reply*, nothing for a message that is lost; None: it is told itself."""
        if message_on(reply) is not None and (reply.startswith(b">") or not self._in_order):
            for fault, effect in self.effects.items():
                if effect.messages:
                    self._done(fault)
                    return b""
            return None
        if reply.startswith(b">") or not self._owed:
            return None
        owed = self._owed.popleft()
        return owed.own if owed.instead else None

    def _tell_own(self) -> None:
        """Tell the client what it is owed of our own words, up to the first reply that has to come from the server."""
        while not self._heard.halfway and self._owed and self._owed[0].own is not None and not self._owed[0].instead:
            own = self._owed.popleft().own
            assert own is not None
            self._tell(own)

    @property
    def _loses_messages(self) -> bool:
        return any(effect.messages for effect in self.effects.values())

    @property
    def _owes_own(self) -> bool:
        """Whether something of our own is still to stand where the reply of a server would, or is being told there."""
        return any(owed.own is not None for owed in self._owed) or (self._heard.halfway and self._instead is not None)

    def _give_up(self) -> None:
        """What the server says cannot be read: it is passed on as it is, and so is all that follows."""
        if self._owes_own:
            self._lose()
            return
        self._passes = True
        self._tell(self._heard.rest())
