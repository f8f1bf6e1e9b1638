"""The charts that share the run's clock, in the order in which trouble is felt: users first, then providers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.result import Finding, Result
from harness.reading.quantities import share
from harness.report import words
from harness.report.charts import Chart, Field, swatch
from harness.report.series import Timeline, Values

_A_REQUEST = "attempts per request"


@dataclass(frozen=True, slots=True)
class Key:
    """What a line or an area stands for; *said* are its values by bin, in words, and *column* is their heading."""

    name: str
    swatch: Markup
    column: str = ""
    said: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One chart with its heading; *note* is said under it."""

    key: str
    title: str
    unit: str
    picture: Markup | None
    keys: tuple[Key, ...] = ()
    note: str = ""


def lanes(result: Result, evidence: Evidence, timeline: Timeline, field: Field) -> list[Lane]:
    """The charts of a run in which at least one request was due, or an attempt seen."""
    found = [_goodput(timeline, field, result), _latency(timeline, field, evidence, result)] if timeline.asks else []
    if timeline.sees_attempts and timeline.joins:
        found += [_load(timeline, field, result), _amplification(timeline, field, result)]
    elif timeline.sees_attempts:
        found += [_tried(timeline, field, result), _tries_ms(timeline, field, result)]
    return found


def broken_first(result: Result, found: Sequence[Lane]) -> list[Lane]:
    """*found* with the charts that a broken expectation is read from before the others; each kind in its order."""
    broken = {telling(finding.metric).chart for finding in result.findings if finding.verdict == "fail"}
    return sorted(found, key=lambda lane: lane.key not in broken)


def beside(field: Field, timeline: Timeline, *names: str) -> list[Values]:
    """The *names* of *timeline*, and of what it is drawn beside: both have one scale."""
    return [getattr(one, name) for one in (timeline, field.other) if one is not None for name in names]


def _goodput(timeline: Timeline, field: Field, result: Result) -> Lane:
    chart, at_s = Chart.of(field, beside(field, timeline, "offered", "good")), timeline.bins.middles_s
    lines = [
        chart.between(at_s, timeline.offered, timeline.good, fill="lost", fill_opacity=0.12),
        chart.under(at_s, timeline.good, fill="good", fill_opacity=0.13),
        chart.line(at_s, timeline.offered, stroke="offered", stroke_width=1.3, stroke_dasharray="5 4"),
        chart.line(at_s, timeline.good, stroke="good"),
    ]
    healthy = _healthy(timeline)
    if timeline.healthy:
        top = max((value for value in timeline.offered if value is not None), default=1.0)
        level = tuple(1.03 * top if value == 1 else None for value in timeline.healthy)
        lines.append(chart.line(at_s, level, stroke="pass", stroke_width=3.5, stroke_linecap="butt"))
    keys = (
        Key("good", swatch("solid", "good"), "good per second", [words.per_s(value) for value in timeline.good]),
        Key(
            "offered",
            swatch("dashed", "offered"),
            "offered per second",
            [words.per_s(value) for value in timeline.offered],
        ),
        Key("offered, not good", swatch("area", "lost")),
        *healthy,
    )
    title, about = "Good answers", _means(result, timeline, timeline.good, "good answers per second")
    picture = chart.picture(lines, title=title, about=about, key="goodput", named=words.number)
    return Lane("goodput", title, "per second, by when the request was due", picture, keys)


def _healthy(timeline: Timeline) -> tuple[Key, ...]:
    """What stands for the health URL, where there is one."""
    if not timeline.healthy:
        return ()
    said = [words.NOT_MEASURED if value is None else share(value) for value in timeline.healthy]
    return (Key("health URL says healthy", swatch("solid", "pass"), "looks that said healthy", said),)


