"""One run as a trial: what it came to, for each expectation by its text and for each metric by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf

from harness.interval import Interval
from harness.judging.metrics import metrics
from harness.judging.result import ON_THE_SERVICE, Finding, Measured, Outcome, Result
from harness.reading.expectation import Expectation, Verdict, parse


@dataclass(frozen=True, slots=True)
class Value:
    """A number of one run with its interval, in *unit*.

    None for what was not measured, and for an end that is open. *censored*: the true value lies beyond what was observed. *at_best*: the
    verdict of a run whose number alone is within its limit, where what stands beside it leaves no better one, as a relapse does.
    *least*: there is no lower value of what was measured.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    censored: bool = False
    at_best: Verdict = "pass"
    least: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether it was counted and not estimated."""
        return self.value is not None and self.low == self.value == self.high

    @property
    def open_above(self) -> bool:
        return self.high in (None, inf)

    @property
    def open_below(self) -> bool:
        return self.low in (None, -inf)


@dataclass(frozen=True, slots=True)
class Trial:
    """One run. *values* by the text of an expectation (``good_ratio >= 0.9 in fault``) and by what it limits (``good_ratio in fault``).

    *died*: how the service ended of what was broken; empty where it lived through it.
    """

    run_id: str
    seed: int
    verdict: Outcome
    values: Mapping[str, Value] = field(default_factory=dict)
    died: str = ""

    @property
    def counts(self) -> bool:
        return self.verdict in ON_THE_SERVICE


def trial(result: Result) -> Trial:
    """The trial that a run is: its findings, by their text and by what they limit, and its metrics with their parts, whole and by phase."""
    values = {**dict(_metrics(result)), **dict(_findings(result))}
    return Trial(result.run_id, result.seed, result.verdict, values, result.service_ended)


def limited(expectation: Expectation) -> str:
    """What *expectation* limits, in its own words without the limit: ``good_ratio{region=east} in fault``."""
    text = str(expectation)
    return " ".join(text.replace(f" {expectation.op} {expectation.bound}", "", 1).split())


def of_finding(finding: Finding, unit: str) -> Value:
    """What a run says of one expectation."""
    kept = _at_the_limit(finding) or _within(finding, parse(finding.expectation))
    return replace(_value(finding, unit), at_best=finding.verdict if kept else "pass")


def _findings(result: Result) -> Iterator[tuple[str, Value]]:
    for finding in result.findings:
        unit = _unit(result, finding.metric)
        found = replace(of_finding(finding, unit), least=_least(finding.metric, finding.labels))
        yield limited(parse(finding.expectation)), found
        yield finding.expectation, found


def _metrics(result: Result) -> Iterator[tuple[str, Value]]:
    for name, metric in result.metrics.items():
        whole = replace(_value(metric, metric.unit), least=_least(name))
        yield name, whole
        yield from ((f"{name}.{part}", _value(found, metric.unit)) for part, found in metric.parts.items())
        for phase, found in metric.by.phase.items():
            yield f"{name} in {phase}", replace(_value(found, metric.unit), least=whole.least)


def _at_the_limit(finding: Finding) -> bool:
    """Whether the number is the limit itself and the true one beyond it, as where answers did not come by their deadline."""
    return finding.censored and finding.low == finding.value == finding.limit


def _within(finding: Finding, expectation: Expectation) -> bool:
    """Whether the number alone is within its limit, with all of its interval."""
    if finding.value is None:
        return False
    low = -inf if finding.low is None else finding.low
    return expectation.judge(Interval(finding.value, low, inf if finding.high is None else finding.high)) == "pass"


def _least(metric: str, labels: Iterable[str] = ()) -> float:
    """The least value that there can be of what is asked for by *metric*, with its part behind a dot."""
    name, _, part = metric.partition(".")
    return metrics[name].range_of(part or None, labels)[0] if name in metrics else 0.0


def _unit(result: Result, metric: str) -> str:
    found = result.metrics.get(metric.partition(".")[0])
    return found.unit if found else ""


def _value(found: Finding | Measured, unit: str) -> Value:
    return Value(found.value, found.low, found.high, unit, found.censored)


def counted(trials: Iterable[Trial]) -> list[Trial]:
    """Those of *trials* that say something of the service."""
    return [one for one in trials if one.counts]
