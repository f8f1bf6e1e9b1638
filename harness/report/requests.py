"""Every request that fits on the page, to be searched by id, question, entry or what became of it, each with its attempts."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.result import Result
from harness.judging.whereabouts import came_to
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render
from harness.report.traces import came_of_attempt, known, layer_of

GOOD = "good"
_LEAST_BYTES, _MOST_BYTES, _BYTES_EACH = 90_000, 270_000, 40
"""A block has room for so much; for more where more was asked, so that the page of a default run stays small."""
_TRIAL = 400
_OF_BAD = 0.75
_TRIES_MOST = 40
_LISTED = 25


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


def _block(evidence: Evidence, places: np.ndarray[Any, Any]) -> str:
    names = _Table()
    became = _became(evidence, places)
    tries = _tries(evidence, places, names)
    told = []
    columns = (
        "index",
        "nonce",
        "due_s",
        "end_s",
        "first_token_s",
        "phase",
        "entry",
        "question",
        "detail",
        "snapshot_version",
    )
    for what, row in zip(became, evidence.request_table.records(places, columns), strict=True):
        index, nonce, due_s, end_s, token_s, phase, entry, question, detail, version = row.values()
        told.append([
            one_line(str(nonce), 40),
            round(1000 * due_s),
            names.number(words.phase(str(phase)) if phase else "–"),
            names.number(one_line(str(entry), 40)),
            names.number(one_line(str(question), 60)),
            names.number(what),
            _ms(end_s, due_s),
            _ms(token_s, due_s),
            _whole(version),
            names.number(one_line(str(detail or ""), 120)),
            tries.get(int(index), []),
        ])  # fmt: skip
    # Of a hundred thousand questions a page shows few.
    shown = evidence.words("requests", "question")[places].unique()
    asked = {
        one_line(name, 60): one_line(evidence.questions[name], 100) for name in shown if name in evidence.questions
    }
    document = {
        "names": list(names.numbers),
        "questions": {name: asked.get(name, "") for name in names.numbers if name in asked},
        "rows": told,
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return b64encode(gzip.compress(text.encode("utf-8", "replace"), 9, mtime=0)).decode()


def _tries(evidence: Evidence, places: np.ndarray[Any, Any], names: _Table) -> dict[int, list[list[int | None]]]:
    """By the index of each request its attempts: link, begin and time in ms since it was due, what became of it, and by whom."""
    index, due_s = (evidence.column("requests", name)[places].tolist() for name in ("index", "due_s"))
    due, shown = dict(zip(index, due_s, strict=True)), np.zeros(len(evidence.request_table) + 1, np.bool_)
    shown[places] = True
    mine = np.flatnonzero(shown[evidence.request_rows()])
    found: dict[int, list[list[int | None]]] = {}
    asked = ("request", "link", "start_s", "end_s", "status", "outcome", "layer")
    for row in evidence.attempt_table.records(mine, asked):
        request, link, start_s, end_s, status, outcome, layer = row.values()
        its = found.setdefault(int(request), [])
        if len(its) < _TRIES_MOST:
            its.append([
                names.number(one_line(str(link), 40)),
                _ms(start_s, due[request]),
                _ms(end_s, start_s),
                names.number(came_of_attempt(status, outcome)),
                names.number(layer_of(layer)),
            ])  # fmt: skip
    return found


def _became(evidence: Evidence, places: np.ndarray[Any, Any]) -> list[str]:
    good = evidence.column("requests", "good").astype(np.bool_)[places]
    told = iter(came_to(evidence, places[~good]).tolist())
    return [GOOD if well else next(told) for well in good.tolist()]


def _listed(evidence: Evidence, places: np.ndarray[Any, Any]) -> Iterable[Listed]:
    rows = evidence.request_table.records(places, ("nonce", "due_s", "end_s", "entry", "question", "attempts"))
    for what, row in zip(_became(evidence, places), rows, strict=True):
        took = _ms(row["end_s"], row["due_s"])
        yield Listed(
            one_line(str(row["nonce"]), 40),
            words.instant(float(row["due_s"])),
            one_line(str(row["entry"]), 40),
            one_line(str(row["question"]), 60),
            what,
            words.quantity(took, "ms") if took is not None else "–",
            words.count(row["attempts"]),
        )


def _ms(at_s: object, since_s: float) -> int | None:
    known_s = known(at_s)
    return None if known_s is None else round(1000 * (known_s - since_s))


def _whole(value: object) -> int | None:
    number = known(value)
    return None if number is None else int(number)
