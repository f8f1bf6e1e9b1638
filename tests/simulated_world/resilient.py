"""A service built to hold: one layer of retries with a budget, a circuit breaker per link, another region to turn to."""

from __future__ import annotations

from harness.protocols.asking import Asked
from harness.reference.breaker import Breaker, Outcome
from harness.reference.routing import GiveUp, Limits, Request, Routing, Try, Wait
from simulated_world.events import Process
from simulated_world.service import Answer, Surroundings, said
from simulated_world.stores import Reading
from simulated_world.wire import Exchange

READ_S = 0.25
STALE_S = 1.0
OPEN_S = 2.0


class Resilient:
    """Answers from its own region where it can, else from another; never from an older snapshot than was seen."""

    ends_with_its_caller = True

    def __init__(self, around: Surroundings) -> None:
        self._around, self._events = around, around.events
        self._routing = Routing(around.providers, Limits(), self._now_s)
        self._stores = {link: Breaker(3, OPEN_S, self._now_s) for link in around.stores.nearest(around.region)}
        self._seen: dict[str, int] = {}

    def _now_s(self) -> float:
        return self._events.now_s

    def answer(self, asked: Asked) -> Process[Answer | None]:
        came_s = self._events.now_s
        seen = max(asked.seen_version or 0, self._seen.get(asked.conversation, 0))
        reading = yield from self._read(seen)
        if reading is None or not (yield from self._complete(asked.nonce, came_s)):
            return None
        self._seen[asked.conversation] = max(seen, reading.version)
        return said(asked.question, reading.version)

    def _read(self, at_least: int) -> Process[Reading | None]:
        """From the nearest store that is fresh; from a stale one only where no fresh one can be reached."""
        newest: Reading | None = None if self._stores else Reading(1, 0.0)
        for link, breaker in self._stores.items():
            passed = breaker.admit()
            if passed is None:
                continue
            outcome: Outcome = "neither"
            try:
                reading = yield from self._around.stores.read(link, READ_S)
                outcome = "failed" if reading is None else "good"
            finally:
                breaker.record(passed, outcome)
            if reading is None or reading.version < at_least:
                continue
            if link == self._around.stores.primary or reading.heartbeat_age_s <= STALE_S:
                return reading
            if newest is None or reading.version > newest.version:
                newest = reading
        return newest

    def _complete(self, nonce: str, came_s: float) -> Process[bool]:
        request = Request(self._routing, came_s)
        while True:
            match request.step():
                case Wait(for_s):
                    yield self._events.pause(for_s * self._around.chance.uniform(0.5, 1.5))
                case GiveUp():
                    return False
                case Try() as tried:
                    if (yield from self._try(tried, nonce)):
                        return True

    def _try(self, tried: Try, nonce: str) -> Process[bool]:
        exchange = self._around.wire.send(tried.link, nonce, 0, stream=True)
        outcome: Outcome = "neither"
        try:
            yield from self._stream(exchange)
            outcome = "good" if exchange.complete else "refused" if exchange.status >= 500 else "failed"
        finally:
            exchange.leave()
            if exchange.status == 429:
                self._routing.limited(tried, exchange.retry_after_s)
            else:
                self._routing.record(tried, outcome)
        return exchange.complete

    def _stream(self, exchange: Exchange) -> Process[None]:
        limits = self._routing.limits
        yield self._events.within(limits.first_token_s, exchange.begun)
        if exchange.begun.happened:
            # A whole answer takes well under the time that is allowed between two of its pieces.
            yield self._events.within(limits.gap_s, exchange.ended)
