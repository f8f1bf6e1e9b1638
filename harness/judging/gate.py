"""What trials of one or several things came to together, in the stable form ``harness.gate/1`` that machines read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from harness.judging.answered_with import unlike_in_words
from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.looks import Looked, following
from harness.judging.result import EXIT_STATUS, ON_THE_SERVICE, PRECEDENCE, Outcome, Result
from harness.judging.trials import policy as trials
from harness.judging.trials.gate import Standing, over_trials
from harness.judging.trials.policy import LEAST, Because
from harness.judging.trials.trial import trial
from harness.reading.expectation import Verdict, parse
from harness.reading.quantities import plain
from harness.reading.suite import Policy

BROKEN_DOWN: tuple[Outcome, ...] = ("interrupted", "crashed", "aborted")
"""Verdicts of runs that end all trials."""


class GateRun(DocumentPart):
    """One run that was made for a trial."""

    trial: int
    again: int = Field(description="how many invalid runs were made in its place before")
    verdict: Outcome
    reason: str
    seed: int
    run_id: str
    folder: str = Field(description="relative to this document; its report is report.html there")
    started_at: str


class Detectable(DocumentPart):
    """The least fault that would have been seen four times of five: a *value*, as a *ratio* to the limit, or in what share of *runs*."""

    value: float | None = None
    ratio: float | None = None
    runs: float | None = None


class CutShort(DocumentPart):
    """What kept the next run from being made: somebody else's word (aborted), or the harness (crashed)."""

    verdict: Outcome
    reason: str


class OfTrials(DocumentPart):
    """One expectation over all trials of a cell that count."""

    expectation: str
    metric: str
    unit: str
    verdict: Verdict
    limit: float
    value: float | None = Field(description="the typical one; null where it was never measured")
    low: float | None = Field(description="of the interval in which that lies; null where it is open")
    high: float | None
    n: int = Field(description="trials in which it was measured")
    values: list[float | None] = Field(
        description="of each trial that counts, in order; null where it was not measured"
    )
    p: float | None = Field(
        description="the chance of such trials if it held, over all expectations and looks; null for a single run"
    )
    detectable: Detectable


class GateCell(DocumentPart):
    """One situation on one system, over its trials."""

    situation: str
    system: str
    file: str = Field(default="", description="the scenario's file")
    took_s: float = Field(default=0.0, description="how long the runs that count went on, together")
    verdict: Outcome
    reason: str
    planned: int = Field(description="trials that were asked for")
    counted: int = Field(description="trials that count")
    looked: list[Looked] = Field(default=[], description="looks that were made while other trials were planned")
    because: Because = Field(
        description="why no further trial is needed: shown either way, all made, or no more would tell; empty where more are"
    )
    least_red: int | None = Field(description="trials after which it could first be red; null where it never could")
    least_green: int | None = Field(description="trials after which it could first be green")
    runs: list[GateRun]
    expectations: list[OfTrials]
    unequal: list[str] = Field(
        default_factory=list,
        description="what answers of its trials were made with that was not the same in all of them",
    )


class Gate(JsonDocument):
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
    cut_short: CutShort | None = Field(
        default=None, description="what kept the next run from being made; null where nothing did"
    )
    inputs: str = Field(description="a checksum of all that the runs are made from, but for what runs")
    replay: str = Field(description="the command that goes on with it, or makes it again")
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class TrialRun:
    """One run that was made for a *trial*: what it came to, and its *folder* relative to the document."""

    trial: int
    again: int
    folder: str
    result: Result

    @property
    def counts(self) -> bool:
        return self.result.verdict in ON_THE_SERVICE


