"""A pool that one slow link exhausts: requests that need another link wait for a place before they are tried at all."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from harness.judging.diagnoses.base import Cause, predicted, were_good
from harness.judging.diagnoses.tries import Tries, phases_of, tries
from harness.judging.evidence import Evidence
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.result import Diagnosis
from harness.judging.sample import before_faults

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.scoring.distributions import Bools

ENOUGH, SHARE = 20, 0.2
LEAST_S, TIMES = 0.5, 10.0
FULL, ALWAYS = 0.9, 0.8


class PoolExhausted(Cause):
    """While one provider is slow or silent, requests for another one, which is whole, begin their first try late.

    Shown where 20 requests or more, a fifth of those that were first tried on a link under no fault, began that try 0.5 s and ten times as
    late after they were sent as 19 of 20 do in the baseline, and where at four in five of those moments their entry had nine in ten as many
    attempts open as it ever had, half of them on links under a fault: a full pool, and no slow machine.
    """

    id: ClassVar[str] = "pool_exhausted"

    def find(self, run: Evidence) -> Diagnosis | None:
        import numpy as np

        found = tries(run)
        if not found.row.size:
            return None
        at, waited_s = _first_tries(found)
        link, row = found.words("link")[at], found.row[at]
        before = before_faults(run)[row]
        sent_s = found.of_request("sent_s")[at]
        order = np.argsort(sent_s, kind="stable")
        in_order_s = sent_s[order]

        @cache
        def usual_most_s(hit: frozenset[str]) -> float | None:
            usual_s = waited_s[before & ~link.isin(hit)]
            return float(np.quantile(usual_s, 0.95)) if usual_s.size else None

        for window in run.windows():
            hit = [one for d in run.faults_of(window) for one in d.links]
            most_s = usual_most_s(frozenset(hit))
            here = np.sort(order[slice(*in_order_s.searchsorted((window.start_s, window.end_s)).tolist())])
            here = here[~link[here].isin(hit)]
            if most_s is None or not here.size:
                continue
            late = here[waited_s[here] >= max(LEAST_S, TIMES * most_s)]
            if late.size < ENOUGH or late.size < SHARE * here.size:
                continue
            most, full = _open_at(found, hit, row[late], (sent_s + waited_s / 2)[late])
            if full < ALWAYS:
                continue
            rows, whole = row[late], ", ".join(link[late].unique())
            slow = ", ".join(sorted({*hit} & {*found.words("link").unique()}))
            return self.document(
                run,
                f"One slow link exhausts a pool: requests for {whole} wait while {slow} is slow",
                [
                    f"{rows.size} of {here.size} requests for {whole} began their first try {np.median(waited_s[late]):.1f} s late, "
                    f"in the middle ({1000 * most_s:.0f} ms at most of 19 in 20 before)",
                    f"meanwhile an entry had as many attempts open as it ever had ({most} at most), half of them or more on {slow}",
                ],
                rows,
                late.size,
                "Give each link a pool of its own, and a bound on how long a request may wait for a place in it (httpx: limits and "
                "timeout.pool of a client of its own; Envoy: circuit_breakers of each cluster).",
                [
                    predicted(run, GoodRatio(), phase, were_good(run, phase, rows), "a pool for each link")
                    for phase in phases_of(run, rows, window)
                ],
            )
        return None


def _first_tries(found: Tries) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Of each request that was tried its first attempt, and how long after it was sent that began."""
    import numpy as np

    from harness.record.columns import ordered

    order = ordered(found.row, found.column("start_s"))
    at = order[np.r_[True, np.diff(found.row[order]) != 0]]
    return at, (found.column("start_s") - found.of_request("sent_s"))[at]


def _open_at(
    found: Tries, hit: list[str], rows: npt.NDArray[np.intp], at_s: npt.NDArray[np.float64]
) -> tuple[int, float]:
    """The most attempts that any one entry had open, and at which share of these moments an entry was that full, half of it on *hit*."""
    import numpy as np

    entry, slow = found.words_of_request("entry"), found.words("link").isin(hit)
    most, full = 0, 0
    asked = found.run.words("requests", "entry")[rows]
    for name in asked.unique():
        moments = at_s[asked == name]
        peak = int(_open(found, entry == name, np.sort(found.column("start_s")[entry == name])).max(initial=0))
        now, on_slow = (_open(found, which, moments) for which in (entry == name, (entry == name) & slow))
        most = max(most, peak)
        full += int(((now >= max(2, FULL * peak)) & (on_slow >= now / 2)).sum())
    return most, full / max(1, rows.size)


def _open(found: Tries, which: Bools, at_s: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """How many of these attempts were open at each of these moments."""
    import numpy as np

    began_s = np.sort(found.column("start_s")[which])
    ended_s = np.sort(np.nan_to_num(found.column("end_s")[which], nan=np.inf))
    opened: npt.NDArray[np.intp] = began_s.searchsorted(at_s, "right") - ended_s.searchsorted(at_s, "right")
    return opened
