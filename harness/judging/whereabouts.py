"""Where it went wrong: what requests came to at each entry, and attempts on each link, phase by phase."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from harness.judging.evidence import Evidence
from harness.judging.joining import made_for_requests, phases_of
from harness.judging.result import EntryOutcomes, LinkOutcomes

IN_THE_ANSWER = "error inside an answer"
"""What becomes of a request whose answer began well and then told of an error, as a stream can."""
_FAILED = 400
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
    began_in = phases_of(evidence.plan, evidence.attempts["start_s"]).to_numpy()
    counted = made_for_requests(evidence.attempts).to_numpy()
    return [
        LinkOutcomes(link=name, region=link.region, phase=phase.name, attempts=int(here.sum()), answers=answers)
        for name, link in evidence.plan.target.links.items()
        if link.carries == "http"
        for phase in evidence.plan.phases
        if (here := counted & (began_in == phase.name) & (evidence.column("attempts", "link") == name)).any()
        for answers in [most_first(_answers(evidence, here))]
    ]


def _of_entry(evidence: Evidence, name: str, region: str | None, phase: str) -> EntryOutcomes | None:
    here = (evidence.column("requests", "entry") == name) & (evidence.column("requests", "phase") == phase)
    if not here.any():
        return None
    good = evidence.column("requests", "good").astype(np.bool_)
    return EntryOutcomes(
        entry=name,
        region=region,
        phase=phase,
        requests=int(here.sum()),
        good=int((here & good).sum()),
        otherwise=most_first(came_to(evidence, here & ~good)),
    )


def came_to(evidence: Evidence, bad: np.ndarray) -> Iterator[str]:
    """What each of those requests came to: a status that tells of an error, or how it ended."""
    rows, within_ms = evidence.requests, 1000 * evidence.plan.scenario.good.within
    columns = (rows["outcome"], rows["status"], rows["latency_ms"])
    for outcome, status, latency_ms in zip(*(column.to_numpy()[bad].tolist() for column in columns), strict=True):
        if outcome == "complete":
            yield WRONG if latency_ms <= within_ms else LATE
        elif outcome == "error" and status >= _FAILED:
            yield f"status {int(status)}"
        elif outcome == "error" and status:
            yield IN_THE_ANSWER
        else:
            yield str(outcome).replace("_", " ")


def _answers(evidence: Evidence, here: np.ndarray) -> Iterator[str]:
    """How each of those attempts was answered: its status, or how it ended where it got no whole answer."""
    columns = (evidence.column("attempts", name)[here].tolist() for name in ("outcome", "status"))
    for outcome, status in zip(*columns, strict=True):
        whole = outcome == "complete" and status
        yield str(int(status)) if whole else str(outcome).replace("_", " ")


def most_first(what: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(what).items(), key=lambda pair: (-pair[1], pair[0])))
