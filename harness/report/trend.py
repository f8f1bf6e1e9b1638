"""What many runs say over time: a page with a line for each scenario and target and what is covered, and the same for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from urllib.parse import quote

from markupsafe import Markup

from harness.judging.metrics import telling
from harness.judging.result import Measured
from harness.judging.scoring.change_points import Change
from harness.judging.trend import Covered, Line, Number, Trend, day, newest_finding
from harness.record.past import Past, PastFinding
from harness.report import words
from harness.report.page import frame
from harness.report.plain_text import one_line
from harness.report.svg import Point, area, element, number, path
from harness.report.templating import render

_WIDE, _HIGH, _EDGE = 240.0, 44.0, 5.0
_POINTS_MOST = 120
_STRIP_MOST = 40
_WORST_FIRST = ("fail", "crashed", "invalid", "aborted", "interrupted", "inconclusive", "pass")
_STATES = {"broken": "fail", "stale": "inconclusive", "never": "fail", "held": "pass"}


@dataclass(frozen=True, slots=True)
class Told:
    """A number of a line in words and as a picture; *changed* says when it went to another level, the newest change last."""

    title: str
    about: str
    now: str
    interval: str
    limit: str
    verdict: str
    picture: Markup
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A scenario on a target: its newest run, the verdicts up to it, and its numbers."""

    line: Line
    when: str
    commit: str
    strip: Markup
    numbers: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """What is covered of one target: a row a link, a column a kind of fault; *bare* are links that nothing was shown to hold on."""

    target: str
    kinds: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Covered | None, ...]], ...]
    bare: frozenset[str]


def page(trend: Trend) -> str:
    """The page; it needs nothing beside itself but the reports that it leads to, by paths relative to the folder of the runs."""
    keys = count()
    return str(
        render(
            "trend.html",
            trend=trend,
            rows=[row(line, keys) for line in by_trouble(trend)],
            tables=tables(trend),
            tone=_STATES,
            day=day,
            commit=commit,
            link=link,
            headline=headline(trend),
            **frame(),
        )
    )


def headline(trend: Trend) -> str:
    """``3 of 12 scenarios fail now; 2 numbers changed.``"""
    failing = sum(line.latest.verdict == "fail" for line in trend.lines)
    changed = sum(bool(n.changed) for line in trend.lines for n in line.numbers)
    cells = {state: sum(cell.state == state for cell in trend.coverage) for state in ("held", "stale", "broken")}
    told = [f"{failing or 'None'} of {len(trend.lines)} scenarios on targets fail{'s' if failing == 1 else ''} now"]
    told += [f"{changed} number{'s' if changed != 1 else ''} changed level"] if changed else []
    told += (
        [f"{cells['held']} of {len(trend.coverage)} dependencies under a fault are shown to hold"]
        if trend.coverage
        else []
    )
    told += [f"{cells['stale']} not for {trend.stale}"] if cells["stale"] else []
    return f"{'; '.join(told)}."


def by_trouble(trend: Trend) -> list[Line]:
    """Lines whose newest run is worst first; of those, what changed last."""
    return sorted(
        trend.lines,
        key=lambda line: (
            _WORST_FIRST.index(line.latest.verdict) if line.latest.verdict in _WORST_FIRST else 0,
            not any(n.changed for n in line.numbers),
            line.scenario,
            line.target,
        ),
    )


def row(line: Line, keys: Iterator[int]) -> Row:
    told = tuple(_told(line, found, next(keys)) for found in line.numbers)
    return Row(line, day(line.latest), commit(line.latest), _strip(line, next(keys)), told)


def commit(past: Past | None) -> str:
    """``1f2e3d4c5b`` or ``1f2e3d4c5b with changes``; empty where none is known."""
    if past is None or not past.commit:
        return ""
    bare = past.commit.removesuffix("-dirty")
    return f"{one_line(bare[:10], 10)}{' with changes' if bare != past.commit else ''}"


def link(past: Past) -> str:
    """Where the report of a run is, seen from the page; only a path below it can be one."""
    return f"./{quote(past.folder)}/report.html"


def tables(trend: Trend) -> list[Table]:
    found = []
    for target in sorted({cell.target for cell in trend.coverage} | {target for target, _ in trend.bare}):
        cells = {(cell.link, cell.kind): cell for cell in trend.coverage if cell.target == target}
        bare = frozenset(name for of, name in trend.bare if of == target)
        kinds = tuple(sorted({kind for _, kind in cells}))
        links = sorted({name for name, _ in cells} | bare)
        found.append(
            Table(
                target, kinds, tuple((name, tuple(cells.get((name, kind)) for kind in kinds)) for name in links), bare
            )
        )
    return found


def text(trend: Trend) -> list[str]:
    """The same for a terminal: a line a scenario and target, what changed under it, and what is not covered."""
    lines = [headline(trend), ""]
    named = [f"{one_line(line.scenario, 40)} on {one_line(line.target, 40)}" for line in by_trouble(trend)]
    width = max(map(len, named), default=0)
    for name, line in zip(named, by_trouble(trend), strict=True):
        runs = f"{len(line.runs)} run{'s' if len(line.runs) != 1 else ''}"
        lines.append(
            f"{name:<{width}}  {line.latest.verdict:<12}  {day(line.latest)}  {runs}  {commit(line.latest)}".rstrip()
        )
        lines += [f"  {_title(found)}: {said}" for found in line.numbers for said in _changes(line, found)]
    lines += [""] if trend.coverage or trend.bare else []
    for cell in trend.coverage:
        if cell.state != "held":
            held = f"last held {day(cell.held)} {commit(cell.held)}".rstrip() if cell.held else "never shown to hold"
            lines.append(
                f"{cell.state}: {one_line(cell.link, 40)} of {one_line(cell.target, 40)} under {one_line(cell.kind, 40)}: {held}"
            )
    lines += [f"uncovered: {one_line(name, 40)} of {one_line(target, 40)}" for target, name in trend.bare]
    return lines


