"""The fault in which what is sent vanishes, and nobody is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from harness.faults.base import OPEN_CONNECTIONS, Looked, OfConnections, every_probe
from harness.faults.effects import Effect, OpenConnections, TapMode
from harness.reading.target import Link


class Blackhole(OfConnections):
    """Nothing passes, and nobody is told: neither way, or one way alone, so that the answer is lost and the work is done."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "no answer at all, hangs, silent packet loss, a firewall that drops, network partition": "on: {kind: provider}",
        "read timeout though the work was done: answers are lost, and a retry does it twice": "on: {kind: provider}, direction: downstream",
    }

    kind: Literal["blackhole"] = "blackhole"
    open_connections: OpenConnections = Field(default="deliver", description=OPEN_CONNECTIONS)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        how = self.open_connections
        return tuple(TapMode(link, "silence", self.direction, how, self.share) for link in links)

    @property
    def probes(self) -> bool:
        return True

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, {"silent"})

    def summary(self) -> str:
        return f"blackhole{self.where}"
