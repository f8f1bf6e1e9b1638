"""What trials came to, for people and for CI: one page, a summary in Markdown, and JUnit XML with a case for each expectation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from markupsafe import Markup

from harness.judging.gate import Gate, GateCell, OfTrials
from harness.judging.trials.trial import limited
from harness.reading.expectation import parse
from harness.report import words
from harness.report.page import frame
from harness.report.plain_text import one_line
from harness.report.scales import Span
from harness.report.summary import code, escaped
from harness.report.svg import drawing, element, text
from harness.report.templating import render

REPORT = "report.html"
_BECAUSE = {
    "red": "it was clear that something is broken",
    "green": "it was clear that all holds",
    "no use": "the trials that were left would most likely not have told either",
}
_HEIGHT = 24
_MIDDLE = 12.0
LABELLED, LABEL_Y = 40, 36.0
"""How high a picture with a line of text below it is, and where that stands."""
_DOCUMENTS = ("gate.json", "junit.xml", "summary.md")


@dataclass(frozen=True, slots=True)
class Row:
    """An expectation in words, with its trials drawn against its limit."""

    of: OfTrials
    title: str
    value: str
    interval: str
    trials: str
    detectable: str
    picture: Markup | None


def page(gate: Gate) -> str:
    """The page; the same gate gives the same text, and it needs nothing beside itself but the reports that it leads to."""
    cells = [
        (cell, [_row(one, f"cell-{number}-{place}") for place, one in enumerate(cell.expectations)])
        for number, cell in enumerate(gate.cells)
    ]
    return str(
        render("gate.html", gate=gate, cells=cells, facts=facts(gate), report=REPORT, documents=_DOCUMENTS, **frame())
    )


def facts(gate: Gate) -> list[str]:
    """How much was tried, how sure that is, and why it ended: a sentence each."""
    runs = sum(len(cell.runs) for cell in gate.cells)
    counts, planned = (sum(getattr(cell, of) for cell in gate.cells) for of in ("counted", "planned"))
    told = [
        f"{counts} of {plural(planned, 'trial')} count; {plural(runs, 'run')} {'was' if runs == 1 else 'were'} made."
    ]
    told += [f"Of gates at their limits at most {words.share(gate.error_rate)} are red, all expectations together."]
    again = sum(run.again > 0 for cell in gate.cells for run in cell.runs)
    told += [f"{plural(again, 'run')} made again, since the one before could not be trusted."] if again else []
    looked = {(one.counted, one.planned) for cell in gate.cells for one in cell.looked}
    told += [
        f"{plural(n, 'trial')} had been looked at when {most} were to be made; that has spent its part."
        for n, most in sorted(looked)
    ]
    told += _least(gate)
    early = sum(cell.because in _BECAUSE and cell.counted < cell.planned for cell in gate.cells)
    which = "It" if len(gate.cells) == 1 else f"{early} of {len(gate.cells)}"
    told += [f"{which} ended early: {_why(gate)}."] if early else []
    told += [f"Not equal{_where(gate, cell)}: {one}." for cell in gate.cells for one in cell.unequal]
    return told + ([f"It ended before its time: {gate.ended}."] if gate.ended else [])


def _where(gate: Gate, cell: GateCell) -> str:
    return f" of {one_line(cell.situation, 60)} on {one_line(cell.system, 60)}" if len(gate.cells) > 1 else ""


def _least(gate: Gate) -> list[str]:
    """After how many trials there could be a verdict at all."""
    tried = [cell for cell in gate.cells if cell.planned > 1 and cell.expectations]
    if not tried:
        return []
    red = min((cell.least_red for cell in tried if cell.least_red is not None), default=None)
    greens = [cell.least_green for cell in tried]
    green = None if None in greens else max(one for one in greens if one is not None)
    return [
        f"It can be {word} from {plural(least, 'trial')} on."
        if least
        else f"So few trials can never be {word}; make more."
        for word, least in (("red", red), ("green", green))
    ]


def _why(gate: Gate) -> str:
    found = {cell.because for cell in gate.cells if cell.counted < cell.planned}
    return " and ".join(text for because, text in _BECAUSE.items() if because in found)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def said(one: OfTrials) -> str:
    """One expectation over its trials, in a line: the value, where it lies, over how many, and what would have been seen."""
    row = _row(one, "")
    told = (row.value, row.interval and f"interval {row.interval}", f"over {row.trials}", row.detectable)
    return ", ".join(part for part in told if part)


def lines(gate: Gate) -> Iterator[str]:
    """What a terminal shows: a line for each expectation of each cell."""
    for cell in gate.cells:
        yield f"{one_line(cell.situation, 60)} on {one_line(cell.system, 60)}: {cell.verdict}"
        for one in cell.expectations:
            yield f"  {one.verdict:<12} {one_line(one.expectation, 160)}: {said(one)}"
        if not cell.expectations:
            yield f"  {one_line(cell.reason, 300)}"
        yield from (f"  not equal: {one_line(one, 300)}" for one in cell.unequal)


def summary(gate: Gate) -> str:
    """Verdict, each expectation over its trials, each run, and how to make it again, in Markdown."""
    return "\n".join([*_head(gate), *_tables(gate), *_again(gate)]) + "\n"


def _row(one: OfTrials, key: str) -> Row:
    lies = words.interval(one.low, one.high, one.unit) if one.value is not None else ""
    return Row(
        of=one,
        title=words.title(one.metric),
        value=words.quantity(one.value, one.unit),
        interval=lies,
        trials=plural(one.n, "trial"),
        detectable=_detectable(one),
        picture=_picture(one, key) if key else None,
    )


def _detectable(one: OfTrials) -> str:
    """What would have been seen four times of five, had it been so."""
    found = one.detectable
    if found.runs is not None:
        return f"what happens in {words.share(found.runs)} of runs would have been seen"
    if found.value is None:
        return ""
    beyond = "or more" if "<" in one.expectation else "or less"
    return f"{words.quantity(found.value, one.unit)} {beyond} would have been seen 4 times of 5"


def _picture(one: OfTrials, key: str) -> Markup | None:
    """Each trial as a dot, the interval as a bar, and the limit as a line."""
    seen = [value for value in one.values if value is not None]
    if not seen:
        return None
    known = [*seen, one.limit, *(end for end in (one.low, one.high) if end is not None)]
    least, most = min(known), max(known)
    room = 0.08 * (most - least) or max(abs(most), 1.0) * 0.1
    span = Span(least - room, most + room)
    low = span.low if one.low is None else one.low
    high = span.high if one.high is None else one.high
    bar = element("line", x1=span.x(low), x2=span.x(high), y1=_MIDDLE, y2=_MIDDLE, stroke="offered", stroke_width=6)
    limit = element(
        "line", x1=span.x(one.limit), x2=span.x(one.limit), y1=2, y2=_HEIGHT - 2, stroke="ink", stroke_width=2
    )
    dots = [element("circle", cx=span.x(value), cy=_MIDDLE, r=4, fill="ink", stroke="card") for value in seen]
    said = text(
        span.x(one.limit),
        LABEL_Y,
        f"limit {words.quantity(one.limit, one.unit)}",
        fill="soft",
        text_anchor=span.anchor(one.limit),
        font_size=11,
    )
    about = f"{', '.join(words.quantity(value, one.unit) for value in seen)}; the limit is {words.quantity(one.limit, one.unit)}"
    return drawing(
        LABELLED,
        [_accepted(one, span), bar, limit, *dots, said],
        title=f"{words.title(one.metric)}, each trial",
        about=about,
        key=key,
    )


def _accepted(one: OfTrials, span: Span) -> Markup:
    """The side of the limit on which values are to be."""
    limit = span.percent(one.limit)
    left, right = (span.margin, limit) if "<" in one.expectation else (limit, 100 - span.margin)
    x, width = f"{left:.2f}%", f"{max(0.6, right - left):.2f}%"
    return element("rect", x=x, width=width, y=_MIDDLE - 7, height=14, fill="accepted", rx=2)


def _head(gate: Gate) -> Iterator[str]:
    yield f"## {gate.verdict.upper()}: {escaped(gate.name, 60)}"
    yield ""
    yield escaped(gate.reason, 600)
    yield ""
    yield from (f"- {escaped(said, 400)}" for said in facts(gate))
    yield ""


def _tables(gate: Gate) -> Iterator[str]:
    for cell in gate.cells:
        if len(gate.cells) > 1:
            yield f"### {escaped(cell.situation, 60)} on {escaped(cell.system, 60)}: {cell.verdict}"
            yield ""
        yield from _table(cell)
        runs = ", ".join(f"{run.trial}{' again' if run.again else ''}: {run.verdict}" for run in cell.runs)
        yield f"Trials: {runs or 'none'}"
        yield ""


def _table(cell: GateCell) -> Iterator[str]:
    if not cell.expectations:
        yield escaped(cell.reason, 600)
        yield ""
        return
    yield "| expectation | over the trials | interval | n | verdict |"
    yield "|:--|--:|:--|--:|:--|"
    for row in (_row(one, "") for one in cell.expectations):
        verdict = row.of.verdict if row.of.verdict == "pass" else f"**{row.of.verdict}**"
        yield f"| {code(row.of.expectation)} | {escaped(row.value)} | {escaped(row.interval or '–')} | {row.of.n} | {verdict} |"
    yield ""
    yield from (f"- {escaped(said(one), 400)}" for one in cell.expectations if one.verdict != "pass")
    if any(one.verdict != "pass" for one in cell.expectations):
        yield ""


def _again(gate: Gate) -> Iterator[str]:
    yield "```sh"
    yield one_line(gate.replay, 2000).replace("```", "")
    yield "```"


def junit(gate: Gate) -> str:
    """One suite for each cell, one case for each expectation; what is broken is a failure, what is not known an error.

    A cell without a verdict on the service is one case, an error: an invalid measurement is never a failure. Who collects results knows a
    case by what is limited, as that of a single run, and not by how far.
    """
    suites = Element("testsuites", name=one_line(gate.name, 60))
    for cell in gate.cells:
        suite = SubElement(suites, "testsuite", name=f"{one_line(cell.situation, 60)} on {one_line(cell.system, 60)}")
        properties = SubElement(suite, "properties")
        told = {"gate": gate.name, "verdict": cell.verdict, "replay": gate.replay, "report": REPORT}
        for key, value in told.items():
            SubElement(properties, "property", name=key, value=one_line(value, 2000))
        _cases(suite, cell, gate.fail_on)
        count_cases(suite, cell.took_s)
    if gate.cut_short:
        suite = SubElement(suites, "testsuite", name="the next run")
        case = SubElement(suite, "testcase", classname=one_line(gate.name, 60), name="the next run", time="0.000")
        _trouble(case, gate.cut_short.verdict, gate.cut_short.reason, gate.fail_on)
        count_cases(suite)
    count_cases(suites, sum(cell.took_s for cell in gate.cells))
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _cases(suite: Element, cell: GateCell, fail_on: Sequence[str]) -> None:
    trusted = cell.verdict in words.TRUSTED
    for one, name in zip(cell.expectations, _names(cell.expectations), strict=True):
        case = _case(suite, cell, name)
        verdict = one.verdict if trusted else cell.verdict
        _trouble(
            case, verdict, said(one) if trusted else f"not counted, as the trials are {verdict}: {said(one)}", fail_on
        )
    if not trusted or (cell.verdict != "pass" and not suite.findall("testcase/*")):
        _trouble(_case(suite, cell, "the trials themselves"), cell.verdict, cell.reason, fail_on)


def _case(suite: Element, cell: GateCell, name: str) -> Element:
    classname = f"{one_line(cell.situation, 60)}.{one_line(cell.system, 60)}"
    file = one_line(cell.file, 1000)
    return SubElement(suite, "testcase", classname=classname, name=name, time=f"{cell.took_s:.3f}", file=file)


def _names(expectations: Sequence[OfTrials]) -> Iterator[str]:
    """What is limited, with the operator where one thing is limited twice."""
    parsed = [parse(one.expectation) for one in expectations]
    subjects = [limited(one) for one in parsed]
    for one, subject in zip(parsed, subjects, strict=True):
        yield one_line(subject if subjects.count(subject) == 1 else f"{subject} ({one.op})", 200)


def _trouble(case: Element, verdict: str, message: str, fail_on: Sequence[str]) -> None:
    if verdict != "pass":
        text = one_line(message, 1000)
        SubElement(case, "failure" if verdict in fail_on else "error", type=verdict, message=text).text = text


def count_cases(suite: Element, took_s: float = 0.0) -> None:
    """How many cases there are below *suite*, what came of them, and how long that took is written on it."""
    every = list(suite.iter("testcase"))
    suite.attrib |= {
        "tests": str(len(every)),
        "failures": str(len([case for case in every if case.find("failure") is not None])),
        "errors": str(len([case for case in every if case.find("error") is not None])),
        "time": f"{took_s:.3f}",
    }
