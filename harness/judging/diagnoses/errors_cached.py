"""Errors that are cached: what failed while something was broken goes on failing when nothing is, without a try."""

from __future__ import annotations

from typing import ClassVar

from harness.judging.diagnoses.base import ENOUGH, Cause, predicted, were_good
from harness.judging.diagnoses.tries import phases_of
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults

LEAST, WELL, SELDOM = 20, 0.9, 0.01


class ErrorsCached(Cause):
    """After the last fault a question goes bad again and again without any attempt, since it went bad while the fault lasted.

    Shown from 10 such requests on, due later than `good.within` after the last fault had ended, where of 20 requests or more to the same
    entries in the same time that did make an attempt nine in ten were good: a breaker would turn those away, too. In the baseline hardly
    any request (1 %) went bad without an attempt.
    """

    id: ClassVar[str] = "errors_cached"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        windows = run.windows()
        if not windows or run.plan.hiding:
            return None
        due_s, question = run.column("requests", "due_s"), run.words("requests", "question")
        good, made = run.column("requests", "good").astype(bool), run.column("requests", "attempts")
        before = before_faults(run)
        until_s = run.column("requests", "end_s")
        # Whoever was under way when one began may have gone bad of it, too: the first that had not ended when it was due says it all.
        starts_s, ends_s = (np.array([getattr(window, name) for window in windows]) for name in ("start_s", "end_s"))
        during = ~(until_s < np.append(starts_s, np.nan)[ends_s.searchsorted(due_s, "right")])
        during &= due_s < ends_s[-1]
        after = due_s >= windows[-1].end_s + run.plan.scenario.good.within
        untried = ~good & (made == 0)
        kept = untried & question.isin(question[during & ~good].unique())
        rows = np.flatnonzero(after & kept)
        if rows.size < ENOUGH or not before.any() or untried[before].mean() > SELDOM:
            return None
        beside = after & (made > 0) & (due_s >= due_s[rows].min()) & (due_s <= due_s[rows].max())
        entry = run.words("requests", "entry")
        beside &= entry.isin(entry[rows].unique())
        if beside.sum() < LEAST or good[beside].mean() < WELL:
            return None
        asked = question[rows].unique()
        return self.document(
            run,
            "Errors are cached",
            [
                f"{rows.size} requests with {len(asked)} questions went bad after the last fault with no attempt made for them; each of "
                "the questions had gone bad while a fault lasted",
                f"of {int(beside.sum())} others in the same time that made an attempt {good[beside].mean():.0%} were good",
            ],
            rows,
            0,
            "Keep nothing in a cache but whole, good answers; an error at most for a second (negative caching with a short time to live).",
            [
                predicted(
                    run,
                    GoodRatio(),
                    phase,
                    were_good(run, phase, np.flatnonzero(kept & ~during)),
                    "no error in the cache",
                )
                for phase in phases_of(run, rows)
            ],
        )
