"""What a rate limit lets through: one limiter for all who limit, whose clock is what it is told."""

from __future__ import annotations

import math

import msgspec

_ROUNDING = 1e-9


class Allowance(msgspec.Struct, frozen=True, gc=False):
    """What a limiter says to one attempt."""

    allowed: bool
    remaining: int  # of what is limited, that would be allowed right now, after this attempt
    reset_s: float  # until the whole burst is allowed again
    retry_s: (
        float | None
    )  # until the next attempt is allowed; 0 while some remain; infinite: never; None: nobody can know


class RateLimiter:
    """Allows *per_min*, evenly, and *burst* of them at once.

    A generic cell rate algorithm, ITU-T I.371 (2004), annex A. Denied attempts use nothing up.
    """

    def __init__(self, per_min: float, burst: int) -> None:
        self._interval_s = 60.0 / per_min
        self._full_s = self._interval_s * burst
        self._used_until_s = -math.inf

    def ask(self, now_s: float, cost: int = 1) -> Allowance:
        """What becomes of an attempt at *now_s* that takes *cost*."""
        found = self.look(now_s, cost)
        if found.allowed:
            self.take(now_s, cost)
        return found

    def look(self, now_s: float, cost: int = 1) -> Allowance:
        """What `ask` would say; nothing is used up."""
        used_s, cost_s = self._used_s(now_s), self._interval_s * cost
        allowed = used_s + cost_s <= self._full_s + _ROUNDING
        after_s = used_s + cost_s if allowed else used_s
        remaining = max(0, math.floor((self._full_s - after_s) / self._interval_s + _ROUNDING))
        if cost_s > self._full_s + _ROUNDING:
            return Allowance(False, remaining, after_s, math.inf)
        if allowed and remaining > 0:
            return Allowance(True, remaining, after_s, 0.0)
        # Until as much again may come, or after the last that may, one more.
        wanted_s = self._interval_s if allowed else cost_s
        return Allowance(allowed, remaining, after_s, max(0.0, after_s + wanted_s - self._full_s))

    def take(self, now_s: float, cost: int) -> None:
        """Use up *cost*, and as much more as there is not, too; below 0 gives some back."""
        self._used_until_s = now_s + max(0.0, self._used_s(now_s) + self._interval_s * cost)

    def _used_s(self, now_s: float) -> float:
        return max(self._used_until_s - now_s, 0.0)


class Places:
    """Allows *most* attempts to be under way."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def look(self, more: int = 1) -> Allowance:
        """What becomes of so many *more*; when a place becomes free, nobody knows."""
        left = self._most - self._taken
        allowed = left >= more
        left -= more if allowed else 0
        return Allowance(allowed, max(0, left), 0.0, 0.0 if left > 0 else None)

    def take(self) -> None:
        self._taken += 1

    def give_back(self) -> None:
        self._taken -= 1