def _title(found: Number) -> str:
    """``Good answers in the fault``"""
    about = _about(newest_finding(found))
    return f"{words.title(found.metric)}{f' {about}' if about else ''}"


def _told(line: Line, found: Number, key: int) -> Told:
    newest = newest_finding(found)
    return Told(
        title=words.title(found.metric),
        about=_about(newest),
        now=words.measured(_measured(newest), found.unit),
        interval=words.interval(newest.low, newest.high, found.unit),
        limit=one_line(newest.expectation, 120),
        verdict=newest.verdict,
        picture=_spark(line, found, f"spark-{key}"),
        changed=tuple(_changes(line, found)),
    )


def _about(finding: PastFinding) -> str:
    labels = ", ".join(f"{one_line(name, 20)} {one_line(value, 40)}" for name, value in finding.labels.items())
    rest = [f"{word} {name}" for word, name in (("among", finding.among), ("after", finding.after)) if name]
    told = [words.in_phase(finding.phase), labels, *rest]
    return one_line(", ".join(part for part in told if part), 120)


def _measured(finding: PastFinding) -> Measured:
    return Measured(value=finding.value, low=finding.low, high=finding.high, censored=finding.censored, n=0)


def _changes(line: Line, found: Number) -> Iterator[str]:
    """``from 1.2 s to 4.6 s (worse) with the run of 2026-11-26, commit 1f2e3d4c5b``"""
    better = telling(found.metric.partition(".")[0]).better or _wanted(newest_finding(found))
    for change in found.changed:
        past = line.runs[found.points[change.at].run]
        went = "worse" if (change.after > change.before) == (better == "lower") else "better"
        made = f", commit {commit(past)}" if past.commit else ""
        before, after = (words.quantity(value, found.unit) for value in (change.before, change.after))
        yield f"from {before} to {after} ({went}) with the run of {day(past)}{made}"


def _wanted(finding: PastFinding) -> str:
    return "higher" if ">" in finding.expectation else "lower"


def _spark(line: Line, found: Number, key: str) -> Markup:
    """The values, oldest left, with their intervals as a band, the limit dashed, and a mark where the level changed."""
    cut = max(0, len(found.points) - _POINTS_MOST)
    shown = found.points[cut:]
    ends = [_ends(point.finding) for point in shown]
    limit = newest_finding(found).limit
    reach = [value for pair in ends for value in pair] + [limit]
    low, high = min(reach), max(reach)
    span = (high - low) or abs(high) or 1.0

    def place(index: int, value: float) -> Point:
        x = _EDGE + (_WIDE - 2 * _EDGE) * (index / max(1, len(shown) - 1) if len(shown) > 1 else 0.5)
        return x, _EDGE + (_HIGH - 2 * _EDGE) * (1 - (value - low) / span)

    dots = [place(index, point.finding.value or 0.0) for index, point in enumerate(shown)]
    tops = [place(index, pair[1]) for index, pair in enumerate(ends)]
    floors = [place(index, pair[0]) for index, pair in enumerate(ends)]
    y = place(0, limit)[1]
    parts = [
        area([[*tops, *reversed(floors)]] if len(shown) > 1 else [], fill="good", fill_opacity=0.18),
        element("line", x1=0, x2=_WIDE, y1=y, y2=y, stroke="ink", stroke_width=1, stroke_dasharray="4 3"),
        *_marks(found.changed, cut, place),
        path([dots], stroke="good", stroke_width=1.6),
        element("circle", cx=number(dots[-1][0]), cy=number(dots[-1][1]), r=3, fill="ink"),
    ]
    return _small(parts, f"{_title(found)} over {len(line.runs)} runs", key, _WIDE, _HIGH)


def _marks(changed: Sequence[Change], cut: int, place: Callable[[int, float], Point]) -> Iterator[Markup]:
    for change in changed:
        if change.at >= cut:
            x = place(change.at - cut, 0.0)[0]
            yield element("line", x1=number(x), x2=number(x), y1=0, y2=_HIGH, stroke="fail", stroke_width=2)


def _ends(finding: PastFinding) -> tuple[float, float]:
    value = finding.value or 0.0
    low = value if finding.low is None else finding.low
    return min(value, low), max(value, value if finding.high is None else finding.high)


def _strip(line: Line, key: int) -> Markup:
    """A square a run, by its verdict; low ones are those that say nothing of the service."""
    shown = line.runs[-_STRIP_MOST:]
    paints = {"pass": "pass", "fail": "fail", "inconclusive": "inconclusive"}
    parts = [
        element(
            "rect",
            element("title", f"{past.verdict}, {day(past)} {commit(past)}".rstrip()),
            x=7 * place,
            width=5,
            y={"pass": 6, "fail": 0}.get(past.verdict, 9),
            height={"pass": 10, "fail": 16}.get(past.verdict, 4),
            fill=paints.get(past.verdict, "stopped"),
        )
        for place, past in enumerate(shown)
    ]
    return _small(parts, f"verdicts of the last {len(shown)} runs", f"strip-{key}", max(7.0 * len(shown), 7.0), 16)


def _small(parts: Sequence[Markup], named: str, key: str, wide: float, high: float) -> Markup:
    head = element("title", named, id=key)
    return element(
        "svg",
        head,
        *parts,
        class_="small",
        width=number(wide),
        height=number(high),
        role="img",
        aria_labelledby=key,
        overflow="visible",
    )
