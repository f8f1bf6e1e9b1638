"""The rule by which a provider answers 429 above its limits, and says of them in every answer."""

from __future__ import annotations

from math import ceil, inf
from typing import ClassVar, Literal

from harness.dialects import Answer, Limit
from harness.faults.effects import Rule, Throttle
from harness.faults.limiter import Allowance, Places, RateLimiter
from harness.faults.requests import Lots
from harness.http1.headers import Headers, put
from harness.running.wire.edge.rules.base import PASS, Asked, Decision, EdgeRuleKind, Following
from harness.running.wire.edge.rules.waiting import Waiting


class Throttled(EdgeRuleKind[Throttle]):
    """Answers 429 above its limits; a request that one of them refuses uses up nothing of any."""

    spec: ClassVar[type[Rule]] = Throttle

    def __init__(self, spec: Throttle, lots: Lots, since_s: float) -> None:
        super().__init__(spec, lots, since_s)
        self._limits = _Limits(spec)
        self._tells = False

    def join(self, other: Throttled) -> None:
        self._limits = other._limits

    def judge(self, asked: Asked) -> Decision:
        limits, broken = self._limits.ask(asked.now_s, self.tokens(asked))
        self._tells = asked.tell(limits)
        return self._refusal(broken, asked) if broken else PASS

    def follow(self, asked: Asked) -> Following | None:
        if not (self._tells or self._limits.reserves or self.told.headers):
            return None
        return _UnderWay(self, asked, self._limits, tells=self._tells)

    def tokens(self, asked: Asked) -> int:
        """How many it takes to let through what is *asked*, where tokens are limited."""
        return max(1, asked.prompt.tokens_asked_for) if self.told.tokens_per_min else 0

    def _refusal(self, broken: list[Limit], asked: Asked) -> Answer:
        # Who waits for the longest of them is let through, and who cannot be is told of no wait.
        longest = max(broken, key=lambda limit: limit.retry_s or 0.0)
        wait_s = None if longest.retry_s == inf else longest.retry_s
        waiting = Waiting(self.told.told, wait_s, asked)
        answer = asked.words.limited(longest, waiting.occasion)
        limits = asked.words.limit_headers(asked.limits, asked.at_s)
        headers = {**answer.headers, **waiting.headers, **limits, **self.told.headers}
        return Answer(answer.status, answer.reason, answer.body, headers)


class _Limits:
    """What is left of the limits that *throttle* says, for all who share them."""

    def __init__(self, throttle: Throttle) -> None:
        requests_per_min, tokens_per_min = throttle.requests_per_min or 0.0, throttle.tokens_per_min or 0.0
        self._requests_per_min, self._tokens_per_min = ceil(requests_per_min), ceil(tokens_per_min)
        self._requests = RateLimiter(requests_per_min, throttle.burst) if requests_per_min else None
        tokens_burst = throttle.tokens_burst or max(1, self._tokens_per_min)
        self._tokens = RateLimiter(tokens_per_min, tokens_burst) if tokens_per_min else None
        self._concurrent = throttle.concurrent or 0
        self._places = Places(self._concurrent) if throttle.concurrent else None
        self.reserves = self._tokens is not None or self._places is not None
        """Whether what a request uses up is known only once it has ended."""

    def ask(self, now_s: float, tokens: int) -> tuple[list[Limit], list[Limit]]:
        """What each limit says of one more request for *tokens*, and those that are broken: none may be, or nothing is used up."""
        limits, broken = self._look(now_s, 1, tokens)
        if not broken:
            self._take(now_s, tokens)
            return limits, broken
        untouched, _ = self._look(now_s, 0, 0)
        return [limit if limit in broken else now for limit, now in zip(limits, untouched, strict=True)], broken

    def _look(self, now_s: float, requests: int, tokens: int) -> tuple[list[Limit], list[Limit]]:
        limits, broken = list[Limit](), list[Limit]()
        if self._requests is not None:
            found = self._requests.look(now_s, requests)
            limits.append(_said("requests", self._requests_per_min, requests, found, broken))
        if self._tokens is not None:
            found = self._tokens.look(now_s, tokens)
            limits.append(_said("tokens", self._tokens_per_min, tokens, found, broken))
        if self._places is not None:
            found = self._places.look(requests)
            limits.append(_said("concurrent", self._concurrent, requests, found, broken))
        return limits, broken

    def _take(self, now_s: float, tokens: int) -> None:
        if self._requests is not None:
            self._requests.take(now_s, 1)
        if self._tokens is not None:
            self._tokens.take(now_s, tokens)
        if self._places is not None:
            self._places.take()

    def ended(self, now_s: float, reserved: int, used: int | None) -> None:
        """A request that was let through with *reserved* tokens has ended, and has *used* so many, where that is known."""
        if self._places:
            self._places.give_back()
        if self._tokens and used is not None:
            self._tokens.take(now_s, used - reserved)


class _UnderWay(Following):
    """Gives back what was only reserved, and where it *tells*, says of all limits in the provider's place."""

    def __init__(self, rule: Throttled, asked: Asked, limits: _Limits, *, tells: bool) -> None:
        self._asked, self._limits, self._tokens = asked, limits, rule.tokens(asked)
        self._tells, self._headers = tells, rule.told.headers

    def head(self, status: int, headers: Headers) -> Headers:
        limits = self._asked.words.limit_headers(self._asked.limits, self._asked.at_s) if self._tells else {}
        if not (said := {**limits, **self._headers}):
            return headers
        return put(headers, [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.items()])

    def ended(self, now_s: float, tokens: int | None) -> None:
        self._limits.ended(now_s, self._tokens, tokens)


def _said(
    of: Literal["requests", "tokens", "concurrent"], per_min: int, asked: int, found: Allowance, broken: list[Limit]
) -> Limit:
    """What there is to say of a limit; *broken* gets it where it lets nothing through."""
    limit = Limit(of, per_min, found.remaining, found.reset_s, found.retry_s, asked)
    if not found.allowed:
        broken.append(limit)
    return limit
