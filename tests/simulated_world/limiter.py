"""A provider's rate limit: a bucket that fills evenly."""

from __future__ import annotations

from harness.faults.effects import RateLimit


class Limiter:
    """Lets through what *rule* allows."""

    def __init__(self, rule: RateLimit, now_s: float) -> None:
        self._per_s = rule.requests_per_min / 60
        self._burst = float(rule.burst)
        self._tokens, self._filled_s = self._burst, now_s

    def take(self, now_s: float) -> float:
        """0 when one more may pass now; else the seconds until the next one may."""
        self._tokens = min(self._burst, self._tokens + self._per_s * (now_s - self._filled_s))
        self._filled_s = now_s
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._per_s
