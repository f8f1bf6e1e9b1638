"""When each request is due and which turn of which conversation it is: stated once, and computed alike by all who send."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from itertools import islice
from typing import Literal, NamedTuple, Protocol, TypeVar

import msgspec

from harness.planning.curve import Stretch, due_between, due_in_all, most_per_s, per_s_at, when_due
from harness.protocols.nonce import nonce

Due = TypeVar("Due")
Arrivals = Literal["constant", "poisson", "bursty"]


class Share(NamedTuple):
    """The requests of one worker: those whose index leaves *number* when divided by *of*."""

    number: int
    of: int


ALL = Share(0, 1)
"""All requests, sent by one."""


@dataclass(frozen=True, slots=True)
class Place:
    """One request of a load: when it is due, and turn *turn* of which conversation it is; what is -1 is left to who sends it."""

    index: int
    due_s: float
    conversation: int
    turn: int
    question: int = -1  # position in the load's questions
    tokens_in: int = -1
    tokens_out: int = -1


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="schedule"):
    """All due times of an open load, in so many numbers: whoever needs them computes them from here, and gets the same.

    ``constant``: request i is due within *jitter* (0-1) of a gap after its turn. ``poisson``: gaps are exponential. ``bursty``: they are
    of a gamma distribution whose standard deviation is *cv* times its mean, so that above 1 requests come in bursts, and below 1 more
    evenly than by chance. All of this is of one request a second, and *curve* says when so many have been due.
    """

    arrivals: Arrivals
    curve: tuple[Stretch, ...]
    jitter: float
    turn_gap_s: float  # at least so far apart are two turns of one conversation
    seed: int
    cv: float = 2.0
    workers: int = 1  # as many share it

    def due_times(self) -> Iterator[float]:
        """When requests are due, in seconds after the load begins, in order; equal schedules give equal times."""
        return when_due(self.curve, self._numbers())

    def _numbers(self) -> Iterator[float]:
        """Of an even load of one request a second, when each would be due."""
        rng = random.Random(self.seed)
        if self.arrivals == "constant":
            yield from (index + self.jitter * rng.random() for index in range(count(due_in_all(self.curve))))
            return
        number, most = 0.0, due_in_all(self.curve)
        while (number := number + self._gap(rng)) < most:
            yield number

    def _gap(self, rng: random.Random) -> float:
        if self.arrivals == "poisson":
            return rng.expovariate(1.0)
        return rng.gammavariate(self.cv**-2, self.cv**2)

    @property
    def most_per_s(self) -> float:
        """The highest rate."""
        return most_per_s(self.curve)

    def per_s_at(self, at_s: float) -> float:
        """The rate *at_s* after the load begins; 0 once it is over."""
        return per_s_at(self.curve, at_s)

    @property
    def conversations(self) -> int:
        """How many conversations go on at once; request *i* is a turn of number *i* modulo that."""
        return conversation_count(self.most_per_s, self.turn_gap_s, self.workers)

    @property
    def requests(self) -> int:
        """How many requests are due in all."""
        if self.arrivals == "constant":
            return count(due_in_all(self.curve))
        return sum(1 for _ in self.due_times())

    def due_between(self, start_s: float, end_s: float) -> float:
        """How many requests are due from *start_s* to *end_s*: of arrivals by chance, on average."""
        return due_between(self.curve, start_s, end_s)

    def share_sizes(self, of: int, most: int | None = None) -> list[int]:
        """How many requests each of so many workers sends, where no more than *most* are sent in all."""
        return even_shares(self.requests if most is None else min(self.requests, most), of)

    def portion(self, share: Share) -> Fraction:
        """How large a part of all requests *share* is."""
        return Fraction(1, share.of)

    def places(self, share: Share) -> Iterator[Place]:
        """The requests of one worker, in order; as many conversations as it needs go on at once, so that each stays on one worker."""
        conversations = conversation_count(self.most_per_s, self.turn_gap_s, math.lcm(self.workers, share.of))
        for index, due_s in mine(self.due_times(), share):
            turn, conversation = divmod(index, conversations)
            yield Place(index, due_s, conversation, turn)


class AskedBy(Protocol):
    """A question, of which it is known who asks it, empty where anybody may, and what the same conversation asks after it."""

    @property
    def user(self) -> str: ...
    @property
    def turns(self) -> Sequence[str]: ...


class Placing(Protocol):
    """When each request is due and which turn of which conversation it is, whoever asks."""

    @property
    def seed(self) -> int: ...
    def places(self, share: Share) -> Iterator[Place]: ...
    def portion(self, share: Share) -> Fraction: ...


class Sent(Protocol):
    """A load as those know it who send it."""

    @property
    def run_id(self) -> str: ...
    @property
    def schedule(self) -> Placing: ...
    @property
    def entries(self) -> Collection[str]: ...
    @property
    def questions(self) -> Sequence[AskedBy]: ...
    @property
    def requests_max(self) -> int | None:
        """No more than so many are sent, whatever is due."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request as planned: turn *turn* of a conversation, due *due_s* after the load begins."""

    index: int
    due_s: float
    conversation: int
    turn: int
    entry: int  # position in the load's entries
    question: int  # position in the load's questions
    nonce: str
    tokens_in: int = -1  # about so many are asked, and at most so many answered; -1: nothing is said
    tokens_out: int = -1
    step: int = 0  # of a question with turns: how many of them come before it


