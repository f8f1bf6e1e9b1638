"""Which requests on a link a fault is for: what they say, which try of theirs it is, and how large a share of them.

Chance hangs on the run's seed, the link, the fault and the request alone, so equal seeds draw alike in whatever order requests come.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NamedTuple, Protocol

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


class Attempt(Protocol):
    """An attempt as a selection sees it.

    What takes work to know may be worked out when it is asked for: who does not need it does not ask.
    """

    @property
    def lot(self) -> str:
        """What of its request another run of the same seed has too; empty where it is joined to none."""

    @property
    def number(self) -> int:
        """Which try of one call it is, from 1."""

    @property
    def model(self) -> str: ...

    @property
    def path(self) -> str: ...

    @property
    def method(self) -> str: ...

    @property
    def stream(self) -> bool: ...

    @property
    def connection(self) -> int:
        """Which one of its link it came on."""

    @property
    def conversation(self) -> int | None:
        """None where it is not known."""

    @property
    def last_role(self) -> str:
        """Whose the last message is, in OpenAI's words."""


class Attempted(NamedTuple):
    """An `Attempt` of which everything is known."""

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
        self._drawn = Drawn(seed, link, purpose)
        self._tries: dict[str, int] = {}

    def next(self, lot: str) -> float:
        """A number in [0, 1) for the next try of the request with *lot*; those that are joined to none are drawn by their ordinal."""
        self._tries[lot] = number = self._tries.get(lot, 0) + 1
        return self._drawn.at(lot, number)

    def once(self, what: str) -> float:
        """The number in [0, 1) for *what*, each time the same."""
        return self._drawn.at(what, 1)


class Choosing:
    """Says of attempts whether they are among the *requests* that a fault is for, and drawn from *lots*."""

    def __init__(self, requests: Requests, lots: Lots) -> None:
        self.requests = requests
        self._lots = lots
        self._by_chance = requests.draws
        self._conditions = _conditions(requests)

    def concerns(self, attempt: Attempt) -> bool:
        """Whether *attempt* is one of those of which the share is."""
        for met in self._conditions:  # noqa: SIM110 - ten rules ask this of every request: `all` takes three times as long
            if not met(attempt):
                return False
        return True

    def draws(self, attempt: Attempt, after_s: float) -> bool:
        """Whether *attempt*, which it concerns, is hit; to be asked once of each, *after_s* after the fault began."""
        return not self._by_chance or self._lot(attempt) < self.requests.share_at(after_s)

    def _lot(self, attempt: Attempt) -> float:
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


class Drawn:
    """The numbers that are drawn for *fault* on *link*: the same for equal seeds in whatever order they are asked for."""

    def __init__(self, seed: int, link: str, fault: str) -> None:
        # What is the same for all of them is taken in once.
        self._begun = blake2b(f"{seed}/{link}/{fault}/".encode(), digest_size=8)

    def at(self, lot: str, attempt: int) -> float:
        """A number in [0, 1) for the *attempt*-th try (from 1) of *lot*."""
        digest = self._begun.copy()
        digest.update(f"{lot}/{attempt}".encode())
        return int.from_bytes(digest.digest(), "big") / 2**64


def draw(seed: int, link: str, fault: str, lot: str, attempt: int) -> float:
    """As `Drawn`, for one number alone."""
    return Drawn(seed, link, fault).at(lot, attempt)


def _conditions(asked: Requests) -> tuple[Callable[[Attempt], bool], ...]:
    """What an attempt has to meet to be one of those *asked* for; what takes least work to know stands first."""
    conditions: list[Callable[[Attempt], bool]] = []
    if asked.of_joined_alone:
        conditions.append(lambda attempt: bool(attempt.lot))
    if asked.method:
        conditions.append(lambda attempt: attempt.method == asked.method)
    if asked.path:
        conditions.append(lambda attempt: fits_path(attempt.path) is not None)
        fits_path = _regex(asked.path).fullmatch
    if asked.model:
        conditions.append(lambda attempt: fits_model(attempt.model) is not None)
        fits_model = _regex(asked.model).fullmatch
    if asked.stream is not None:
        conditions.append(lambda attempt: attempt.stream == asked.stream)
    if asked.last_role:
        conditions.append(lambda attempt: attempt.last_role == asked.last_role)
    if asked.attempt_min > 1:
        conditions.append(lambda attempt: attempt.number >= asked.attempt_min)
    if (most := asked.attempt_max) is not None:
        conditions.append(lambda attempt: attempt.number <= most)
    return tuple(conditions)


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    first, *rest = map(re.escape, pattern.split("*"))
    # Each piece where it comes first, and nowhere else is tried: the wire waits for nobody's pattern.
    between = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(first + between + (f".*{rest[-1]}" if rest else ""), re.DOTALL)
