"""The fault in which connections cannot be had, or are lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import Aimed, Looked, every_probe
from harness.faults.effects import Effect, TapMode
from harness.reading import quantities
from harness.reading.target import Link


class Disconnect(Aimed):
    """Connections are refused (refuse), refused while open ones live on (no_new), or reset once something was asked (reset)."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "connection refused, ECONNREFUSED, provider down, outage": "on: {kind: provider}, mode: refuse",
        "no new connections while old ones live: DNS or TLS down, connection limit, ports exhausted": "on: {kind: provider}, mode: no_new",
        "connection reset by peer, ECONNRESET, load balancer restarted": "on: {kind: provider}, mode: reset",
    }

    kind: Literal["disconnect"] = "disconnect"
    mode: Literal["refuse", "no_new", "reset"] = Field(
        description="refuse: nobody listens, and what is open is reset; no_new: nobody listens, and what is open goes on; "
        "reset: what is open is reset, answers under way too, and so is each new one as soon as it has asked something",
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="with reset: of the connections of each link, 0 to 1, drawn once for each"
    )

    @model_validator(mode="after")
    def _a_share_of_what_is_accepted(self) -> Disconnect:
        if self.share < 1 and self.mode != "reset":
            raise ValueError(
                f"share: where nobody listens ({self.mode}), nobody is accepted; a share is for mode: reset"
            )
        return self

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(TapMode(link, self.mode, share_ratio=self.share) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return every_probe(looked, {"closed"} if self.mode == "reset" else {"refused"})

    def hides_attempts(self) -> bool:
        # Where nobody listens, a client's attempt leaves no trace at any proxy.
        return self.mode != "reset"

    def summary(self) -> str:
        share = f" for {quantities.share(self.share)} of connections" if self.share < 1 else ""
        return f"disconnect · {self.mode}{share} on {self.on}"
