"""Answers to questions as arrays, and which versions of the snapshot each of them may stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from harness.judging.scoring.wording import facts, normalised
from harness.record.columns import Table, Words, narrow

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer[Any]]
Bools = npt.NDArray[np.bool_]
Publication = tuple[int, float, float]  # version, asked_s, acked_s

FIRST_ANSWERS = 20  # whose usual version is taken to be in force at the start when nobody says which is


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Answers that completed, in any order: *rows* of *requests*, and the *answer* of each; a version that nobody knows is NaN, and so is
    an instant. Of very many each column is read when its turn comes, and none is held beside those that are made of them."""

    requests: Table
    rows: npt.NDArray[np.intp]
    answer: Words

    @classmethod
    def of(cls, answers: pd.DataFrame) -> Given:
        """Those of a frame with the columns that the table of requests has."""
        versions = {name: _versions(answers, name) for name in ("snapshot_version", "seen_version")}
        table = Table.of(answers).with_columns(**versions)
        return cls(table, np.arange(len(answers)), table.words("answer"))

    def words(self, name: str) -> Words:
        return self.requests.words(name)[self.rows]

    def numbers(self, name: str) -> Floats:
        return self.requests.numbers(name)[self.rows].astype(np.float64, copy=False)

    def at(self, order: npt.NDArray[np.intp]) -> Given:
        """The same in another *order*."""
        return replace(self, rows=self.rows[order], answer=self.answer[order])


@dataclass(frozen=True, slots=True, eq=False)
class Told:
    """What is known of each answer beforehand: the *user* who asked, and empty where nobody says; whether it is *known* what is right,
    and whether it is that; and whether it is what is right for somebody else."""

    user: Words
    known: Bools
    right: Bools
    of_another: Bools


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Answers in order of when they were asked for; *key* is equal where they agree, an unknown version is NaN.

    *seen*: the newest version that the answer's conversation had seen when it was asked for.
    """

    question: Codes
    questions: Sequence[str]
    entry: Words
    conversation: Words
    sent_s: Floats
    end_s: Floats
    overlapped: Bools
    answer: Words
    key: Codes
    version: Floats
    seen: Floats
    counted: Bools
    baseline: Bools

    @property
    def versioned(self) -> Bools:
        return ~np.isnan(self.version)


@dataclass(frozen=True, slots=True, eq=False)
class Era:
    """The oldest and the newest version that each answer may stand on, and the one in force at the start."""

    required: Floats
    newest: Floats
    at_start: float

    def allows(self, version: Floats | float) -> Bools:
        allowed: Bools = (self.required <= version) & (version <= self.newest)
        return allowed


def in_order(answers: Given, baseline: npt.ArrayLike | None, by: str) -> tuple[Answers, Codes]:
    """*answers*, all of them counted, and the row at which each stood before they were put in order."""
    n = answers.rows.size
    in_baseline = marks(baseline, n)
    key, (question, questions) = _keys(answers.answer, by), _numbered(answers.words("question"))
    order = _order(
        answers.numbers("sent_s"), lambda: (answers.numbers("end_s"), question, answers.words("entry").codes, key)
    )
    mine = answers.at(order)
    sent_s, end_s = mine.numbers("sent_s"), mine.numbers("end_s")
    unended = np.isnan(end_s)
    end_s[unended] = sent_s[unended]
    seen = mine.numbers("seen_version")
    table = Answers(
        question=question[order],
        questions=questions,
        entry=mine.words("entry"),
        conversation=mine.words("conversation"),
        sent_s=sent_s,
        end_s=end_s,
        overlapped=mine.requests.numbers("overlapped")[mine.rows].astype(np.bool_, copy=False),
        answer=mine.answer,
        key=key[order],
        version=_alike(mine.numbers("snapshot_version")),
        seen=seen,
        counted=marks(None, n),
        baseline=in_baseline[order],
    )
    unknown, before = _seen_before(table)
    seen[unknown] = before
    return replace(table, seen=_alike(seen)), narrow(order, n)


def _numbered(names: Words) -> tuple[Codes, list[str]]:
    """The place of each row's name among those that come at all, and these in order."""
    places = names.places
    of_vocabulary = np.zeros(max(1, len(names.vocabulary)), np.int64)
    of_vocabulary[places] = np.arange(places.size)
    return narrow(of_vocabulary, places.size)[names.codes], [names.vocabulary[place] for place in places.tolist()]


def _alike(values: Floats) -> Floats:
    """*values*, which take no room where they are all the same."""
    return np.broadcast_to(values[0], values.shape) if values.size and (values == values[0]).all() else values


