"""A retry budget: tries beyond the first are paid for by answers, so that where there are none there are few tries."""

from __future__ import annotations


class RetryBudget:
    """A token bucket that every good answer fills by *ratio*, up to *burst*, and every further try drains by one.

    Filled by requests, it would be as full in an outage as in a provider that refuses a third of its calls, where trying again helps;
    filled by answers, a share of refusals can be made good and an outage gets the burst and no more.
    """

    def __init__(self, ratio: float = 1.2, burst: float = 10.0) -> None:
        self._ratio = ratio
        self._burst = burst
        self._tokens = burst

    def deposit(self) -> None:
        self._tokens = min(self._burst, self._tokens + self._ratio)

    def take(self) -> bool:
        """Whether one more try may be made; it is paid for by this call."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
