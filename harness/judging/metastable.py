"""A service that keeps itself down: nothing is broken any more, the load is what it was, and its own retries leave no room for answers.

The state outlives its trigger because of a sustaining effect, most often retries (Bronson et al., "Metastable failures in distributed
systems", HotOS 2021; Huang et al., "Metastable failures in the wild", OSDI 2022).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.interval import UNMEASURED, Interval
from harness.judging.sample import before_faults
from harness.judging.scoring.shares import wilson
from harness.planning.disturbance import Phase
from harness.planning.plan import Plan
from harness.reading import quantities

if TYPE_CHECKING:
    from harness.judging.evidence import Evidence
    from harness.judging.scoring.distributions import Bools

SETTLED_S = 5.0
"""So long after the last fault has ended a service may still be on its way back."""
SHORTEST_S = 5.0
"""Over less than this nobody can say that it stays so."""
SUSTAINED = 1.2
"""How many times as many attempts as in the baseline a request has to cost for retries to be what sustains it."""
ENOUGH = 10
"""Fewer requests than this show nothing, whatever they came to."""
MORE = 1.1
"""More than so much of the baseline's load is not one that the service is known to carry."""
DOWN = 0.8
"""Of the share of good answers that is asked of a well service, at most so much is left."""


def metastable(evidence: Evidence) -> Iterator[str]:
    """That the service kept itself down, with the figures that show it; nothing where it did not, or nobody saw.

    To the end of the run, or until its load was shed: then it is told what became of it meanwhile, and once the load was back.
    """
    in_force = evidence.in_force()
    if "joined" not in evidence.plan.known:
        return  # nobody knows how large its load was, nor what its attempts were for
    if not evidence.plan.disturbances or len(in_force) < len(evidence.plan.disturbances):
        return
    due_s = evidence.column("requests", "due_s")
    # Nothing is broken any more then, by an aftereffect neither: what comes back slowly is still what keeps it down.
    from_s = max(window.end_s for window in in_force) + SETTLED_S
    until_s, shed = evidence.observed_until_s, evidence.plan.shed
    if shed is not None and from_s < shed.start_s:
        until_s = min(until_s, shed.start_s)
    after, before = (due_s >= from_s) & (due_s < until_s) & _known_to_carry(evidence), before_faults(evidence)
    if not after.any() or until_s - from_s < SHORTEST_S or not _down(evidence, after, before):
        return
    now, usual = _tries(evidence, after), _tries(evidence, before)
    if now.value is None or usual.value is None or now.low < SUSTAINED * usual.value:
        return
    was_shed = shed is not None and until_s == shed.start_s
    yield (
        f"it kept itself down (metastable): from {SETTLED_S:g} s after the last fault had ended to "
        f"{'when its load was shed' if was_shed else 'the end of the run'} "
        f"{_good(evidence, after)} of answers were good, while each request cost "
        f"{quantities.plain(now.value)} attempts ({quantities.plain(usual.value)} in the baseline)"
        f"{_asked(evidence, after, before)}"
        f"{_relieved(evidence, shed, before) if was_shed and shed else ''}"
    )


def _asked(evidence: Evidence, after: Bools, before: Bools) -> str:
    """How often clients asked, where they did so more often than usual: then not all of it is the service's own doing."""
    presses = evidence.column("requests", "presses")
    now, usual = float(presses[after].mean()), float(presses[before].mean())
    return f", and was asked for {quantities.plain(now)} times ({quantities.plain(usual)})" if now > usual else ""


def _relieved(evidence: Evidence, shed: Phase, before: Bools) -> str:
    """What became of it while its load was shed, from half-way on, and once that was back; empty where nobody saw that."""
    due_s = evidence.column("requests", "due_s")
    meanwhile = (due_s >= (shed.start_s + shed.end_s) / 2) & (due_s < shed.end_s)
    back = (due_s >= shed.end_s) & (due_s < evidence.observed_until_s)
    if int(meanwhile.sum()) < ENOUGH:
        return ""
    left = quantities.share(_rate(evidence.plan, shed) / _rate(evidence.plan, evidence.plan.phase("baseline")))
    said = f"; with {left} of the load {_good(evidence, meanwhile)} were good"
    if int(back.sum()) >= ENOUGH:
        said += f", and {_good(evidence, back)} once all of it was back"
    if _down(evidence, meanwhile, before):
        return f"{said}: it stayed down without the load, so something else holds it there, too"
    return f"{said}, which confirms that it was its load that held it there"


def _known_to_carry(evidence: Evidence) -> Bools:
    """The requests that are due in phases with no more load than it had in the baseline: more of it alone may be too much."""

    plan = evidence.plan
    most = MORE * _rate(plan, plan.phase("baseline"))
    names = [phase.name for phase in plan.phases if phase.end_s > phase.start_s and _rate(plan, phase) <= most]
    mask: Bools = evidence.words("requests", "phase").isin(names)
    return mask


def _rate(plan: Plan, phase: Phase) -> float:
    """Of a phase that lasts no time, none."""
    span_s = phase.end_s - phase.start_s
    return plan.schedule.due_between(phase.start_s, phase.end_s) / span_s if span_s else 0.0


def _good(evidence: Evidence, which: Bools) -> str:
    return quantities.share(float(evidence.column("requests", "good")[which].mean()))


def _down(evidence: Evidence, after: Bools, before: Bools) -> bool:
    """Whether far fewer answers are good than in the baseline, and than a well service has to give."""
    good = evidence.column("requests", "good")
    now, then = (wilson(int(good[which].sum()), int(which.sum())) for which in (after, before))
    if now.value is None or then.value is None:
        return False
    return now.high < min(then.low, DOWN * evidence.plan.scenario.good.ratio)


def _tries(evidence: Evidence, which: Bools) -> Interval:
    """Attempts of those of the requests that made any."""
    from harness.judging.scoring.amplification import retry_amplification

    attempts = evidence.column("requests", "attempts")
    tried = which & (attempts > 0)
    due_s = evidence.column("requests", "due_s")
    return retry_amplification(attempts[tried], due_s[tried]) if tried.any() else UNMEASURED
