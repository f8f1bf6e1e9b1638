"""Answers to questions as arrays, and which versions of the snapshot each of them may stand on."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Answers that completed, in any order; a version that nobody knows is NaN, and so is an instant."""

    question: Words
    entry: Words
    conversation: Words
    sent_s: Floats
    end_s: Floats
    overlapped: Bools
    answer: Words
    version: Floats
    seen: Floats

    @classmethod
    def of(cls, answers: pd.DataFrame) -> Given:
        """Those of a frame with the columns that the table of requests has."""
        rows = Table.of(answers)
        question, entry, conversation, answer = map(rows.words, ("question", "entry", "conversation", "answer"))
        sent_s, end_s = (rows.numbers(name).astype(np.float64) for name in ("sent_s", "end_s"))
        version, seen = (_versions(answers, name) for name in ("snapshot_version", "seen_version"))
        overlapped = rows.numbers("overlapped")
        return cls(question, entry, conversation, sent_s, end_s, overlapped, answer, version, seen)


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
    n = len(answers.question)
    in_baseline = marks(baseline, n)
    key = _keys(answers.answer, by)
    places = answers.question.places
    question = np.searchsorted(places, answers.question.codes)
    order = _order(answers.sent_s, answers.end_s, question, answers.entry.codes, key)
    table = Answers(
        question=narrow(question, places.size)[order],
        questions=answers.question.unique(),
        entry=answers.entry[order],
        conversation=answers.conversation[order],
        sent_s=answers.sent_s[order],
        end_s=np.where(np.isnan(answers.end_s), answers.sent_s, answers.end_s)[order],
        overlapped=answers.overlapped[order].astype(np.bool_),
        answer=answers.answer[order],
        key=narrow(key, int(key.max(initial=0)) + 1)[order],
        version=_alike(answers.version[order]),
        seen=answers.seen[order],
        counted=marks(None, n),
        baseline=in_baseline[order],
    )
    seen = np.where(np.isnan(table.seen), _seen_before(table), table.seen)
    return replace(table, seen=_alike(seen)), narrow(order, n)


def _alike(values: Floats) -> Floats:
    """*values*, which take no room where they are all the same."""
    return np.broadcast_to(values[0], values.shape) if values.size and (values == values[0]).all() else values


def _order(sent_s: Floats, *then: npt.NDArray[Any]) -> Codes:
    """The rows by when they were asked for; *then* is by what they are put in order where that is one instant."""
    order = np.argsort(sent_s, kind="stable")
    at_s = sent_s[order]
    # Hardly ever are two asked for at one instant.
    return order if (at_s[1:] > at_s[:-1]).all() else np.lexsort((*reversed(then), sent_s))


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
    keys: Codes = text.each(lambda answer: ranks[said[answer]], np.int64)
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


def _seen_before(table: Answers) -> Floats:
    """The newest version that each answer's conversation had been given before it was asked for; NaN for none.

    Asked only of those of which the load does not say it.
    """
    seen = np.full(table.sent_s.size, np.nan)
    conversation = table.conversation.codes
    told = table.versioned & (table.conversation != "")
    unknown = told & np.isnan(table.seen)
    until_s = np.full(len(table.conversation.vocabulary), -inf)
    np.maximum.at(until_s, conversation[unknown], table.sent_s[unknown])
    newest: dict[int, float] = {}
    open_answers: dict[int, list[tuple[float, float]]] = {}  # by conversation, the first to end in front
    for i in np.flatnonzero(unknown | (told & (table.end_s <= until_s[conversation]))).tolist():
        of = int(conversation[i])
        still_open = open_answers.setdefault(of, [])
        while still_open and still_open[0][0] <= table.sent_s[i]:
            _, version = heappop(still_open)
            newest[of] = max(version, newest.get(of, version))
        seen[i] = newest.get(of, np.nan)
        heappush(still_open, (table.end_s[i], table.version[i]))
    return seen
