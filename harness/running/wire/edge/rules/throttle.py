"""The rule by which a provider answers 429 above its limits, and says of them in every answer."""

from __future__ import annotations

from math import ceil, inf
from typing import ClassVar, Literal

from harness.dialects import Answer, Limit
from harness.faults.effects import Rule, Throttle
from harness.faults.limiter import Allowance, Places, RateLimiter
from harness.faults.requests import Lots
from harness.http1.headers import Headers, put
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind, Following, Pass
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
        limits = self._limits.ask(asked.now_s, self.tokens(asked))
        self._tells = asked.tell(limit for limit, _ in limits)
        broken = [limit for limit, allowed in limits if not allowed]
        return self._refusal(broken, asked) if broken else Pass()

    def follow(self, asked: Asked) -> Following:
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
        self._requests_per_min, self._tokens_per_min = throttle.requests_per_min or 0.0, throttle.tokens_per_min or 0.0
        self._requests = RateLimiter(self._requests_per_min, throttle.burst) if throttle.requests_per_min else None
        self._tokens_burst = throttle.tokens_burst or max(1, ceil(self._tokens_per_min))
        self._tokens = RateLimiter(self._tokens_per_min, self._tokens_burst) if throttle.tokens_per_min else None
        self._concurrent = throttle.concurrent or 0
        self._places = Places(self._concurrent) if throttle.concurrent else None

    def ask(self, now_s: float, tokens: int) -> list[tuple[Limit, bool]]:
        """What each limit says of one more request for *tokens*, and whether it lets it through: all have to, or nothing is used up."""
        said = self._look(now_s, 1, tokens)
        if all(allowed for _, allowed in said):
            self._take(now_s, tokens)
            return said
        untouched = self._look(now_s, 0, 0)
        return [now if allowed else (limit, allowed) for (limit, allowed), now in zip(said, untouched, strict=True)]

    def _look(self, now_s: float, requests: int, tokens: int) -> list[tuple[Limit, bool]]:
        said: list[tuple[Limit, bool]] = []
        if self._requests:
            found = self._requests.look(now_s, requests)
            said.append((_said("requests", self._requests_per_min, requests, found), found.allowed))
        if self._tokens:
            found = self._tokens.look(now_s, tokens)
            said.append((_said("tokens", self._tokens_per_min, tokens, found), found.allowed))
        if self._places:
            found = self._places.look(requests)
            said.append((_said("concurrent", self._concurrent, requests, found), found.allowed))
        return said

    def _take(self, now_s: float, tokens: int) -> None:
        if self._requests:
            self._requests.take(now_s, 1)
        if self._tokens:
            self._tokens.take(now_s, tokens)
        if self._places:
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


def _said(of: Literal["requests", "tokens", "concurrent"], per_min: float, asked: int, found: Allowance) -> Limit:
    return Limit(of, ceil(per_min), found.remaining, found.reset_s, found.retry_s, asked)
