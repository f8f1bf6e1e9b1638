"""A service built to hold: one layer of retries with a budget, a circuit breaker per link, another region to turn to."""

from __future__ import annotations

from typing import Literal

from simulated_world.events import Events, Process, Wait
from simulated_world.service import Answer, Ask, Surroundings, said
from simulated_world.stores import Reading
from simulated_world.wire import Exchange

FIRST_TOKEN_S = 2.5
GAP_S = 1.0
NO_TRY_AFTER_S = 3.0
BACKOFF_S = 0.1
TRIES_MAX = 4
COOL_S_MIN = 1.0
OPEN_S = 2.0
READ_S = 0.25
STALE_S = 1.0
BUDGET_RATIO = 0.1
BUDGET_MAX = 10.0

Pass = Literal["normal", "probe"]
Outcome = Literal["good", "failed", "neither"]


class Breaker:
    """Closed until *failures* tries in a row have failed; open for `OPEN_S`; then one probe decides."""

    def __init__(self, events: Events, failures: int) -> None:
        self._events, self._failures_max = events, failures
        self._failures = 0
        self._opened_s: float | None = None
        self._probing = False

    def admit(self) -> Pass | None:
        if self._opened_s is None:
            return "normal"
        if self._probing or self._events.now_s < self._opened_s + OPEN_S:
            return None
        self._probing = True
        return "probe"

    def record(self, passed: Pass, outcome: Outcome) -> None:
        """What became of a try; ``neither`` says nothing of what is guarded."""
        if passed == "probe":
            self._probing = False
            if outcome == "good":
                self._opened_s, self._failures = None, 0
            elif outcome == "failed":
                self._opened_s = self._events.now_s
        elif self._opened_s is None and outcome != "neither":
            self._failures = 0 if outcome == "good" else self._failures + 1
            if self._failures >= self._failures_max:
                self._opened_s = self._events.now_s


class _Provider:
    def __init__(self, link: str, events: Events) -> None:
        self.link = link
        self.breaker = Breaker(events, failures=5)
        self.cool_until_s = 0.0


class Resilient:
    """Answers from its own region where it can, else from another; never from an older snapshot than was seen."""

    ends_with_its_caller = True

    def __init__(self, around: Surroundings) -> None:
        self._around, self._events = around, around.events
        self._providers = [_Provider(link, around.events) for link in around.providers.values()]
        primary = around.stores.primary
        nearest = sorted(around.stores.regions, key=lambda region: (region != around.region, region != primary))
        self._stores = {region: Breaker(around.events, failures=3) for region in nearest}
        self._seen: dict[str, int] = {}
        self._budget = BUDGET_MAX

    def answer(self, ask: Ask) -> Process[Answer | None]:
        came_s = self._events.now_s
        seen = max(ask.seen_version or 0, self._seen.get(ask.conversation, 0))
        reading = yield from self._read(seen)
        if reading is None or not (yield from self._complete(ask.nonce, came_s)):
            return None
        self._seen[ask.conversation] = max(seen, reading.version)
        return said(ask.question, reading.version)

    def _read(self, at_least: int) -> Process[Reading | None]:
        """From the nearest store that is fresh; from a stale one only where no fresh one can be reached."""
        newest: Reading | None = None if self._stores else Reading(1, 0.0)
        for region, breaker in self._stores.items():
            passed = breaker.admit()
            if passed is None:
                continue
            outcome: Outcome = "neither"
            try:
                reading = yield from self._around.stores.read(region, READ_S)
                outcome = "failed" if reading is None else "good"
            finally:
                breaker.record(passed, outcome)
            if reading is None or reading.version < at_least:
                continue
            if region == self._around.stores.primary or reading.heartbeat_age_s <= STALE_S:
                return reading
            if newest is None or reading.version > newest.version:
                newest = reading
        return newest

    def _complete(self, nonce: str, came_s: float) -> Process[bool]:
        """The first change to another link is free; every further try is paid for."""
        self._budget = min(BUDGET_MAX, self._budget + BUDGET_RATIO)
        tried: list[_Provider] = []
        while len(tried) < TRIES_MAX and self._events.now_s < came_s + NO_TRY_AFTER_S:
            if len(tried) > 1:
                yield self._backoff(len(tried) - 2)
            found = self._admitted(tried)
            if found is None:
                yield self._backoff(0)
                continue
            provider, passed = found
            free = not tried or (len(tried) == 1 and provider is not tried[0])
            if not free and self._budget < 1:
                provider.breaker.record(passed, "neither")
                return False
            self._budget -= 0 if free else 1
            tried.append(provider)
            if (yield from self._try(provider, passed, nonce)):
                return True
        return False

    def _admitted(self, tried: list[_Provider]) -> tuple[_Provider, Pass] | None:
        for provider in sorted(self._providers, key=lambda provider: tried[-1:] == [provider]):
            if self._events.now_s >= provider.cool_until_s:
                passed = provider.breaker.admit()
                if passed is not None:
                    return provider, passed
        return None

    def _try(self, provider: _Provider, passed: Pass, nonce: str) -> Process[bool]:
        exchange = self._around.wire.send(provider.link, nonce, 0, stream=True)
        outcome: Outcome = "neither"
        try:
            yield from self._stream(exchange)
            outcome = "good" if exchange.complete else "failed"
            if exchange.status == 429:
                outcome = "neither"  # The link works; it only has to cool.
                provider.cool_until_s = self._events.now_s + max(exchange.retry_after_s or 0.0, COOL_S_MIN)
        finally:
            exchange.leave()
            provider.breaker.record(passed, outcome)
        return exchange.complete

    def _stream(self, exchange: Exchange) -> Process[None]:
        yield self._events.within(FIRST_TOKEN_S, exchange.begun)
        if exchange.begun.happened:
            # A whole answer takes well under the time that is allowed between two of its pieces.
            yield self._events.within(GAP_S, exchange.ended)

    def _backoff(self, earlier: int) -> Wait:
        return self._events.pause(BACKOFF_S * 2.0**earlier * self._around.chance.uniform(0.5, 1.5))
