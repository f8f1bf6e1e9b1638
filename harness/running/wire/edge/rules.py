"""The faults that an edge makes true by itself, as pure code: who is let through, told the time and drawing lots from a seed."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b

from harness.faults.effects import EdgeRule, HttpError, RateLimit

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a limiter says to one attempt."""

    allowed: bool
    remaining: int  # attempts that would be allowed right now, after this one
    reset_s: float  # until the whole burst is allowed again
    retry_s: float  # until the next attempt is allowed; 0 while some remain


class RateLimiter:
    """Allows *requests_per_min*, evenly, and *burst* of them at once (a generic cell rate algorithm).

    Denied attempts use nothing up. Its clock is what it is told, in seconds.
    """

    def __init__(self, requests_per_min: float, burst: int) -> None:
        self._interval_s = 60.0 / requests_per_min
        self._full_s = self._interval_s * burst
        self._used_until_s = -math.inf

    def ask(self, now_s: float) -> Allowance:
        used_s = max(self._used_until_s - now_s, 0.0)
        allowed = used_s + self._interval_s <= self._full_s + _ROUNDING
        if allowed:
            used_s += self._interval_s
            self._used_until_s = now_s + used_s
        remaining = math.floor((self._full_s - used_s) / self._interval_s + _ROUNDING)
        retry_s = 0.0 if remaining > 0 else used_s + self._interval_s - self._full_s
        return Allowance(allowed, remaining, used_s, retry_s)


def draw(seed: int, link: str, fault_id: str, nonce: str, attempt: int) -> float:
    """A number in [0, 1) for the *attempt*-th try (from 1) of *nonce* on *link*, the same in whatever order it is asked for."""
    text = f"{seed}/{link}/{fault_id}/{nonce}/{attempt}"
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") / 2**64


@dataclass(frozen=True, slots=True)
class Limited:
    """An attempt met *limit*, which said *allowance*."""

    limit: RateLimit
    allowance: Allowance


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one attempt: if *fault_id* is empty it is passed on, else *status* is its answer."""

    fault_id: str = ""
    status: int = 0
    limited: Limited | None = None  # of the rule that answers; of one that lets it pass where none does


class Rules:
    """The rules in force on *link*, by the fault each belongs to.

    Every rule judges every attempt, so that no lot depends on another rule's clock; the one put first answers.
    """

    def __init__(self, seed: int, link: str) -> None:
        self._seed, self._link = seed, link
        self._rules: dict[str, _Limit | _Errors] = {}

    @property
    def faults(self) -> tuple[str, ...]:
        """Ids of those that have a rule in force, the one that answers first in front."""
        return tuple(self._rules)

    def put(self, fault_id: str, effect: EdgeRule) -> None:
        """Put *effect* in force; the same one again changes nothing, another of this fault's takes its place."""
        old = self._rules.get(fault_id)
        if old is not None and old.rule == effect.rule:
            return
        match effect.rule:
            case RateLimit() as limit:
                self._rules[fault_id] = _Limit(limit)
            case HttpError() as error:
                self._rules[fault_id] = _Errors(error, self._seed, self._link, fault_id)

    def drop(self, fault_id: str) -> None:
        """Put the rule of *fault_id* out of force, if there is one."""
        self._rules.pop(fault_id, None)

    def judge(self, nonce: str, now_s: float) -> Verdict:
        """What becomes of an attempt of *nonce* that arrives at *now_s*."""
        answer, passed = Verdict(), Verdict()
        for fault_id, rule in self._rules.items():
            status, limited = rule.judge(nonce, now_s)
            if status and not answer.status:
                answer = Verdict(fault_id, status, limited)
            elif limited and not status:
                passed = Verdict(limited=limited)
        return answer if answer.status else passed


class _Limit:
    def __init__(self, rule: RateLimit) -> None:
        self.rule = rule
        self._limiter = RateLimiter(rule.requests_per_min, rule.burst)

    def judge(self, nonce: str, now_s: float) -> tuple[int, Limited | None]:
        allowance = self._limiter.ask(now_s)
        return (0 if allowance.allowed else 429), Limited(self.rule, allowance)


class _Errors:
    def __init__(self, rule: HttpError, seed: int, link: str, fault_id: str) -> None:
        self.rule = rule
        self._lots = seed, link, fault_id
        self._tries: Counter[str] = Counter()

    def judge(self, nonce: str, now_s: float) -> tuple[int, Limited | None]:
        self._tries[nonce] += 1
        lot = draw(*self._lots, nonce, self._tries[nonce])
        return (self.rule.status if lot < self.rule.share_ratio else 0), None
