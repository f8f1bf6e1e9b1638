"""Requests that were followed, as lines for a terminal of 80 columns: a single one whole, with a bar for each try; and tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from harness.judging.trace import Attempt, Followed, Traced
from harness.report import words
from harness.report.followed import (
    arrival_bar,
    attempt_bar,
    between,
    client_bars,
    facts,
    in_force,
    notes,
    of_attempt,
    summary,
)
from harness.report.plain_text import one_line, visible
from harness.report.waterfall import Bar

if TYPE_CHECKING:
    import pandas as pd

_WIDTH, _NAME, _DRAWN = 80, 24, 20
_ANSWER_CHARS = 4_000
_HARMFUL = ("=", "+", "-", "@", "\t", "\r")
_SAID_ELSEWHERE = {"Nonce", "Due in", "Faults", "Between", "Answer"}
_WAITING, _ANSWERING, _ON = "░", "█", "▶"


def trace_lines(traced: Traced) -> list[str]:
    """The requests that were asked for, a line each; a single one is told whole. Empty: there is none."""
    if len(traced.requests) == 1:
        return list(_whole(traced.requests[0]))
    told = [_line(found) for found in traced.requests]
    more = traced.matching - len(told)
    return (
        [*told, f"{words.count(more)} more; a longer word finds fewer, and --worst the worst of them"]
        if more > 0
        else told
    )


def table_csv(table: pd.DataFrame) -> Iterator[str]:
    """*table* as lines of CSV (RFC 4180); what a spreadsheet would take for a formula stands behind an apostrophe."""
    yield _csv(table.columns)
    for row in table.itertuples(index=False, name=None):
        yield _csv(row)


def _csv(cells: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return written.getvalue()


def _cell(value: Any) -> object:
    from pandas import isna

    if isna(value):
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_HARMFUL) else value


def _line(found: Followed) -> str:
    asked = found.asked
    what = f"{one_line(asked.entry, 20)}, {one_line(asked.question, 30)}"
    return f"{one_line(found.nonce, 40)}  {summary(found)}; {what}; {words.counted(len(found.attempts), 'attempt')}"


def _whole(found: Followed) -> Iterator[str]:
    due = f"due at {words.instant(found.due_s)}" + (f" in the {words.phase(found.phase)}" if found.phase else "")
    yield f"{one_line(found.nonce, 40)}: request {found.index}, {due}"
    yield ""
    for name, said in facts(found):
        if name not in _SAID_ELSEWHERE:
            yield from _wrapped(f"{name}: ", said)
    for number, said in enumerate(in_force(found)):
        yield from _wrapped("        " if number else "Faults: ", said)
    yield ""
    yield from _drawn(found)
    for note in notes(found):
        yield from _wrapped("", note)
    if found.answer.text:
        yield ""
        yield "Answer:"
        yield from visible(found.answer.text, _ANSWER_CHARS).splitlines()


def _drawn(found: Followed) -> Iterator[str]:
    """The client's bars, then each try with what is known of it and what lay between, in the order of time."""
    span_ms = max(1.0, found.last_ms)
    yield f"{'milliseconds since due':<{_NAME}} 0{words.quantity(span_ms, 'ms').removesuffix(' ms'):>{_DRAWN - 1}}"
    for bar in client_bars(found):
        yield _bar(bar, span_ms)
    rungs = [(gap.start_ms, 0, _wrapped("  · ", between(gap))) for gap in found.gaps]
    rungs += [(one.start_ms, 1, _try(one, span_ms)) for one in found.attempts]
    rungs += [(one.start_ms, 2, [_bar(arrival_bar(one, None), span_ms)]) for one in found.arrivals]
    yield from (line for *_, lines in sorted(rungs, key=lambda rung: rung[:2]) for line in lines)


def _try(one: Attempt, span_ms: float) -> list[str]:
    return [_bar(attempt_bar(one), span_ms), *_wrapped("    ", "; ".join(of_attempt(one)))]


def _bar(bar: Bar, span_ms: float) -> str:
    """``try 1 at provider-east    ░░░░░░███            200 · 300 ms``; at most 80 wide where its words are no longer."""

    def column(at_ms: float) -> int:
        return min(_DRAWN - 1, max(0, int(_DRAWN * at_ms / span_ms)))

    start, last = column(bar.start_ms), _DRAWN - 1 if bar.end_ms is None else column(bar.end_ms)
    first = last + 1 if bar.first_ms is None else column(bar.first_ms)
    cells = [" "] * start + [_ANSWERING if cell >= first else _WAITING for cell in range(start, last + 1)]
    if bar.end_ms is None:
        cells[-1] = _ON
    took = f" · {bar.took.removeprefix('after ')}" if bar.took else ""
    return f"{one_line(bar.name, _NAME):<{_NAME}} {''.join(cells):<{_DRAWN}} {bar.came_to}{took}".rstrip()


def _wrapped(begins: str, said: str) -> list[str]:
    indent = " " * len(begins) if begins.isspace() or begins.startswith("  ·") else "  "
    return wrap(
        said, _WIDTH, initial_indent=begins, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
