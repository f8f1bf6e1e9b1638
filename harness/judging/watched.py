"""What a load that is the service's own came to: that it was, what has to be said of it, and what spoils it."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import TYPE_CHECKING

from harness.judging.on_links import before_faults, hidden_on, quiet
from harness.judging.result import Doubt
from harness.judging.scoring.steadiness import steady
from harness.reading import quantities
from harness.record.history import Injecting
from harness.record.rows import SLICE_S

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence


def watched(evidence: Evidence) -> Iterator[str]:
    """That the load was the service's own, in a few words; nothing where the harness sent it."""
    load = evidence.plan.scenario.load
    if load.watched:
        yield f"the load was the service's own{_beside(evidence)}"


def consequences(evidence: Evidence) -> str:
    """What follows of that; empty where the harness sent the load."""
    said = "".join(watched(evidence))
    if not said:
        return ""
    alone = (
        "of probe requests, and of attempts on links whoever they were for"
        if _probed(evidence)
        else "of attempts on links"
    )
    return (
        f"{said[:1].upper()}{said[1:]}: what is told here is {alone}; how many of its requests got a good answer, how often it tried "
        "each, and how its load changed by itself meanwhile, nobody knows"
    )


def steady_baseline(evidence: Evidence) -> bool | None:
    """Whether attempts went well until anything was broken, as often as ``good.ratio`` asks of answers; None where none was seen."""
    at_s, well = before_faults(evidence)
    return steady(at_s, well, evidence.plan.scenario.good.ratio) if at_s.size else None


def spoilt(evidence: Evidence) -> Iterator[Doubt]:
    """What of a load of the service's own keeps its numbers from being trusted."""
    if not evidence.plan.scenario.load.watched:
        return
    baseline = evidence.plan.phase("baseline")
    until_s = min((event.at_s for event in evidence.history if isinstance(event, Injecting)), default=baseline.end_s)
    if quiet(evidence, -SLICE_S, inf):
        said = "nothing passed on any link in the whole run: is anybody using the service, and does it take its addresses from the links?"
        yield Doubt(kind="no_traffic", said=said)
    elif quiet(evidence, baseline.start_s - SLICE_S, until_s):
        said = "nothing passed on any link before anything was broken, so nobody knows how the service does then; let it last longer"
        yield Doubt(kind="no_baseline", said=said)
    elif not _probed(evidence) and steady_baseline(evidence) is False:
        yield Doubt(kind="unsteady_baseline", said=_unsteady(evidence))


def silent(evidence: Evidence) -> Iterator[str]:
    """Phases behind the baseline in which nothing passed on any link, where the load was the service's own."""
    if not evidence.plan.scenario.load.watched or quiet(evidence, -SLICE_S, inf):
        return
    ended_s = evidence.observed_until_s
    for phase in evidence.plan.phases:
        end_s = min(phase.end_s, ended_s)
        if phase.start_s < end_s and phase.name not in ("warmup", "baseline") and quiet(evidence, phase.start_s, end_s):
            unheard = ", ".join(hidden_on(evidence.plan, [(phase.start_s, end_s)], evidence.plan.target.links))
            refused = f", or it was refused all that it tried ({unheard}), which leaves no trace" if unheard else ""
            other = "what it was asked needed none" if _probed(evidence) else "nobody used it"
            yield f"nothing passed on any link in {phase.name}: either the service gave up, or {other}{refused}"


def _probed(evidence: Evidence) -> bool:
    return evidence.plan.asks


def _beside(evidence: Evidence) -> str:
    """What the harness sent beside it."""
    per_s = evidence.plan.scenario.load.usual_per_s
    return f", beside {per_s:g} probe {'request' if per_s == 1 else 'requests'} a second" if _probed(evidence) else ""


def _unsteady(evidence: Evidence) -> str:
    _, well = before_faults(evidence)
    asked = evidence.plan.scenario.good.ratio
    return (
        f"the baseline was not steady: {quantities.share(float(well.mean()), asked)} of {well.size} attempts on links were answered before "
        f"anything was broken, and good.ratio asks for {quantities.share(asked)}"
    )
