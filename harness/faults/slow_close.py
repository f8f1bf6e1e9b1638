"""The fault in which one side learns late that the other one has closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import OfConnections
from harness.faults.effects import LateEnd, Shape
from harness.reading.quantities import Seconds


class SlowClose(OfConnections):
    """That one side has closed a connection, the other one learns *delay* later; what was said before comes in time."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "half-closed or half-open connections, CLOSE_WAIT, a late FIN, stale keep-alive": "on: {kind: provider}, delay: 5s",
    }

    kind: Literal["slow_close"] = "slow_close"
    delay: Annotated[Seconds, Field(gt=0, description="how much later")]

    def shape(self) -> Shape:
        return LateEnd(self.delay)

    def summary(self) -> str:
        return f"slow_close {1000 * self.delay:g} ms{self.where}"
