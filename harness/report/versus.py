"""What two things came to beside one another: one page, a summary in Markdown, JUnit XML with a case for each number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from markupsafe import Markup

from harness.judging.trials.compared import State
from harness.judging.versus import Comparison, OfMetric
from harness.report import words
from harness.report.gate import LABEL_Y, LABELLED, REPORT, count_cases, plural
from harness.report.page import frame
from harness.report.plain_text import one_line
from harness.report.scales import Span
from harness.report.summary import code, escaped
from harness.report.svg import drawing, element, text
from harness.report.templating import render

TONES: dict[State, str] = {"better": "pass", "same": "pass", "worse": "fail", "unknown": "inconclusive"}
"""Which verdict's colour and shape a state has."""
_HEIGHT, _MIDDLE = 24, 12.0
_DOCUMENTS = ("comparison.json", "junit.xml", "summary.md")


@dataclass(frozen=True, slots=True)
class Row:
    """One number of both in words, with the change drawn against the margin."""

    of: OfMetric
    title: str
    base: str
    head: str
    change: str
    interval: str
    margin: str
    detectable: str
    picture: Markup | None


def page(said: Comparison) -> str:
    """The page; the same comparison gives the same text, and it needs nothing beside itself but the reports that it leads to."""
    rows = [_row(one, f"change-{number}") for number, one in enumerate(said.metrics)]
    return str(
        render(
            "versus.html",
            said=said,
            rows=rows,
            facts=facts(said),
            tones=TONES,
            report=REPORT,
            documents=_DOCUMENTS,
            **frame(),
        )
    )


def facts(said: Comparison) -> list[str]:
    """How much was tried, how sure that is, and what speaks against it: a sentence each."""
    told = [f"{said.counted} of {plural(said.planned, 'pair')} count; both runs of a pair have one seed."]
    told += [
        f"A number is worse where it is shown to be so by more than a factor of {said.margin:g}; of comparisons of equals at most "
        f"{words.share(said.error_rate)} say so, all numbers together."
    ]
    told += [
        f"{plural(one.counted, 'pair')} had been looked at when {one.planned} were to be made; that has spent its part."
        for one in said.looked
    ]
    told += [f"Not equal: {one}." for one in said.unequal]
    return told + ([f"It ended before its time: {said.ended}."] if said.ended else [])


def lines(said: Comparison) -> Iterator[str]:
    """What a terminal shows: a line for each number."""
    for row in (_row(one, "") for one in said.metrics):
        yield f"  {row.of.state:<8} {one_line(row.of.metric, 120)}: {_in_a_line(row)}"
        if row.of.state in ("unknown", "same") and row.detectable:
            yield f"           {row.detectable}"
    yield from (f"  not equal: {one_line(one, 300)}" for one in said.unequal)


def said_of(one: OfMetric) -> str:
    """One number of both on one line: ``12.1 s -> 14.5 s, 1.20 × (1.15 to 1.25 ×), margin 1.20 ×, 5 pairs``."""
    return _in_a_line(_row(one, ""))


def _in_a_line(row: Row) -> str:
    lies = f" ({row.interval})" if row.interval else ""
    return f"{row.base} -> {row.head}, {row.change}{lies}, margin {row.margin}, {plural(row.of.n, 'pair')}"


def summary(said: Comparison) -> str:
    """Verdict, each number of both, and how to make it again, in Markdown."""
    return "\n".join(_summary(said)) + "\n"


def _summary(said: Comparison) -> Iterator[str]:
    yield f"## {said.verdict.upper()}: {escaped(said.head.name, 60)} beside {escaped(said.base.name, 60)} in {escaped(said.scenario, 60)}"
    yield from ("", escaped(said.reason, 600), "")
    yield from (f"- {escaped(told, 400)}" for told in facts(said))
    yield ""
    if said.metrics:
        yield "| number | base | head | change | interval | margin | n | |"
        yield "|:--|--:|--:|--:|:--|--:|--:|:--|"
    for row in (_row(one, "") for one in said.metrics):
        state = f"**{row.of.state}**" if row.of.state == "worse" else row.of.state
        cells = [code(row.of.metric), *map(escaped, (row.base, row.head, row.change, row.interval or "–", row.margin))]
        yield f"| {' | '.join(cells)} | {row.of.n} | {state} |"
    yield from ("", "```sh", one_line(said.replay, 2000).replace("```", ""), "```")


