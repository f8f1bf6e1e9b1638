"""Requests of a stored run that fit a word, as lines for a terminal; a single one from end to end, with each attempt on one line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.whereabouts import came_to
from harness.report import words
from harness.report.plain_text import one_line, visible
from harness.report.traces import Trace, trace_of
from harness.report.waterfall import Bar

if TYPE_CHECKING:
    import pandas as pd

MOST = 50
_ANSWER_CHARS = 4_000
_HARMFUL = ("=", "+", "-", "@", "\t", "\r")


def request_lines(result: Result, evidence: Evidence, asked: str) -> list[str]:
    """The requests with *asked* for id, place, question or entry, or that came to it; a single one is told whole. Empty: there is none."""
    found = matching(evidence, asked)
    if len(found) == 1:
        return list(_whole(evidence, trace_of(result, evidence, int(found[0])), int(found[0])))
    shown = found[:MOST]
    lines = [_line(evidence, int(place)) for place in shown]
    more = len(found) - len(shown)
    return [*lines, f"{words.count(more)} more; a longer word finds fewer"] if more else lines


def matching(evidence: Evidence, asked: str) -> np.ndarray[Any, Any]:
    """Places of the requests that *asked* names: first by id or place alone, and where there is none by what else it can be."""
    rows, wanted = evidence.requests, asked.strip().casefold()
    own = (rows["nonce"].str.casefold() == wanted) | (rows["index"].astype(str) == wanted)
    if own.any():
        return np.flatnonzero(own.to_numpy())
    fits = rows["nonce"].str.casefold().str.startswith(wanted) if wanted else own
    for column in ("question", "entry", "conversation"):
        fits |= rows[column].str.casefold() == wanted
    good = evidence.column("requests", "good").astype(np.bool_)
    became = np.array([""] * len(rows), dtype=object)
    became[~good] = came_to(evidence, ~good).to_numpy()
    became[good] = "good"
    asking = [name for name, text in evidence.questions.items() if wanted and wanted in text.casefold()]
    return np.flatnonzero((fits | (became == wanted) | rows["question"].isin(asking)).to_numpy())


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


def _line(evidence: Evidence, place: int) -> str:
    row = evidence.requests.iloc[place]
    good = bool(row["good"])
    mask = np.zeros(len(evidence.requests), dtype=np.bool_)
    mask[place] = True
    became = "good" if good else came_to(evidence, mask)[0]
    end_s = row["end_s"]
    took = f" after {words.quantity(1000 * (float(end_s) - float(row['due_s'])), 'ms')}" if end_s == end_s else ""
    tries = int(row["attempts"])
    return (
        f"{one_line(row['nonce'], 40)}  due at {words.instant(float(row['due_s']))} in the {words.phase(row['phase'])}, "
        f"{one_line(row['entry'], 40)}, {one_line(row['question'], 60)}: {became}{took}, {tries} attempt{'s' if tries != 1 else ''}"
    )


def _whole(evidence: Evidence, trace: Trace, place: int) -> Iterator[str]:
    row = evidence.requests.iloc[place]
    yield _line(evidence, place)
    yield ""
    for name, said in trace.facts:
        if said:
            yield f"{name}: {said}"
    yield ""
    for tried in trace.bars:
        yield _bar(tried)
    yield from trace.notes
    if row["answer"]:
        yield ""
        yield "Answer:"
        yield from visible(str(row["answer"]), _ANSWER_CHARS).splitlines()


def _bar(tried: Bar) -> str:
    """``try 1 at provider-east · first try: from 12 ms, given up by the service after 1,013 ms``"""
    began = words.quantity(tried.start_ms, "ms")
    passed = (
        f", passed on at {words.quantity(tried.mark_ms, 'ms')}"
        if tried.seen_at == "edge" and tried.mark_ms is not None
        else ""
    )
    return f"{tried.name} {tried.more}: from {began}{passed}, {tried.came_to} {tried.took}".replace(" :", ":").rstrip()
