"""When each request is due and which turn of which conversation it is, so that every worker can compute it alone."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Literal, NamedTuple, Protocol, TypeVar

from harness.protocols.nonce import nonce

Due = TypeVar("Due")
Shape = Literal["constant", "poisson"]


class AskedBy(Protocol):
    """A question, of which it is known who asks it; empty where anybody may."""

    @property
    def user(self) -> str: ...


class Arrivals(Protocol):
    """What says when requests are due, and what each of them is."""

    @property
    def run_id(self) -> str: ...
    @property
    def seed(self) -> int: ...
    @property
    def shape(self) -> Shape: ...
    @property
    def rate_per_s(self) -> float: ...
    @property
    def total_s(self) -> float: ...
    @property
    def jitter(self) -> float: ...
    @property
    def turn_gap_s(self) -> float: ...
    @property
    def entries(self) -> Sequence[object]: ...
    @property
    def questions(self) -> Sequence[AskedBy]: ...


class Share(NamedTuple):
    """The requests of one worker: those whose index leaves *number* when divided by *of*."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One request as planned: turn *turn* of a conversation, due *due_s* after the load begins."""

    index: int
    due_s: float
    conversation: int
    turn: int
    entry: int  # position in the plan's entries
    question: int  # position in the plan's questions
    nonce: str


def due_times(shape: Shape, rate_per_s: float, total_s: float, jitter: float, seed: int) -> Iterator[float]:
    """When requests are due, in seconds after the load begins, in order; equal arguments give equal times.

    ``constant``: request i is due within *jitter* (0-1) of a gap after ``i / rate``. ``poisson``: gaps are exponential.
    """
    rng = random.Random(seed)
    if shape == "poisson":
        at_s = rng.expovariate(rate_per_s)
        while at_s < total_s:
            yield at_s
            at_s += rng.expovariate(rate_per_s)
    else:
        for index in range(_whole(rate_per_s * total_s)):
            yield (index + jitter * rng.random()) / rate_per_s


def planned_count(plan: Arrivals) -> int:
    """How many requests all workers together are to send."""
    if plan.shape == "constant":
        return _whole(plan.rate_per_s * plan.total_s)
    return sum(1 for _ in due_times(plan.shape, plan.rate_per_s, plan.total_s, plan.jitter, plan.seed))


def mine(due: Iterable[Due], share: Share) -> Iterator[tuple[int, Due]]:
    """The part of *due* that one worker sends, each with its index in the whole."""
    return islice(enumerate(due), share.number, None, share.of)


def conversation_count(rate_per_s: float, turn_gap_s: float, workers: int) -> int:
    """How many conversations go on at once, so that two turns of one are *turn_gap_s* or a little more apart.

    It is a multiple of *workers*, so that a conversation stays on one of them.
    """
    needed = max(1, math.ceil(round(rate_per_s * turn_gap_s, 6)))
    return workers * math.ceil(needed / workers)


def turns(plan: Arrivals, share: Share) -> Iterator[Turn]:
    """What one worker sends, in order. A conversation moves on to the next entry with every turn, and is one user's."""
    theirs = _by_user(plan.questions)
    conversations = conversation_count(plan.rate_per_s, plan.turn_gap_s, share.of)
    due = due_times(plan.shape, plan.rate_per_s, plan.total_s, plan.jitter, plan.seed)
    for index, due_s in mine(due, share):
        turn, conversation = divmod(index, conversations)
        entry = (conversation + turn) % len(plan.entries)
        among = theirs[conversation % len(theirs)]
        question = among[_draw(plan.seed, index, len(among))]
        yield Turn(index, due_s, conversation, turn, entry, question, nonce(plan.run_id, index))


def _by_user(questions: Sequence[AskedBy]) -> list[list[int]]:
    """Positions of the questions of each user."""
    theirs: dict[str, list[int]] = {}
    for position, question in enumerate(questions):
        theirs.setdefault(question.user, []).append(position)
    return list(theirs.values())


def _draw(seed: int, index: int, among: int) -> int:
    """A number below *among*. It hangs on nothing but *seed* and *index*: workers draw in different orders."""
    return int.from_bytes(blake2b(f"{seed}\0question\0{index}".encode(), digest_size=8).digest(), "big") % among


def _whole(count: float) -> int:
    """*count* rounded down, but 28.999999999999996 (100 x 0.29) is 29."""
    return math.floor(round(count, 6))
