"""The fault in which a dependency still answers, but late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import SILENCE_S, Looked, OfRequests
from harness.faults.delays import Distribution
from harness.faults.effects import Delay, Effect, Late, Rule, TapShape, Toxic
from harness.faults.requests import ALL
from harness.reading.quantities import Seconds, plain, seconds
from harness.reading.target import Link


class Latency(OfRequests):
    """What passes on a link in one direction, or a share of the requests there, arrives later, by *base* and a spread of *jitter*."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "slow provider, slow model: every answer is late": "on: {kind: provider}, base: 2s, jitter: 500ms",
        "timeouts: a share of answers come after everybody gave up": "on: {kind: provider}, base: 60s, share: 0.2",
        "tail latency, a high p99: a few answers take very long": "on: {kind: provider}, base: 8s, share: 0.02",
        "brownout: it gets slower and slower": "on: {kind: provider}, base: 5s, ramp: {base: {from: 100ms, over: 10s}}",
        "slow store, slow cache, slow Redis, slow database": "on: {kind: store}, base: 300ms, jitter: 100ms",
    }

    kind: Literal["latency"] = "latency"
    base: Seconds = Field(description="how much later")
    jitter: Seconds = Field(default=0.0, description="spread; at most base")
    distribution: Distribution = Field(
        default="uniform",
        description="uniform: base plus or minus up to jitter; normal, pareto (a long tail): base is the mean, jitter the deviation",
    )
    direction: Literal["upstream", "downstream"] = Field(
        default="upstream",
        description="upstream: what clients send is late; downstream: what they are answered, piece by piece",
    )

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {**OfRequests.climbs, "base": seconds}

    @model_validator(mode="after")
    def _late_at_all(self) -> Latency:
        if self._longest_s <= 0 or self.jitter > self.base:
            raise ValueError(f"base {self.base:g} s has to be above 0 and jitter {self.jitter:g} s at most base")
        if self.base == 0 and not self.by_request:
            raise ValueError(
                "what passes on a link has to be late to the end for anybody to see it; let it fall to 1ms, as base: 1ms says"
            )
        if self.by_request and self.direction == "downstream":
            raise ValueError(
                "direction: downstream is for all that passes on a link; single requests can be late upstream alone, "
                "so leave one of both out"
            )
        if self.may_miss and not self.by_request:
            raise ValueError(
                "may_miss is for requests that may not come, and this is for all that passes; leave it out"
            )
        return self

    @property
    def by_request(self) -> bool:
        """Whether it has to be done to single requests: what passes on a connection is all late alike."""
        return self.requests != ALL

    @property
    def plain(self) -> bool:
        """Whether Toxiproxy can do it, and stays responsive when clients leave streams: its downstream latency may hang it then.

        Its own jitter hangs on no seed, so it delays by the least that there is, and what is spread comes on top of that at the tap.
        """
        narrow = self.jitter < self.base / 2
        return self.direction == "upstream" and self.distribution == "uniform" and not self.ramp and narrow

    @property
    def probes(self) -> bool:
        return not self.by_request

    @property
    def needs(self) -> Literal["http", "any"]:
        return "http" if self.by_request else "any"

    @classmethod
    def suits(cls, link: Link) -> bool:
        return True

    def rule(self) -> Rule:
        return Delay(self.base, self.jitter, self.climb("base"), self.distribution)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        if self.by_request:
            return super().effects(links)
        if self.plain:
            least = {"latency": round(1000 * self._least_s), "jitter": 0}
            spread = [TapShape(link, Late(self.jitter, self.jitter), "upstream") for link in links if self.jitter]
            return (*(Toxic(link, "latency", "upstream", least) for link in links), *spread)
        late = Late(self.base, self.jitter, self.distribution, self.climb("base"))
        return tuple(TapShape(link, late, self.direction) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        if self.by_request:
            return super().took_hold(looked)
        # Not merely as late as jitter allows: were jitter as wide as base, every answer would do.
        base_s = self._seen_at_s
        late_s = max(0.9 * (base_s - self.jitter), 0.5 * base_s)
        return bool(looked.probes) and all(
            probe.outcome in ("silent", "acknowledged") or (probe.outcome == "answered" and probe.elapsed_s >= late_s)
            for probe in looked.probes.values()
        )

    @property
    def _seen_at_s(self) -> float:
        """How late something has to be to show it: of one that climbs, half the way is enough."""
        ramp = self.climb("base")
        return self.base if ramp is None else min(self.base, (ramp.start + self.base) / 2)

    def shown_after_s(self) -> float:
        if self.by_request:
            return super().shown_after_s()
        ramp = self.climb("base")
        return self._longest_s if ramp is None else self._longest_s + ramp.over_s / 2

    @property
    def _least_s(self) -> float:
        return self.base - self.jitter

    @property
    def _longest_s(self) -> float:
        ramp = self.climb("base")
        return max(self.base, ramp.start if ramp else 0.0) + self.jitter

    def owed_s(self) -> float:
        # What the tap delays it knows itself.
        return self._least_s if self.plain and not self.by_request else 0.0

    def looks_for_s(self) -> float:
        return SILENCE_S if self.by_request else self._longest_s + 1.0

    def summary(self) -> str:
        how = "" if self.distribution == "uniform" else f" {self.distribution}"
        way = "" if self.direction == "upstream" else " downstream"
        spread = f" ± {plain(1000 * self.jitter, 6)}" if self.jitter else ""
        return f"latency{way} {plain(1000 * self.base, 6)}{spread} ms{how}{self.whom}"
