"""The fault in which a dependency still answers, but late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import Looked, OfRequests
from harness.faults.effects import Delay, Effect, Rule, Toxic
from harness.faults.requests import ALL
from harness.reading.quantities import Seconds, seconds
from harness.reading.target import Link


class Latency(OfRequests):
    """What is sent over a link, or a share of the requests there, arrives later, by *base* plus or minus *jitter* (uniform)."""

    kind: Literal["latency"] = "latency"
    base: Seconds = Field(description="how much later")
    jitter: Seconds = Field(default=0.0, description="spread, uniform, both ways")

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {**OfRequests.climbs, "base": seconds}

    @model_validator(mode="after")
    def _late_at_all(self) -> Latency:
        if self.base <= 0 or self.jitter > self.base:
            raise ValueError(f"base {self.base} s has to be above 0 and jitter {self.jitter} s at most base")
        return self

    @property
    def by_request(self) -> bool:
        """Whether it has to be done to single requests: what passes on a connection is all late alike, and by a fixed time."""
        return self.requests != ALL or bool(self.ramp)

    @property
    def probes(self) -> bool:
        return not self.by_request

    @property
    def needs(self) -> Literal["http", "any"]:
        return "http" if self.by_request else "any"

    def rule(self) -> Rule:
        return Delay(self.base, self.jitter, self.climb("base"))

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        if self.by_request:
            return super().effects(links)
        # On the way to the provider: the reader sees the same delay, and Toxiproxy stays responsive when clients leave streams.
        attributes = {"latency": round(1000 * self.base), "jitter": round(1000 * self.jitter)}
        return tuple(Toxic(link, "latency", "upstream", attributes) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        if self.by_request:
            return super().took_hold(looked)
        # Not merely as late as jitter allows: were jitter as wide as base, every answer would do.
        late_s = max(0.9 * (self.base - self.jitter), 0.5 * self.base)
        return bool(looked.probes) and all(
            probe.outcome in ("silent", "acknowledged") or (probe.outcome == "answered" and probe.elapsed_s >= late_s)
            for probe in looked.probes.values()
        )

    def shown_after_s(self) -> float:
        if self.by_request:
            return super().shown_after_s()
        return self.base + self.jitter

    def owed_s(self) -> float:
        return 0.0 if self.by_request else self.base + self.jitter

    def summary(self) -> str:
        return f"latency {1000 * self.base:.0f} ± {1000 * self.jitter:.0f} ms{self.whom}"
