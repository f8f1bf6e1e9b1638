"""The fault in which a provider answers 429 above a rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import Aimed, Looked
from harness.faults.effects import EdgeRule, Effect, Throttle
from harness.reading.target import Link


class RateLimit(Aimed):
    """The provider answers 429 with retry-after and x-ratelimit headers above *requests_per_min*."""

    kind: Literal["rate_limit"] = "rate_limit"
    requests_per_min: Annotated[float, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)] = 1

    probes: ClassVar[bool] = False
    needs: ClassVar[Literal["http", "any"]] = "http"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(EdgeRule(link, Throttle(self.requests_per_min, self.burst)) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def summary(self) -> str:
        return f"rate_limit {self.requests_per_min:g} per minute, burst {self.burst}, on {self.on}"
