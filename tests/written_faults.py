"""Faults as scenarios write them, made into what a plan is made of."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter

from harness.faults import AnyFault


def written_fault(document: dict[str, Any]) -> Any:
    """The fault that *document* describes; raises ValidationError where it describes none."""
    return _adapter().validate_python(document)


@cache
def _adapter() -> TypeAdapter[Any]:
    """Made once: that takes a hundred times as long as to read a fault with it."""
    return TypeAdapter(AnyFault)
