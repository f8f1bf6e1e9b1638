"""How close a run came to the curve that its scenario names: both by second, in bins, at the edges of phases, and where they part most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from math import ceil, exp, isfinite, log
from typing import TYPE_CHECKING

from harness.planning.plan import Plan
from harness.reading.quantities import plain, share
from harness.reading.recorded_curves import quantiles

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import BinCounts, Fidelity, FidelityEdge
    from harness.judging.scoring.distributions import Bools
    from harness.judging.scoring.fidelity import Bins, Curve, Ints

    Floats = npt.NDArray[np.float64]

SAID_MOST = 3
"""So many stretches are told in which both part most."""
NOT_NAMED = "the scenario names no recorded curve, so there is nothing to come close to; write recorded: FILE, as harness import does"
_WORSE = 1.0
"""How much a rate or a latency that is e times another one counts, beside a share of failures that is 1 greater."""


def logged(plan: Plan) -> Curve:
    """The curve that *plan* is held against, by second from 0 to its end."""
    import numpy as np

    from harness.judging.scoring.fidelity import Curve

    assert plan.logged is not None
    length = ceil(plan.total_s)
    seconds = [one for one in plan.logged.seconds if one.second < length]
    columns = np.array(seconds, np.float64).reshape(-1, 6).T
    place = columns[0].astype(np.int64)
    found = np.zeros((6, length))
    found[2:4] = np.nan
    for number, values in enumerate(columns[1:]):
        found[number][place] = values
    found[5][place] = 1
    came, failed, p50_ms, p95_ms, per_s, known = found
    return Curve(came, failed, p50_ms, p95_ms, per_s, known > 0)


def run_curve(evidence: Evidence) -> Curve:
    """The same of the run: of its requests by when they were due, or of the attempts at its dependencies by when they began."""
    curve: Curve = evidence.once("curve of the run", lambda: _run_curve(evidence))
    return curve


def _run_curve(evidence: Evidence) -> Curve:
    import numpy as np

    from harness.judging.scoring.fidelity import Curve

    length = ceil(evidence.plan.total_s)
    at_s, failed, took_ms = _seen(evidence)
    second = np.floor(np.clip(at_s, 0, length - 1e-6)).astype(np.int64)
    came = np.bincount(second, minlength=length).astype(np.float64)
    lost = np.bincount(second[failed], minlength=length).astype(np.float64)
    told = ~failed & np.isfinite(took_ms) & (took_ms > 0)
    p50_ms, p95_ms = quantiles(second[told], took_ms[told], length)
    # Requests that were due at a cut were not all asked.
    known = np.arange(1, length + 1) <= min(evidence.observed_until_s + 1e-6, evidence.cut_s)
    if evidence.observed_until_s >= evidence.plan.total_s:
        known[:] = True
    return Curve(came, lost, p50_ms, p95_ms, came, known)


def _seen(evidence: Evidence) -> tuple[Floats, Bools, Floats]:
    """When each came, whether it failed, and how long it took in ms; what the end of the run cut off is not known."""
    if evidence.plan.logged is not None and evidence.plan.logged.of == "calls":
        outcome, status = evidence.words("attempts", "outcome"), evidence.column("attempts", "status")
        start_s, end_s = evidence.column("attempts", "start_s"), evidence.column("attempts", "end_s")
        known = (outcome != "unfinished") & (start_s >= 0) & (start_s < evidence.plan.total_s)
        failed = (outcome != "complete") | (status >= 400)
        return start_s[known], failed[known], 1000 * (end_s - start_s)[known]
    outcome = evidence.words("requests", "outcome")
    known = ~outcome.isin(("not_sent", "unfinished"))
    due_s, took_ms = evidence.column("requests", "due_s"), evidence.column("requests", "latency_ms")
    return due_s[known], (outcome != "complete")[known], took_ms[known]


def bins(evidence: Evidence) -> Bins:
    """The run and the curve that its scenario names, in bins; there has to be one."""
    from harness.judging.scoring.fidelity import held

    found: Bins = evidence.once("bins of both curves", lambda: held(logged(evidence.plan), run_curve(evidence)))
    return found


def fidelity(evidence: Evidence) -> Fidelity | None:
    """How close the run came to what was logged; None where its scenario names no curve."""
    import numpy as np

    from harness.judging.result import Fidelity

    plan = evidence.plan
    if plan.logged is None:
        return None
    every = bins(evidence)
    scored = every.middle_s >= plan.phases[0].end_s
    states, broken = every.whole[scored], while_broken(plan, every)[scored]
    run, log_side = every.run, every.logged
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.where(
            np.isfinite(run.log_ms + log_side.log_ms) & scored, np.minimum(run.answered, log_side.answered), 0
        )
        apart = float((both * np.nan_to_num(run.log_ms - log_side.log_ms)).sum() / both.sum()) if both.sum() else None
    expected, came = float(log_side.expected[scored].sum()), float(run.came[scored].sum())
    lost = float((log_side.expected * log_side.failed_ratio)[scored].sum())
    found = Fidelity(
        said="",
        of=plan.logged.of,
        bin_s=every.width_s,
        while_broken=_counts(states[broken]),
        while_well=_counts(states[~broken]),
        seconds=_seconds(evidence),
        rate_ratio=_rounded(came / expected) if expected else None,
        failed_logged=_rounded(lost / expected) if expected else None,
        failed_run=_rounded(float(run.failed[scored].sum()) / came) if came else None,
        latency_ratio=_rounded(exp(apart)) if apart is not None else None,
        edges=list(_edges(evidence)),
        apart_most=_apart_most(evidence, every),
    )
    return found.model_copy(update={"said": _said(found)})


def while_broken(plan: Plan, every: Bins) -> Bools:
    """In the middle of which bins something is to be broken."""
    import numpy as np

    within = [(every.middle_s >= one.start_s) & (every.middle_s < one.end_s) for one in plan.windows]
    broken: Bools = np.any(within, axis=0) if within else np.zeros(every.middle_s.size, bool)
    return broken


def _counts(states: Ints) -> BinCounts:
    from harness.judging.result import BinCounts
    from harness.judging.scoring.fidelity import AGREE, APART, OPEN

    agree, apart, open_ = (int((states == state).sum()) for state in (AGREE, APART, OPEN))
    return BinCounts(agree=agree, apart=apart, open=open_)


def _said(found: Fidelity) -> str:
    """How close it came, in a line."""
    broken, well = found.while_broken, found.while_well
    unknown = broken.open + well.open
    few = f"; of {unknown} {'other' if unknown == 1 else 'others'} too little is known" if unknown else ""
    if not broken.agree + broken.apart + well.agree + well.apart:
        return f"recorded curve: nothing can be said of how close the run came to it{few}"
    most = f"; furthest apart {found.apart_most[0]}" if found.apart_most else ""
    what = "attempts at dependencies" if found.of == "calls" else "requests"
    agree = f"{broken.agree} of {broken.agree + broken.apart} bins of {found.bin_s:g} s agree while something is broken"
    if not broken.agree + broken.apart:
        agree = "nothing is known of the time in which something is broken,"
    return f"recorded curve: {agree} and {well.agree} of {well.agree + well.apart} else, in rate, failures and latency of {what}{few}{most}"


def _rounded(value: float) -> float:
    return round(value, 4)


def _seconds(evidence: Evidence) -> dict[str, int]:
    """How many seconds that are scored were held against one another, were not in the curve, and were not run."""
    import numpy as np

    of_log, of_run = logged(evidence.plan).known, run_curve(evidence).known
    scored = np.arange(of_log.size) >= evidence.plan.phases[0].end_s
    counted = {"held": of_log & of_run, "not_recorded": ~of_log, "not_run": of_log & ~of_run}
    return {name: int((which & scored).sum()) for name, which in counted.items()}


def _edges(evidence: Evidence) -> Iterator[FidelityEdge]:
    """When each phase begins in either curve, by what its clients saw, or its calls came to."""
    import numpy as np

    from harness.judging.result import FidelityEdge
    from harness.judging.scoring.fidelity import BESIDE_S, edge_s

    of_log, of_run = logged(evidence.plan), run_curve(evidence)
    middles = np.arange(of_log.known.size) + 0.5
    for before, after in pairwise(phase for phase in evidence.plan.phases if phase.name != "warmup"):
        start_s, end_s = max(before.start_s, after.start_s - BESIDE_S), min(after.end_s, after.start_s + BESIDE_S)
        between = (middles > start_s) & (middles < end_s) & of_log.known & of_run.known
        then, now = edge_s(of_log, between), edge_s(of_run, between)
        shift = None if then is None or now is None else now - then
        yield FidelityEdge(phase=after.name, planned_s=after.start_s, logged_s=then, run_s=now, shift_s=shift)


def _apart_most(evidence: Evidence, every: Bins) -> list[str]:
    """The stretches in which both part most, those in which they do so most first: what either came to, and nothing of why."""
    from harness.judging.scoring.fidelity import APART

    phases = [_phase_at(evidence.plan, at_s) for at_s in every.middle_s.tolist()]
    told: list[tuple[float, str]] = []
    rows = [place for place, phase in enumerate(phases) if phase and every.whole[place] == APART]
    for phase, group in groupby(enumerate(rows), key=lambda pair: (phases[pair[1]], pair[1] - pair[0])):
        places = [place for _, place in group]
        told.append((_distance(every, places), f"in {phase[0]}, {_stretch(every, places)}"))
    told.sort(key=lambda pair: -pair[0])
    return [said for _, said in told[:SAID_MOST]]


def _phase_at(plan: Plan, at_s: float) -> str:
    """The phase at *at_s*; nothing while the warm-up lasts."""
    name = next((phase.name for phase in plan.phases if phase.start_s <= at_s < phase.end_s), "")
    return "" if name == "warmup" else name


def _distance(every: Bins, places: Sequence[int]) -> float:
    """How far both are apart in bins at these *places*, weighed by how many there are."""
    import numpy as np

    run, log_side = every.run, every.logged
    shares = np.abs(run.failed_ratio - log_side.failed_ratio)
    rates = np.abs(np.log((run.came + 0.5) / (log_side.expected + 0.5)))
    times = np.nan_to_num(np.abs(run.log_ms - log_side.log_ms))
    weighed = shares * (every.errors < 0) + _WORSE * (rates * (every.rate < 0) + times * (every.latency < 0))
    return float(weighed[list(places)].sum())


def _stretch(every: Bins, places: Sequence[int]) -> str:
    """What both came to in the bins at these *places*: all of it that is apart in any of them."""
    half = every.width_s / 2
    start_s, end_s = float(every.middle_s[places[0]]) - half, float(every.middle_s[places[-1]]) + half
    at, run, log_side = list(places), every.run, every.logged
    said = []
    if (every.errors[at] < 0).any():
        then = float(log_side.failed[at].sum() / max(1.0, log_side.came[at].sum()))
        said.append(
            f"recorded {share(then)} failed, this run {share(float(run.failed[at].sum() / max(1.0, run.came[at].sum())))}"
        )
    if (every.latency[at] < 0).any():
        said.append(
            f"recorded median {_ms(log_side.log_ms[at], log_side.answered[at])}, this run {_ms(run.log_ms[at], run.answered[at])}"
        )
    if (every.rate[at] < 0).any():
        span_s = every.width_s * len(places)
        then, now = float(log_side.expected[at].sum()) / span_s, float(run.came[at].sum()) / span_s
        said.append(f"recorded {plain(then)} a second, this run {plain(now)}")
    return f"{start_s:g} s to {end_s:g} s: {'; '.join(said)}"


def _ms(log_ms: Floats, weight: Floats) -> str:
    import numpy as np

    there = np.isfinite(log_ms) & (weight > 0)
    mean = float((log_ms[there] * weight[there]).sum() / weight[there].sum()) if there.any() else log(1.0)
    took = exp(mean) if isfinite(mean) else 0.0
    return f"{took / 1000:.3g} s" if took >= 1000 else f"{took:.3g} ms"
