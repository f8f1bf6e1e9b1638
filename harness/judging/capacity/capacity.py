"""The highest rate that a service keeps up with, in the stable form ``harness.capacity/1`` that machines read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from pydantic import Field

from harness.judging.capacity.rate import HOLD_S, Objective, Shown, of_no_rate
from harness.judging.capacity.search import CameTo, Found, Rate, found
from harness.judging.gate import CutShort
from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.metrics.base import measured
from harness.judging.result import EXIT_STATUS, Measured, Outcome, Result
from harness.reading.quantities import plain, share


class TriedRate(DocumentPart):
    """One rate that was tried, in a run of its own."""

    per_s: float
    span_s: float = Field(description="for so long")
    came_to: CameTo
    why: str = Field(description="in a sentence")
    good: Measured = Field(description="the share of good answers")
    later_s: Measured = Field(description="within how many seconds answers would come after a minute of it")
    seed: int
    run_id: str
    folder: str = Field(description="relative to this document; its report is report.html there")


class Capacity(JsonDocument):
    """Between which rates the highest lies that a service keeps up with, and every rate that was tried."""

    schema_: Literal["harness.capacity/1"] = Field(default="harness.capacity/1", alias="schema")
    target: str
    scenario: str
    verdict: Outcome = Field(description="fail: below at_least; inconclusive: not known; invalid: not to be trusted")
    exit_status: int
    reason: str = Field(description="what it came to, in one sentence")
    low: float | None = Field(description="the highest rate a second that was kept up with; null where none was")
    high: float | None = Field(
        description="the lowest that was not; null where none was tried, or the harness could send no more"
    )
    sure: bool = Field(description="whether both ends were seen twice")
    at_least: float | None = Field(description="what was asked for; null where nothing was")
    suggested_per_s: float | None = Field(description="for load.rate_per_s of a scenario that takes one entry away")
    ratio: float = Field(description="the share of answers that has to be good")
    within_s: float = Field(description="and it is good that comes within so many seconds")
    deadline_s: float = Field(description="for so long clients wait")
    hold_s: float = HOLD_S
    entries: int
    rates: list[TriedRate]
    inputs: str = Field(description="a checksum of all that the search is made from")
    replay: str = Field(description="the command that goes on with it, or makes it again")
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class RateRun:
    """A rate that was tried for *span_s* seconds, what it has *shown*, and the *result* and *folder* of its run."""

    per_s: float
    span_s: float
    shown: Shown
    result: Result
    folder: str


@dataclass(frozen=True, slots=True)
class AboutSearch:
    """What the search is about."""

    target: str
    scenario: str
    asked: Objective
    entries: int
    at_least: float | None
    inputs: str
    replay: str


def capacity(
    about: AboutSearch,
    tried: Sequence[RateRun],
    *,
    cut_short: CutShort | None = None,
    versions: dict[str, str],
) -> Capacity:
    """What *tried* rates came to; *cut_short*: what kept the next one from being tried."""
    lies = found([Rate(one.per_s, one.shown.came_to) for one in tried])
    verdict, reason = _verdict(about, lies, tried, cut_short)
    return Capacity(
        target=about.target,
        scenario=about.scenario,
        verdict=verdict,
        exit_status=EXIT_STATUS[verdict],
        reason=reason,
        low=lies.low,
        high=lies.high,
        sure=lies.sure,
        at_least=about.at_least,
        suggested_per_s=suggested_per_s(lies.low, about.entries),
        ratio=about.asked.ratio,
        within_s=about.asked.within_s,
        deadline_s=about.asked.deadline_s,
        entries=about.entries,
        rates=[_tried(one) for one in tried],
        inputs=about.inputs,
        replay=about.replay,
        versions=versions,
    )


def suggested_per_s(low: float | None, entries: int) -> float | None:
    """The rate for a scenario: so much that what is left carries it when one of the *entries* is lost; of a single one the half."""
    if low is None:
        return None
    rate = low * (entries - 1) / entries if entries > 1 else low / 2
    # In two digits, downwards: nobody knows it better.
    step = 10.0 ** (floor(log10(rate)) - 1)
    return float(f"{floor(rate / step + 1e-9) * step:.6g}")


def doubted(tried: RateRun) -> str:
    """Why no rate at all can be judged by such runs; empty where some can."""
    return "; ".join(of_no_rate(tried.result))


def _verdict(
    about: AboutSearch, lies: Found, tried: Sequence[RateRun], cut_short: CutShort | None
) -> tuple[Outcome, str]:
    if cut_short is not None:
        return cut_short.verdict, cut_short.reason
    for said in filter(None, map(doubted, tried)):
        return "invalid", f"The measurement cannot be trusted: {said}"
    said = _said(about, lies, tried)
    if lies.low is None and lies.high is None:
        return ("invalid" if lies.ceiling else "inconclusive"), said
    least = about.at_least
    if least is not None:
        if lies.high is not None and lies.high <= least:
            return "fail", f"{said}; {plain(least)} were asked for"
        if lies.low is None or lies.low < least:
            return "inconclusive", f"{said}; whether {plain(least)} are kept up with is not settled"
        return "pass", said
    return ("pass" if lies.low is not None else "inconclusive"), said


def _said(about: AboutSearch, lies: Found, tried: Sequence[RateRun]) -> str:
    """What the search came to, in a sentence without its end."""
    asked = about.asked
    good = f"{share(asked.ratio)} of answers good within {plain(asked.within_s)} s"
    if lies.low is None and lies.high is None:
        if lies.ceiling:
            first = next(one for one in tried if one.shown.came_to == "untrusted")
            return f"Even {plain(first.per_s)}/s could not be measured: {first.shown.why}"
        return f"No rate could be decided on: whether {good} is kept was not clear at any that was tried"
    if lies.low is None:
        assert lies.high is not None
        least = "was tried" if lies.high <= min(one.per_s for one in tried) else "could be told"
        why = next(
            one.shown.why for one in reversed(tried) if one.per_s == lies.high and one.shown.came_to == "fell behind"
        )
        return f"{about.target} does not keep {good} at {plain(lies.high)} requests a second, the least that {least}: {why}"
    if lies.high is not None:
        return f"{about.target} keeps {good} up to a rate between {plain(lies.low)} and {plain(lies.high)} requests a second"
    beyond = (
        ", and what lies above could not be measured on this machine" if lies.ceiling else ", the most that was tried"
    )
    return f"{about.target} keeps {good} at {plain(lies.low)} requests a second{beyond}"


def _tried(one: RateRun) -> TriedRate:
    return TriedRate(
        per_s=one.per_s,
        span_s=one.span_s,
        came_to=one.shown.came_to,
        why=one.shown.why,
        good=measured(one.shown.good),
        later_s=measured(one.shown.later),
        seed=one.result.seed,
        run_id=one.result.run_id,
        folder=one.folder,
    )
