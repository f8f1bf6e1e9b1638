"""The rule by which an answer, whole or streamed, is a good answer in form and a wrong one in what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import msgspec

from harness.faults.effects import AnswerFlaw, Rule, SpoilAnswer
from harness.faults.requests import Lots
from harness.protocols.answer_form import BYTE_ORDER_MARK, Form
from harness.protocols.event_stream import written
from harness.protocols.model_answer import (
    Document,
    Role,
    Slot,
    call_twice,
    count_more,
    finish_as,
    part,
    printed_as,
    served_by,
    slots,
)
from harness.protocols.model_stream import UNREADABLE, ModelEvent
from harness.running.wire.edge.rules.base import Asked, Deed, EdgeRuleKind, Following
from harness.running.wire.edge.rules.of_events import OfEvents
from harness.running.wire.edge.rules.text_edits import CutShort, OffSchema, OtherNumbers, Quoted, Replaced, TextEdit

_WHOLE_BYTES_MAX = 1 << 20
"""A longer answer in one piece passes as it is."""
_KEPT_CHARACTERS = 1 << 16
REFUSAL = "I'm sorry, but I can't help with that."
ANOTHER_LANGUAGE = "很抱歉,这个问题的答案请参阅您账户页面上的说明。"
_STEPS = 8


class AnswerSpoilt(EdgeRuleKind[SpoilAnswer]):
    """Spoils answers, and remembers what others were told."""

    spec: ClassVar[type[Rule]] = SpoilAnswer

    def __init__(self, spec: SpoilAnswer, lots: Lots, since_s: float) -> None:
        super().__init__(spec, lots, since_s)
        self._told: dict[object, str] = {}
        """The last answers, by whom they were for: two are enough for one of them to be another's."""

    def follow(self, asked: Asked) -> Following:
        attempt = asked.attempt
        whose = attempt.lot or asked.request_id if attempt.conversation is None else attempt.conversation
        return _Spoiling(self._change(asked, whose), lambda text: self._remember(whose, text))

    def _change(self, asked: Asked, whose: object) -> _Change:
        match self.told.flaw:
            case "other_conversation":
                others = [text for who, text in self._told.items() if who != whose]
                return _Change({"text": lambda: Replaced(others[-1])} if others else {})
            case "wrong_fact":
                step = 1 + int(_STEPS * self.lots.next(asked.attempt.lot))
                return _Change({"text": lambda: OtherNumbers(step)})
            case flaw:
                return _CHANGES[flaw](self.told)

    def _remember(self, whose: object, text: str) -> None:
        self._told.pop(whose, None)
        self._told[whose] = text
        if len(self._told) > 2:
            del self._told[next(iter(self._told))]


class _Change:
    """What is done to one answer: *edits* to what stands in slots, by role, and *rest* to each document.

    That says whether it changed it.
    """

    def __init__(
        self, edits: dict[Role, Callable[[], TextEdit]], rest: Callable[[Document], bool] = lambda document: False
    ) -> None:
        self.edits = edits
        self.rest = rest


class _Refusing(_Change):
    """What a model that refuses gives as its reason, where its API has one for that."""

    def __init__(self, edits: dict[Role, Callable[[], TextEdit]]) -> None:
        super().__init__(edits, lambda document: finish_as(document, chat="", responses="", messages="refusal"))


class _CuttingShort(_Change):
    """The text is over early, and the reason for the end is that it was to be no longer; a short text is left as it is."""

    def __init__(self, characters: int) -> None:
        super().__init__({"text": self._edit}, self._finish)
        self._characters = characters
        self._made: list[CutShort] = []

    def _edit(self) -> TextEdit:
        self._made.append(CutShort(self._characters))
        return self._made[-1]

    def _finish(self, document: Document) -> bool:
        if not any(edit.cut for edit in self._made):
            return False
        return finish_as(document, chat="length", responses="max_output_tokens", messages="max_tokens")


class _Renamed(TextEdit):
    def end(self) -> str:
        return "_v2"


