"""How a run ended, and what that alone says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from harness.judging.evidence import Evidence
from harness.judging.result import Outcome
from harness.record.history import Ended, Injected, Reverted, Reverting

if TYPE_CHECKING:
    from harness.judging.scoring.distributions import Bools

_SILENT_REQUESTS, _SILENT_S = 5, 1.0
"""So many requests over so long without a single answer at the end of a run are more than a blip."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the reason for it, in one sentence."""

    verdict: Outcome
    reason: str


def endings(evidence: Evidence) -> Iterator[Judgement]:
    """What the end of the run says; nothing where it went on to the end of its plan."""
    ended = evidence.ended
    if ended is None:
        yield Judgement("crashed", "the history has no end: the harness was killed while it ran")
        return
    match ended.reason:
        case "interrupted":
            yield Judgement("interrupted", f"the run was interrupted at {ended.at_s:.1f} s")
        case "crashed":
            yield Judgement("crashed", ended.detail or "the harness broke")
        case "aborted":
            yield Judgement("aborted", f"{_aborted(ended)}{_put_back(evidence, ended)}")
        case "service_ended" if failed := service_ended(evidence):
            yield Judgement("fail", failed)
        case "service_ended":
            yield Judgement("crashed", ended.detail)


def _aborted(ended: Ended) -> str:
    at_s = ended.at_s if ended.decided_s is None else ended.decided_s
    return f"the run was ended at {at_s:.1f} s: {ended.detail}"


def _put_back(evidence: Evidence, ended: Ended) -> str:
    """How long after the decision the faults were gone, and the load; empty of a run that has not written that down."""
    if ended.decided_s is None:
        return ""
    decided_s = ended.decided_s
    gone_s = [
        event.at_s - decided_s for event in evidence.history if isinstance(event, Reverted) and event.at_s >= decided_s
    ]
    faults = f"the faults were gone {max(gone_s):.2f} s later" if gone_s else "no fault was in force"
    return f" ({faults}, and the load {ended.at_s - decided_s:.2f} s later)"


def service_ended(evidence: Evidence) -> str:
    """How the service ended of what was broken, with the phase and the end of its log; empty where it did not.

    One that ends before anything was broken has not failed at anything that was asked of it.
    """
    ended = evidence.ended
    broken = {event.fault for event in evidence.history if isinstance(event, Injected)}
    if ended is None or ended.reason != "service_ended" or not broken:
        return ""
    return f"the service did not live through it: {_when(evidence, ended, broken)}, {ended.detail}"


def _when(evidence: Evidence, ended: Ended, broken: set[str]) -> str:
    """At what time, in which phase, and under which faults: those that had not come to their planned end."""
    phase = next((phase.name for phase in evidence.plan.phases if ended.at_s < phase.end_s), "")
    reverting = {event.fault: event.at_s for event in reversed(evidence.history) if isinstance(event, Reverting)}
    under = [
        disturbance.summary
        for disturbance in evidence.plan.disturbances
        if disturbance.id in broken and reverting.get(disturbance.id, 0.0) < disturbance.end_s
    ]
    where = f"in {phase}" if phase else "while the last answers were awaited"
    return f"at {ended.at_s:.1f} s, {where}" + (f" under {' and '.join(under)}" if under else "")


def silence(evidence: Evidence) -> Iterator[str]:
    """From when on nobody, or nobody at one entry, was answered any more, to the end of a run that went on to the end of its plan."""
    if evidence.ended is None or evidence.ended.reason != "completed":
        return
    import numpy as np

    entry = evidence.words("requests", "entry")
    if said := _silent(evidence, np.ones(entry.size, np.bool_)):
        yield said
        return
    for name in sorted(evidence.plan.target.entries_by_name):
        if said := _silent(evidence, entry == name):
            yield f"at {name} {said}"


def _silent(evidence: Evidence, asked: Bools) -> str:
    """How many of the requests *asked* were not answered at their end; empty where that is a blip, or nothing."""
    due_s, status, outcome = (evidence.column("requests", name)[asked] for name in ("due_s", "status", "outcome"))
    # Not every client that a locustfile brings has a status to tell.
    answered = (status != 0) | (outcome == "complete")
    silent_s = due_s[due_s > due_s[answered].max(initial=-inf)]
    if silent_s.size < _SILENT_REQUESTS or evidence.plan.total_s - silent_s.min() < _SILENT_S:
        return ""
    return f"0 of {silent_s.size} requests that were due from {silent_s.min():.1f} s on, to the end of the run, were answered"
