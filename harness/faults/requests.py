"""Which requests on a link a fault is for: what they say, which try of theirs it is, and how large a share of them.

Chance hangs on the run's seed, the link, the fault and the request alone, so equal seeds draw alike in whatever order requests come.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple

import msgspec

Per = Literal["attempt", "connection", "conversation"]
"""What a share is of: each attempt draws for itself, or all of a connection, or of a conversation, share their lot."""


class Ramp(msgspec.Struct, frozen=True):
    """A value that is at *start* first and moves evenly, so as to be what it was told to be after *over_s*."""

    start: float
    over_s: float

    def at(self, value: float, after_s: float) -> float:
        """What stands in the place of *value*, *after_s* after it began."""
        return value + (self.start - value) * max(0.0, 1 - after_s / self.over_s)


class Requests(msgspec.Struct, frozen=True, omit_defaults=True):
    """Those requests on a link that match everything that is said here; of them, a share.

    *model* and *path* may hold ``*`` for any text; *path* is told without the query. *attempt_min* and *attempt_max*: which try of one
    request, the first being 1. *share_ramp*: how the share gets to be *share_ratio* (0-1). *last_role*: whose the last message is.
    """

    model: str = ""
    path: str = ""
    method: str = ""
    stream: bool | None = None
    attempt_min: int = 1
    attempt_max: int | None = None
    share_ratio: float = 1.0
    share_ramp: Ramp | None = None
    per: Per = "attempt"
    last_role: str = ""

    @property
    def of_joined_alone(self) -> bool:
        """Whether it can only be told of an attempt that is joined to a request whether it is one of these."""
        return (self.attempt_min, self.attempt_max) != (1, None) or self.per == "conversation"

    def share_at(self, after_s: float) -> float:
        """The share that is hit *after_s* after the fault began."""
        return self.share_ratio if self.share_ramp is None else self.share_ramp.at(self.share_ratio, after_s)

    @property
    def draws(self) -> bool:
        """Whether chance has a say."""
        return self.share_ratio < 1 or self.share_ramp is not None


ALL = Requests()
"""All requests."""


class Attempted(NamedTuple):
    """An attempt as a selection sees it.

    *lot* is what of its request another run of the same seed has too, empty where it is joined to none; *number* says which try of one
    call it is, *connection* which one of its link it came on; *conversation* is None where it is not known. *last_role*: whose the last
    message is, in OpenAI's words.
    """

    lot: str
    number: int = 1
    model: str = ""
    path: str = ""
    method: str = ""
    stream: bool = False
    connection: int = 0
    conversation: int | None = None
    last_role: str = ""


class Lots:
    """What chance gives the tries of requests on *link*, *seed* and *purpose* being what it is drawn for."""

    def __init__(self, seed: int, link: str, purpose: str) -> None:
        self._drawn_for = (seed, link, purpose)
        self._tries: Counter[str] = Counter()

    def next(self, lot: str) -> float:
        """A number in [0, 1) for the next try of the request with *lot*; those that are joined to none are drawn by their ordinal."""
        self._tries[lot] += 1
        return draw(*self._drawn_for, lot, self._tries[lot])

    def once(self, what: str) -> float:
        """The number in [0, 1) for *what*, each time the same."""
        return draw(*self._drawn_for, what, 1)


class Choosing:
    """Says of attempts whether they are among the *requests* that a fault is for, and drawn from *lots*."""

    def __init__(self, requests: Requests, lots: Lots) -> None:
        self.requests = requests
        self._lots = lots

    def concerns(self, attempt: Attempted) -> bool:
        """Whether *attempt* is one of those of which the share is."""
        asked = self.requests
        if asked.of_joined_alone and not attempt.lot:
            return False
        return (
            _fits(asked.model, attempt.model)
            and _fits(asked.path, attempt.path)
            and asked.method in ("", attempt.method)
            and asked.stream in (None, attempt.stream)
            and asked.last_role in ("", attempt.last_role)
            and asked.attempt_min <= attempt.number
            and (asked.attempt_max is None or attempt.number <= asked.attempt_max)
        )

    def draws(self, attempt: Attempted, after_s: float) -> bool:
        """Whether *attempt*, which it concerns, is hit; to be asked once of each, *after_s* after the fault began."""
        if not self.requests.draws:
            return True
        return self._lot(attempt) < self.requests.share_at(after_s)

    def _lot(self, attempt: Attempted) -> float:
        match self.requests.per:
            case "attempt":
                return self._lots.next(attempt.lot)
            case "connection":
                return self._lots.once(f"connection {attempt.connection}")
            case "conversation":
                return self._lots.once(f"conversation {attempt.conversation}")


class Tries:
    """Counts how often each call was tried, of those that were tried of late."""

    def __init__(self, calls_max: int = 1 << 16) -> None:
        self._calls_max = calls_max
        self._tries: dict[tuple[str, str], int] = {}

    def next(self, lot: str, call: str) -> int:
        """Which try this one is of *call*, made for the request of *lot*; always the first where that is empty."""
        if not lot:
            return 1
        # Put in anew, so that the one that was tried longest ago is forgotten first.
        number = self._tries.pop((lot, call), 0) + 1
        self._tries[lot, call] = number
        if len(self._tries) > self._calls_max:
            del self._tries[next(iter(self._tries))]
        return number


def draw(seed: int, link: str, fault: str, lot: str, attempt: int) -> float:
    """A number in [0, 1) for the *attempt*-th try (from 1) of *lot* on *link*, the same in whatever order it is asked for."""
    text = f"{seed}/{link}/{fault}/{lot}/{attempt}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


def _fits(pattern: str, said: str) -> bool:
    return not pattern or _regex(pattern).fullmatch(said) is not None


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    first, *rest = map(re.escape, pattern.split("*"))
    # Each piece where it comes first, and nowhere else is tried: the wire waits for nobody's pattern.
    between = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(first + between + (f".*{rest[-1]}" if rest else ""), re.DOTALL)
