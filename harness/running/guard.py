"""Ends a run that goes worse than its scenario allows, or uses up more, from what was seen of it so far."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from operator import ge, gt, le, lt

from harness.reading.abort import FEWEST, SLACK_S, Followed, Limits
from harness.reading.quantities import plain
from harness.record.rows import Request, Sent
from harness.running.ports import AbortedError

_OPS = {"<": lt, "<=": le, ">": gt, ">=": ge}

_NO_LIMITS = Limits()
_FORGOTTEN_AT_ONCE = 1_000
_KEPT_S = 60.0
"""For so much longer than a condition looks back is it kept what became of a request."""


class Guard:
    """What is *followed*, over requests that are due at *due_s* (sorted, by index), good ones of which are answered *within_s*.

    Of a closed load nobody knows beforehand when requests come (None): one is known of when it has begun. Of several *workers* each begins
    its part of those that are allowed, and no more.

    A condition is about the requests due in so many seconds, the last of which it is known what became of; one that has no answer
    yet has taken as long as it has waited. Where too few were due in that time, since all *users* of a closed load wait, or many, for
    answers that do not come, those count that are still waited for.
    """

    def __init__(
        self,
        followed: Sequence[Followed],
        due_s: Sequence[float] | None,
        within_s: float,
        limits: Limits = _NO_LIMITS,
        users: int = FEWEST,
        workers: int = 1,
    ) -> None:
        self._fewest_stuck = min(FEWEST, users)
        self._followed, self._within_s, self._planned = followed, within_s, due_s is not None
        self._due_s, self._index = list(due_s or ()), range(len(due_s)) if due_s is not None else list[int]()
        """When each request that is known of was due, in order, and its index."""
        self._limits, self._attempts, self._cost = limits, 0, 0.0
        self._workers, self._part_begun = workers, False
        self._known = set[int]()
        """The indices of those of a closed load."""
        self._ended: dict[int, tuple[bool, float]] = {}
        """By index: whether the answer was good, and how long it took; infinitely long where none came whole."""
        self._kept_s = _KEPT_S + max((one.after_s + SLACK_S + one.condition.span_s for one in followed), default=0.0)
        self._forgotten = 0
        """So many requests are so old that no condition is about them any more: of a planned load, the first ones."""

    def hear(self, rows: Iterable[Request], zero_s: float = 0.0) -> None:
        """Take in what became of requests; the run's clock was 0 at *zero_s* of theirs."""
        for row in rows:
            if self._planned and row.index < self._forgotten:
                continue
            self._hear_of(row.index, row.due_s - zero_s)
            whole = row.outcome == "complete" and row.end_s is not None
            took_s = row.end_s - row.due_s if whole and row.end_s is not None else inf
            self._ended[row.index] = (took_s <= self._within_s, took_s)

    def hear_begun(self, sent: Iterable[Sent], zero_s: float = 0.0) -> None:
        """Take in that requests of a closed load have begun; the run's clock was 0 at *zero_s* of theirs."""
        for one in sent:
            self._hear_of(one.index, one.due_s - zero_s)
            # The worker of this one has begun the last that it may; what others have left, they do not send without it.
            self._part_begun |= one.index >= self._limits.requests - self._workers

    def _hear_of(self, index: int, due_s: float) -> None:
        if isinstance(self._index, list) and index not in self._known:
            self._known.add(index)
            place = bisect_left(self._due_s, due_s)
            self._due_s.insert(place, due_s)
            self._index.insert(place, index)

    def hear_attempts(self, number: int) -> None:
        """Take in that *number* attempts more have ended."""
        self._attempts += number

    def hear_cost(self, cost: float) -> None:
        """Take in that attempts that have ended cost so much more."""
        self._cost += cost

    def check_limits(self, now_s: float) -> None:
        """Raises AbortedError where the run has used up what it may."""
        for said in self._used_up(now_s):
            raise AbortedError(f"{said}, and the scenario allows no more")

    def check(self, now_s: float) -> None:
        """Raises AbortedError, which says what is how bad, where a condition is met."""
        self._forget(now_s)
        for one in self._followed:
            outcomes = self._outcomes(one, now_s)
            value = one.so_far(outcomes) if outcomes else None
            if value is not None and _OPS[one.condition.op](value, one.condition.limit):
                raise AbortedError(f"{_told(one, value)}; the scenario aborts at {one.condition}")

    def _forget(self, now_s: float) -> None:
        """A run may last for hours, and what becomes of all its requests does not fit for ever."""
        first = bisect_left(self._due_s, now_s - self._kept_s)
        if self._planned:
            for index in range(self._forgotten, first):
                self._ended.pop(index, None)
            self._forgotten = max(self._forgotten, first)
        elif isinstance(self._index, list) and first > _FORGOTTEN_AT_ONCE:
            self._forget_ended(self._index, first)

    def _forget_ended(self, indices: list[int], first: int) -> None:
        """Forget those of the *first* ones of a closed load, by their *indices*, that have ended; who waits is still waited for."""
        waits = [place for place in range(first) if indices[place] not in self._ended]
        gone = {*indices[:first]} - {indices[place] for place in waits}
        self._due_s[:first] = [self._due_s[place] for place in waits]
        indices[:first] = [indices[place] for place in waits]
        self._known -= gone
        for index in gone:
            del self._ended[index]
        self._forgotten += len(gone)

    def _used_up(self, now_s: float) -> Iterator[str]:
        limits = self._limits
        if now_s >= limits.duration_s:
            yield f"the load has gone on for max_duration, {limits.duration_s:g} s"
        # The clients send no more than that; here it is known from when on they do not.
        sent = self._forgotten + len(self._due_s) if not self._planned else bisect_right(self._due_s, now_s) - 1
        if sent >= limits.requests:
            yield f"max_requests, {plain(limits.requests, 6)}, were sent"
        elif self._part_begun:
            yield f"max_requests, {plain(limits.requests, 6)}: one of {self._workers} workers has sent its part"
        if self._attempts >= limits.attempts:
            yield f"{self._attempts} attempts at providers were seen (max_attempts is {plain(limits.attempts, 6)})"
        if self._cost >= limits.cost:
            yield f"attempts at providers have cost {plain(self._cost, 4)} (max_cost is {plain(limits.cost, 6)})"

    def _outcomes(self, one: Followed, now_s: float) -> list[tuple[bool, float]]:
        """Of the requests due in the condition's time; none before so much of the run has passed, nor of too few of them."""
        until_s = now_s - one.after_s - SLACK_S
        from_s = until_s - one.condition.span_s
        first, last = bisect_left(self._due_s, from_s), bisect_left(self._due_s, until_s)
        if from_s < 0:
            return []
        places = [*range(first, last)]
        if len(places) < FEWEST:
            if self._planned:
                return []
            # Those who wait ask nothing else meanwhile; where they are fewer, one late answer is no trouble yet.
            until = last if self._fewest_stuck == FEWEST else first
            stuck = [place for place in range(until) if self._index[place] not in self._ended]
            if len(stuck) < self._fewest_stuck:
                return []
            places = sorted({*places, *stuck})
        return [self._ended.get(self._index[place], (False, now_s - self._due_s[place])) for place in places]


def _told(one: Followed, value: float) -> str:
    number = "endless" if value == inf else plain(value)
    seconds = f"{one.condition.span_s:g} s, up to {one.after_s + SLACK_S:g} s before"
    return f"{one.condition.subject} was {number} over {seconds}"
