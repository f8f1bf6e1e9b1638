"""How close the run came to the curve of an incident that its scenario names: both drawn over one another, and where they part most."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.fidelity import logged, run_curve
from harness.judging.result import Fidelity, FidelityEdge, Result
from harness.judging.scoring.fidelity import Curve
from harness.report import words
from harness.report.charts import Chart, Field, swatch
from harness.report.lanes import Key, Lane
from harness.report.plain_text import one_line
from harness.report.series import Floats, Values, timeline
from harness.report.templating import render
from harness.report.timeline import field_of

Named = Callable[[float], str]
_WIDTHS_S = (1, 2, 5)
_ENOUGH = 20.0


@dataclass(frozen=True, slots=True)
class Row:
    """A bin of the table behind the charts: when it begins, and its values in words."""

    start: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts, and the table behind them."""

    lanes: list[Lane]
    axis: Markup
    columns: list[str]
    rows: list[Row]


def section(result: Result, evidence: Evidence | None) -> Markup:
    """The section; nothing of a run whose scenario names no curve."""
    found = result.fidelity
    if found is None:
        return Markup()
    drawn = _drawn(result, evidence) if evidence is not None and evidence.plan.logged is not None else None
    return render(
        "beside_recorded.html",
        line=one_line(found.said, 400),
        trusted=result.verdict in words.TRUSTED,
        of=_of(found),
        numbers=list(_numbers(found)),
        edges=[_edge(edge) for edge in found.edges],
        apart=[one_line(said, 300) for said in found.apart_most],
        beside=list(_beside(found)),
        drawn=drawn,
    )


def _of(found: Fidelity) -> str:
    if found.of == "calls":
        return (
            "The log had no requests of clients, so the curve is of calls that a service made, and this run's attempts at its dependencies "
            "are held against it. That shows whether the same was broken, and nothing of what clients got of it."
        )
    return "The curve is of what clients asked and got, and this run's requests are held against it, whole answers being no failures."


def _numbers(found: Fidelity) -> Iterator[tuple[str, str, str]]:
    """What each number is, what was recorded, and what it is in the run."""
    if found.failed_logged is not None and found.failed_run is not None:
        yield "failed", words.share(found.failed_logged), words.share(found.failed_run)
    for name, times in (("rate", found.rate_ratio), ("median latency", found.latency_ratio)):
        if times is not None:
            yield f"{name}, times that recorded", "–", f"{times:.2f} {words.TIMES}"


def _edge(edge: FidelityEdge) -> tuple[str, str, str, str]:
    """A phase, when its begin is seen in either, and how much later in the run."""
    then, now = ("not seen" if at_s is None else f"{at_s:g} s" for at_s in (edge.logged_s, edge.run_s))
    return words.phase(edge.phase), then, now, "–" if edge.shift_s is None else f"{edge.shift_s:g} s"


def _beside(found: Fidelity) -> Iterator[str]:
    """What is left out, and why."""
    # The last second is seldom a whole one.
    if (unknown := found.seconds.get("not_recorded", 0)) > 1:
        yield f"{unknown} s of the run are not in the curve (made up, or not logged), and are left out."
    if unrun := found.seconds.get("not_run"):
        yield f"{unrun} s of the curve were not run, and are left out."
    if few := found.while_broken.open + found.while_well.open:
        yield f"In {few} {'bin' if few == 1 else 'bins'} too little came to say anything, which counts as apart at worst."


