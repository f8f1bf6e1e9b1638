"""What rules that act on a stream of events have in common: the stream is read event by event, wherever its pieces end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import ClassVar

from harness.http1.headers import Headers, value
from harness.http1.headers import joined as joined_values
from harness.protocols.amazon_frames import Frames
from harness.protocols.answer_form import Beginning, Form
from harness.protocols.event_stream import Block, Blocks
from harness.protocols.model_stream import ModelEvent, read_event
from harness.running.wire.edge.rules.base import Deed, Following

_EVENT_BYTES_MAX = 1 << 20
"""A stream with a longer event passes as it is from there on: to parse that would hold up all else."""


_CUT: Mapping[Form, Callable[[], Blocks | Frames]] = {"events": Blocks, "frames": Frames}


class OfEvents(Following):
    """Goes along with a stream event by event. What is no stream, no success, or compressed all the same, passes as it is."""

    plain: ClassVar[bool] = True
    reads_only: ClassVar[bool] = False
    """Whether it leaves the documents of events as they are, so that all who do can be told of one reading of each."""

    def __init__(self) -> None:
        self._beginning: Beginning | None = None
        """Until it is known of what form the answer is."""
        self._blocks: Blocks | Frames | None = None
        self.content = 0
        """How many events with content there were, the one that is told of at the moment included."""

    def head(self, status: int, headers: Headers) -> Headers:
        coding = joined_values(headers, b"content-encoding").lower()
        if 200 <= status < 300 and coding in (b"", b"identity"):
            self._beginning = Beginning(value(headers, b"content-type").decode("latin-1"))
            self.reframes = True
        return headers

    def piece(self, piece: bytes, *, whole: bool) -> list[Deed]:
        if self._beginning is not None:
            piece = self._beginning.finish() if whole else self._beginning.feed(piece)
            if self._beginning.form is None:
                return []
            self.begin(self._beginning.form)
            self._beginning = None
        return self.read(piece, whole=whole)

    def begin(self, form: Form) -> None:
        """The answer is of this *form*."""
        self._blocks = _CUT[form]() if form in _CUT else None

    def read(self, piece: bytes, *, whole: bool) -> list[Deed]:
        """As `piece`, now that it is known of what form the answer is; *whole* may come with the last of it."""
        if self._blocks is None:
            return super().piece(piece, whole=whole)
        deeds: list[Deed] = []
        for block in self._blocks.feed(piece):
            deeds += self._event(block)
        if whole:
            for block in self._blocks.finish():
                deeds += self._event(block)
            deeds += self.last()
        elif self._blocks.lost or self._blocks.pending_bytes > _EVENT_BYTES_MAX:
            deeds.append(self.release())
            self._blocks = None
        return joined(deeds)

    def release(self) -> bytes:
        begun = b"" if self._beginning is None else self._beginning.rest()
        return begun + (b"" if self._blocks is None else self._blocks.rest())

    def event(self, event: ModelEvent) -> list[Deed]:
        """What becomes of the next *event*."""
        raise NotImplementedError

    def last(self) -> list[Deed]:
        """What comes after the last event."""
        return []

    def _event(self, block: Block) -> list[Deed]:
        event = _read_once(block) if self.reads_only else read_event(block)
        self.content += event.content
        return self.event(event)


@lru_cache(maxsize=16)
def _read_once(block: Block) -> ModelEvent:
    """What *block* is; several rules on a link are shown the same one, each as soon as the one before has passed it on."""
    return read_event(block)


def joined(deeds: list[Deed]) -> list[Deed]:
    """*deeds* with bytes that follow upon bytes as one."""
    made: list[Deed] = []
    for deed in deeds:
        if isinstance(deed, bytes) and made and isinstance(last := made[-1], bytes):
            made[-1] = last + deed
        elif deed != b"":
            made.append(deed)
    return made


class AtContent(OfEvents):
    """Acts once, at the place behind the *after*-th event with content; 0: before the first."""

    reads_only: ClassVar[bool] = True

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def event(self, event: ModelEvent) -> list[Deed]:
        if self.touched or not event.content or self.content != max(self._after, 1):
            return [event.raw]
        self.touched = True
        return [event.raw, *self.then(event)] if self._after else [*self.then(event), event.raw]

    def then(self, event: ModelEvent) -> list[Deed]:
        """What comes at that place; *event* is the one beside it, in the words of its stream."""
        raise NotImplementedError
