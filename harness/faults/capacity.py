"""The fault in which a provider can do less than it could, or does it slowly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults import effects
from harness.faults.base import Aimed, Climbing, Looked
from harness.faults.effects import Effect
from harness.reading import quantities
from harness.reading.quantities import ratio
from harness.reading.target import Link, SimulatedUpstream


def _times(said: Any) -> float:
    times = float(said)
    if not times >= 1:
        raise ValueError(f"{said!r} is not a number of at least 1")
    return times


def _share(said: Any) -> float:
    share = ratio(said)
    if share == 0:
        raise ValueError(
            f"{said!r}: a provider that does nothing at all is lost, not short of capacity; write more than 0"
        )
    return share


class Capacity(Climbing, Aimed):
    """A simulated provider works on a share of what it could at once, or takes longer over each answer; retries cost then."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "overload, GPU shortage, capacity cut, saturation, queueing": "on: {kind: provider}, to: 0.3",
        "cold start, warm-up, slow first minutes after an outage": "on: {kind: provider}, slow: 3",
    }

    kind: Literal["capacity"] = "capacity"
    to: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="what is left of how much it works on at once, 0 to 1"
    )
    slow: Annotated[float, Field(ge=1)] = Field(
        default=1.0, description="how many times as long it takes over each answer"
    )

    climbs: ClassVar[Mapping[str, Callable[[Any], float]]] = {"to": _share, "slow": _times}

    @model_validator(mode="after")
    def _takes_something(self) -> Capacity:
        if self.to == 1 and self.slow == 1 and not self.ramp:
            raise ValueError("it takes nothing; say to: below 1, slow: above 1, or a ramp of one of them")
        return self

    @property
    def probes(self) -> bool:
        return False

    @classmethod
    def suits(cls, link: Link) -> bool:
        return isinstance(link.upstream, SimulatedUpstream)

    def misfit(self, link: Link) -> str:
        if self.suits(link):
            return ""
        instead = "; use rate_limit, http_error (503, 529) or latency there" if link.carries == "http" else ""
        return f"leads to what is no simulated provider, so there is no capacity that could be taken from it{instead}"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(effects.Curtail(link, self.to, self.slow, self.climb("to"), self.climb("slow")) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def summary(self) -> str:
        to = f" to {quantities.share(self.to)}" if self.to < 1 or "to" in self.ramp else ""
        ramp = self.climb("slow")
        slow = f" {max(self.slow, ramp.start if ramp else 1.0):g} times as slow" if self.slow > 1 or ramp else ""
        return f"capacity{to}{slow} on {self.on}{self.climbing}"
