"""The fault in which the name of a dependency takes long to be looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import Climbing, Looked, OfLookups
from harness.faults.delays import Distribution
from harness.faults.effects import Effect, Late, NameDelay
from harness.reading.quantities import Seconds, seconds
from harness.reading.target import Link


class SlowLookup(OfLookups, Climbing):
    """Who looks up the name of a link, or a share of those, is told its address later, by *base* and a spread of *jitter*."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "slow DNS, slow name resolution: connecting takes seconds": "on: {kind: provider}, base: 2s, jitter: 500ms",
        "DNS packet loss: a share of lookups takes 5 s, until a client asks again": "on: {kind: provider}, base: 5s, share: 0.1",
    }

    kind: Literal["slow_lookup"] = "slow_lookup"
    base: Annotated[Seconds, Field(gt=0)] = Field(description="how much later")
    jitter: Seconds = Field(default=0.0, description="spread; at most base")
    distribution: Distribution = Field(
        default="uniform",
        description="uniform: base plus or minus up to jitter; normal, pareto (a long tail): base is the mean, jitter the deviation",
    )

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {"base": seconds}

    @model_validator(mode="after")
    def _late_at_all(self) -> SlowLookup:
        if self.jitter > self.base:
            raise ValueError(f"jitter {self.jitter:g} s has to be at most base, {self.base:g} s")
        return self

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        late = Late(self.base, self.jitter, self.distribution, self.climb("base"))
        return tuple(NameDelay(link, late, self.share) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        # A look draws no jitter, but sees the median, which a long tail has below its mean.
        late_s = max(0.9 * (self._seen_at_s - self.jitter), 0.5 * self._seen_at_s)
        return bool(looked.probes) and all(
            probe.outcome not in ("refused", "closed") and probe.elapsed_s >= late_s for probe in looked.probes.values()
        )

    @property
    def _seen_at_s(self) -> float:
        """How late something has to be to show it: of one that climbs, half the way is enough."""
        ramp = self.climb("base")
        return self.base if ramp is None else min(self.base, (ramp.start + self.base) / 2)

    def shown_after_s(self) -> float:
        ramp = self.climb("base")
        longest_s = max(self.base, ramp.start if ramp else 0.0)
        return longest_s + (ramp.over_s / 2 if ramp else 0.0)

    def summary(self) -> str:
        how = "" if self.distribution == "uniform" else f" {self.distribution}"
        return f"slow_lookup {1000 * self.base:.0f} ± {1000 * self.jitter:.0f} ms{how}{self.climbing}{self.whom}"
