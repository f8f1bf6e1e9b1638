"""What the harness and the keeper say to one another: each message one line of JSON."""

from __future__ import annotations

from typing import Literal, TypedDict


class Spawn(TypedDict):
    """Start *argv*; answered by Started or Refused."""

    ask: Literal["spawn"]
    n: int
    name: str
    argv: list[str]
    env: dict[str, str]
    log: str
    cwd: str


class Signal(TypedDict):
    """Send *signum* to all that came of the child *name* (0: only count them); answered by Counted."""

    ask: Literal["signal"]
    n: int
    name: str
    signum: int


class Limit(TypedDict):
    """Let all that came of the child *name* have *cpu* processors at most (0: as many as there are); answered by Counted."""

    ask: Literal["limit"]
    n: int
    name: str
    cpu: float


class Close(TypedDict):
    """Put the world back and end; no answer but the end of the keeper."""

    ask: Literal["close"]
    grace_s: float


class Beat(TypedDict):
    """The harness is still there. From the first one on, one that comes no more is missed; answered by Beats."""

    ask: Literal["beat"]


class Hide(TypedDict):
    """No log of a child that is started from now on may tell *secrets*, which are by name; no answer."""

    ask: Literal["hide"]
    secrets: dict[str, str]


Request = Spawn | Signal | Limit | Close | Beat | Hide


class Ready(TypedDict):
    """The keeper listens."""

    say: Literal["ready"]


class Started(TypedDict):
    """The child *name* runs."""

    say: Literal["started"]
    n: int
    name: str
    pid: int


class Refused(TypedDict):
    """What was asked could not be done, and *why*."""

    say: Literal["refused"]
    n: int
    why: str


class Counted(TypedDict):
    """So many processes of the child were running, and were sent the signal."""

    say: Literal["counted"]
    n: int
    running: int


class Ended(TypedDict):
    """The child *name* ended with *status*, negative for a signal."""

    say: Literal["ended"]
    name: str
    status: int


class TookBack(TypedDict):
    """Nothing had been heard of the harness for *quiet_s*, so the faults that were in force were taken back."""

    say: Literal["took_back"]
    quiet_s: float


class Beats(TypedDict):
    """The keeper is still there, too."""

    say: Literal["beats"]


Reply = Started | Refused | Counted
Message = Ready | Reply | Ended | TookBack | Beats


class Settings(TypedDict):
    """What the keeper is told when it is started."""

    undo: str
    temp: str
