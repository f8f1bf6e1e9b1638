"""A circuit breaker that lets one try at a time find out whether what it guards works again.

Not purgatory's: in 3.0.1 a half-open breaker lets everybody in, so that behind a black hole all the requests of a whole
time limit wait for nothing, and it keeps time by the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

Pass = Literal["normal", "probe"]
Outcome = Literal["good", "failed", "neither"]


class Breaker:
    """Closed until *failures* tries in a row have failed; then open for *open_s*; then one probe decides."""

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures_max = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0
        self._opened_s: float | None = None
        self._probing = False

    def admit(self) -> Pass | None:
        """A pass to try, whose outcome must be recorded; None while it is open, or while a probe is under way."""
        if self._opened_s is None:
            return "normal"
        if self._probing or self._clock() < self._opened_s + self._open_s:
            return None
        self._probing = True
        return "probe"

    def record(self, passed: Pass, outcome: Outcome) -> None:
        """What became of a try; ``neither`` says nothing of what is guarded, as when the caller left."""
        if passed == "probe":
            self._probing = False
            if outcome == "good":
                self._opened_s, self._failures = None, 0
            elif outcome == "failed":
                self._opened_s = self._clock()
        elif self._opened_s is None and outcome != "neither":
            # A try that began before the breaker opened and ends after it tells nothing new.
            self._failures = 0 if outcome == "good" else self._failures + 1
            if self._failures >= self._failures_max:
                self._opened_s = self._clock()
