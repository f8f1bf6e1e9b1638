"""A retry budget: tries beyond the first are a small share of requests, however many requests fail."""

from __future__ import annotations


class RetryBudget:
    """A token bucket that every request fills by *ratio*, up to *burst*, and every further try drains by one."""

    def __init__(self, ratio: float = 0.1, burst: float = 10.0) -> None:
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
