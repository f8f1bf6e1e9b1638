"""What two things came to beside one another, in pairs of runs, in the stable form ``harness.comparison/1`` that machines read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from pydantic import Field

from harness.judging.answered_with import WHATS, unlike_in_words
from harness.judging.gate import BROKEN_DOWN, CutShort, GateRun, TrialRun, as_stored
from harness.judging.json_document import DocumentPart, JsonDocument
from harness.judging.looks import Looked, following
from harness.judging.result import EXIT_STATUS, ON_THE_SERVICE, PRECEDENCE, Outcome
from harness.judging.trials import policy as trials
from harness.judging.trials.compared import Better, PairsStanding, State, compared, of_expectations
from harness.judging.trials.policy import LEAST, Because
from harness.judging.trials.trial import trial
from harness.reading.expectation import parse
from harness.reading.quantities import plain


class Side(DocumentPart):
    """One of the two: what it is called, where its file or its stored runs are, and the checksum of the target's text."""

    name: str
    path: str
    sha256: str
    stored: bool = Field(description="whether its runs were made before")


class Pair(DocumentPart):
    """A trial of both with one seed."""

    trial: int
    seed: int
    base: list[GateRun] = Field(description="the last is the one that may count")
    head: list[GateRun]


class OfMetric(DocumentPart):
    """One number of both."""

    metric: str
    unit: str
    better: Better = Field(description="which way is better")
    state: State
    base: float | None = Field(description="the typical one")
    head: float | None
    as_ratio: bool = Field(description="whether the change is head / base; else it is head - base")
    change: float | None
    low: float | None = Field(description="of the interval in which the change lies; null where it is open")
    high: float | None
    margin: float | None = Field(description="the change from which on it counts as worse")
    n: int
    missing: int
    p: float = Field(
        description="the chance of such runs if it were no worse than the margin, over all metrics and looks"
    )
    detectable: float | None = Field(
        description="the change for the worse that would have been seen four times of five"
    )


class Comparison(JsonDocument):
    """What *head* came to beside *base* in one scenario."""

    schema_: Literal["harness.comparison/1"] = Field(default="harness.comparison/1", alias="schema")
    scenario: str
    file: str = Field(default="", description="the scenario's file")
    took_s: float = Field(default=0.0, description="how long the runs that count went on, together")
    verdict: Outcome = Field(description="fail where something is worse, pass where all is shown not to be")
    exit_status: int
    reason: str
    base: Side
    head: Side
    metrics: list[OfMetric]
    pairs: list[Pair]
    planned: int
    counted: int = Field(description="pairs of which both runs count")
    looked: list[Looked] = Field(default=[], description="looks that were made while other pairs were planned")
    because: Because
    error_rate: float
    margin: float = Field(description="the factor from which on a number counts as worse")
    fail_on: list[State] = Field(description="states that end with status 1; where there are none, no state does")
    reruns: int
    unequal: list[str] = Field(description="what differs though it should not; it was compared all the same")
    ended: str = Field(description="why not all pairs were made; empty where they were")
    cut_short: CutShort | None = Field(
        default=None, description="what kept the next run from being made; null where nothing did"
    )
    inputs: str
    replay: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Sureness:
    """How sure one has to be that something is worse, and by what factor; *fail_on*: states that end with status 1."""

    error_rate: float = 0.05
    margin: float = 1.2
    fail_on: tuple[State, ...] = ()
    reruns: int = 1


@dataclass(frozen=True, slots=True)
class Runs:
    """What was made for one trial of both, in order."""

    trial: int
    seed: int
    base: tuple[TrialRun, ...] = ()
    head: tuple[TrialRun, ...] = ()

    @property
    def last(self) -> tuple[TrialRun, ...]:
        """Of each of both the one that may count."""
        return (*self.base[-1:], *self.head[-1:])

    @property
    def whole(self) -> bool:
        return len(self.last) == 2 and all(run.counts for run in self.last)


@dataclass(frozen=True, slots=True)
class About:
    """What a comparison is about, beside its runs."""

    scenario: str
    base: Side
    head: Side
    planned: int
    unequal: tuple[str, ...] = ()
    inputs: str = ""
    replay: str = ""
    looked: tuple[Looked, ...] = ()


def sureness(about: About, sure: Sureness) -> trials.Policy:
    """How sure one has to be, after the looks that were made before."""
    policy = trials.Policy(error_rate=sure.error_rate, most=max(LEAST, about.planned), margin=sure.margin)
    return following(policy, about.looked)


def said(runs: Sequence[Runs], about: About, sure: Sureness) -> PairsStanding | None:
    """What the pairs say; None where none of them is whole."""
    whole = [one for one in runs if one.whole]
    if not whole:
        return None
    limited = of_expectations([parse(finding.expectation) for finding in whole[0].base[-1].result.findings])
    if not limited:
        return None
    pairs = [(trial(one.base[-1].result), trial(one.head[-1].result)) for one in whole]
    return compared(pairs, limited, sureness(about, sure))


