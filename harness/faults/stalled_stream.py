"""The fault in which a stream falls silent, and stays open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults.base import OfStreams
from harness.faults.effects import Rule, StallStream
from harness.reading.quantities import Seconds, counted


class StalledStream(OfStreams):
    """A stream falls silent after *after* events with content, for a time or as long as the fault lasts, and nobody is told."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "stream stalls, hangs, freezes in the middle: no more tokens": "on: {kind: provider}, after: 10",
    }

    kind: Literal["stalled_stream"] = "stalled_stream"
    after: Annotated[int, Field(ge=0)] = Field(description="events with content; 0: the head comes, and no content")
    silent_for: Seconds | None = Field(
        default=None, gt=0, description="how long each stream is silent; default: as long as the fault lasts"
    )

    def rule(self) -> Rule:
        return StallStream(self.after, self.silent_for)

    def summary(self) -> str:
        lasts = "" if self.silent_for is None else f" for {self.silent_for:g} s"
        return f"stalled_stream after {counted(self.after, 'event')}{lasts}{self.whom}"
