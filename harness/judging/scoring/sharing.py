"""What belongs to no single request, shared out among the requests of its time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BLOCK_S = 1.0  # what came within it belongs to the requests of its time alike


def shared_out(counts: npt.ArrayLike, at_s: npt.ArrayLike, due_s: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """For each request that was due at *due_s*, its part of the *counts* seen at *at_s*: those of one second share it evenly.

    What came in a second in which no request was due goes to the second before that had one, else to the first. Nothing is lost: the
    parts add up to the counts, where there is a request at all.
    """
    due = np.floor(np.asarray(due_s, dtype=np.float64) / BLOCK_S)
    if due.size == 0:
        return np.zeros(0)
    if (due[1:] >= due[:-1]).all():  # as requests are in a run
        begins = np.flatnonzero(np.append(True, due[1:] > due[:-1]))
        blocks, requests = due[begins], np.diff(np.append(begins, due.size))
        block_of = np.repeat(np.arange(blocks.size), requests)
    else:
        blocks, block_of, requests = np.unique(due, return_inverse=True, return_counts=True)
    seen = np.floor(np.asarray(at_s, dtype=np.float64) / BLOCK_S)
    places = np.clip(np.searchsorted(blocks, seen, side="right") - 1, 0, None)
    held = np.bincount(places, weights=np.asarray(counts, dtype=np.float64), minlength=blocks.size)
    return np.asarray((held / requests)[block_of], dtype=np.float64)
