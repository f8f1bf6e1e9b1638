"""The rule by which a provider answers 429 above a rate, and says of the limit in every answer."""

from __future__ import annotations

from math import ceil
from typing import ClassVar

from harness.faults.effects import Rule, Throttle
from harness.faults.limiter import Allowance, RateLimiter
from harness.faults.requests import Lots
from harness.http1.headers import Headers, put
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind, Following, Pass
from harness.running.wire.edge.words import Limit


class Throttled(EdgeRuleKind[Throttle]):
    """Answers 429 above a rate."""

    spec: ClassVar[type[Rule]] = Throttle

    def __init__(self, spec: Throttle, lots: Lots, since_s: float) -> None:
        super().__init__(spec, lots, since_s)
        self._limiter = RateLimiter(spec.requests_per_min, spec.burst)
        self._limits: dict[str, str] = {}

    def judge(self, asked: Asked) -> Decision:
        allowance = self._limiter.ask(asked.now_s)
        said = _said(self.told, allowance)
        self._limits = asked.words.limit_headers(said)
        if allowance.allowed:
            return Pass()
        return asked.words.rate_limited(said, model=asked.attempt.model, request_id=asked.request_id)

    def follow(self, asked: Asked) -> Following:
        return _Telling(self._limits)


class _Telling(Following):
    """Says of the limit in the provider's place."""

    def __init__(self, limits: dict[str, str]) -> None:
        self._limits = limits

    def head(self, status: int, headers: Headers) -> Headers:
        return put(headers, [(name.encode("latin-1"), said.encode("latin-1")) for name, said in self._limits.items()])


def _said(throttle: Throttle, allowance: Allowance) -> Limit:
    return Limit(ceil(throttle.requests_per_min), allowance.remaining, allowance.reset_s, allowance.retry_s)
