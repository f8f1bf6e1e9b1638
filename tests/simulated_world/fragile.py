"""A service as one is often written: retries at every layer, nowhere else to go, and no look at versions."""

from __future__ import annotations

from harness.protocols.asking import Asked
from simulated_world.events import Process
from simulated_world.service import Answer, Surroundings, said
from simulated_world.stores import Reading

STORE_TIMEOUT_S = 1.0


class Fragile:
    """Asks its own region up to three times three times, and goes on after its caller has hung up."""

    ends_with_its_caller = False
    timeout_s = 1.0
    sdk_tries = 3
    loops = 3

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._last_known: dict[str, Reading] = {}

    def answer(self, asked: Asked) -> Process[Answer | None]:
        around = self._around
        for loop in range(self.loops):
            if loop:
                yield around.events.pause(around.chance.uniform(0, min(1.0, 0.25 * 2.0 ** (loop - 1))))
            reading = yield from self._read(asked.question)
            if reading is not None and (yield from self._complete(asked.nonce)):
                return said(asked.question, reading.version)
        return None

    def _read(self, question: str) -> Process[Reading | None]:
        """The fact, or the last one known of it when the store does not answer."""
        link = self._around.stores.own(self._around.region)
        if link is None:
            return Reading(1, 0.0)
        reading = yield from self._around.stores.read(link, STORE_TIMEOUT_S)
        if reading is not None:
            self._last_known[question] = reading
        return self._last_known.get(question)

    def _complete(self, nonce: str) -> Process[bool]:
        """One call of the SDK, which tries again by itself."""
        around = self._around
        link = around.providers[0]
        for retry in range(self.sdk_tries):
            exchange = around.wire.send(link, nonce, retry)
            try:
                yield around.events.within(self.timeout_s, exchange.ended)
            finally:
                exchange.leave()
            if exchange.complete:
                return True
            if retry < self.sdk_tries - 1:
                backoff_s = min(0.5 * 2.0**retry, 8.0) * around.chance.uniform(0.75, 1.0)
                yield around.events.pause(exchange.retry_after_s or backoff_s)
        return False
