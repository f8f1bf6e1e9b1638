"""The fault in which a provider answers a share of attempts with an error status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import Aimed, Looked
from harness.faults.effects import EdgeRule, Effect, FailShare
from harness.reading.target import Link


class HttpError(Aimed):
    """The provider answers *status* to a *share* of attempts, drawn by the run's seed."""

    kind: Literal["http_error"] = "http_error"
    status: Annotated[int, Field(ge=400, le=599)]
    share: Annotated[float, Field(gt=0, le=1, description="of attempts, 0 to 1")] = 1.0

    probes: ClassVar[bool] = False
    needs: ClassVar[Literal["http", "any"]] = "http"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return tuple(EdgeRule(link, FailShare(self.status, self.share)) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def summary(self) -> str:
        return f"http_error {self.status} for {self.share:.0%} on {self.on}"
