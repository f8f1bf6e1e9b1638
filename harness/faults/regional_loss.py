"""The fault in which everything that lives in one region is lost at once, or some of it, or half-way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import OPEN_CONNECTIONS, Aim, Fault, Looked, Selector, every_probe
from harness.faults.effects import EdgeRule, Effect, Fail, Late, OpenConnections, TapMode, TapShape
from harness.faults.requests import Requests, draw
from harness.reading import quantities
from harness.reading.quantities import Seconds
from harness.reading.target import Link, Name, Target

_SEEN = {"blackhole": {"silent"}, "refuse": {"refused"}, "reset": {"closed"}}
_OF_A_BROWNOUT = ("late", "errors", "status")


class RegionalLoss(Fault):
    """Links of a region fail together: silently (blackhole), by refusal (refuse), by reset (reset), or by half (brownout)."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "region down, availability zone lost, data centre outage, failover to another region": "region: east",
        "brownout of a region: slow, and a share of errors": "region: east, mode: brownout",
    }

    kind: Literal["regional_loss"] = "regional_loss"
    region: Name
    mode: Literal["blackhole", "refuse", "reset", "brownout"] = Field(
        default="blackhole",
        description="blackhole: nothing passes, and nobody is told; refuse: nobody listens; reset: all are reset, answers under way too; "
        "brownout: all is late, and of requests over HTTP a share is answered an error",
    )
    open_connections: OpenConnections = Field(default="deliver", description=OPEN_CONNECTIONS)
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of the region's links, or of their connections, 0 to 1"
    )
    per: Literal["link", "connection"] = Field(
        default="link",
        description="what the share is of: so many of the links wholly, at least one; or of the connections of each",
    )
    spare: Selector | None = Field(
        default=None, description="links of the region that are not lost: {kind: store}, or {link: NAME}"
    )
    late: Annotated[Seconds, Field(gt=0)] = Field(default=1.0, description="brownout: how late everything is")
    errors: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.2, description="brownout: the share of requests answered an error"
    )
    status: Annotated[int, Field(ge=400, le=599)] = Field(default=503, description="brownout: which error")

    @model_validator(mode="after")
    def _a_hole_to_come_out_of(self) -> RegionalLoss:
        if self.mode != "blackhole" and self.open_connections != "deliver":
            raise ValueError(
                f"open_connections: {self.open_connections} is for mode: blackhole; with {self.mode} nothing stays open"
            )
        if of_others := [key for key in _OF_A_BROWNOUT if key in self.model_fields_set and self.mode != "brownout"]:
            raise ValueError(f"{of_others[0]} is for mode: brownout; with {self.mode} nothing is answered")
        if self.mode == "refuse" and self.per == "connection" and self.share < 1:
            raise ValueError(
                "per: connection: where nobody listens, nobody is accepted; write per: link, or mode: reset"
            )
        return self

    def aim(self, target: Target) -> tuple[Aim, ...]:
        spared = self.spare.picks(target.links) if self.spare is not None else ()
        return tuple(aim for aim in Selector(region=self.region).picks(target.links) if aim not in spared)

    def drawn(self, aims: tuple[Aim, ...], seed: int) -> tuple[Aim, ...]:
        if self.per != "link" or self.share == 1:
            return aims
        in_lot = sorted(aims, key=lambda aim: draw(seed, aim.name, self.kind, self.region, 1))
        lost = in_lot[: max(1, round(self.share * len(aims)))]
        return tuple(aim for aim in aims if aim in lost)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        share = self.share if self.per == "connection" else 1.0
        match self.mode:
            case "blackhole":
                return tuple(TapMode(link, "silence", "both", self.open_connections, share) for link in links)
            case "refuse" | "reset" as mode:
                return tuple(TapMode(link, mode, share_ratio=share) for link in links)
            case "brownout":
                late = tuple(TapShape(link, Late(self.late), "upstream", share) for link in links)
                failing = [link for link, about in links.items() if about.carries == "http" and self.errors]
                # Of the requests on all connections so many, as if they came on those alone that are late.
                failed = Requests(share_ratio=self.errors * share)
                return (*late, *(EdgeRule(link, Fail(self.status), failed) for link in failing))

    def took_hold(self, looked: Looked) -> bool:
        if self.mode == "brownout":
            seen = looked.probes.values()
            return bool(seen) and all(
                probe.outcome == "acknowledged" or (probe.outcome == "answered" and probe.elapsed_s >= 0.9 * self.late)
                for probe in seen
            )
        return every_probe(looked, _SEEN[self.mode])

    def shown_after_s(self) -> float:
        return self.late if self.mode == "brownout" else super().shown_after_s()

    def looks_for_s(self) -> float:
        return self.late + 1.0 if self.mode == "brownout" else super().looks_for_s()

    def hides_attempts(self) -> bool:
        # Where nobody listens, a client's attempt leaves no trace at any proxy.
        return self.mode == "refuse"

    def summary(self) -> str:
        share = f" · {quantities.share(self.share)} of {self.per}s" if self.share < 1 else ""
        spared = f", not {self.spare}" if self.spare is not None else ""
        return f"regional_loss {self.region} · {self.mode}{share}{spared}"
