"""The fault in which a stream has a flaw: an event that should not be as it is, or one that never comes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.dialects import dialects
from harness.faults.base import OfStreams
from harness.faults.effects import Rule, SpoilStream, StreamFlaw
from harness.reading.quantities import counted
from harness.reading.target import Link


class BadStream(OfStreams):
    """A stream has a flaw: an event is malformed, duplicated or reordered, an error comes, or the finish, usage or end does not."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "malformed event, invalid JSON in a stream, garbled chunk": "on: {kind: provider}, flaw: malformed, after: 5",
        "error event inside a 200, overloaded_error in mid-stream": "on: {kind: provider}, flaw: error, after: 5",
        "duplicated chunk, doubled words": "on: {kind: provider}, flaw: duplicated, after: 5",
        "reordered chunks": "on: {kind: provider}, flaw: reordered, after: 5",
        "no usage, token counts missing": "on: {kind: provider}, flaw: no_usage",
        "no [DONE], no message_stop, no finish_reason": "on: {kind: provider}, flaw: no_end",
    }

    kind: Literal["bad_stream"] = "bad_stream"
    flaw: StreamFlaw = Field(
        description="malformed, duplicated, reordered: the event with content after the first ones; error: an error event "
        "inside the 200, in the API's words, and nothing after it; no_finish, no_usage, no_end: what never comes"
    )
    after: Annotated[int, Field(ge=0)] = Field(
        default=0, description="so many events with content come as they are, before the flaw"
    )

    @model_validator(mode="after")
    def _where_it_has_a_place(self) -> Self:
        if self.after and self.flaw.startswith("no_"):
            raise ValueError(f"after says where an event is bad, and with {self.flaw} one is missing; leave it out")
        return self

    def misfit(self, link: Link) -> str:
        if self.flaw == "no_end" and not dialects[link.speaks].marks_end:
            return f"speaks {link.speaks}, whose streams have no mark of their end; leave out the finish with flaw: no_finish"
        return ""

    def rule(self) -> Rule:
        return SpoilStream(self.flaw, self.after)

    def summary(self) -> str:
        after = f" after {counted(self.after, 'event')}" if self.after else ""
        return f"bad_stream {self.flaw}{after}{self.whom}"
