"""The fault in which a store has lost what it held, or holds what it should not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import OfStores
from harness.faults.effects import Damage, Effect
from harness.reading.target import Link
from harness.reading.templates import placeholders


class DamagedStore(OfStores):
    """A Redis store that the harness started is emptied, gets a poisoned entry, or loses its last writes; nothing puts that right again."""

    undone: ClassVar[bool] = False
    seen_as: ClassVar[Mapping[str, str]] = {
        "cache flushed, cold cache, cache stampede, thundering herd": "on: {kind: store}, how: flush",
        "poisoned cache entry, corrupt entry": 'on: {kind: store}, how: poison, key: "*", value: "{}"',
        "last writes lost, stale replica promoted, data loss in a failover": "on: {kind: store}, how: lose_writes",
    }

    kind: Literal["damaged_store"] = "damaged_store"
    how: Literal["flush", "poison", "lose_writes"] = Field(
        description="flush: all is gone at once; poison: entries say value; lose_writes: at its end the store is what it was at its "
        "beginning, as when a stale replica is promoted",
    )
    key: str = Field(
        default="", description="poison: which entry; * stands for any text, and then those that there are: answer:*"
    )
    field: str = Field(default="", description="poison: which field, where the entry is a hash")
    value: str = Field(default="", description="poison: what it says")

    @model_validator(mode="after")
    def _poison_has_a_key(self) -> DamagedStore:
        if self.how == "poison" and not self.key:
            raise ValueError("poison needs a key: which entry is to say what it should not")
        if said := [key for key in ("key", "field", "value") if getattr(self, key) and self.how != "poison"]:
            raise ValueError(f"{said[0]} is for how: poison; {self.how} is about all that the store holds")
        return self

    @classmethod
    def suits(cls, link: Link) -> bool:
        return super().suits(link) and isinstance(link.upstream, str) and bool(placeholders(link.upstream))

    def misfit(self, link: Link) -> str:
        if self.suits(link):
            return ""
        if not OfStores.suits(link):
            return super().misfit(link)
        started = "add services: {cache: redis} to the target, and write upstream: redis://127.0.0.1:{cache.port}"
        return f"leads to a store that the harness did not start, and {self.how} cannot be undone there; {started}"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(Damage(link, self.how, self.key, self.field, self.value) for link in links)

    def summary(self) -> str:
        return f"damaged_store · {self.how}{f' {self.key}' if self.key else ''} on {self.on}"