def _drawn(result: Result, evidence: Evidence) -> Drawn | None:
    made = timeline(evidence)
    if made is None:
        return None
    field = replace(field_of(result, evidence, made), prefix="recorded-")
    curves = logged(evidence.plan), run_curve(evidence)
    width = max(_drawn_s(curves[0]), round(made.bins.width_s))
    sides = [_binned(curve, width) for curve in curves]
    middles: Floats = (np.arange(sides[0].n, dtype=np.float64) + 0.5) * width
    lanes = [
        _lane(result, field, middles, "rate", "Rate", "per second", [one.per_s for one in sides], words.number),
        _lane(result, field, middles, "failed", "Failures", "share", [one.failed for one in sides], words.share),
        _lane(result, field, middles, "took", "Median latency", "of answers", [one.p50_ms for one in sides], _ms),
    ]
    columns = [f"{lane.title.lower()}, {key.name}" for lane in lanes for key in lane.keys]
    said = zip(*(key.said for lane in lanes for key in lane.keys), strict=True)
    rows = [Row(f"{place * width} s", values) for place, values in enumerate(said)]
    return Drawn(lanes, field.axis(), columns, rows)


def _drawn_s(curve: Curve) -> int:
    """How long a bin is drawn: a second, or a few where so little came in one that its share of failures would only flicker."""
    typical = float(np.median(curve.per_s[curve.known])) if curve.known.any() else 0.0
    return next((width for width in _WIDTHS_S if typical * width >= _ENOUGH), _WIDTHS_S[-1])


@dataclass(frozen=True, slots=True)
class _Side:
    per_s: Values
    failed: Values
    p50_ms: Values

    @property
    def n(self) -> int:
        return len(self.per_s)


def _binned(curve: Curve, width: int) -> _Side:
    """*curve* in bins of *width* seconds; None where nothing is known, or nothing was answered."""
    bins = -(-curve.known.size // width)
    place = np.arange(curve.known.size) // width

    def summed(values: Floats) -> list[float]:
        return [float(one) for one in np.bincount(place, np.where(curve.known, np.nan_to_num(values), 0.0), bins)]

    known, per_s, came, failed = (
        summed(one) for one in (curve.known.astype(np.float64), curve.per_s, curve.came, curve.failed)
    )
    answered = np.where(np.isfinite(curve.p50_ms), curve.came - curve.failed, 0.0)
    weight = summed(answered)
    total = summed(answered * np.log(np.where(answered > 0, curve.p50_ms, 1.0)))
    return _Side(
        tuple(there / span if span else None for there, span in zip(per_s, known, strict=True)),
        tuple(bad / there if there else None for bad, there in zip(failed, came, strict=True)),
        tuple(float(np.exp(log / there)) if there else None for log, there in zip(total, weight, strict=True)),
    )


def _lane(
    result: Result,
    field: Field,
    at_s: Floats,
    key: str,
    title: str,
    unit: str,
    sides: Sequence[Values],
    named: Named,
) -> Lane:
    """Both curves over one another: what was recorded dashed, the run as a line."""
    chart, (then, now) = Chart.of(field, sides), sides
    lines = [
        chart.line(at_s, then, stroke="offered", stroke_width=2, stroke_dasharray="5 4"),
        chart.line(at_s, now, stroke="good"),
    ]
    keys = tuple(
        Key(name, swatch(kind, paint), said=["–" if value is None else named(value) for value in values])
        for name, kind, paint, values in (("recorded", "dashed", "offered", then), ("this run", "solid", "good", now))
    )
    about = "; ".join(
        f"{words.phase(phase.name)} recorded {_mean(at_s, then, phase.start_s, phase.end_s, named)}, "
        f"this run {_mean(at_s, now, phase.start_s, phase.end_s, named)}"
        for phase in result.phases
    )
    picture = chart.picture(lines, title=f"{title}, recorded and in this run", about=about, key=key, named=named)
    return Lane(f"recorded-{key}", title, unit, picture, keys)


def _mean(at_s: Floats, values: Values, start_s: float, end_s: float, named: Named) -> str:
    inside = [v for at, v in zip(at_s.tolist(), values, strict=True) if v is not None and start_s <= at < end_s]
    return named(sum(inside) / len(inside)) if inside else "nothing"


def _ms(value: float) -> str:
    return words.quantity(value, "ms") if value < 1000 else f"{words.seconds(value / 1000)} s"
