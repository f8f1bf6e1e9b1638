"""The fault in which everything that lives in one region is lost at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from harness.faults.base import Fault, Looked, Selector, every_probe
from harness.faults.effects import Cut, Effect, TapMode, Toxic
from harness.reading.target import Link, Name

_SEEN = {"blackhole": {"silent"}, "refuse": {"refused"}, "reset": {"closed"}}


class RegionalLoss(Fault):
    """All links of a region fail together: silently (blackhole), by refusal (refuse) or by reset (reset)."""

    kind: Literal["regional_loss"] = "regional_loss"
    region: Name
    mode: Literal["blackhole", "refuse", "reset"] = Field(
        default="blackhole", description="blackhole: bytes vanish; refuse: nobody listens; reset: connections are reset"
    )

    def aim(self, links: Mapping[str, Link]) -> tuple[str, ...]:
        return Selector(region=self.region).picks(links)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(
            effect for name, link in links.items() for effect in _effects(self.mode, name, http=link.carries == "http")
        )

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, _SEEN[self.mode])

    def hides_attempts(self) -> bool:
        # Where nobody listens, a client's attempt leaves no trace at any proxy.
        return self.mode == "refuse"

    def summary(self) -> str:
        return f"regional_loss {self.region} · {self.mode}"


def _effects(mode: str, link: str, *, http: bool) -> tuple[Effect, ...]:
    match mode, http:
        case "blackhole", True:
            # Ending the hole closes every connection born into it; the tap hides that from the client, as a network would.
            return TapMode(link, "hold"), Toxic(link, "timeout", "upstream", {"timeout": 0})
        case "blackhole", False:
            return Toxic(link, "timeout", "upstream", {"timeout": 0}), Toxic(
                link, "timeout", "downstream", {"timeout": 0}
            )
        case "refuse", True:
            return TapMode(link, "refuse"), Cut(link)
        case "refuse", False:
            return (Cut(link),)
        case _:
            return (Toxic(link, "reset_peer", "upstream", {"timeout": 0}),)