def versus(
    about: About,
    runs: Sequence[Runs],
    sure: Sureness,
    *,
    ended: str = "",
    cut_short: CutShort | None = None,
    versions: Mapping[str, str] | None = None,
) -> Comparison:
    """What the pairs of *runs* came to; *ended* says why not all were made, and *cut_short* what ended them by force."""
    stands = said(runs, about, sure)
    metrics = [_of(one) for one in stands.each] if stands else []
    verdict, reason = _came_to(runs, stands, metrics)
    if cut_short:
        verdict, reason = cut_short.verdict, cut_short.reason
    return Comparison(
        scenario=about.scenario,
        file=next((run.result.scenario.path for one in runs for run in (*one.base, *one.head)), ""),
        took_s=round(sum(run.result.duration_s for one in runs if one.whole for run in one.last), 3),
        verdict=verdict,
        exit_status=_status(verdict, metrics, sure.fail_on),
        reason=reason,
        base=about.base,
        head=about.head,
        metrics=metrics,
        pairs=[
            Pair(trial=one.trial, seed=one.seed, base=[*map(as_stored, one.base)], head=[*map(as_stored, one.head)])
            for one in runs
        ],
        planned=about.planned,
        counted=sum(one.whole for one in runs),
        looked=list(about.looked),
        because=stands.because if stands else "",
        error_rate=sure.error_rate,
        margin=sure.margin,
        fail_on=list(sure.fail_on),
        reruns=sure.reruns,
        unequal=[*(one for one in about.unequal if not one.startswith(_KNOWN_LATER)), *_answered_with(runs)],
        ended=ended,
        cut_short=cut_short,
        inputs=about.inputs,
        replay=about.replay,
        versions=dict(versions or {}),
    )


_KNOWN_LATER = tuple(f"{what}: " for what in WHATS)


def _answered_with(runs: Sequence[Runs]) -> Iterator[str]:
    """That answers of both, or of one in several pairs, were made with something else: known when the runs are made and not before."""
    base, head = ({one.trial: [run.result for run in getattr(one, side)] for one in runs} for side in ("base", "head"))
    for_the = {f"for the {name}": [*chain(*side.values())] for name, side in (("base", base), ("head", head))}
    yield from unlike_in_words(for_the)
    for name, side in (("base", base), ("head", head)):
        yield from unlike_in_words({f"for the {name} in pair {trial}": made for trial, made in side.items()})


def _of(one: object) -> OfMetric:
    return OfMetric.model_validate({name: getattr(one, name) for name in OfMetric.model_fields})


def _status(verdict: Outcome, metrics: Sequence[OfMetric], fail_on: Sequence[State]) -> int:
    """Of runs that broke down or cannot be trusted their own; else 1 where a state is one to fail on, and 3 where that is not settled."""
    if verdict not in ON_THE_SERVICE:
        return EXIT_STATUS[verdict]
    if any(one.state in fail_on for one in metrics):
        return EXIT_STATUS["fail"]
    return EXIT_STATUS["inconclusive"] if fail_on and verdict == "inconclusive" else 0


def _came_to(runs: Sequence[Runs], stands: PairsStanding | None, metrics: Sequence[OfMetric]) -> tuple[Outcome, str]:
    every = [run for one in runs for run in (*one.base, *one.head)]
    if broke := [run for run in every if run.result.verdict in BROKEN_DOWN]:
        run = min(broke, key=lambda run: PRECEDENCE.index(run.result.verdict))
        return run.result.verdict, f"Trial {run.trial}: {run.result.reason}"
    if stands is None:
        bad = [run for run in every if not run.counts]
        return (
            ("invalid", f"No pair of runs could be trusted: {bad[-1].result.reason}")
            if bad
            else ("inconclusive", "No pair was made.")
        )
    worse = [one for one in metrics if one.state == "worse"]
    if worse:
        return "fail", f"{'; '.join(f'{one.metric} is worse: {_change(one)}' for one in worse)}."
    if stands.verdict == "pass":
        better = ", ".join(one.metric for one in metrics if one.state == "better")
        return "pass", f"Nothing is worse{f', and better is {better}' if better else ''}, over {stands.n} pairs."
    unknown = ", ".join(one.metric for one in metrics if one.state == "unknown")
    return "inconclusive", f"Of {unknown or 'something'} nobody can tell yet, over {stands.n} pairs."


def _change(one: OfMetric) -> str:
    if one.change is None or one.base is None or one.head is None:
        return "by nobody knows how much"
    how = f"{one.change:.2f} times" if one.as_ratio else f"{one.change:+.3g}"
    return f"{plain(one.base)} became {plain(one.head)}, {how}"
