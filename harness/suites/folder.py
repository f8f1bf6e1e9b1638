"""Where several runs lie that are judged together: a new folder, or the one in which the same was begun."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from harness.problems import UsageProblems
from harness.record import run_folder

GATE, COMPARISON, CAPACITY = "gate.json", "comparison.json", "capacity.json"
"""Files in which stands what several runs came to together."""


def holds_several(path: Path) -> bool:
    """Whether trials, a comparison, or a search for a capacity are stored in the folder at *path*."""
    return any((path / name).is_file() for name in (GATE, COMPARISON, CAPACITY))


def folder(below: Path, file: str, inputs: str, inputs_in: Callable[[Path], str], label: str, *, resume: bool) -> Path:
    """The newest folder *below* that has *file* and was begun with these *inputs*, where it is to be gone on with; else a new one.

    *inputs_in* tells those of a folder; one for which it raises UsageProblems is damaged: what is in it stays, and is not gone on with.
    *label* is what a new one is called by, beside when it began; it is for its owner alone, as a run's is.
    """
    for path in sorted(below.glob(f"*/{file}"), reverse=True) if resume else ():
        with suppress(UsageProblems):
            if inputs_in(path.parent) == inputs:
                return path.parent
    made = below / run_folder.new_id(label, datetime.now(UTC))
    made.parent.mkdir(parents=True, exist_ok=True)
    made.mkdir(mode=0o700)
    return made
