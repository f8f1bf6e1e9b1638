"""The rule by which a stream has a flaw: an event that should not be as it is, or one that never comes."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from harness.faults.effects import Rule, SpoilStream
from harness.protocols.model_stream import ModelEvent, error_event
from harness.running.wire.edge.rules.base import Asked, Deed, EdgeRuleKind, End, Following
from harness.running.wire.edge.rules.of_events import AtContent, OfEvents


class StreamSpoilt(EdgeRuleKind[SpoilStream]):
    """Spoils a stream."""

    spec: ClassVar[type[Rule]] = SpoilStream

    def follow(self, asked: Asked) -> Following:
        match self.told.flaw:
            case "error":
                return _Failing(self.told.after)
            case "no_finish" | "no_usage" | "no_end":
                return _Missing(self.told.flaw.removeprefix("no_"))
            case "reordered":
                return _Reordering(self.told.after)
            case flaw:
                return _OneEvent(self.told.after, duplicated=flaw == "duplicated")


class _Failing(AtContent):
    """Says that something went wrong, which is the end."""

    def then(self, event: ModelEvent) -> list[Deed]:
        return [error_event(event.api), End()]


class _OneEvent(OfEvents):
    """Tells the event with content after the *after*-th twice, or half of what it says."""

    reads_only: ClassVar[bool] = True

    def __init__(self, after: int, *, duplicated: bool) -> None:
        super().__init__()
        self._after, self._duplicated = after, duplicated

    def event(self, event: ModelEvent) -> list[Deed]:
        if not event.content or self.content != self._after + 1:
            return [event.raw]
        self.touched = True
        return [event.raw, event.raw] if self._duplicated else [_halved(event)]


class _Reordering(OfEvents):
    """Tells the event with content after the *after*-th behind the next one; there has to be one before anything else is said."""

    reads_only: ClassVar[bool] = True

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after
        self._held = b""

    def event(self, event: ModelEvent) -> list[Deed]:
        if event.content and self.content == self._after + 1:
            self._held = event.raw
            return []
        if self._held and event.content:
            self.touched = True
            return [event.raw, self._let_go()]
        return [self._let_go(), event.raw]

    def last(self) -> list[Deed]:
        return [self._let_go()]

    def release(self) -> bytes:
        return self._let_go() + super().release()

    def _let_go(self) -> bytes:
        held, self._held = self._held, b""
        return held


class _Missing(OfEvents):
    """Leaves out *what*: the finish, the usage or the mark of the end. Of an event that says something else, too, the rest is told."""

    reads_only: ClassVar[bool] = True

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def event(self, event: ModelEvent) -> list[Deed]:
        if not getattr(event, self._what):
            return [event.raw]
        self.touched = True
        if self._what == "finish" and event.api in ("chat", "gemini") and (event.content or event.usage):
            return [event.saying(_without_finish(event.document))]
        if self._what == "usage" and not (event.api == "chat" and not event.document["choices"]):
            return [event.saying(_without_usage(event.document))]
        return []


def _halved(event: ModelEvent) -> bytes:
    data = msgspec.json.encode(event.document)
    return event.with_data(data[: len(data) // 2])


def _without_finish(document: dict[str, Any]) -> dict[str, Any]:
    key = "choices" if "choices" in document else "candidates"
    return {**document, key: [_unfinished(one) if isinstance(one, dict) else one for one in document[key]]}


def _unfinished(said: dict[str, Any]) -> dict[str, Any]:
    """A choice of OpenAI's, or a candidate of Gemini's, in the middle of its stream."""
    if "finish_reason" in said:
        return {**said, "finish_reason": None}
    return {key: value for key, value in said.items() if key != "finishReason"}


def _without_usage(said: Any) -> Any:
    """*said* without its usage, or that of the message or the response in it."""
    kept = {key: value for key, value in said.items() if key not in ("usage", "usageMetadata")}
    return {
        key: _without_usage(value) if key in ("message", "response") and isinstance(value, dict) else value
        for key, value in kept.items()
    }
