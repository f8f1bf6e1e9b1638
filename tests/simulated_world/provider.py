"""A simulated provider in memory: so much at once, so much waiting, and log-normal times."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable

from harness.reading.target import Simulated
from harness.simulated_provider.shortage import Shortage
from simulated_world.events import Events

Told = Callable[[], None]


class Provider:
    """Works on everything it has accepted until it is done, whether or not anybody still waits for it."""

    def __init__(
        self, events: Events, settings: Simulated, chance: random.Random, shortage: Shortage | None = None
    ) -> None:
        self.accepted = 0
        self._shortage = shortage or Shortage(lambda: events.now_s)
        self._events, self._settings, self._chance = events, settings, chance
        self._working = 0
        self._waiting: deque[tuple[Told, Told]] = deque()

    def accept(self, first_token: Told, done: Told) -> bool:
        """Take on one more, and tell of its first token and of its end; false: overloaded, it is answered 503."""
        self.accepted += 1
        if self._working < self._now:
            self._work(first_token, done)
            return True
        if self._working < self._settings.capacity:
            self._shortage.short()
        if len(self._waiting) < self._settings.queue:
            self._waiting.append((first_token, done))
        else:
            return False
        return True

    def fill(self) -> None:
        """Work on those who wait, as far as there is room."""
        while self._waiting and self._working < self._now:
            self._work(*self._waiting.popleft())

    @property
    def _now(self) -> int:
        return max(1, round(self._settings.capacity * self._shortage.left))

    def _work(self, first_token: Told, done: Told) -> None:
        self._working += 1
        settings, now_s, slow = self._settings, self._events.now_s, self._shortage.slow()
        first_s = now_s + slow * self._drawn_s(settings.first_token)
        last_s = first_s + slow * sum([self._drawn_s(settings.token_gap) for _ in range(settings.tokens - 1)])

        def end() -> None:
            self._working -= 1
            self.fill()
            done()

        self._events.at(first_s, first_token)
        self._events.at(last_s, end)

    def _drawn_s(self, median_s: float) -> float:
        return median_s * math.exp(self._chance.gauss(0.0, self._settings.sigma))