def _latency(timeline: Timeline, field: Field, evidence: Evidence, result: Result) -> Lane:
    within_s = evidence.plan.scenario.good.within
    slowest = beside(field, timeline, "p99_ms")
    highest = max((value for values in slowest for value in values if value is not None), default=0.0)
    close = 1000 * within_s <= 1.6 * highest
    chart, at_s = Chart.of(field, [*slowest, (1000 * within_s,) if close else ()]), timeline.bins.middles_s
    lines = [
        chart.between(at_s, timeline.p95_ms, timeline.p50_ms, fill="latency", fill_opacity=0.15),
        chart.line(at_s, timeline.p99_ms, stroke="latency", stroke_width=1, stroke_dasharray="2 2"),
        chart.line(at_s, timeline.p95_ms, stroke="latency", stroke_width=1.3),
        chart.line(at_s, timeline.p50_ms, stroke="latency", stroke_width=2.2),
    ]
    upon = (
        [chart.rule(1000 * within_s, 0.0, field.clock.end_s, f"good within {words.seconds(within_s)} s")]
        if close
        else []
    )
    keys = (
        Key("p50", swatch("solid", "latency"), "p50", [_ms(value) for value in timeline.p50_ms]),
        Key("p95", swatch("area", "latency"), "p95", [_ms(value) for value in timeline.p95_ms]),
        Key("p99", swatch("dotted", "latency"), "p99", [_ms(value) for value in timeline.p99_ms]),
    )
    title, about = (
        "Latency of complete answers",
        _means(result, timeline, timeline.p95_ms, "ms for the slowest 5 of 100"),
    )
    picture = chart.picture(lines, upon, title=title, about=about, key="latency", named=_ms_tick)
    gap = any(offered and p50 is None for offered, p50 in zip(timeline.offered, timeline.p50_ms, strict=True))
    note = "Where the line is missing, not one answer was complete." if gap else ""
    return Lane(
        "latency", title, f"from when the request was due; good within {words.seconds(within_s)} s", picture, keys, note
    )


def _load(timeline: Timeline, field: Field, result: Result) -> Lane:
    chart = Chart.of(field, beside(field, timeline, "offered", "attempts", "arrivals"))
    at_s = timeline.bins.middles_s
    # Without retries the two run side by side, and a tint between them would only flicker.
    both = zip(timeline.attempts, timeline.offered, strict=True)
    beyond = tuple(tried if tried and tried > 1.25 * (asked or 0) else None for tried, asked in both)
    lines = [
        chart.between(at_s, beyond, timeline.offered, fill="attempts", fill_opacity=0.12),
        chart.line(at_s, timeline.offered, stroke="offered", stroke_width=1.3, stroke_dasharray="5 4"),
        chart.line(at_s, timeline.attempts, stroke="attempts"),
        chart.line(at_s, timeline.arrivals, stroke="arrivals", stroke_width=1.8, stroke_dasharray="0.5 3.5"),
    ]
    keys = (
        Key(
            "tried",
            swatch("solid", "attempts"),
            "tried per second",
            [words.per_s(value) for value in timeline.attempts],
        ),
        Key(
            "arrived",
            swatch("dotted", "arrivals"),
            "arrived per second",
            [words.per_s(value) for value in timeline.arrivals],
        ),
        Key("client requests", swatch("dashed", "offered")),
    )
    title, about = "Attempts at the providers", _means(result, timeline, timeline.attempts, "attempts per second")
    picture = chart.picture(lines, title=title, about=about, key="load", named=words.number)
    return Lane("load", title, "per second, by when it happened", picture, keys)


def _tried(timeline: Timeline, field: Field, result: Result) -> Lane:
    """Attempts of a service of whose requests nobody knows: how many there were, and how many of them were answered."""
    chart, at_s = Chart.of(field, beside(field, timeline, "attempts", "answered", "arrivals")), timeline.bins.middles_s
    lines = [
        chart.between(at_s, timeline.attempts, timeline.answered, fill="lost", fill_opacity=0.12),
        chart.under(at_s, timeline.answered, fill="good", fill_opacity=0.13),
        chart.line(at_s, timeline.attempts, stroke="attempts"),
        chart.line(at_s, timeline.arrivals, stroke="arrivals", stroke_width=1.8, stroke_dasharray="0.5 3.5"),
        chart.line(at_s, timeline.answered, stroke="good"),
    ]
    drawn = (
        ("tried", swatch("solid", "attempts"), timeline.attempts),
        ("arrived", swatch("dotted", "arrivals"), timeline.arrivals),
        ("answered", swatch("solid", "good"), timeline.answered),
    )
    keys = tuple(Key(name, look, f"{name} per second", [words.per_s(one) for one in of]) for name, look, of in drawn)
    title = "Attempts at the providers"
    about = _means(result, timeline, timeline.answered, "answered attempts per second")
    picture = chart.picture(lines, title=title, about=about, key="load", named=words.number)
    return Lane("load", title, "per second, by when they began, whoever they were for", picture, keys)


