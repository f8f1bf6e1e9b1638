"""The fault in which one region goes on answering from an old snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from harness.faults.base import OPEN_CONNECTIONS, Aim, Fault, Looked, Selector, every_probe
from harness.faults.effects import Effect, OpenConnections, TapMode
from harness.reading.quantities import Seconds
from harness.reading.target import Link, Name, Target

REPLICATION = "replication"


class CacheDivergence(Fault):
    """A region's replication is held while the next snapshot is published, so its replicas answer from the old one."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "stale cache, replication lag, two replicas answer from different snapshots, inconsistent answers": "region: west",
    }

    kind: Literal["cache_divergence"] = "cache_divergence"
    region: Name = Field(description="whose replication is held")
    publish_after: Seconds = Field(
        default=3.0, description="when the next snapshot is published, after replication is held"
    )
    open_connections: OpenConnections = Field(default="deliver", description=OPEN_CONNECTIONS)

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return Selector(kind=REPLICATION, region=self.region).picks(target.links)

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.kind == REPLICATION

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        # Held on the way from the primary, replication goes on within milliseconds of the end, without a full sync.
        how = self.open_connections
        return tuple(TapMode(link, "silence", streams="downstream", open_connections=how) for link in links)

    def publishes_at_s(self) -> tuple[float, ...]:
        return (self.publish_after,)

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, {"silent"})

    def summary(self) -> str:
        return f"cache_divergence {self.region}"
