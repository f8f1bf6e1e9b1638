"""Values of a run that quote others, as they may be stored: with no secret in what was quoted."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from harness.record.masking import Mask

Quoting = TypeVar("Quoting", bound=msgspec.Struct)


def masked(value: Quoting, mask: Mask) -> Quoting:
    """*value* with what *mask* hides in the fields that its QUOTED names; the rest, such as names and outcomes, is the harness's own."""
    if not mask:
        return value
    said = {name: getattr(value, name) for name in getattr(value, "QUOTED", ())}
    hidden = {name: told for name, text in said.items() if (told := mask.text(text)) is not text}
    return msgspec.structs.replace(value, **hidden) if hidden else value
