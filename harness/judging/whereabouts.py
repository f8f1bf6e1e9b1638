"""Where it went wrong: what requests came to at each entry, and attempts on each link, phase by phase."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from harness.judging.evidence import Evidence
from harness.judging.joining import phases_of
from harness.judging.on_links import counted
from harness.judging.result import EntryOutcomes, LinkOutcomes
from harness.record.rows import FAILED

if TYPE_CHECKING:
    from harness.record.columns import Words

IN_THE_ANSWER = "error inside an answer"
"""What becomes of a request whose answer began well and then told of an error, as a stream can."""
ENDINGS: Mapping[str, str] = {
    "client_left": "given up by the service",
    "closed": "closed",
    "reset": "reset",
    "truncated": "cut short",
    "malformed": "unreadable",
    "unfinished": "never ended",
}
"""What became of an attempt that got no whole answer, in words."""
LATE, WRONG = "late", "another answer than was asked for"
"""What becomes of a request whose answer is whole and yet is no good one."""


def by_entry(evidence: Evidence) -> list[EntryOutcomes]:
    """Each entry in each phase in which it was asked anything."""
    return [
        found
        for name, entry in evidence.plan.target.entries_by_name.items()
        for phase in evidence.plan.phases
        if (found := _of_entry(evidence, name, entry.region, phase.name)) is not None
    ]


def by_link(evidence: Evidence) -> list[LinkOutcomes]:
    """Each HTTP link in each phase in which an attempt on it began; mere looks whether the provider is there are none."""
    began_in = phases_of(evidence.plan, evidence.column("attempts", "start_s"))
    mine = counted(evidence)
    return [
        LinkOutcomes(link=name, region=link.region, phase=phase.name, attempts=int(here.sum()), answers=answers)
        for name, link in evidence.plan.target.links.items()
        if link.carries == "http"
        for phase in evidence.plan.phases
        if (here := mine & (began_in == phase.name) & (evidence.words("attempts", "link") == name)).any()
        for answers in [_answers(evidence, here)]
    ]


def _of_entry(evidence: Evidence, name: str, region: str | None, phase: str) -> EntryOutcomes | None:
    here = (evidence.words("requests", "entry") == name) & (evidence.words("requests", "phase") == phase)
    if not here.any():
        return None
    good = evidence.column("requests", "good").astype(np.bool_)
    return EntryOutcomes(
        entry=name,
        region=region,
        phase=phase,
        requests=int(here.sum()),
        good=int((here & good).sum()),
        otherwise=most_first(came_to(evidence, here & ~good).counts()),
    )


def came_to(evidence: Evidence, bad: np.ndarray) -> Words:
    """What each of those requests came to: a status that tells of an error, or how it ended."""
    within_ms = 1000 * evidence.plan.scenario.good.within
    in_time = evidence.column("requests", "latency_ms")[bad] <= within_ms

    def said(outcome: str, status: float, in_time: bool) -> str:
        if outcome == "complete":
            return WRONG if in_time else LATE
        if outcome == "error" and status >= FAILED:
            return f"status {int(status)}"
        return IN_THE_ANSWER if outcome == "error" and status else outcome.replace("_", " ")

    return _of_each(
        evidence.words("requests", "outcome")[bad], evidence.column("requests", "status")[bad], in_time, said
    )


def _answers(evidence: Evidence, here: np.ndarray) -> dict[str, int]:
    """How each of those attempts was answered: its status, or how it ended where it got no whole answer."""

    def said(outcome: str, status: float, _: bool) -> str:
        return str(int(status)) if outcome == "complete" and status else ENDINGS.get(outcome, outcome)

    outcome, status = evidence.words("attempts", "outcome")[here], evidence.column("attempts", "status")[here]
    return most_first(_of_each(outcome, status, np.zeros(status.size, np.bool_), said).counts())


def _of_each(outcome: Words, status: np.ndarray, marked: np.ndarray, said: Callable[[str, float, bool], str]) -> Words:
    """What is *said* of each row by its outcome, its status and a mark; it is asked once of each three that come together."""
    from harness.record.columns import Words, told_apart

    statuses, of_status = told_apart(status)
    keys = (outcome.codes.astype(np.int64) * max(1, statuses.size) + of_status) * 2 + marked
    found, of = told_apart(keys)
    names = [
        said(outcome.vocabulary[one // 2 // statuses.size], statuses[one // 2 % statuses.size].item(), bool(one % 2))
        for one in found.tolist()
    ]
    return Words.numbered(of, names)


def most_first(counts: Mapping[str, int]) -> dict[str, int]:
    """*counts* of what comes at all, the largest first."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