def _row(one: OfMetric, key: str) -> Row:
    return Row(
        of=one,
        title=words.title(one.metric.split("{")[0].split(" ")[0]),
        base=words.quantity(one.base, one.unit),
        head=words.quantity(one.head, one.unit),
        change=_change(one.change, one),
        interval=_interval(one),
        margin=_change(one.margin, one),
        detectable=f"{_change(one.detectable, one)} would have been seen 4 times of 5"
        if one.detectable is not None
        else "",
        picture=_picture(one, key) if key else None,
    )


def _change(value: float | None, one: OfMetric) -> str:
    if value is None:
        return words.NOT_MEASURED
    return (
        f"{value:.2f} {words.TIMES}"
        if one.as_ratio
        else f"{'+' if value >= 0 else '-'}{words.quantity(abs(value), one.unit)}"
    )


def _interval(one: OfMetric) -> str:
    if one.change is None or (one.low is None and one.high is None):
        return ""
    if one.low is None:
        return f"at most {_change(one.high, one)}"
    return (
        f"at least {_change(one.low, one)}"
        if one.high is None
        else f"{_change(one.low, one)} to {_change(one.high, one)}"
    )


def _picture(one: OfMetric, key: str) -> Markup | None:
    """The change as a dot with its interval, no change as a thin line, and the margin as a thick one."""
    if one.change is None:
        return None
    none = 1.0 if one.as_ratio else 0.0
    known = [value for value in (none, one.change, one.low, one.high, one.margin) if value is not None]
    room = 0.1 * (max(known) - min(known)) or 0.1
    span = Span(min(known) - room, max(known) + room)
    parts = [
        element(
            "line",
            x1=span.x(span.low if one.low is None else one.low),
            x2=span.x(span.high if one.high is None else one.high),
            y1=_MIDDLE,
            y2=_MIDDLE,
            stroke="offered",
            stroke_width=6,
        ),
        element("line", x1=span.x(none), x2=span.x(none), y1=4, y2=_HEIGHT - 4, stroke="axis", stroke_width=1),
    ]
    if one.margin is not None:
        at = span.x(one.margin)
        parts.append(element("line", x1=at, x2=at, y1=2, y2=_HEIGHT - 2, stroke="ink", stroke_width=2))
        said = f"worse from {_change(one.margin, one)} on"
        parts.append(text(at, LABEL_Y, said, fill="soft", text_anchor=span.anchor(one.margin), font_size=11))
    parts.append(element("circle", cx=span.x(one.change), cy=_MIDDLE, r=4, fill="ink", stroke="card"))
    about = f"{_change(one.change, one)}, {_interval(one)}; the margin is {_change(one.margin, one)}"
    return drawing(LABELLED, parts, title=f"Change of {one_line(one.metric, 80)}", about=about, key=key)


def junit(said: Comparison) -> str:
    """One suite, one case for each number. What is to fail on is a failure, and what else is worse or not known an error if anything is."""
    name = f"{one_line(said.head.name, 60)} beside {one_line(said.base.name, 60)} in {one_line(said.scenario, 60)}"
    suites = Element("testsuites", name="harness")
    suite = SubElement(suites, "testsuite", name=name)
    properties = SubElement(suite, "properties")
    for key, value in (("verdict", said.verdict), ("reason", said.reason), ("replay", said.replay), ("report", REPORT)):
        SubElement(properties, "property", name=key, value=one_line(value, 2000))
    classname = f"{one_line(said.scenario, 60)}.{one_line(said.head.name, 60)}"
    where = {"time": f"{said.took_s:.3f}", "file": one_line(said.file, 1000)}
    for row in (_row(one, "") for one in said.metrics):
        case = SubElement(suite, "testcase", {"classname": classname, "name": one_line(row.of.metric, 200), **where})
        if row.of.state in said.fail_on:
            _say(case, "failure", row.of.state, _in_a_line(row))
        elif row.of.state in ("worse", "unknown") and said.fail_on:
            _say(case, "error", row.of.state, _in_a_line(row))
        else:
            SubElement(case, "system-out").text = f"{row.of.state}: {one_line(_in_a_line(row), 1000)}"
    if said.verdict not in words.TRUSTED or not said.metrics:
        case = SubElement(suite, "testcase", {"classname": classname, "name": "the pairs themselves", **where})
        _say(case, "error", said.verdict, said.reason)
    for one in (suite, suites):
        count_cases(one, said.took_s)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _say(case: Element, name: str, kind: str, message: str) -> None:
    text = one_line(message, 1000)
    SubElement(case, name, type=kind, message=text).text = text
