"""The fault in which a connection ends after so many bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import Direction, OfConnections
from harness.faults.effects import CutAfter, Shape
from harness.reading.quantities import counted


class Cut(OfConnections):
    """Each connection ends once *after_bytes* bytes have passed on it in one direction: by a close, or by a reset."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "connection lost in mid-answer, incomplete read, unexpected EOF": "on: {kind: provider}, after_bytes: 600, share: 0.3",
    }

    kind: Literal["cut"] = "cut"
    after_bytes: Annotated[
        int,
        Field(
            ge=0, description="all that passes counts, heads too; on what is open already, from the fault's beginning"
        ),
    ]
    by: Literal["close", "reset"] = Field(default="close", description="how the connection ends")
    direction: Direction = Field(
        default="downstream",
        description="which bytes count; upstream: what clients send, of which the provider then gets a part; downstream: what they are "
        "answered, and the work is done",
    )

    def shape(self) -> Shape:
        return CutAfter(self.after_bytes, self.by)

    def summary(self) -> str:
        return f"cut after {counted(self.after_bytes, 'byte')} by {self.by}{self.where}"