def count(due: float) -> int:
    """How many requests are *due*, which is rounded down, but 28.999999999999996 (100 x 0.29) is 29."""
    return math.floor(round(due, 6))


def mine(due: Iterable[Due], share: Share) -> Iterator[tuple[int, Due]]:
    """The part of *due* that one worker sends, each with its index in the whole."""
    return islice(enumerate(due), share.number, None, share.of)


def even_shares(requests: int, of: int) -> list[int]:
    """How many of so many *requests* each of so many workers sends, where they are shared by index."""
    return [len(range(number, requests, of)) for number in range(of)]


def conversation_count(rate_per_s: float, turn_gap_s: float, workers: int) -> int:
    """How many conversations go on at once, so that two turns of one are *turn_gap_s* or a little more apart.

    It is a multiple of *workers*, so that a conversation stays on one of them.
    """
    needed = max(1, math.ceil(round(rate_per_s * turn_gap_s, 6)))
    return workers * math.ceil(needed / workers)


def turns(load: Sent, share: Share = ALL) -> Iterator[Turn]:
    """What one worker sends, in order. A conversation moves on to the next entry with every turn, and is one user's.

    A question with turns of its own is asked to its end before the conversation asks another.
    """
    schedule, theirs = load.schedule, _by_user(load.questions)
    going_on: dict[int, tuple[int, int]] = {}
    for place in schedule.places(share):
        if load.requests_max is not None and place.index >= load.requests_max:
            return
        entry = (place.conversation + place.turn) % len(load.entries)
        among = theirs[place.conversation % len(theirs)]
        question, step = going_on.pop(place.conversation, (place.question, 0))
        if step == 0 or place.question not in (-1, question):
            drawn = among[_draw(schedule.seed, place.index, len(among))]
            question, step = place.question if place.question >= 0 else drawn, 0
        if step < len(load.questions[question].turns):
            going_on[place.conversation] = (question, step + 1)
        mark = nonce(load.run_id, place.index)
        yield Turn(
            place.index,
            place.due_s,
            place.conversation,
            place.turn,
            entry,
            question,
            mark,
            place.tokens_in,
            place.tokens_out,
            step,
        )


def _by_user(questions: Sequence[AskedBy]) -> list[list[int]]:
    """Positions of the questions of each user."""
    theirs: dict[str, list[int]] = {}
    for position, question in enumerate(questions):
        theirs.setdefault(question.user, []).append(position)
    return list(theirs.values())


def _draw(seed: int, index: int, among: int) -> int:
    """A number below *among*. It hangs on nothing but *seed* and *index*: workers draw in different orders."""
    return int.from_bytes(blake2b(f"{seed}\0question\0{index}".encode(), digest_size=8).digest(), "big") % among
