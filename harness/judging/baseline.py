"""The run that another is held against, as it is kept with that other: where it was, and what it came to."""

from __future__ import annotations

from harness.judging.json_document import DocumentPart
from harness.judging.result import Result


class Baseline(DocumentPart):
    """*path* is where the run's folder was when the two were compared."""

    path: str
    result: Result
