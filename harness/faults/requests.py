"""Which requests on a link a fault is for: what they say, which try of theirs it is, and how large a share of them.

Chance hangs on the run's seed, the link, the fault and the request alone, so equal seeds draw alike in whatever order requests come.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from struct import Struct
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

import msgspec

One = TypeVar("One")

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

    def hold_all_of(self, other: Requests) -> bool:
        """Whether each request that *other* is for is one of these, and hit."""
        if self.draws or self.attempt_min > other.attempt_min:
            return False
        if self.attempt_max is not None and (other.attempt_max is None or other.attempt_max > self.attempt_max):
            return False
        said = (
            (getattr(self, name), getattr(other, name)) for name in ("model", "path", "method", "stream", "last_role")
        )
        return all(mine in ("", None, theirs) for mine, theirs in said)

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
        self._drawn_at = Draws(seed, link, purpose).at
        self._tries, self._unjoined = Tries(), 0

    def next(self, lot: str) -> float:
        """A number in [0, 1) for the next try of the request with *lot*; those that are joined to none are drawn by their ordinal."""
        if lot:
            return self._drawn_at(lot, self._tries.next(lot))
        self._unjoined += 1
        return self._drawn_at(lot, self._unjoined)

    def once(self, what: str) -> float:
        """The number in [0, 1) for *what*, each time the same."""
        return self._drawn_at(what, 1)


class Choosing:
    """Says of attempts whether they are among the *requests* that a fault is for, and drawn from *lots*."""

    __slots__ = (
        "_each_for_itself",
        "_least",
        "_lots",
        "_most",
        "_share_at",
        "_share_ratio",
        "by_chance",
        "conditions",
        "of_joined",
        "requests",
    )

    def __init__(self, requests: Requests, lots: Lots) -> None:
        self.requests = requests
        self.conditions = _conditions(requests)
        """What an attempt has to meet to be one of those of which the share is, by what of it that looks at."""
        self.of_joined = requests.of_joined_alone
        """Whether `is_for_try` has to be asked: it is true of every attempt else."""
        self.by_chance = requests.draws
        """Whether `draws` has to be asked: it is true of every attempt else."""
        self._lots = lots
        self._share_ratio = requests.share_ratio if requests.share_ramp is None else None
        self._share_at = requests.share_at
        self._each_for_itself = requests.per == "attempt"
        self._least, self._most = requests.attempt_min, requests.attempt_max

    def is_for_try(self, attempt: Attempt) -> bool:
        """Whether *attempt*, which meets the conditions, is one of the tries that this is for."""
        if not self.of_joined:
            return True
        if not attempt.lot:
            return False
        if self._least > 1 and attempt.number < self._least:
            return False
        return self._most is None or attempt.number <= self._most

    def draws(self, attempt: Attempt, after_s: float) -> bool:
        """Whether *attempt*, which it concerns, is hit; to be asked once of each, *after_s* after the fault began."""
        if not self.by_chance:
            return True
        lot = self._lots.next(attempt.lot) if self._each_for_itself else self._shared_lot(attempt)
        return lot < (self._share_at(after_s) if self._share_ratio is None else self._share_ratio)

    def _shared_lot(self, attempt: Attempt) -> float:
        whose = attempt.connection if self.requests.per == "connection" else attempt.conversation
        return self._lots.once(f"{self.requests.per} {whose}")


_STAGES = (("method", "path"), ("model", "stream", "last_role"))
"""What attempts are sorted by: first what their head says, since for the others a body has to be read."""
_KINDS_MAX = 64


class Sorting(Generic[One]):
    """Which of *those* are for an attempt, in their order; which try it has to be is left to them.

    Attempts of which the same is said, of all that any of *those* looks at, are of one kind: for whom a kind is, is found out once.
    """

    __slots__ = ("_kind", "_kinds", "_looked_at", "_stages", "_those", "ones")

    def __init__(self, those: Sequence[tuple[One, Choosing]], stages: Sequence[tuple[str, ...]] = _STAGES) -> None:
        self._those, self.ones = those, tuple(one for one, _ in those)
        by_stage = [
            tuple(name for name in names if any(name in choosing.conditions for _, choosing in those))
            for names in stages
        ]
        first = next((number for number, names in enumerate(by_stage) if names), None)
        self._looked_at = () if first is None else by_stage[first]
        self._stages = () if first is None else stages[first + 1 :]
        self._kind = attrgetter(*self._looked_at) if self._looked_at else None
        self._kinds: dict[object, Sorting[One]] = {}

    def concerned(self, attempt: Attempt) -> tuple[One, ...]:
        """Those that *attempt* is for."""
        sorting = self
        while sorting._kind is not None:
            kind = sorting._kind(attempt)
            sorting = sorting._kinds.get(kind) or sorting._sort(kind, attempt)
        return sorting.ones

    def _sort(self, kind: object, attempt: Attempt) -> Sorting[One]:
        left = [each for each in self._those if _meets(attempt, each[1], self._looked_at)]
        if len(self._kinds) >= _KINDS_MAX:
            self._kinds.clear()  # paths may have something of their own in each request
        found = self._kinds[kind] = Sorting(left, self._stages)
        return found


def _meets(attempt: Attempt, choosing: Choosing, looked_at: Sequence[str]) -> bool:
    return all(choosing.conditions[name](attempt) for name in looked_at if name in choosing.conditions)


class Tries:
    """Counts how often each call was tried: of at least the *calls_max* that were tried last, and never of twice as many."""

    def __init__(self, calls_max: int = 1 << 15) -> None:
        self._calls_max = calls_max
        self._of_late: dict[int, int] = {}
        self._before: dict[int, int] = {}

    def next(self, lot: str, call: str = "") -> int:
        """Which try this one is of *call*, made for the request of *lot*; always the first where that is empty."""
        if not lot:
            return 1
        # That two are alike in all 61 bits does not come about, and the texts would be three times as much to keep.
        which = hash((lot, call))
        self._of_late[which] = number = (self._of_late.get(which) or self._before.get(which, 0)) + 1
        # To take the oldest out of a dict one by one would take ever longer: it looks past all that were before.
        if len(self._of_late) >= self._calls_max:
            self._before, self._of_late = self._of_late, {}
        return number


_ALL_LOTS = 2.0**64
_NUMBER = Struct(">Q")


class Draws:
    """The numbers that are drawn for *fault* on *link*: the same for equal seeds in whatever order they are asked for."""

    def __init__(self, seed: int, link: str, fault: str) -> None:
        # What is the same for all of them is taken in once.
        self._begun = blake2b(f"{seed}/{link}/{fault}/".encode(), digest_size=8)

    def at(self, lot: str, attempt: int) -> float:
        """A number in [0, 1) for the *attempt*-th try (from 1) of *lot*."""
        digest = self._begun.copy()
        digest.update(f"{lot}/{attempt}".encode())
        number: int = _NUMBER.unpack(digest.digest())[0]
        return number / _ALL_LOTS


def draw(seed: int, link: str, fault: str, lot: str, attempt: int) -> float:
    """As `Draws`, for one number alone."""
    return Draws(seed, link, fault).at(lot, attempt)


def _conditions(asked: Requests) -> Mapping[str, Callable[[Attempt], bool]]:
    """What an attempt has to meet to be one of those *asked* for, by what of it that looks at; which try it is stands elsewhere."""
    conditions: dict[str, Callable[[Attempt], bool]] = {}
    if asked.method:
        conditions["method"] = lambda attempt: attempt.method == asked.method
    if asked.path:
        fits_path = _regex(asked.path).fullmatch
        conditions["path"] = lambda attempt: fits_path(attempt.path) is not None
    if asked.model:
        fits_model = _regex(asked.model).fullmatch
        conditions["model"] = lambda attempt: fits_model(attempt.model) is not None
    if asked.stream is not None:
        conditions["stream"] = lambda attempt: attempt.stream == asked.stream
    if asked.last_role:
        conditions["last_role"] = lambda attempt: attempt.last_role == asked.last_role
    return conditions


@lru_cache(maxsize=256)
def _regex(pattern: str) -> re.Pattern[str]:
    first, *rest = map(re.escape, pattern.split("*"))
    # Each piece where it comes first, and nowhere else is tried: the wire waits for nobody's pattern.
    between = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(first + between + (f".*{rest[-1]}" if rest else ""), re.DOTALL)
