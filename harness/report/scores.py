"""The scores that a reader looks for first, each with its interval, its limit and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import getdoc

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics, telling
from harness.judging.metrics.telling import Telling
from harness.judging.result import Finding, Metric, Result
from harness.reading.scenario import AROUND
from harness.report import words
from harness.report.findings import worst_first
from harness.report.gauge import gauge
from harness.report.plain_text import one_line
from harness.report.templating import render

_FIRST = ("fail", "inconclusive")


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
    """The cards of a run: what was broken, then what is open, and the rest in the order in which metrics are registered."""
    order = {name: place for place, name in enumerate(metrics)}
    named = sorted(result.metrics.items(), key=lambda pair: order.get(pair[0], len(order)))
    found = [score for name, metric in named if (score := _score(result, name, metric))]
    first = _FIRST if result.verdict in words.TRUSTED else ()
    return sorted(found, key=lambda score: first.index(score.verdict) if score.verdict in first else len(first))


def _score(result: Result, name: str, metric: Metric) -> Score | None:
    findings = worst_first([f for f in result.findings if f.metric.partition(".")[0] == name])
    if findings:
        return _expected(result, name, findings[0])
    told = telling(name)
    if told.card == "not zero" and not metric.value:
        return None
    if result.quality.watched:
        # What nobody could know has no card, and what is known of links stands in its place.
        if metric.value is None or (told.card == "expected" and metrics[name].needs != "attempts"):
            return None
    elif told.card == "expected":
        return None
    phase = _worst_phase(result, told, metric) if told.shown_in_fault else None
    found = metric.by.phase[phase] if phase else metric
    interval = words.interval(found.low, found.high, metric.unit) if found.value is not None else ""
    said = about(name, words.in_phase(phase), _includes(name, metric), _without(result, name))
    return Score(words.title(name), words.measured(found, metric.unit), interval, said, "", None)


def _includes(name: str, metric: Metric) -> str:
    return telling(name).includes({part: found.value for part, found in metric.parts.items()})


def _worst_phase(result: Result, told: Telling, metric: Metric) -> str | None:
    """Of the phases in which something may be broken, the one in which *metric* was worst."""
    between = [phase.name for phase in result.phases if phase.name not in AROUND and phase.name in metric.by.phase]
    values = {name: value for name in between if (value := metric.by.phase[name].value) is not None}
    if not values:
        return next(iter(between), None)
    worst = min if told.better == "higher" else max
    return worst(values, key=lambda name: values[name])


def _expected(result: Result, name: str, finding: Finding) -> Score:
    picture = gauge(result, finding, f"score-{name.replace('_', '-')}")
    value, interval = words.value_of(result, finding), words.interval_of(result, finding)
    told = about(
        finding.metric,
        words.in_phase(finding.phase),
        words.where_else(finding),
        _includes(name, result.metrics[name]) if name in result.metrics else "",
        _without(result, name),
    )
    return Score(words.title(finding.metric), value, interval, told, finding.verdict, picture)


def _without(result: Result, name: str) -> str:
    """What a time of a fault has to do without; empty where a fault was there, and ended where the time is counted from its end."""
    if name not in metrics or not metrics[name].windowed or result.quality.watched:
        return ""
    if not result.faults:
        return "in a run in which nothing was broken"
    ended = any(fault.reverted_at_s is not None for fault in result.faults)
    return "" if ended or telling(name).counted_from == "start" else "and no fault had ended"


def about(metric: str, *where: str) -> str:
    """What the value on the card of a *metric*, or of one of its parts behind a dot, is."""
    name, _, part = metric.partition(".")
    documented = (getdoc(metrics[name]) or "").partition("\n")[0].replace("*", "") if name in metrics else ""
    told = telling(name)
    said = told.part_about.get(part) or told.about or documented[:1].lower() + documented[1:].rstrip(".")
    return one_line(", ".join(part for part in (said, *where) if part), 200)
