"""Of what form an answer is, as its clients take it: by what its type says, and else by how it begins."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from harness.protocols.amazon_frames import CONTENT_TYPE
from harness.protocols.event_stream import are_events

Form = Literal["events", "frames", "lines", "document", ""]
"""Server-sent events, Amazon's frames, one JSON object a line, one JSON document; empty: none of these."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BLANK_BYTES_MAX = 1 << 12
_LINES = frozenset(
    {
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/jsonlines",
        "application/stream+json",
    }
)


@lru_cache(maxsize=64)
def named(content_type: str) -> Form:
    """The form that an answer of this *content_type* says it has."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        return "events"
    if kind == CONTENT_TYPE:
        return "frames"
    if kind in _LINES:
        return "lines"
    return "document" if kind in ("application/json", "text/json") or kind.endswith("+json") else ""


class Beginning:
    """Tells the *form* of an answer of this *content_type*; None as long as more has to come to tell.

    It is a stream of events whatever its type says, if it begins as one, and else what its type says. Where that is nothing that is known
    here, it is a document if it begins as one of JSON does.
    """

    def __init__(self, content_type: str) -> None:
        self._named = named(content_type)
        self._held = b""
        self.form: Form | None = self._named if self._named in ("events", "frames") else None

    def feed(self, text: bytes) -> bytes:
        """What there is to read by now, *text* being the next of it: nothing as long as more has to come to tell."""
        if self.form is not None:
            return text
        self._held += text
        events = are_events(self._held)
        if events is None or (not self._named and _is_blank(self._held)):
            return b""
        self.form = "events" if events else self._named or ("document" if _is_document(self._held) else "")
        return self.rest()

    def finish(self) -> bytes:
        """As `feed`, where there is no more: what has not begun as anything else is what its type says."""
        if self.form is None:
            self.form = self._named
        return self.rest()

    def rest(self) -> bytes:
        """What was held, which is let go of."""
        held, self._held = self._held, b""
        return held


def _is_blank(begun: bytes) -> bool:
    """Whether nothing has come yet that says what this is."""
    return len(begun) <= _BLANK_BYTES_MAX and not begun.removeprefix(BYTE_ORDER_MARK).strip()


def _is_document(begun: bytes) -> bool:
    """Whether what has *begun* so may be a JSON document of an API's."""
    return begun.removeprefix(BYTE_ORDER_MARK).lstrip().startswith((b"{", b"["))
