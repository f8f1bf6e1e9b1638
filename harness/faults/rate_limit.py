"""The fault in which a provider answers 429 above a rate."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.faults.base import OfRequests
from harness.faults.effects import Rule, Throttle


class RateLimit(OfRequests):
    """The provider answers 429 with retry-after and x-ratelimit headers above *requests_per_min*."""

    kind: Literal["rate_limit"] = "rate_limit"
    requests_per_min: Annotated[float, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)] = 1

    def rule(self) -> Rule:
        return Throttle(self.requests_per_min, self.burst)

    def summary(self) -> str:
        return f"rate_limit {self.requests_per_min:g} per minute, burst {self.burst},{self.whom}"