@dataclass(frozen=True, slots=True)
class Tried:
    """One *situation* on one *system*: how many trials were *planned*, and the *runs* that were made for them, in order.

    *looked*: looks at them that were made while another number was planned.
    """

    situation: str
    system: str
    planned: int
    runs: tuple[TrialRun, ...] = ()
    looked: tuple[Looked, ...] = ()

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
    cut_short: CutShort | None = None,
    inputs: str = "",
    replay: str = "",
    versions: dict[str, str] | None = None,
) -> Gate:
    """What *every* cell came to under *policy*; *ended* says why not all trials were made, and *cut_short* what ended them by force."""
    cells = [_cell(tried, policy, len(every)) for tried in every]
    verdict = worst([*(cell.verdict for cell in cells), *([cut_short.verdict] if cut_short else [])])
    return Gate(
        name=name,
        verdict=verdict,
        exit_status=EXIT_STATUS["fail" if verdict in policy.fail_on else verdict],
        reason=cut_short.reason if cut_short and cut_short.verdict == verdict else _reason(cells, verdict),
        error_rate=policy.error_rate,
        fail_on=list(policy.fail_on),
        reruns=policy.reruns,
        early=policy.early,
        cells=cells,
        ended=ended,
        cut_short=cut_short,
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


def standing(tried: Tried, policy: Policy, cells: int) -> Standing | None:
    """What the trials of one of so many *cells* say; None where there is one by itself, which is for its run to tell, or none counts yet.

    To be red each cell has its part of the error rate (Bonferroni), so that all together are wrong no more often; within a cell it is held
    over all expectations. To be green each may use all of it, since all cells have to be shown to hold (Berger 1982).
    """
    counted = tried.counted
    if tried.planned < LEAST or not counted or not counted[0].findings:
        return None
    expectations = [parse(finding.expectation) for finding in counted[0].findings]
    return over_trials(expectations, [trial(run.result) for run in tried.runs], sureness(tried, policy, cells))


def sureness(tried: Tried, policy: Policy, cells: int) -> trials.Policy:
    """How sure one has to be of one of so many *cells*, after the looks that were made before."""
    sure = trials.Policy(error_rate=policy.error_rate, most=max(LEAST, tried.planned), gates=cells)
    return following(sure, tried.looked)


def _cell(tried: Tried, policy: Policy, cells: int) -> GateCell:
    stands = standing(tried, policy, cells)
    counted = tried.counted
    expectations = _over(stands, counted) if stands else _alone(counted[-1]) if counted else []
    verdict, reason = _came_to(tried, stands, expectations)
    return GateCell(
        situation=tried.situation,
        system=tried.system,
        file=tried.runs[0].result.scenario.path if tried.runs else "",
        took_s=round(sum(result.duration_s for result in counted), 3),
        verdict=verdict,
        reason=reason,
        planned=tried.planned,
        counted=len(counted),
        looked=list(tried.looked),
        because=stands.because if stands else "",
        least_red=stands.least_red if stands else None,
        least_green=stands.least_green if stands else None,
        runs=[as_stored(run) for run in tried.runs],
        expectations=expectations,
        unequal=[*_unequal(tried)],
    )


def _unequal(tried: Tried) -> Iterator[str]:
    by_trial: dict[str, list[Result]] = {}
    for run in tried.runs:
        by_trial.setdefault(f"in trial {run.trial}", []).append(run.result)
    return unlike_in_words(by_trial)


def _over(stands: Standing, counted: Sequence[Result]) -> list[OfTrials]:
    return [
        OfTrials(
            expectation=held.expectation,
            metric=counted[0].findings[index].metric,
            unit=held.unit,
            verdict=held.verdict,
            limit=held.limit,
            value=held.value,
            low=held.low,
            high=held.high,
            n=held.n,
            values=[result.findings[index].value for result in counted],
            p=held.p,
            detectable=Detectable(value=held.detectable.value, ratio=held.detectable.ratio, runs=held.detectable.runs),
        )
        for index, held in enumerate(stands.each)
    ]


def _alone(result: Result) -> list[OfTrials]:
    """What a single run says, each with the interval of that run."""
    return [
        OfTrials(
            expectation=finding.expectation,
            metric=finding.metric,
            unit=result.metrics[base].unit if (base := finding.metric.partition(".")[0]) in result.metrics else "",
            verdict=finding.verdict,
            limit=finding.limit,
            value=finding.value,
            low=finding.low,
            high=finding.high,
            n=1 if finding.value is not None else 0,
            values=[finding.value],
            p=None,
            detectable=Detectable(),
        )
        for finding in result.findings
    ]


def _came_to(tried: Tried, stands: Standing | None, expectations: Sequence[OfTrials]) -> tuple[Outcome, str]:
    broke = [run for run in tried.runs if run.result.verdict in BROKEN_DOWN]
    if broke:
        run = min(broke, key=lambda run: PRECEDENCE.index(run.result.verdict))
        return run.result.verdict, f"Trial {run.trial}: {run.result.reason}"
    if not tried.runs:
        return "inconclusive", "No trial was made."
    if not tried.counted:
        return "invalid", f"No run could be trusted: {tried.runs[-1].result.reason}"
    if stands is None:
        return tried.counted[-1].verdict, tried.counted[-1].reason
    if stands.died:
        return "fail", stands.died[0]
    if stands.verdict == "pass":
        return "pass", f"Every expectation held over {_trials(stands.n)}."
    first = next(one for one in expectations if one.verdict == stands.verdict)
    return stands.verdict, _told(first, stands, tried)


def _told(one: OfTrials, stands: Standing, tried: Tried) -> str:
    """Why the trials came to what they did, of the first expectation that did."""
    value = "was not measured" if one.value is None else f"was {plain(one.value)}"
    if one.verdict == "fail":
        return f"{one.expectation} is broken: it {value} over {_trials(one.n)}."
    lost = len({run.trial for run in tried.runs}) - stands.n
    more = (
        "those that are left would not tell" if stands.because == "no use" else f"{stands.n} of {stands.most} are made"
    )
    more += f", of {lost} no run could be trusted" if lost else ""
    return f"{one.expectation} is not settled: it {value} over {_trials(one.n)}, and {more}."


def as_stored(run: TrialRun) -> GateRun:
    """*run* as the document has it."""
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


def _trials(count: int) -> str:
    return f"{count} trial{'' if count == 1 else 's'}"
