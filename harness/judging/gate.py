"""What trials of one or several things came to together, in the stable form ``harness.gate/1`` that machines read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.judging.result import EXIT_STATUS, PRECEDENCE, Finding, Outcome, Result
from harness.reading.suite import Policy

Verdict = Literal["pass", "fail", "inconclusive"]
COUNTED: tuple[Outcome, ...] = ("pass", "fail", "inconclusive")
"""Verdicts of runs that say something of the service; one that is invalid, or that was ended before its time, is no trial."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class GateRun(_Part):
    """One run that was made for a trial."""

    trial: int
    again: int = Field(description="how many invalid runs were made in its place before")
    verdict: Outcome
    reason: str
    seed: int
    run_id: str
    folder: str = Field(description="relative to this document; its report is report.html there")
    started_at: str


class OfTrials(_Part):
    """One expectation over all trials of a cell that count."""

    expectation: str
    metric: str
    unit: str
    verdict: Verdict
    limit: float
    value: float | None
    low: float | None
    high: float | None
    n: int = Field(description="trials in which it was measured")
    values: list[float | None] = Field(
        description="of each trial that counts, in order; null where it was not measured"
    )
    detectable: str = Field(
        description="what would most likely have been seen, had it been so, in words; empty where nobody can tell"
    )
    said: str = Field(description="the same in a sentence")


class GateCell(_Part):
    """One situation on one system, over its trials."""

    situation: str
    system: str
    verdict: Outcome
    reason: str
    planned: int = Field(description="trials that were asked for")
    counted: int = Field(description="trials that count")
    runs: list[GateRun]
    expectations: list[OfTrials]


