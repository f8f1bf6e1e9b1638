"""What happens on a game day, in order, on disk before anybody is told of it: one line of JSON each, nothing inferred.

All that a person can say of a day is an event of its own, and so is all that the harness did. Where a day stands is told from its events
alone (`standing.py`), so a day whose process was killed goes on where its file ends. Each has *at*, wall time in UTC (ISO 8601), and
*by*: a person's name as they gave it, or ``harness``. A *step* is its id in the file. QUOTED: what others said, which may hold a secret.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

HARNESS = "harness"
Outcome = Literal["held", "failed", "inconclusive", "invalid", "aborted", "done", "not_done", "skipped", "interrupted"]
"""``held`` to ``aborted`` are a scenario's verdict; ``done`` and ``not_done`` what a person said of a manual step or a talk, or that a
wait was over; ``interrupted``: the harness was killed in it."""
Kind = Literal["detected", "acknowledged", "mitigated", "resolved"]
"""What responders did, in the order in which incidents are told."""


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """Something of a day."""

    QUOTED: ClassVar[tuple[str, ...]] = ()

    at: str = ""  # written by the desk that takes it
    by: str = HARNESS


class Opened(Happened, frozen=True, tag="opened"):
    """The first line: which day it is."""

    day: str  # its id, as its folder is called
    name: str
    file: str  # path of the game-day file
    sha256: str  # of its text
    steps: list[str]  # ids, in the order of the agenda
    prerequisites: int
    approvals: list[str]  # who has to agree
    tabletop: bool = False
    secret: list[str] = []  # ids of steps that responders may not know before they are over
    kinds: list[str] = []  # of the steps, one each: scenario, manual, wait or discuss
    found_out: list[int] = []  # prerequisites that the harness finds out by itself, by their numbers from 0


class WentOn(Happened, frozen=True, tag="went_on"):
    """A day whose process had ended is carried on by another one; *healed*: what was put back first."""

    QUOTED: ClassVar[tuple[str, ...]] = ("healed",)

    healed: str = ""


class Looked(Happened, frozen=True, tag="looked"):
    """A prerequisite, by its number from 0, was looked at: ticked by a person, or run or asked by the harness."""

    QUOTED: ClassVar[tuple[str, ...]] = ("told",)

    prerequisite: int
    ok: bool
    told: str = ""


class Agreed(Happened, frozen=True, tag="agreed"):
    """Somebody whose yes is needed (*of*, as the file has them) said yes or (*yes* false) no; a no has a *why*."""

    QUOTED: ClassVar[tuple[str, ...]] = ("why",)

    of: str
    yes: bool = True
    why: str = ""


class Called(Happened, frozen=True, tag="called"):
    """A person said that a step is to begin."""

    step: str


class Began(Happened, frozen=True, tag="began"):
    """A step began."""

    step: str
    run: str = ""  # of a scenario: the folder of its run below that of the day, where it is known already


class Over(Happened, frozen=True, tag="over"):
    """A step is over."""

    QUOTED: ClassVar[tuple[str, ...]] = ("told",)

    step: str
    outcome: Outcome
    run: str = ""  # of a scenario: the folder of its run below that of the day, such as region-loss/20260101-…
    told: str = ""  # the verdict's reason, or what a person said


class Noted(Happened, frozen=True, tag="noted"):
    """A person wrote something down; on a tabletop also what they decided."""

    QUOTED: ClassVar[tuple[str, ...]] = ("text",)

    text: str
    decision: bool = False
    surprise: bool = False


class Marked(Happened, frozen=True, tag="marked"):
    """Responders detected, acknowledged, mitigated or resolved what the step in hand broke."""

    QUOTED: ClassVar[tuple[str, ...]] = ("text",)

    kind: Kind
    step: str = ""  # filled in by the desk: the one in hand, or else the last one
    text: str = ""


class Item(Happened, frozen=True, tag="item"):
    """Something to be done after the day; said again with the same text, it says what has changed of it."""

    QUOTED: ClassVar[tuple[str, ...]] = ("text", "ticket")

    text: str
    owner: str = ""
    ticket: str = ""
    due: str = ""  # a date, ISO 8601: when it is to be tested again
    done: bool = False


class Told(Happened, frozen=True, tag="told"):
    """Somebody outside was told, or (*error*) could not be; *url* is masked."""

    QUOTED: ClassVar[tuple[str, ...]] = ("url", "error")

    url: str
    moment: str
    error: str = ""


class Warned(Happened, frozen=True, tag="warned"):
    """Something that everybody should know: a shared Toxiproxy does not answer, the budget runs out."""

    QUOTED: ClassVar[tuple[str, ...]] = ("what",)

    what: str


class PutBack(Happened, frozen=True, tag="put_back"):
    """What a step had in force when it was stopped is gone, but for what is *left*: that may be in force still, and is tried again."""

    QUOTED: ClassVar[tuple[str, ...]] = ("told",)

    step: str
    left: list[str] = []  # faults, as sentences
    told: str = ""  # why they are left; else who had to be killed to have them gone


class Stopped(Happened, frozen=True, tag="stopped"):
    """Somebody pressed stop: what is in force is taken back, and no further step begins until somebody says so (`Called`)."""

    QUOTED: ClassVar[tuple[str, ...]] = ("why",)

    why: str = ""


class Closed(Happened, frozen=True, tag="closed"):
    """The last line: the day is over; *held*: whether its hypothesis was, as a person or the verdicts say; None: nobody can say."""

    QUOTED: ClassVar[tuple[str, ...]] = ("told",)

    held: bool | None = None
    told: str = ""


Event = (
    Opened
    | WentOn
    | Looked
    | Agreed
    | Called
    | Began
    | Over
    | Noted
    | Marked
    | Item
    | Told
    | Warned
    | PutBack
    | Stopped
    | Closed
)
SAID = (Looked, Agreed, Called, Over, Noted, Marked, Item, Stopped, Closed)
"""What a person can say; of a step that is over, only of a manual one, a wait or a talk."""

_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """One line, with its end."""
    return _encode(event) + b"\n"


def decode_one(text: bytes | str) -> Event:
    """The event of one line, as a page or another process says it. Raises ValueError that says what is wrong with it."""
    return _decoder.decode(text)


def decode(lines: bytes) -> list[Event]:
    """The events of *lines*; a last line without an end, cut short by a crash, is left out. Raises ValueError for another that is none."""
    return [_decoder.decode(line) for line in lines.split(b"\n")[:-1] if line.strip()]
