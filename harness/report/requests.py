"""Every request that fits on the page, to be searched by id, question, entry or what became of it, each with its attempts."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.whereabouts import came_to
from harness.report import words
from harness.report.followed import came_of_attempt, layer_of
from harness.report.plain_text import one_line
from harness.report.templating import render

GOOD = "good"
_LEAST_BYTES, _MOST_BYTES, _BYTES_EACH = 90_000, 205_000, 40
"""A block has room for so much; for more where more was asked, so that the page of a default run stays small."""
_TRIAL = 400
_OF_BAD = 0.75
_TRIES_MOST = 40
_LISTED = 25
_NUMBERS = ("due_s", "end_s", "first_token_s", "snapshot_version")
_OF_REQUESTS = ("nonce", "detail", *_NUMBERS)
_OF_ATTEMPTS = ("link", "start_s", "end_s", "status", "outcome", "layer")


@dataclass(frozen=True, slots=True)
class Listed:
    """One request that got no good answer, in a line for readers without scripts."""

    nonce: str
    due: str
    entry: str
    question: str
    came_to: str
    took: str
    tries: str


def section(_result: Result, evidence: Evidence | None) -> Markup:
    """The search with what it searches; nothing where no request was due."""
    if evidence is None or not len(evidence.request_table):
        return Markup("")
    bad = np.flatnonzero(~evidence.column("requests", "good").astype(np.bool_))
    block, held = packed(evidence)
    listed = list(_listed(evidence, spread(bad, _LISTED)))
    n, failed = len(evidence.request_table), len(bad)
    return render("requests.html", block=block, held=held, n=n, failed=failed, listed=listed)


def packed(evidence: Evidence) -> tuple[str, int]:
    """Requests with their attempts as base64 of gzip of JSON, and how many there are in it: all, or what fits.

    Where not all fit, up to three in four of them are such that got no good answer, and both kinds are spread over the run.
    """
    good = evidence.column("requests", "good").astype(np.bool_)
    room = min(_MOST_BYTES, max(_LEAST_BYTES, _BYTES_EACH * len(good)))
    trial = spread(np.arange(len(good)), _TRIAL)
    each = len(_block(evidence, trial)) / len(trial)
    many = min(len(good), int(room / each))
    while True:
        rows = chosen(good, many)
        block = _block(evidence, rows)
        if len(block) <= room or many <= 1:
            return block, len(rows)
        many = int(0.9 * many * min(1.0, room / len(block)))


def chosen(good: np.ndarray[Any, Any], many: int) -> np.ndarray[Any, Any]:
    """*many* places, or all, in their order."""
    if many >= len(good):
        return np.arange(len(good))
    failed, well = np.flatnonzero(~good), np.flatnonzero(good)
    of_bad = min(len(failed), max(int(_OF_BAD * many), many - len(well)))
    return np.sort(np.concatenate([spread(failed, of_bad), spread(well, many - of_bad)]))


def spread(places: np.ndarray[Any, Any], many: int) -> np.ndarray[Any, Any]:
    """*many* of *places*, as far apart as can be; all where there are no more."""
    if len(places) <= many:
        return places
    far: np.ndarray[Any, Any] = places[np.linspace(0, len(places) - 1, max(1, many)).round().astype(int)]
    return far


class _Table:
    """Texts by number, so that one that comes often is written once."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        return self.numbers.setdefault(text, len(self.numbers))

    def lines(self, texts: Iterable[str], most: int, said: Callable[[str], str] = str) -> list[int]:
        """The number of each of *texts* in the words in which it is *said*, on one line of about *most* characters."""
        known: dict[str, int] = {}
        return [
            known[text] if text in known else known.setdefault(text, self.number(one_line(said(text), most)))
            for text in texts
        ]


