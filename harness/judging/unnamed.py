"""Answers that name no snapshot though those of the baseline did: how old they are nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.judging.sample import Sample
from harness.reading.expectation import Verdict

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools

UNNAMED_MOST = 0.01
"""Share of answers that may name no snapshot, beyond that of the baseline, before a limit from above on their age is held by none."""


def unnamed(sample: Sample) -> str:
    """That more of the answers of *sample* name no snapshot than in the baseline; empty where they do not."""
    none, before = _nameless(sample), _nameless(sample.baseline)
    if not none.size or not before.size or none.mean() - before.mean() <= UNNAMED_MOST:
        return ""
    return f"{int(none.sum())} of {none.size} answers did not name their snapshot, and {int(before.sum())} of {before.size} in the baseline"


def best_of_named(sample: Sample) -> Verdict:
    """What some answers stand on says nothing of those of which nobody knows it."""
    return "inconclusive" if unnamed(sample) else "pass"


def _nameless(sample: Sample) -> Bools:
    """Of each complete answer of *sample* whether it names none."""
    import numpy as np

    complete = sample.words("outcome") == "complete"
    nameless: Bools = np.isnan(sample.column("snapshot_version")[complete])
    return nameless
