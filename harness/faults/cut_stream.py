"""The fault in which a stream is over before its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.faults import effects
from harness.faults.base import OfStreams
from harness.faults.effects import Rule
from harness.reading.quantities import counted


class CutStream(OfStreams):
    """A stream is over after *after* events with content: by a reset, a close, or in good order, as if that had been all."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "truncated stream, answer stops in mid-sentence, connection lost while streaming": "on: {kind: provider}, after: 10",
        "stream ends in good order without finish_reason or [DONE]: half an answer looks whole": "on: {kind: provider}, after: 10, by: end",
    }

    kind: Literal["cut_stream"] = "cut_stream"
    after: Annotated[int, Field(ge=0)] = Field(description="events with content; 0: the head comes, and no content")
    by: Literal["reset", "close", "end"] = Field(
        default="close",
        description="reset, close: of the connection, in the middle of the message; end: the message ends in good order, "
        "and what says that the answer is whole (a finish, [DONE], message_stop) never comes",
    )

    def rule(self) -> Rule:
        return effects.CutStream(self.after, self.by)

    def summary(self) -> str:
        return f"cut_stream after {counted(self.after, 'event')} by {self.by}{self.whom}"