def _block(evidence: Evidence, places: np.ndarray[Any, Any]) -> str:
    names, read = _Table(), evidence.request_table.columns(_OF_REQUESTS, places)
    due_s, end_s, token_s, version = (np.array(read[name], np.float64) for name in _NUMBERS)
    phase, entry, question = (
        evidence.words("requests", name)[places].tolist() for name in ("phase", "entry", "question")
    )
    told = zip(
        [one_line(nonce, 40) for nonce in read["nonce"]],
        _ms(due_s, 0.0),
        names.lines((words.phase(name) if name else "–" for name in phase), 40),
        names.lines(entry, 40),
        names.lines(question, 60),
        names.lines(_became(evidence, places), 60),
        _ms(end_s, due_s),
        _ms(token_s, due_s),
        _whole(version),
        names.lines(read["detail"], 120),
        _tries(evidence, places, names),
        strict=True,
    )
    # Of a hundred thousand questions a page shows few.
    shown = sorted(set(question))
    asked = {
        one_line(name, 60): one_line(evidence.questions[name], 100) for name in shown if name in evidence.questions
    }
    rows = list(told)
    document = {
        "names": list(names.numbers),
        "questions": {name: asked.get(name, "") for name in names.numbers if name in asked},
        "rows": rows,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode()


def _tries(evidence: Evidence, places: np.ndarray[Any, Any], names: _Table) -> list[list[tuple[int | None, ...]]]:
    """Of each request its attempts: link, begin and time in ms since it was due, what became of it, and by whom."""
    shown, table = np.zeros(len(evidence.request_table) + 1, np.bool_), evidence.attempt_table
    shown[places] = True
    rows = evidence.request_rows()
    mine = np.flatnonzero(shown[rows])
    mine = mine[np.argsort(rows[mine], kind="stable")]
    of, read = rows[mine], table.columns(_OF_ATTEMPTS, mine)
    begun_s, end_s = (np.array(read[name], np.float64) for name in ("start_s", "end_s"))
    came = [*zip(read["status"], read["outcome"], strict=True)]
    said = {one: names.number(came_of_attempt(*one)) for one in dict.fromkeys(came)}
    each: list[tuple[int | None, ...]] = [
        *zip(
            names.lines(read["link"], 40),
            _ms(begun_s, evidence.column("requests", "due_s")[of]),
            _ms(end_s, begun_s),
            [said[one] for one in came],
            names.lines(read["layer"], 40, layer_of),
            strict=True,
        )
    ]
    first, last = of.searchsorted(places).tolist(), of.searchsorted(places, "right").tolist()
    return [each[start : min(end, start + _TRIES_MOST)] for start, end in zip(first, last, strict=True)]


def _became(evidence: Evidence, places: np.ndarray[Any, Any]) -> list[str]:
    good = evidence.column("requests", "good").astype(np.bool_)[places]
    told = iter(came_to(evidence, places[~good]).tolist())
    return [GOOD if well else next(told) for well in good.tolist()]


def _listed(evidence: Evidence, places: np.ndarray[Any, Any]) -> Iterable[Listed]:
    rows = evidence.request_table.records(places, ("nonce", "due_s", "end_s", "entry", "question", "attempts"))
    for what, row in zip(_became(evidence, places), rows, strict=True):
        (took,) = _ms(np.array([row["end_s"]], np.float64), row["due_s"])
        yield Listed(
            one_line(str(row["nonce"]), 40),
            words.instant(float(row["due_s"])),
            one_line(str(row["entry"]), 40),
            one_line(str(row["question"]), 60),
            what,
            words.quantity(took, "ms") if took is not None else "–",
            words.count(row["attempts"]),
        )


def _ms(at_s: np.ndarray[Any, Any], since_s: np.ndarray[Any, Any] | float) -> list[int | None]:
    return _whole(1000 * (at_s - since_s))


def _whole(values: np.ndarray[Any, Any]) -> list[int | None]:
    """*values* as whole numbers; None of what is missing."""
    there = ~np.isnan(values)
    whole = np.rint(np.where(there, values, 0.0)).astype(np.int64).tolist()
    return (
        whole if there.all() else [value if known else None for value, known in zip(whole, there.tolist(), strict=True)]
    )
