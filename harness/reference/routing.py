"""Which provider a request tries next, when, and when it is enough: all that the resilient assistant decides, and no network."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.reference.breaker import Breaker, Outcome, Pass
from harness.reference.budget import RetryBudget

_COOL_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds, and how often they may be tried."""

    first_token_s: float = 2.5  # A slow provider is still a provider: 1 s would make an outage of added latency.
    gap_s: float = 1.0  # between two pieces of an answer
    no_try_after_s: float = 3.0  # since the request came
    backoff_s: float = 0.05  # before the first try that is paid for; doubles with each
    backoff_s_max: float = 0.4
    tries_max: int = 9
    breaker_failures: int = 5
    breaker_open_s: float = 0.5
    cool_s_min: float = 0.05  # after a limit that says when to come again


@dataclass(frozen=True, slots=True)
class Try:
    """Ask *link* now; what becomes of it has to be told."""

    link: str
    passed: Pass


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing may be asked before about *for_s* have passed; who waits spreads it, lest all come back at once."""

    for_s: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    why: str


class _Link:
    """What is known of how one provider does."""

    def __init__(self, name: str, limits: Limits, clock: Callable[[], float]) -> None:
        self.name = name
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_open_s, clock)
        self._clock = clock
        self._cool_until_s = 0.0

    def admit(self) -> Pass | None:
        return self.breaker.admit() if self._clock() >= self._cool_until_s else None

    def cool(self, for_s: float) -> None:
        self._cool_until_s = self._clock() + min(for_s, _COOL_S_MAX)


class Routing:
    """The providers of one assistant, *nearest* first, and what all of its requests have learned of them.

    The first change to another link is free; every further try is paid for from a budget that good answers fill. What is
    refused here, because a link's breaker is open or the link is cooling, costs nothing.
    """

    def __init__(self, nearest: Sequence[str], limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        self.budget = RetryBudget()
        self._links = {name: _Link(name, limits, clock) for name in nearest}

    def admitted(self, last: str | None) -> Try | None:
        """The nearest link that admits; the one tried *last* comes last."""
        for link in sorted(self._links.values(), key=lambda link: link.name == last):
            passed = link.admit()
            if passed is not None:
                return Try(link.name, passed)
        return None

    def record(self, tried: Try, outcome: Outcome) -> None:
        self._links[tried.link].breaker.record(tried.passed, outcome)
        if outcome == "good":
            self.budget.deposit()

    def limited(self, tried: Try, retry_after_s: float | None) -> None:
        """A provider that says when to come again is not asked before; one that does not has refused this try alone."""
        if retry_after_s is None:
            self.record(tried, "refused")
            return
        self.record(tried, "neither")
        self._links[tried.link].cool(max(retry_after_s, self.limits.cool_s_min))


class Request:
    """The tries of one request that came at *came_s* of the routing's clock."""

    def __init__(self, routing: Routing, came_s: float) -> None:
        self._routing, self._came_s = routing, came_s
        self._tried: list[str] = []
        self._waited = False
        self.problem = "no provider link is admitting requests"
        """Why the last try failed."""

    def step(self) -> Try | Wait | GiveUp:
        """What to do next."""
        routing, limits, tries = self._routing, self._routing.limits, len(self._tried)
        if tries >= limits.tries_max or routing.clock() >= self._came_s + limits.no_try_after_s:
            return GiveUp(f"gave up after {tries} tries; last: {self.problem}")
        if tries > 1 and not self._waited:
            self._waited = True
            return Wait(min(limits.backoff_s * 2.0 ** (tries - 2), limits.backoff_s_max))
        last = self._tried[-1] if self._tried else None
        found = routing.admitted(last)
        if found is None:
            return Wait(limits.backoff_s)
        is_free = not tries or (tries == 1 and found.link != last)
        if not is_free and not routing.budget.take():
            routing.record(found, "neither")
            return GiveUp(f"the retry budget is spent; last: {self.problem}")
        self._tried.append(found.link)
        self._waited = False
        return found
