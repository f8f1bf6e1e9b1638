"""Refusals that are meant: what may be refused was, at once, and everybody else was served well meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.judging.evidence import Evidence

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools

REFUSALS = (429, 503, 529)
QUICK, WELL = 0.5, 0.9


def meant(run: Evidence) -> Bools:
    """Which requests were refused as they may be, so that nothing is behind that.

    They were asked of an entry whose target says that it is `sheddable`, were refused (`REFUSALS`) before half of `good.within` was over,
    and of the requests to all other entries that were due in the same phase nine in ten or more were good: they were served in its place.
    """
    found: Bools = run.once("refusals that are meant", lambda: _meant(run))
    return found


def _meant(run: Evidence) -> Bools:
    import numpy as np

    entry, phase = run.words("requests", "entry"), run.words("requests", "phase")
    may: Bools = np.zeros(len(run.request_table), np.bool_)
    for name, one in run.plan.target.entries_by_name.items():
        may |= (entry == name) if one.sheddable else False
    if not may.any():
        return may
    good, status = run.column("requests", "good").astype(bool), run.column("requests", "status")
    took_s = run.column("requests", "end_s") - run.column("requests", "due_s")
    refused: Bools = may & ~good & np.isin(status, REFUSALS) & (took_s <= QUICK * run.plan.scenario.good.within)
    for span in run.plan.phases:
        others = (phase == span.name) & ~may
        if not others.any() or good[others].mean() < WELL:
            refused &= ~(phase == span.name)
    return refused
