"""Whether the load made every request that was planned, and each of them once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Audit:
    """The indices, in order, at which a load differs from its plan."""

    missing: tuple[int, ...] = ()
    """Planned, and not there."""
    doubled: tuple[int, ...] = ()
    """Planned, and there more than once."""
    unplanned: tuple[int, ...] = ()
    """There, and not planned; each as often as it is there."""


def audit(indices: Iterable[int], planned: int) -> Audit:
    """What the *indices* of all requests, in any order, say about a load of *planned* requests, which are 0 to planned - 1."""
    seen = Counter(indices)
    return Audit(
        missing=tuple(index for index in range(planned) if index not in seen),
        doubled=tuple(index for index in range(planned) if seen[index] > 1),
        unplanned=tuple(sorted(index for index in seen.elements() if not 0 <= index < planned)),
    )
