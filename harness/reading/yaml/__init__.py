"""Files that people write: read once, checked whole, every problem told at once with its line."""

from harness.reading.yaml.document import Document, Draft, DraftProblems, load, meant, read
from harness.reading.yaml.rules import all_sayable, sayable

__all__ = ["Document", "Draft", "DraftProblems", "all_sayable", "load", "meant", "read", "sayable"]
