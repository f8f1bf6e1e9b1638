"""The fault in which what a store publishes reaches nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from harness.faults.base import Aimed, Looked
from harness.faults.effects import Effect, TapAnswers
from harness.reading.target import Link


class LostMessages(Aimed):
    """Messages of a Redis store are lost on their way to who subscribed, and so are invalidations; all else passes, and nobody is told."""

    kind: Literal["lost_messages"] = "lost_messages"

    @property
    def probes(self) -> bool:
        return False

    @classmethod
    def suits(cls, link: Link) -> bool:
        return link.carries == "redis"

    def misfit(self, link: Link) -> str:
        return "" if link.carries == "redis" else f"carries {link.carries}, and {self.kind} is for redis:// upstreams"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(TapAnswers(link, messages=True) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def summary(self) -> str:
        return f"lost_messages on {self.on}"
