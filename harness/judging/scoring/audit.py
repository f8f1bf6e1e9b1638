"""Whether the load made every request that was planned, and each of them once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Audit:
    """The indices, in order, at which a load differs from its plan."""

    missing: tuple[int, ...] = ()
    """Planned, and not there."""
    doubled: tuple[int, ...] = ()
    """Planned, and there more than once."""
    unplanned: tuple[int, ...] = ()
    """There, and not planned; each as often as it is there."""


def audit(indices: Iterable[int] | npt.NDArray[np.int64], planned: int) -> Audit:
    """What the *indices* of all requests, in any order, say about a load of *planned* requests, which are 0 to planned - 1."""
    seen = indices if isinstance(indices, np.ndarray) else np.fromiter(indices, np.int64)
    there = (seen >= 0) & (seen < planned)
    times = np.bincount(seen[there], minlength=planned)
    return Audit(
        missing=tuple(np.flatnonzero(times == 0).tolist()),
        doubled=tuple(np.flatnonzero(times > 1).tolist()),
        unplanned=tuple(np.sort(seen[~there]).tolist()),
    )