_CHANGES: Mapping[AnswerFlaw, Callable[[SpoilAnswer], _Change]] = {
    "empty": lambda told: _Change({"text": lambda: Replaced("")}),
    "length": lambda told: _CuttingShort(told.characters),
    "language": lambda told: _Change({"text": lambda: Replaced(told.says or ANOTHER_LANGUAGE)}),
    "refusal": lambda told: _Refusing({"text": lambda: Replaced(told.says or REFUSAL)}),
    "off_schema": lambda told: _Change({"text": OffSchema}),
    "model": lambda told: _Change({}, partial(served_by, model=told.says or "another-model")),
    "fingerprint": lambda told: _Change({}, partial(printed_as, fingerprint=told.says or "fp_another")),
    "tool_names": lambda told: _Change({"name": _Renamed}),
    "tool_arguments": lambda told: _Change({"arguments": Quoted}),
    "tool_parallel": lambda told: _Change({}, call_twice),
    "usage": lambda told: _Change({}, partial(count_more, times=told.times)),
}


class _Spoiling(OfEvents):
    """Makes *change* to one answer, and has *remember* know its text as it was."""

    sees_through: ClassVar[bool] = True

    def __init__(self, change: _Change, remember: Callable[[str], None]) -> None:
        super().__init__()
        self._change, self._remember = change, remember
        self._body: bytearray | None = None
        self._open: dict[tuple[object, ...], tuple[TextEdit, ModelEvent, Slot]] = {}
        self._text = ""

    # A whole answer.

    def begin(self, form: Form) -> None:
        super().begin(form)
        self._body = bytearray() if form == "document" else None

    def read(self, piece: bytes, *, whole: bool) -> list[Deed]:
        if self._body is None:
            return super().read(piece, whole=whole)
        self._body += piece
        if whole:
            return [self._whole(self.release())]
        return [self.release()] if len(self._body) > _WHOLE_BYTES_MAX else []

    def release(self) -> bytes:
        body, self._body = self._body, None
        return super().release() if body is None else bytes(body)

    def _whole(self, body: bytes) -> bytes:
        try:
            document = msgspec.json.decode(body.removeprefix(BYTE_ORDER_MARK))
        except UNREADABLE:
            return body
        if not isinstance(document, dict) or not self._changed(document, None):
            return body
        self.touched = True
        return msgspec.json.encode(document)

    # A stream.

    def event(self, event: ModelEvent) -> list[Deed]:
        document = event.document
        if not event.api or not isinstance(document, dict):
            return [*self._tails(), event.raw] if event.end else [event.raw]
        tails = self._tails() if _closes(event) else []
        if not self._changed(document, event):
            return [*tails, event.raw]
        self.touched = True
        # A part of which nothing is left is told as well, empty: the stream is as lively as it was, and no client takes it for stalled.
        name = str(document.get("type", "")).encode() if event.name else b""
        return [*tails, written(name, msgspec.json.encode(document))]

    def last(self) -> list[Deed]:
        tails = self._tails()
        if self._text:
            self._remember(self._text)
        return tails

    def _tails(self) -> list[Deed]:
        """What edits still have to say, each as a part of its own, where the parts are over."""
        tails: list[Deed] = []
        for edit, event, slot in self._open.values():
            if said := edit.end():
                tails.append(event.saying(part(event.document, slot, said)))
        self._open.clear()
        return tails

    # Either.

    def _changed(self, document: Document, event: ModelEvent | None) -> bool:
        """Change *document*, which an *event* said unless it is a whole answer; whether there was something to change."""
        changed = False
        for slot in slots(document):
            said = slot.said
            if slot.role == "text" and (slot.partial or event is None):
                self._text = (self._text + said)[:_KEPT_CHARACTERS]
            if make := self._change.edits.get(slot.role):
                slot.holder[slot.key] = new = self._edited(slot, make, event)
                changed = changed or new != said
        if event is None and self._text:
            self._remember(self._text)
        return self._change.rest(document) or changed

    def _edited(self, slot: Slot, make: Callable[[], TextEdit], event: ModelEvent | None) -> str:
        said = slot.said
        if not isinstance(said, str):
            # Anthropic's arguments, which are no text where they are whole.
            return msgspec.json.encode(said).decode()
        if not slot.partial or event is None:
            edit = make()
            return edit.feed(said) + edit.end()
        edit = self._open[slot.channel][0] if slot.channel in self._open else make()
        new = edit.feed(said)
        if event.finish:
            self._open.pop(slot.channel, None)
            return new + edit.end()
        self._open[slot.channel] = (edit, event, slot)
        return new


def _closes(event: ModelEvent) -> bool:
    """Whether parts that came before *event* are over with it."""
    kind = str(event.document.get("type", ""))
    return event.end or (event.finish and not event.content) or kind.endswith(".done") or kind == "content_block_stop"