def _tries_ms(timeline: Timeline, field: Field, result: Result) -> Lane:
    p50, p95 = timeline.tries_ms
    others = field.other.tries_ms if field.other else ()
    chart, at_s = Chart.of(field, [p95, *others]), timeline.bins.middles_s
    lines = [
        chart.between(at_s, p95, p50, fill="latency", fill_opacity=0.15),
        chart.line(at_s, p95, stroke="latency", stroke_width=1.3),
        chart.line(at_s, p50, stroke="latency", stroke_width=2.2),
    ]
    drawn = (("p50", swatch("solid", "latency"), p50), ("p95", swatch("area", "latency"), p95))
    keys = tuple(Key(name, look, f"{name} of attempts", [_ms(one) for one in of]) for name, look, of in drawn)
    title, about = "Latency of answered attempts", _means(result, timeline, p95, "ms for the slowest 5 of 100")
    picture = chart.picture(lines, title=title, about=about, key="attempt-latency", named=_ms_tick)
    return Lane("attempt_latency", title, "from the beginning of an attempt to the end of its answer", picture, keys)


def _amplification(timeline: Timeline, field: Field, result: Result) -> Lane:
    windows = [(window, window.value) for window in timeline.amplification if window.value is not None]
    expected = [finding for finding in result.findings if telling(finding.metric).chart == "amplification"]
    limits = [(finding.limit, span) for finding in expected if (span := _span(result, finding))]
    others = field.other.amplification if field.other else ()
    values = [
        tuple(value for _, value in windows),
        (1.0,),
        tuple(limit for limit, _ in limits),
        tuple(one.value for one in others),
    ]
    chart = Chart.of(field, values, height=100)
    lines = [chart.step(window.start_s, window.end_s, value, 1.0, "attempts") for window, value in windows]
    peak = max(windows, key=lambda pair: pair[1], default=None)
    upon = []
    for limit, (start_s, end_s) in limits:
        # The highest stretch is named too; where that is at the start, the limit is named at its end.
        early = peak is not None and peak[0].start_s + peak[0].end_s < start_s + end_s
        upon.append(chart.rule(limit, start_s, min(end_s, field.until_s), f"limit {limit:g}", named_at_end=early))
    if peak is not None and peak[1] > 1.2:
        upon.append(chart.label((peak[0].start_s + peak[0].end_s) / 2, peak[1], f"{peak[1]:.2f} {words.TIMES}"))
    about = "; ".join(f"{window.start_s:g} to {window.end_s:g} s: {value:.2f}" for window, value in windows)
    said = [words.quantity(value, _A_REQUEST) for value in timeline.amplification_at()]
    hidden = any(window.value is None and window.n for window in timeline.amplification)
    note = "Where nothing is drawn, a fault hid the attempts: amplification was not measured there." if hidden else ""
    title = "Retry amplification"
    picture = chart.picture(lines, upon, title=title, about=f"{_A_REQUEST}: {about}", key="amplification", named=_times)
    keys = (Key(_A_REQUEST, swatch("area", "attempts"), _A_REQUEST, said),)
    return Lane("amplification", title, "by when the request was due", picture, keys, note)


def _span(result: Result, finding: Finding) -> tuple[float, float] | None:
    """From when to when *finding* was to hold; all phases but the warm-up where it names none."""
    phases = [
        phase
        for phase in result.phases
        if finding.phase in (None, phase.name) and (finding.phase or phase.name != "warmup")
    ]
    return (phases[0].start_s, phases[-1].end_s) if phases else None


def _means(result: Result, timeline: Timeline, values: Values, unit: str) -> str:
    """Mean of *values* by phase, for those who cannot see the line."""
    told = []
    known = [(at_s, v) for at_s, v in zip(timeline.bins.middles_s.tolist(), values, strict=True) if v is not None]
    for phase in result.phases:
        inside = [v for at_s, v in known if phase.start_s <= at_s < phase.end_s]
        told.append(
            f"{words.phase(phase.name)} {words.number(round(sum(inside) / len(inside), 1)) if inside else 'none'}"
        )
    return f"{unit}, on average: {', '.join(told)}"


def _ms(value: float | None) -> str:
    return "–" if value is None else words.quantity(value, "ms")


def _ms_tick(value: float) -> str:
    return f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"


def _times(value: float) -> str:
    return f"{value:g} {words.TIMES}"
