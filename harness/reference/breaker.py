"""A circuit breaker that lets one try at a time find out whether what it guards works again.

Not purgatory's: in 3.0.1 a half-open breaker lets everybody in, so that behind a black hole all the requests of a whole
time limit wait for nothing, and it keeps time by the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

Pass = Literal["normal", "probe"]
Outcome = Literal["good", "failed", "refused", "neither"]

_OF_A_FAILURE: dict[Outcome, float] = {"failed": 1.0, "refused": 0.25}
"""How much each outcome counts. A try that is refused at once costs nobody a wait, and one that is drawn by lot says little of the next:
of a provider that refuses 60 % of its calls, five refusals in a row come every few seconds, twenty hardly ever."""


class Breaker:
    """Closed until *failures* tries in a row have failed, or four times as many were refused.

    Then it is open for *open_s*, and then one probe decides.
    """

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures_max = failures
        self._open_s = open_s
        self._clock = clock
        self._failures = 0.0
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
        """What became of a try; ``refused``: an answer came, and it said no; ``neither`` says nothing of what is guarded."""
        if passed == "probe":
            self._probing = False
            if outcome == "good":
                self._opened_s, self._failures = None, 0.0
            elif outcome in _OF_A_FAILURE:
                self._opened_s = self._clock()
        elif self._opened_s is None and outcome != "neither":
            # A try that began before the breaker opened and ends after it tells nothing new.
            self._failures = 0.0 if outcome == "good" else self._failures + _OF_A_FAILURE[outcome]
            if self._failures >= self._failures_max:
                self._opened_s = self._clock()
