"""What a search for a capacity came to, for people and for CI: one page with every rate that was tried, and a summary in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

from markupsafe import Markup

from harness.judging.capacity.capacity import Capacity, TriedRate
from harness.reading.quantities import plain, share
from harness.report import words
from harness.report.page import frame
from harness.report.plain_text import one_line
from harness.report.scales import Span
from harness.report.summary import escaped
from harness.report.svg import drawing, element, text
from harness.report.templating import render

_DOCUMENTS = ("capacity.json", "summary.md")
_STATES = {"kept up": "yes", "fell behind": "no", "unclear": "open", "untrusted": "invalid"}
_COLOURS = {"kept up": "pass", "fell behind": "fail", "unclear": "inconclusive", "untrusted": "invalid"}
_HEIGHT, _MIDDLE, _LABEL_Y = 64, 22.0, 54.0


def page(capacity: Capacity) -> str:
    """The page; the same search gives the same text, and it needs nothing beside itself but the reports that it leads to."""
    rows = sorted(enumerate(capacity.rates, start=1), key=lambda row: (row[1].per_s, row[0]))
    return str(
        render(
            "capacity.html", capacity=capacity, rows=rows, states=_STATES, facts=facts(capacity), picture=_picture(capacity),
            plain=plain, good=_good, later=_later, documents=_DOCUMENTS, **frame(),
        )
    )  # fmt: skip


def facts(capacity: Capacity) -> list[str]:
    """What a scenario should send, how sure the interval is, and what good means: a sentence each."""
    told = []
    if (rate := capacity.suggested_per_s) is not None:
        why = (
            f"what is left of {capacity.entries} entries can carry it when one is lost"
            if capacity.entries > 1
            else "half of it, so that what a fault does is not what the load does"
        )
        told.append(f"For a scenario: load.rate_per_s: {plain(rate)}, or less: {why}.")
    good = f"{share(capacity.ratio)} of answers come within {plain(capacity.within_s)} s"
    told.append(f"Kept up with means that {good}, and would after a minute at the same rate.")
    if capacity.low is not None and capacity.high is not None:
        told.append(
            "Both ends were seen twice."
            if capacity.sure
            else "Not both ends were seen twice, so one of them may be chance."
        )
    count = len(capacity.rates)
    told.append(
        f"{count} {'rate was' if count == 1 else 'rates were'} tried, each in a run of its own with nothing broken."
    )
    return told


def lines(capacity: Capacity) -> Iterator[str]:
    """What a terminal shows: a line for each rate, in the order of the rates."""
    for one in _by_rate(capacity):
        yield f"  {plain(one.per_s):>8}/s  {one.came_to:<11}  {one_line(one.why, 200)}"


def summary(capacity: Capacity) -> str:
    """Verdict, what a scenario should send, every rate, and how to search again, in Markdown."""
    head = [
        f"## {capacity.verdict.upper()}: the capacity of {escaped(capacity.target, 60)}",
        "",
        escaped(capacity.reason, 600),
        "",
    ]
    told = [f"- {escaped(said, 400)}" for said in facts(capacity)]
    table = [
        "",
        "| requests a second | came to | good answers | after a minute |",
        "|--:|:--|:--|:--|",
        *(
            f"| {plain(one.per_s)} | {one.came_to} | {escaped(_good(one))} | {escaped(_later(one))} |"
            for one in _by_rate(capacity)
        ),
    ]
    again = ["", "```sh", one_line(capacity.replay, 2000).replace("```", ""), "```"]
    return "\n".join([*head, *told, *table, *again]) + "\n"


def _by_rate(capacity: Capacity) -> list[TriedRate]:
    return sorted(capacity.rates, key=lambda one: one.per_s)


def _good(one: TriedRate) -> str:
    if one.good.value is None:
        return words.NOT_MEASURED
    return f"{words.quantity(one.good.value, 'ratio')} ({words.interval(one.good.low, one.good.high, 'ratio')})"


def _later(one: TriedRate) -> str:
    """Within how many seconds answers would come after a minute of it."""
    if one.later_s.value is None:
        return words.NOT_MEASURED
    return f"within {words.quantity(one.later_s.value, 's')} ({words.interval(one.later_s.low, one.later_s.high, 's')})"


def _picture(capacity: Capacity) -> Markup | None:
    """Each rate as a dot, on a scale of ratios, and the interval as a bar."""
    if not capacity.rates:
        return None
    rates = [one.per_s for one in capacity.rates]
    least, most = log(min(rates)), log(max(rates))
    span = Span(least - 0.1, most + 0.1)
    parts = [element("line", x1="0%", x2="100%", y1=_MIDDLE, y2=_MIDDLE, stroke="rule", stroke_width=1)]
    low, high = capacity.low, capacity.high
    if low is not None or high is not None:
        left = "0%" if low is None else span.x(log(low))
        right = "100%" if high is None else span.x(log(high))
        parts.append(element("line", x1=left, x2=right, y1=_MIDDLE, y2=_MIDDLE, stroke="offered", stroke_width=8))
    parts += [
        element("circle", cx=span.x(log(one.per_s)), cy=_MIDDLE, r=5, fill=_COLOURS[one.came_to], stroke="card")
        for one in capacity.rates
    ]
    for end in dict.fromkeys(end for end in (low, high) if end is not None):
        anchor = "end" if end == low and high is not None else "start" if end == high and low is not None else "middle"
        parts.append(text(span.x(log(end)), _LABEL_Y, f"{plain(end)}/s", fill="ink", text_anchor=anchor, font_size=12))
    about = "; ".join(f"{plain(one.per_s)} a second {one.came_to}" for one in _by_rate(capacity))
    return drawing(_HEIGHT, parts, title="Every rate that was tried", about=about, key="capacity")
