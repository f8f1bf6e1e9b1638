"""Values of a run that quote others, as they may be stored: with no secret in what was quoted."""

from __future__ import annotations

from operator import is_
from typing import Any, TypeVar

import msgspec

from harness.record.masking import Mask

Quoting = TypeVar("Quoting", bound=msgspec.Struct)


def masked(value: Quoting, mask: Mask) -> Quoting:
    """*value* with what *mask* hides in the fields that its QUOTED names; the rest, such as names and outcomes, is the harness's own."""
    if not mask:
        return value
    said = {name: getattr(value, name) for name in getattr(value, "QUOTED", ())}
    hidden = {name: told for name, content in said.items() if (told := _masked(content, mask)) is not content}
    return msgspec.structs.replace(value, **hidden) if hidden else value


def _masked(content: Any, mask: Mask) -> Any:
    """A text, or a value or several that quote others themselves; the same object where there is nothing to hide."""
    if isinstance(content, str):
        return mask.text(content)
    if isinstance(content, list):
        told = [_masked(one, mask) for one in content]
        return content if all(map(is_, told, content)) else told
    return masked(content, mask)
