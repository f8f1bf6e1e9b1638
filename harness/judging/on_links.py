"""What passed on links by itself, whoever it was for: when it began, and whether it was answered as it was wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from harness.judging.joining import made_for_requests
from harness.planning.plan import Plan
from harness.record.rows import FAILED

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from harness.judging.evidence import Evidence
    from harness.judging.sample import Sample
    from harness.judging.scoring.distributions import Bools, Floats


def counted(evidence: Evidence) -> Bools:
    """Which attempts count: those that were made for requests; of traffic that nobody can join to any, all whose end is known."""
    if "joined" in evidence.plan.known:
        return made_for_requests(evidence.attempt_table, evidence.cut_s)
    return known(evidence)


def known(run: Evidence) -> Bools:
    """Of which attempts of *run* it is known what became of them; what the run's own end broke off is none."""
    end_s = run.column("attempts", "end_s")
    ended: Bools = (run.words("attempts", "outcome") != "unfinished") & ~(end_s >= run.cut_s)
    return ended


def answered(run: Evidence) -> Bools:
    """Which attempts of *run* got a whole answer, and one that tells of no error."""
    well: Bools = (run.words("attempts", "outcome") == "complete") & (run.column("attempts", "status") < FAILED)
    return well


def began(sample: Sample, table: Literal["attempts", "arrivals"]) -> Bools:
    """Which rows of that *table* began in the phases that were picked, as far as they were observed, on the link that was."""
    from harness.judging.scoring.spans import within

    during = within(sample.run.column(table, "start_s"), observed(sample))
    return during & (sample.run.words(table, "link") == sample.link) if sample.link else during


def observed(sample: Sample) -> list[tuple[float, float]]:
    """From when to when each phase that was picked was observed."""
    until_s = sample.run.observed_until_s
    return [
        (span.start_s, min(span.end_s, until_s)) for span in sample.spans if span.start_s < min(span.end_s, until_s)
    ]


def before_faults(run: Evidence) -> tuple[Floats, Bools]:
    """When each attempt of the baseline began of which it was known how it ended before anything was broken, and which were answered."""
    baseline = run.plan.phase("baseline")
    broken_s = run.broken_from_s
    start_s, end_s = (run.column("attempts", name) for name in ("start_s", "end_s"))
    mine = (baseline.start_s <= start_s) & (start_s < baseline.end_s) & (end_s < broken_s) & known(run)
    return start_s[mine], answered(run)[mine]


def quiet(run: Evidence, from_s: float, until_s: float) -> bool:
    """Whether nothing passed on any link in that time."""
    if run.traffic_table is not None:
        there = run.passed([*run.plan.target.links], from_s, until_s)
        return not any((there.numbers(name) > 0).any() for name in ("bytes_out", "bytes_in"))
    start_s = run.column("attempts", "start_s")
    return not ((from_s <= start_s) & (start_s < until_s)).any()


def hidden_on(plan: Plan, spans: Sequence[tuple[float, float]], links: Collection[str]) -> list[str]:
    """Ids of the faults under which nobody listens on one of *links*, as far as is known, so that who comes leaves no trace in *spans*."""
    return [
        d.id
        for d in plan.disturbances
        if d.fault.hides_attempts()
        and (not d.links or not set(d.links).isdisjoint(links))
        and any(d.start_s < end_s and start_s < d.end_s for start_s, end_s in spans)
    ]


def a_second(spans: Sequence[tuple[float, float]], at_s: Floats) -> Floats:
    """How often something came, *at_s*, in each of the pieces, of a second or about that, into which *spans* are cut."""
    import numpy as np

    counts = [np.empty(0)]
    for start_s, end_s in spans:
        edges = np.linspace(start_s, end_s, max(1, round(end_s - start_s)) + 1)
        # What comes as a stretch ends belongs to the next, which `histogram` has otherwise of the last piece.
        counts.append(np.histogram(at_s[at_s < end_s], edges)[0])
    return np.concatenate(counts)
