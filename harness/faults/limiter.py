"""What a rate limit lets through: one limiter for all who limit, whose clock is what it is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limiter says to one attempt."""

    allowed: bool
    remaining: int  # attempts that would be allowed right now, after this one
    reset_s: float  # until the whole burst is allowed again
    retry_s: float  # until the next attempt is allowed; 0 while some remain


class RateLimiter:
    """Allows *requests_per_min*, evenly, and *burst* of them at once.

    A generic cell rate algorithm, ITU-T I.371 (2004), annex A. Denied attempts use nothing up.
    """

    def __init__(self, requests_per_min: float, burst: int) -> None:
        self._interval_s = 60.0 / requests_per_min
        self._full_s = self._interval_s * burst
        self._used_until_s = -math.inf

    def ask(self, now_s: float) -> Allowance:
        """What becomes of an attempt at *now_s*."""
        used_s = max(self._used_until_s - now_s, 0.0)
        allowed = used_s + self._interval_s <= self._full_s + _ROUNDING
        if allowed:
            used_s += self._interval_s
            self._used_until_s = now_s + used_s
        remaining = math.floor((self._full_s - used_s) / self._interval_s + _ROUNDING)
        retry_s = 0.0 if remaining > 0 else used_s + self._interval_s - self._full_s
        return Allowance(allowed, remaining, used_s, retry_s)
