"""The fault in which everything that lives in one region is lost at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from harness.faults.base import OPEN_CONNECTIONS, Aim, Fault, Looked, Selector, every_probe
from harness.faults.effects import Effect, OpenConnections, TapMode
from harness.reading.target import Link, Name, Target

_SEEN = {"blackhole": {"silent"}, "refuse": {"refused"}, "reset": {"closed"}}


class RegionalLoss(Fault):
    """All links of a region fail together: silently (blackhole), by refusal (refuse) or by reset (reset)."""

    kind: Literal["regional_loss"] = "regional_loss"
    region: Name
    mode: Literal["blackhole", "refuse", "reset"] = Field(
        default="blackhole",
        description="blackhole: nothing passes, and nobody is told; refuse: nobody listens; reset: all are reset, answers under way too",
    )
    open_connections: OpenConnections = Field(default="deliver", description=OPEN_CONNECTIONS)

    @model_validator(mode="after")
    def _a_hole_to_come_out_of(self) -> RegionalLoss:
        if self.mode != "blackhole" and self.open_connections != "deliver":
            raise ValueError(
                f"open_connections: {self.open_connections} is for mode: blackhole; with {self.mode} nothing stays open"
            )
        return self

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return Selector(region=self.region).picks(target.links)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        match self.mode:
            case "blackhole":
                return tuple(TapMode(link, "silence", open_connections=self.open_connections) for link in links)
            case "refuse" | "reset" as mode:
                return tuple(TapMode(link, mode) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, _SEEN[self.mode])

    def hides_attempts(self) -> bool:
        # Where nobody listens, a client's attempt leaves no trace at any proxy.
        return self.mode == "refuse"

    def summary(self) -> str:
        return f"regional_loss {self.region} · {self.mode}"
