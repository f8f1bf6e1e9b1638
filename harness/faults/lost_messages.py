"""The fault in which what a store publishes reaches nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from harness.faults.base import OfStores
from harness.faults.effects import Effect, TapAnswers
from harness.reading.target import Link


class LostMessages(OfStores):
    """Messages of a Redis store are lost on their way to who subscribed, and so are invalidations; all else passes, and nobody is told."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "cache invalidation lost, pub/sub message lost, stale entry": "on: {kind: store}",
    }

    kind: Literal["lost_messages"] = "lost_messages"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(TapAnswers(link, messages=True) for link in links)

    def summary(self) -> str:
        return f"lost_messages on {self.on}"