class Gate(_Part):
    """What trials came to: a cell for each situation on each system, and one verdict over all of them."""

    schema_: Literal["harness.gate/1"] = Field(default="harness.gate/1", alias="schema")
    name: str
    verdict: Outcome
    exit_status: int
    reason: str = Field(description="the verdict's reason in one sentence")
    error_rate: float = Field(
        description="how often it is red where nothing is beyond its limit, all expectations together"
    )
    fail_on: list[str] = Field(description="verdicts that end with status 1")
    reruns: int
    early: bool = Field(description="whether it may end as soon as the answer is clear")
    cells: list[GateCell]
    ended: str = Field(description="why not all trials were made; empty where they were")
    inputs: str = Field(description="a checksum of all that the runs are made from, but for what runs")
    replay: str = Field(description="the command that goes on with it, or makes it again")
    versions: dict[str, str]

    def to_json(self) -> str:
        """The document as JSON text, with its keys in the order above and a line end."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Run:
    """One run that was made for a *trial*: what it came to, and its *folder* relative to the document."""

    trial: int
    again: int
    folder: str
    result: Result

    @property
    def counts(self) -> bool:
        return self.result.verdict in COUNTED


@dataclass(frozen=True, slots=True)
class Tried:
    """One *situation* on one *system*: how many trials were *planned*, and the *runs* that were made for them, in order."""

    situation: str
    system: str
    planned: int
    runs: tuple[Run, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.situation} on {self.system}"

    @property
    def counted(self) -> list[Result]:
        """What the trials came to that say something of the service."""
        return [run.result for run in self.runs if run.counts]

    @property
    def open(self) -> int:
        """Trials that no run was made for yet."""
        return self.planned - len({run.trial for run in self.runs})


def gate(
    name: str,
    every: Sequence[Tried],
    policy: Policy,
    *,
    ended: str = "",
    inputs: str = "",
    replay: str = "",
    versions: dict[str, str] | None = None,
) -> Gate:
    """What *every* cell came to under *policy*; *ended* says why not all trials were made."""
    cells = [_cell(tried) for tried in every]
    verdict = worst(cell.verdict for cell in cells)
    return Gate(
        name=name,
        verdict=verdict,
        exit_status=EXIT_STATUS["fail" if verdict in policy.fail_on else verdict],
        reason=_reason(cells, verdict),
        error_rate=policy.error_rate,
        fail_on=list(policy.fail_on),
        reruns=policy.reruns,
        early=policy.early,
        cells=cells,
        ended=ended,
        inputs=inputs,
        replay=replay,
        versions=versions or {},
    )


def worst(verdicts: Iterable[Outcome]) -> Outcome:
    return min(verdicts, key=PRECEDENCE.index)


def _reason(cells: Sequence[GateCell], verdict: Outcome) -> str:
    """Why it came to *verdict*, of the first cell that did."""
    first = next(cell for cell in cells if cell.verdict == verdict)
    others = sum(cell.verdict == verdict for cell in cells) - 1
    if verdict == "pass":
        return "Every expectation held over the trials."
    where = f"{first.situation} on {first.system}: " if len(cells) > 1 else ""
    return f"{where}{first.reason}" + (f" {others} more came to {verdict}." if others else "")


def _cell(tried: Tried) -> GateCell:
    counted = tried.counted
    expectations = _over(counted) if counted else []
    verdict, reason = _came_to(tried, expectations)
    return GateCell(
        situation=tried.situation,
        system=tried.system,
        verdict=verdict,
        reason=reason,
        planned=tried.planned,
        counted=len(counted),
        runs=[_run(run) for run in tried.runs],
        expectations=expectations,
    )


def _over(counted: Sequence[Result]) -> list[OfTrials]:
    """Each expectation over the runs that count; it came to the worst that it did in any."""
    return [
        _worst_of([result.findings[index] for result in counted], counted[0])
        for index in range(len(counted[0].findings))
    ]


def _worst_finding(findings: Sequence[Finding]) -> Verdict:
    order: tuple[Verdict, ...] = ("fail", "inconclusive", "pass")
    return min((finding.verdict for finding in findings), key=order.index)


def _worst_of(findings: Sequence[Finding], first: Result) -> OfTrials:
    one = findings[0]
    verdict = _worst_finding(findings)
    values = [finding.value for finding in findings]
    seen = [value for value in values if value is not None]
    metric = first.metrics.get(one.metric.partition(".")[0])
    times = sum(finding.verdict == verdict for finding in findings)
    return OfTrials(
        expectation=one.expectation,
        metric=one.metric,
        unit=metric.unit if metric else "",
        verdict=verdict,
        limit=one.limit,
        value=median(seen) if seen else None,
        low=min(seen, default=None),
        high=max(seen, default=None),
        n=len(seen),
        values=values,
        detectable="",
        said=f"{one.expectation}: {verdict} in {times} of {len(findings)} trials",
    )


def _came_to(tried: Tried, expectations: Sequence[OfTrials]) -> tuple[Outcome, str]:
    broke = [run for run in tried.runs if run.result.verdict in ("interrupted", "crashed", "aborted")]
    if broke:
        run = min(broke, key=lambda run: PRECEDENCE.index(run.result.verdict))
        return run.result.verdict, f"Trial {run.trial}: {run.result.reason}"
    if not tried.runs:
        return "inconclusive", "No trial was made."
    if not tried.counted:
        return "invalid", f"No run could be trusted: {tried.runs[-1].result.reason}"
    if dead := [run for run in tried.runs if run.counts and run.result.service_ended]:
        return "fail", f"Trial {dead[0].trial}: {dead[0].result.service_ended}"
    verdict = worst(one.verdict for one in expectations) if expectations else "pass"
    if verdict == "pass":
        return "pass", "Every expectation held over the trials."
    return verdict, next(one.said for one in expectations if one.verdict == verdict)


def _run(run: Run) -> GateRun:
    result = run.result
    return GateRun(
        trial=run.trial,
        again=run.again,
        verdict=result.verdict,
        reason=result.reason,
        seed=result.seed,
        run_id=result.run_id,
        folder=run.folder,
        started_at=result.started_at,
    )
