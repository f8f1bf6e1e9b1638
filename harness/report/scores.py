"""The scores that a reader looks for first, each with its interval, its limit and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Finding, Metric, Result
from harness.report import words
from harness.report.gauge import gauge
from harness.report.templating import render

_SHOWN = (
    "recovery_time_s",
    "failover_time_s",
    "relapses",
    "good_ratio",
    "retry_amplification",
    "answer_consistency",
    "monotonic_violations",
    "leaks",
)
_ONLY_WHERE_MEASURED = ("failover_time_s", "relapses", "monotonic_violations", "leaks")
_IN_FAULT = ("good_ratio", "retry_amplification")
_WORST_FIRST = ("fail", "inconclusive", "pass")
_ABOUT = {
    "recovery_time_s": "from the end of the fault until answers were good again and stayed so",
    "failover_time_s": "from the start of the fault until answers were good while it lasted",
    "relapses": "times that answers went bad again after they had recovered",
    "good_ratio": "of requests got a complete answer in time",
    "retry_amplification": "attempts at providers for each request",
    "answer_consistency": "of answers said what they should have said",
    "monotonic_violations": "answers older than what their conversation already knew",
    "leaks": "answers that were another user's",
}


@dataclass(frozen=True, slots=True)
class Score:
    """One card; *verdict* is empty where nothing was expected."""

    title: str
    value: str
    interval: str
    about: str
    verdict: str
    picture: Markup | None


def section(result: Result, _evidence: Evidence | None) -> Markup:
    """The cards; in a run that cannot be trusted they say nothing of a verdict."""
    return render("scores.html", scores=scores(result), trusted=result.verdict in words.TRUSTED)


def scores(result: Result) -> list[Score]:
    """The cards of a run, of metrics that exist there."""
    return [
        score for name in _SHOWN if (metric := result.metrics.get(name)) and (score := _score(result, name, metric))
    ]


def _score(result: Result, name: str, metric: Metric) -> Score | None:
    findings = sorted(
        (f for f in result.findings if f.metric == name), key=lambda finding: _WORST_FIRST.index(finding.verdict)
    )
    if findings:
        return _expected(result, name, findings[0])
    if name in _ONLY_WHERE_MEASURED and not metric.value:
        return None
    phase = "fault" if name in _IN_FAULT and "fault" in metric.by.phase else None
    found = metric.by.phase[phase] if phase else metric
    interval = words.interval(found.low, found.high, metric.unit) if found.value is not None else ""
    return Score(words.title(name), words.measured(found, metric.unit), interval, _about(name, phase), "", None)


def _expected(result: Result, name: str, finding: Finding) -> Score:
    picture = gauge(result, finding, f"score-{name.replace('_', '-')}")
    value, interval = words.value_of(result, finding), words.interval_of(result, finding)
    return Score(words.title(name), value, interval, _about(name, finding.phase), finding.verdict, picture)


def _about(name: str, phase: str | None) -> str:
    where = f", in the {words.phase(phase)}" if phase else ""
    return f"{_ABOUT[name]}{where}"
