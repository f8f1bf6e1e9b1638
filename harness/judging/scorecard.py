"""What a grid of runs came to, situations by systems, in the stable form ``harness.scorecard/1`` that machines read.

Each cell tells of the requests that lived wholly inside the window of a fault: how often they were tried where something was broken and
elsewhere, how long their users waited for whatever they got, and how many got a good answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from harness.interval import UNMEASURED, Interval
from harness.judging.evidence import Evidence
from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.metrics.attempts import each_of
from harness.judging.metrics.base import measured
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.metrics.stream_integrity import StreamIntegrity
from harness.judging.result import EXIT_STATUS, PRECEDENCE, Measured, Outcome, Result
from harness.judging.sample import Sample, pick
from harness.judging.whereabouts import came_to, most_first
from harness.planning.plan import Plan
from harness.protocols.nonce import PRESSES_MAX
from harness.reading.expectation import Selection

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools, Floats


class Named(DocumentPart):
    """A situation or a system: what it is called, and the line that its file says about it."""

    name: str
    about: str = ""


class Cell(DocumentPart):
    """One run: a system in a situation. Numbers are of the *exposed*: requests that lived wholly inside the window of a fault."""

    situation: str
    system: str
    verdict: Outcome
    reason: str = Field(description="the verdict's reason in one sentence")
    run_id: str
    folder: str = Field(description="of the run, relative to the scorecard; its report is report.html there")
    started_at: str
    seed: int
    exposed: int = Field(
        description="requests that lived wholly inside the window of a fault; all that count, where nothing was broken"
    )
    broken: list[str] = Field(description="HTTP links that a fault was aimed at; all of them, where nothing was broken")
    others: list[str] = Field(description="HTTP links of the same kinds that no fault was aimed at")
    attempts: str = Field(description="the two below in short, such as 3p/1f; empty where they were not measured")
    at_broken: Measured = Field(description="attempts on the broken links for each exposed request")
    at_others: Measured = Field(description="attempts on the others for each exposed request")
    wait_s: Measured = Field(
        description="median of the seconds from when a request was due to its end, however it ended"
    )
    gap_s: Measured = Field(
        description="median of the seconds from the start of a request's first attempt to the start of its second"
    )
    good: Measured = Field(description="share of exposed requests that got a good answer")
    stumps: Measured = Field(
        default=Measured(value=None, low=None, high=None, censored=False, n=0),
        description="share of streamed answers that had only the beginning and ended as a whole one does; null where none streamed",
    )
    otherwise: dict[str, int] = Field(description="what the exposed requests came to that were not good")


class Scorecard(JsonDocument):
    """What a grid came to: a cell for every run that there is, in the order in which they were asked for."""

    schema_: Literal["harness.scorecard/1"] = Field(default="harness.scorecard/1", alias="schema")
    situations: list[Named]
    systems: list[Named]
    cells: list[Cell]
    missing: int = Field(description="cells that have no run yet")
    exit_status: int = Field(
        description="that of the worst cell, where the first of these is the worst: interrupted (also where cells are missing), crashed, "
        "aborted, invalid, fail, inconclusive, pass"
    )
    replay: str = Field(description="the command that goes on with the grid where runs are missing")
    versions: dict[str, str]


def scorecard(
    plans: Iterable[Plan], cells: Sequence[Cell], *, replay: str, versions: dict[str, str], missing: int
) -> Scorecard:
    """The *cells* of a grid of *plans*, each of a scenario on a target."""
    situations: dict[str, str] = {}
    systems: dict[str, str] = {}
    for plan in plans:
        situations.setdefault(plan.scenario.name, plan.scenario.about)
        systems.setdefault(plan.target.name, plan.target.about)
    return Scorecard(
        situations=[Named(name=name, about=about) for name, about in situations.items()],
        systems=[Named(name=name, about=about) for name, about in systems.items()],
        cells=list(cells),
        missing=missing,
        exit_status=EXIT_STATUS["interrupted" if missing else worst(cell.verdict for cell in cells)],
        replay=replay,
        versions=versions,
    )


def worst(verdicts: Iterable[Outcome]) -> Outcome:
    """The one of *verdicts* that comes first in `PRECEDENCE`; raises ValueError where there is none."""
    return min(verdicts, key=PRECEDENCE.index)


def cell(result: Result, evidence: Evidence, folder: str) -> Cell:
    """What one run came to, told of those that its faults reached; *folder* is where its files are."""
    sample = pick(evidence, Selection(among="exposed") if evidence.plan.disturbances else Selection())
    broken, others = _links(evidence.plan)
    at_broken, at_others = (_attempts(sample, links) for links in (broken, others))
    return Cell(
        situation=result.scenario.name,
        system=result.target.name,
        verdict=result.verdict,
        reason=result.reason,
        run_id=result.run_id,
        folder=folder,
        started_at=result.started_at,
        seed=result.seed,
        exposed=int(sample.picked.sum()),
        broken=broken,
        others=others,
        attempts=in_short(at_broken, at_others),
        at_broken=measured(at_broken),
        at_others=measured(at_others),
        wait_s=measured(_wait_s(sample)),
        gap_s=measured(_gap_s(sample)),
        good=measured(_good(sample)),
        stumps=measured(_stumps(sample)),
        otherwise=_otherwise(sample),
    )


def in_short(at_broken: Interval, at_others: Interval) -> str:
    """``3p/1f``: attempts at what was broken (the primary) and elsewhere (its fallbacks), to a tenth where requests differ."""
    if at_broken.value is None or at_others.value is None:
        return ""
    return f"{_tenth(at_broken.value)}p/{_tenth(at_others.value)}f"


def _tenth(attempts: float) -> str:
    """Whole only where it is: 2.98 attempts are not what each request made."""
    text = f"{attempts:.1f}" if float(f"{attempts:.1f}") != round(attempts) else f"{attempts:.2f}"
    return f"{attempts:.0f}" if float(attempts).is_integer() else text


def _links(plan: Plan) -> tuple[list[str], list[str]]:
    """The HTTP links that a fault is aimed at, and those of the same kinds that none is."""
    http = {name: link for name, link in plan.target.links.items() if link.carries == "http"}
    aimed = {name for disturbance in plan.disturbances for name in disturbance.broken if name in http} or set(http)
    kinds = {http[name].kind for name in aimed}
    return [name for name in http if name in aimed], [
        name for name, link in http.items() if name not in aimed and link.kind in kinds
    ]


def _attempts(sample: Sample, links: Sequence[str]) -> Interval:
    """Attempts on *links* for each picked request; none, and nothing to doubt, where there are no such links."""
    import numpy as np

    n = int(sample.picked.sum())
    if not links:
        return Interval(0.0, 0.0, 0.0, n) if n else UNMEASURED
    which: Bools = sample.run.words("attempts", "link").isin(list(links))
    every: Bools = np.ones(n, np.bool_)
    return each_of(sample, sample.tries_of(f"on {' '.join(links)}", which), every)


def _wait_s(sample: Sample) -> Interval:
    """The median wait, for an answer or for an error; what the end of the run cut off lasted longer than was seen."""
    import numpy as np

    from harness.judging.scoring.quantiles import clumped_quantile

    due_s, end_s = sample.column("due_s"), sample.column("end_s")
    known = ~np.isnan(end_s)
    ended: Bools = sample.words("outcome")[known] != "unfinished"
    return clumped_quantile(due_s[known], end_s[known] - due_s[known], 0.5, answered=ended)


def _gap_s(sample: Sample) -> Interval:
    """The median time between the starts of the first two attempts of a request, of one press of it, over those that made two."""
    import numpy as np

    from harness.judging.scoring.quantiles import clumped_quantile

    # What a client asks anew, the service has not tried before.
    joined, column = sample.joined_mask, sample.run.column
    of = column("attempts", "request")[joined].astype(np.int64) * PRESSES_MAX + column("attempts", "press")[joined]
    start_s = column("attempts", "start_s")[joined]
    order = np.lexsort((start_s, of))
    of, start_s = of[order], start_s[order]
    _, first, count = np.unique(of, return_index=True, return_counts=True)
    twice = first[count > 1]
    due_s: Floats = start_s[twice]
    return clumped_quantile(due_s, start_s[twice + 1] - due_s, 0.5) if twice.size else UNMEASURED


def _good(sample: Sample) -> Interval:
    return GoodRatio().measure(sample) if sample.picked.any() else UNMEASURED


def _stumps(sample: Sample) -> Interval:
    return StreamIntegrity().measure(sample, "truncated_as_success") if sample.picked.any() else UNMEASURED


def _otherwise(sample: Sample) -> dict[str, int]:
    bad: Any = sample.picked & ~sample.run.column("requests", "good").astype(bool)
    return most_first(came_to(sample.run, bad).counts())
