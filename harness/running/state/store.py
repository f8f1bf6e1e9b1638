"""Where state is kept, as a protocol: small documents by name, each written or removed only while it is what one has read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.problems import UnansweredError


@dataclass(frozen=True, slots=True)
class Stored:
    """A document's *text*, and the *tag* that changes whenever somebody writes it."""

    text: str
    tag: str


class StateError(UnansweredError):
    """The state cannot be read or written; the message says where, and why."""


class UnreadableError(StateError):
    """A document is there, and nobody here can read it."""


class Store(Protocol):
    """Documents by names such as ``freeze.json`` and ``my-service/lease.json``. Every verb raises StateError."""

    @property
    def where(self) -> str:
        """Its path or URL."""

    def read(self, name: str) -> Stored | None:
        """The document, or None where there is none. Raises UnreadableError where something else stands there."""

    def write(self, name: str, text: str, replacing: Stored | None) -> bool:
        """Whether it was written: only where it is *replacing* still, or where there is none still."""

    def remove(self, name: str, replacing: Stored) -> bool:
        """Whether it was removed: only where it is *replacing* still."""

    def targets(self) -> list[str]:
        """The targets of which there is anything."""
