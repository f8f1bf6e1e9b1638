"""Failover that is late or never comes: users wait at a provider that is lost while another one answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.by_time import due
from harness.judging.diagnoses.base import ENOUGH, Cause, of_next_run, predicted
from harness.judging.diagnoses.refusals_meant import meant
from harness.judging.diagnoses.tries import Tries, phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.scoring.shares import wilson
from harness.judging.serving import providers
from harness.planning.windows import Window

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.record.columns import Words

SHARE, WELL, NEVER = 0.2, 0.9, 0.9
LEAST = 20
NOTICED = 0.03
"""So many of a phase's requests may be lost at its edges all the same."""


class FailoverLate(Cause):
    """Requests that are first tried at a provider that a fault lies on go bad, while another provider of the same API answers well.

    Shown where those that went bad are a fifth of all that were first tried there while the fault lasted, from 10 on, and of 20 attempts
    or more at the other one nine in ten went well meanwhile. *Never*: nine in ten of the bad ones were not tried elsewhere. *Late*: they
    were, but hardly before their answer was due (`good.within`), in the middle. What is refused because it may be (`refusals_meant`)
    does not count.
    """

    id: ClassVar[str] = "failover_late"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        if not found.row.size:
            return None
        good, first = run.column("requests", "good").astype(bool), _first_at(found)
        for window, broken, whole in lost_and_whole(found):
            there = due(run).places(window.start_s, window.end_s)
            there = there[(first[there] == broken) & ~meant(run)[there]]
            rows = there[~good[there]]
            if rows.size < ENOUGH or rows.size < SHARE * there.size:
                continue
            moved_s = _moved_after_s(found, broken)[rows]
            never = np.isnan(moved_s)
            late_s = float(np.median(moved_s[~never])) if (~never).any() else np.nan
            if never.mean() < NEVER and not late_s > run.plan.scenario.good.within / 2:
                continue
            how = "never comes" if never.mean() >= NEVER else "comes late"
            moved = "" if np.isnan(late_s) else f"; the others only after {late_s:.1f} s, in the middle"
            return self.document(
                run,
                f"Failover {how}: {broken} is lost while {whole} answers",
                [
                    f"{rows.size} of {there.size} requests that were first tried on {broken} while it was broken went bad",
                    f"{int(never.sum())} of them were never tried on {whole}, which answered well meanwhile{moved}",
                ],
                rows,
                int(found.made_for(rows).sum()),
                f"Turn to {whole} after the first try on {broken} that fails or is late (LiteLLM: fallbacks and num_retries; Envoy: "
                "priority and num_retries), as long as it has room for both.",
                [
                    predicted(
                        run,
                        GoodRatio(),
                        phase,
                        served_by(found, phase, broken, whole),
                        f"the second try goes to {whole}",
                    )
                    for phase in phases_of(run, rows, window)
                ],
            )
        return None


def _first_at(found: Tries) -> Words:
    """Of each request the link on which it was tried first; empty where nobody knows."""
    import numpy as np

    from harness.record.columns import Words

    def made() -> Words:
        link, row, start_s = found.words("link"), found.row, found.column("start_s")
        new = np.ones(row.size, np.bool_)
        new[1:] = row[1:] != row[:-1]
        earliest_s = np.minimum.reduceat(start_s, np.flatnonzero(new)) if row.size else start_s
        # Of several that began at once the first, which comes last here.
        at = np.flatnonzero(start_s == earliest_s[np.cumsum(new) - 1])[::-1]
        first = np.full(len(found.run.request_table), len(link.vocabulary), np.int32)
        first[row[at]] = link.codes[at]
        return Words.numbered(first, [*link.vocabulary, ""])

    links: Words = found.run.once("links tried first", made)
    return links


def lost_and_whole(found: Tries) -> Iterator[tuple[Window, str, str]]:
    """Each window with a provider that lies under a fault in it, and one of the same API that does not and answers well."""
    run = found.run
    for window in run.windows():
        hit = {link for d in run.faults_of(window) for link in d.links}
        for broken in providers(run.plan):
            for whole in providers(run.plan):
                alike = run.plan.target.links[broken].api == run.plan.target.links[whole].api
                if broken in hit and whole not in hit and alike and _answers(found, whole, window):
                    yield window, broken, whole
                    break


def _answers(found: Tries, link: str, window: Window) -> bool:
    here = found.between(window.start_s, window.end_s, link)
    return here.size >= LEAST and float(found.good[here].mean()) >= WELL


def _moved_after_s(found: Tries, broken: str) -> npt.NDArray[np.float64]:
    """Of each request how long after it was due it was first tried on another link; NaN where it was not."""
    import numpy as np

    def made() -> npt.NDArray[np.float64]:
        moved_s = np.full(found.run.column("requests", "index").size, np.inf)
        away = found.words("link") != broken
        np.minimum.at(moved_s, found.row[away], (found.column("start_s") - found.of_request("due_s"))[away])
        moved_s[np.isinf(moved_s)] = np.nan
        return moved_s

    after_s: npt.NDArray[np.float64] = found.run.lately("moved away", broken, made)
    return after_s


def served_by(found: Tries, phase: str, broken: str, whole: str) -> Interval:
    """The share of good answers, had those that were first tried on *broken* been answered as on *whole* after one failed try."""
    import numpy as np

    run = found.run
    mine = run.words("requests", "phase") == phase
    first, good = _first_at(found), run.column("requests", "good").astype(bool)
    theirs = mine & (first == whole)
    lost = ~found.good & (found.words("link") == broken) & (found.words_of_request("phase") == phase)
    lasted_s = (found.column("end_s") - found.column("start_s"))[lost]
    waits_s = float(np.nanmedian(lasted_s)) if lasted_s.size else 0.0
    took_ms = run.column("requests", "latency_ms")[theirs]
    moved, untried = mine & ~theirs & (first != ""), mine & (first == "")
    n = int(mine.sum())
    well = int((theirs & good).sum()) / max(1, int(theirs.sum()))
    in_time = float((took_ms + 1000 * waits_s <= 1000 * run.plan.scenario.good.within).mean()) if theirs.any() else 0.0
    # Whoever came to no provider at all fails for another reason, and goes on to.
    good_ones = well * int(theirs.sum()) + min(well, in_time) * int(moved.sum()) + int((untried & good).sum())
    value = good_ones / n
    around = of_next_run(wilson(round(value * n), n))
    return Interval(value, around.low - NOTICED, around.high, n)
