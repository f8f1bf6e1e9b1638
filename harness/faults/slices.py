"""The fault in which what is sent in one piece comes in many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import OfConnections
from harness.faults.effects import Shape, Sliced
from harness.reading.quantities import Seconds, counted


class Slices(OfConnections):
    """What passes comes in slices of at most *max_bytes*, *gap* apart at least."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "fragmented packets: chunks that end within an event": "on: {kind: provider}, max_bytes: 40, gap: 10ms, direction: downstream",
    }

    kind: Literal["slices"] = "slices"
    max_bytes: Annotated[int, Field(ge=1, description="how long a slice is at most")]
    gap: Annotated[Seconds, Field(ge=0)] = Field(default=0.0, description="how far two slices are apart at least")

    def shape(self) -> Shape:
        return Sliced(self.max_bytes, self.gap)

    def summary(self) -> str:
        return f"slices of {counted(self.max_bytes, 'byte')}, {1000 * self.gap:g} ms apart{self.where}"