def _order(sent_s: Floats, then: Callable[[], tuple[npt.NDArray[Any], ...]]) -> npt.NDArray[np.intp]:
    """The rows by when they were asked for; *then* says by what they are put in order where that is one instant."""
    order = np.argsort(sent_s, kind="stable")
    at_s = sent_s[order]
    # Hardly ever are two asked for at one instant.
    return order if (at_s[1:] > at_s[:-1]).all() else np.lexsort((*reversed(then()), sent_s))


def marks(marked: npt.ArrayLike | None, n: int) -> Bools:
    made = np.ones(n, np.bool_) if marked is None else np.asarray(marked, dtype=np.bool_)
    if made.size != n:
        raise ValueError(f"{made.size} marks for {n} answers; each answer needs one")
    return made


def _versions(answers: pd.DataFrame, column: str) -> Floats:
    import pandas as pd

    return pd.to_numeric(answers[column]).to_numpy(dtype=np.float64, na_value=np.nan)


def _keys(text: Words, by: str) -> Codes:
    """One number for each thing that is said, whatever the order of *text*."""
    said: dict[str, tuple[str, ...]] = {}
    wordings = {answer: normalised(answer) for answer in text.unique()}
    spellings: dict[str, int] = {}
    for wording in wordings.values():
        spellings[wording] = spellings.get(wording, 0) + 1
    for answer, wording in wordings.items():
        # One spelling has one set of facts, so it is enough to look where several share a wording ("1.5 h", "15 h").
        held = tuple(sorted(facts(answer))) if by == "facts" or spellings[wording] > 1 else ()
        said[answer] = held if by == "facts" and held else (wording, *held)
    ranks = {thing: rank for rank, thing in enumerate(sorted(set(said.values())))}
    keys: Codes = text.each(lambda answer: ranks[said[answer]], narrow(np.zeros(0, np.int64), len(ranks)).dtype)
    return keys


def era(table: Answers, publications: Sequence[Publication], replica_lag_s: float) -> Era:
    asked = sorted((asked_s, float(version)) for version, asked_s, _ in publications)
    acked = sorted((acked_s + replica_lag_s, float(version)) for version, _, acked_s in publications)
    first = _first_version(table, asked[0][0] if asked else inf)
    return Era(_in_force(acked, table.sent_s, first), _in_force(asked, table.end_s, first), first)


def _in_force(published: list[tuple[float, float]], at_s: Floats, at_start: float) -> Floats:
    """The newest version *published* at each instant."""
    if not published:
        return np.broadcast_to(np.float64(at_start), at_s.shape)
    newest = np.maximum.accumulate([at_start, *(version for _, version in published)])
    in_force: Floats = newest[np.searchsorted([instant for instant, _ in published], at_s, side="right")]
    return in_force


def _first_version(table: Answers, before_s: float) -> float:
    """The usual version of the first answers asked for *before_s*; 0 where nothing says one."""
    early = table.version[table.versioned & (table.end_s < before_s)][:FIRST_ANSWERS]
    if not early.size:
        return float(np.nanmin(table.version)) if table.versioned.any() else 0.0
    versions, times = np.unique(early, return_counts=True)
    return float(versions[np.argmax(times)])


def _seen_before(table: Answers) -> tuple[npt.NDArray[np.intp], Floats]:
    """The answers of which the load does not say what their conversation had seen, and the newest version that it had been given before
    each of them was asked for; NaN for none."""
    conversation = table.conversation.codes
    told = table.versioned & (table.conversation != "")
    unknown = told & np.isnan(table.seen)
    until_s = np.full(len(table.conversation.vocabulary), -inf)
    np.maximum.at(until_s, conversation[unknown], table.sent_s[unknown])
    newest: dict[int, float] = {}
    seen: list[float] = []
    open_answers: dict[int, list[tuple[float, float]]] = {}  # by conversation, the first to end in front
    for i in np.flatnonzero(unknown | (told & (table.end_s <= until_s[conversation]))).tolist():
        of = int(conversation[i])
        still_open = open_answers.setdefault(of, [])
        while still_open and still_open[0][0] <= table.sent_s[i]:
            _, version = heappop(still_open)
            newest[of] = max(version, newest.get(of, version))
        if unknown[i]:
            seen.append(newest.get(of, np.nan))
        heappush(still_open, (table.end_s[i], table.version[i]))
    return np.flatnonzero(unknown), np.array(seen, np.float64)
