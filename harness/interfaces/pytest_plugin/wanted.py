"""One run that a test asks for, with the defaults of its project filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wanted:
    """One run that a test asks for; of what is left out, `harness.run` knows what is usual."""

    scenario: Path
    target: Path | None
    overrides: Mapping[str, object] | Sequence[str]
    expect: str | Sequence[str]
    seed: int | None
    with_faults: bool
    allowed_hosts: str | Sequence[str]
    trials: int | None
    out: Path
