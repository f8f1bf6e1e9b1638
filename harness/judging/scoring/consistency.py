"""Whether the same question got the same answer: across replicas, across time, and within a conversation.

The right answer is the one of the newest snapshot that was acknowledged before the request was sent. What a snapshot has to say to a
question is what most answers said in the baseline; of one that was published later, what its first answers said. A later majority
overrules neither: a service that says something else for most of a run is wrong for most of a run. Nobody has to write the right
answers down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

import numpy as np
import numpy.typing as npt

from harness.interval import UNMEASURED, Interval
from harness.judging.scoring.answers import (
    Answers,
    Bools,
    Codes,
    Era,
    Floats,
    Given,
    Publication,
    Told,
    era,
    in_order,
    marks,
)
from harness.judging.scoring.clumps import clumps
from harness.judging.scoring.counts import rate_a_run
from harness.judging.scoring.design_effect import clumping, stretch
from harness.judging.scoring.intervals import clustered_share
from harness.judging.scoring.shares import exact
from harness.record.columns import Words, narrow

__all__ = ["Compared", "Consistency", "Pair", "Side", "compare"]

EXAMPLES = 20
_BLOCKS_S = (1.0, 2.0, 4.0, 8.0)
_BLOCKS_MIN = 12  # of which the span has so many; a longer stretch of wrong answers is an effect, and must not leave everything open
_PIECE = 1 << 16
REFERENCES = 5
"""How many first answers say what a snapshot has to say that the baseline knew nothing of."""

CATCH_ALL_MIN = 3
"""To how many different questions one answer is too many; two may well have the same one."""


@dataclass(frozen=True, slots=True)
class Side:
    """One answer of a pair; *at_s* is when it was asked for."""

    entry: str
    version: int | None
    answer: str
    at_s: float
    conversation: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers to one question that should have agreed; *left* is the earlier one, or the one that was right."""

    question: str
    left: Side
    right: Side


@dataclass(frozen=True, slots=True)
class Consistency:
    """How far answers agreed.

    *ratio*: share of answers as they should be. *monotonic_violations*: answers older than what their
    conversation had seen; *monotonic_rate*: how many to expect in a run like this. *disagreements*:
    neighbouring answers of two entries to one question that differ though both stood on the same publications.
    *disagreed_s*: seconds from the first to the last answer that was behind. *examples*: at most `EXAMPLES`, a
    question each first.
    """

    ratio: Interval
    monotonic_violations: Interval
    monotonic_rate: Interval
    disagreements: Interval
    disagreed_s: Interval
    examples: tuple[Pair, ...]


def compare(
    answers: Given,
    publications: Sequence[Publication] = (),
    *,
    baseline: npt.ArrayLike | None = None,
    replica_lag_s: float = 0.5,
    by: Literal["text", "facts"] = "text",
    told: Told | None = None,
) -> Compared:
    """Find out which of the *answers* that completed are as they should be; their order changes nothing.

    *baseline* rows say what is right; where they know nothing of a version, or of a question, its first `REFERENCES` answers do. An
    answer may be behind for *replica_lag_s* after a publication was acknowledged. *by*: answers agree when their wording and facts
    do, or, for a model that words the same thing in many ways, when their facts do (their wording where they have none).
    *told* is what is known of each answer beforehand.
    """
    table, order = in_order(answers, baseline, by)
    del answers  # which take as much room again
    allowed = era(table, publications, replica_lag_s)
    usual = _usual_answers(table, allowed)
    agrees, leaks = _agrees(table, allowed, usual), np.zeros(order.size, np.bool_)
    if told is not None:
        right = told.right[order] & (~table.versioned | allowed.allows(table.version))
        # Where it is known what is right, that counts, whatever is usual; a snapshot that is behind is wrong all the same.
        agrees = np.where(told.known[order], right, agrees)
        leaks = ~agrees & (_private_to_another(table, usual, told.user[order]) | told.of_another[order])
    users = told is not None and bool((told.user != "").any())
    known = told.known[order] if told is not None else None
    return Compared(table, order, allowed, tuple(publications), agrees, leaks if users else None, known)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Answers of which it is known which are as they should be; any part of them can be scored."""

    _table: Answers
    _order: Codes
    _era: Era
    _publications: tuple[Publication, ...]
    _agrees: Bools
    _leaks: Bools | None = None
    """None: nobody said who asks."""
    _known: Bools | None = None
    """Of which it is known beforehand what is right; None: of none."""

    def agrees(self) -> Bools:
        """Which answers are as they should be, in the order in which they were given to `compare`."""
        given = np.empty_like(self._agrees)
        given[self._order] = self._agrees
        return given

    def alone(self) -> Bools:
        """Which answers agree with nothing but themselves, since no other was given to their question on their snapshot; in that order."""
        table = self._table
        version = np.where(table.versioned, table.version, -inf)
        versions, place = np.unique(version, return_inverse=True)
        group = table.question.astype(np.int64) * versions.size + place
        alone = self._agrees & (np.bincount(group)[group] == 1 if group.size else False)
        given = np.empty_like(self._agrees)
        given[self._order] = alone if self._known is None else alone & ~self._known
        return given

    def ratio(self, counted: npt.ArrayLike) -> Interval:
        """The share of the *counted* answers that are as they should be, as in `consistency`."""
        rows = marks(counted, self._agrees.size)[self._order]
        return _ratio(replace(self._table, counted=rows), self._agrees)

    def leaks(self, counted: npt.ArrayLike | None = None) -> tuple[Interval, Interval]:
        """How many of the *counted* answers were another user's, and how many to expect in a run like this.

        Not measured where nobody said who asks.
        """
        if self._leaks is None:
            return UNMEASURED, UNMEASURED
        rows = marks(counted, self._leaks.size)[self._order]
        by_conversation = _by_conversation(self._table, rows & self._leaks)
        chances = int(rows.sum())
        return exact(sum(by_conversation), chances), rate_a_run(by_conversation, chances)

    def consistency(self, counted: npt.ArrayLike | None = None) -> Consistency:
        """The score of the *counted* answers, in the order in which they were given to `compare`; of all for None."""
        era, agrees = self._era, self._agrees
        table = replace(self._table, counted=marks(counted, agrees.size)[self._order])
        pairs, differing = _neighbours(table, era, agrees)
        back, chances = _steps_back(table)
        return Consistency(
            ratio=_ratio(table, agrees),
            monotonic_violations=exact(sum(back), chances),
            monotonic_rate=rate_a_run(back, chances),
            disagreements=exact(int(differing.sum()), differing.size),
            disagreed_s=_disagreed_s(table, era, self._publications),
            examples=_examples(table, agrees, pairs[differing]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Usual:
    """The usual key (-1: none) of each question on each of *versions*, a row a question; *of*: where each answer's own stands."""

    versions: Floats
    keys: Codes
    of: Codes


def _usual_answers(table: Answers, era: Era) -> _Usual:
    known = table.versioned
    # Without a version of its own, an answer counts for its era where that leaves no doubt.
    settled = era.required == era.newest
    version = table.version if known.all() else np.where(known, table.version, np.where(settled, era.required, np.nan))
    said = version if known.all() else version[~np.isnan(version)]
    versions = np.unique(np.concatenate([*map(_different, (said, era.required, era.newest))]))
    groups = len(table.questions) * versions.size
    group = narrow(table.question, groups) * versions.size
    group += narrow(np.minimum(_places_in(versions, version), versions.size - 1), groups)
    del version, said
    allowed = known & era.allows(table.version)
    usual = np.full(groups, -1, dtype=np.int64)
    unversioned = settled & ~known
    telling = ~_catch_alls(table)
    # Nothing that came later than the first of these that there are.
    for rows, first in (
        (allowed & table.baseline, None),
        (unversioned & table.baseline, None),
        (allowed & telling, REFERENCES),
        (known & telling, REFERENCES),
        (unversioned & telling, REFERENCES),
    ):
        taken = np.flatnonzero(rows) if first is None else _first(np.flatnonzero(rows), group, first)
        usual = np.where(usual < 0, _usual(group[taken], table.key[taken], table.sent_s[taken], groups), usual)
    return _Usual(versions, usual, group)


def _places_in(versions: Floats, version: Floats) -> npt.NDArray[np.intp]:
    """Where each *version* stands among all *versions*, which are in order; NaN behind them."""
    if version.size and 0 in version.strides:
        return np.broadcast_to(np.searchsorted(versions, version[0]), version.shape)
    return np.searchsorted(versions, version)


def _different(values: Floats) -> Floats:
    """The different ones, looked for only where there can be several."""
    return values[:1] if 0 in values.strides else np.unique(values)


def _catch_alls(table: Answers) -> Bools:
    """Which answers behind the baseline say one thing to most questions, as nothing did in the baseline.

    An excuse that comes with the number of a new snapshot is not what that snapshot says.
    """
    behind, before = (_questions_by_key(table, rows) for rows in (~table.baseline, table.baseline))
    asked = np.unique(table.question[~table.baseline]).size
    asked_before = np.unique(table.question[table.baseline]).size
    if 2 * before.max(initial=0) >= asked_before:  # also where nothing was asked
        return np.zeros(table.key.size, np.bool_)
    to_most = (behind >= CATCH_ALL_MIN) & (2 * behind > asked)
    catch_alls: Bools = ~table.baseline & to_most[table.key]
    return catch_alls


def _questions_by_key(table: Answers, rows: Bools) -> Codes:
    """To how many different questions each key was said among *rows*."""
    questions = max(1, len(table.questions))
    said = np.unique(table.key[rows].astype(np.int64) * questions + table.question[rows])
    return np.bincount(said // questions, minlength=table.key.max(initial=-1) + 1)


def _agrees(table: Answers, era: Era, usual: _Usual) -> Bools:
    """Which answers stand on a version they may stand on, and say what is usual there."""
    known = table.versioned
    agrees: Bools = known & era.allows(table.version) & (usual.keys[usual.of] == table.key)
    if known.all():
        return agrees
    of_question = usual.keys.reshape(len(table.questions), -1)
    for i, candidate in enumerate(usual.versions):
        agrees |= ~known & era.allows(candidate) & (of_question[table.question, i] == table.key)
    return agrees


def _private_to_another(table: Answers, usual: _Usual, user: Words) -> Bools:
    """Which answers say what is usual for another user, and for nobody else."""
    if not len(table.questions):
        return np.zeros(0, np.bool_)
    users, user_of = user.vocabulary, user.codes
    asked_by = np.zeros(len(table.questions), np.int64)
    asked_by[table.question] = user_of
    keys = usual.keys.reshape(len(table.questions), -1)
    owners: dict[int, set[int]] = {}
    for question, row in enumerate(keys):
        for key in row[row >= 0]:
            owners.setdefault(int(key), set()).add(int(asked_by[question]))
    owner = {key: next(iter(who)) for key, who in owners.items() if len(who) == 1 and users[next(iter(who))]}
    of_key = np.array([owner.get(key, -1) for key in range(int(table.key.max(initial=-1)) + 1)], np.int64)[table.key]
    private: Bools = (of_key >= 0) & (of_key != user_of)
    return private


def _ratio(table: Answers, agrees: Bools) -> Interval:
    """The share of counted answers that agree; wrong ones come together by question, by conversation and in time."""
    rows = table.counted
    at_s = table.sent_s[rows] - table.sent_s[rows].min(initial=np.inf)
    span_s = float(at_s.max(initial=0.0))
    blocks = [np.floor(at_s / block_s).astype(np.int64) for block_s in _BLOCKS_S if span_s >= _BLOCKS_MIN * block_s]
    of = table.conversation[rows]
    # Answers of no conversation are each one of its own.
    conversation = np.where(of == "", len(of.vocabulary) + np.arange(of.size), of.codes)
    return clustered_share(agrees[rows], table.question[rows], conversation, *blocks, worth=_worth(at_s, agrees[rows]))


def _worth(at_s: Floats, agrees: Bools) -> float:
    """How many independent answers those asked for at *at_s* are worth, where wrong ones come in a few short clumps."""
    clumped = stretch(at_s, agrees)
    span_s = float(np.ptp(at_s)) if at_s.size else 0.0
    if _BLOCKS_MIN * clumps(clumped.due_s, clumped.weight == 0).longest_s > span_s:
        return inf
    return clumping([clumped]).worth(at_s.size, span_s)


def _first(rows: Codes, group: Codes, most: int) -> Codes:
    """The first *most* of the *rows* of each group; rows come in order of time."""
    if not rows.size:
        return rows
    many, found = np.zeros(int(group.max()) + 1, np.int64), []
    # A group is full long before the last row as a rule, so that later pieces have few rows that are asked about.
    for piece in np.array_split(rows, -(-rows.size // _PIECE)):
        open_ = piece[many[group[piece]] < most]
        of = group[open_]
        order = np.argsort(of, kind="stable")
        place = np.arange(of.size) - np.searchsorted(of[order], of[order]) + many[of[order]]
        found.append(open_[np.sort(order[place < most])])
        many += np.bincount(of, minlength=many.size)
    return np.concatenate(found)


def _usual(group: Codes, key: Codes, sent_s: Floats, groups: int) -> Codes:
    """The most frequent key of each group, the earlier one of two that are as frequent; -1 for an empty group."""
    usual = np.full(groups, -1, dtype=np.int64)
    if not group.size:
        return usual
    order = np.lexsort((sent_s, key, group))
    fresh = np.r_[True, (np.diff(group[order]) != 0) | (np.diff(key[order]) != 0)]
    first = order[fresh]
    times = np.diff(np.r_[np.flatnonzero(fresh), group.size])
    # The best last, so that it is what stays.
    best = np.lexsort((-key[first], -sent_s[first], times))
    usual[group[first][best]] = key[first][best]
    return usual


def _steps_back(table: Answers) -> tuple[list[int], int]:
    """How many answers of each conversation were older than what it had seen, and how many could have been."""
    chances = table.counted & table.versioned & ~table.overlapped & ~np.isnan(table.seen)
    back = chances & (table.version < table.seen)
    return _by_conversation(table, back), int(chances.sum())


def _by_conversation(table: Answers, rows: Bools) -> list[int]:
    """How many of the *rows* each conversation has that has any, the one that comes first in front."""
    return list(Counter(table.conversation.codes[rows].tolist()).values())


def _neighbours(table: Answers, era: Era, agrees: Bools) -> tuple[Codes, Bools]:
    """Each two counted answers of two entries that follow one another on a question in one era; which differ."""
    rows = np.flatnonzero(table.counted)
    rows = rows[np.argsort(narrow(table.question[rows], len(table.questions)), kind="stable")]
    left, right = rows[:-1], rows[1:]
    comparable = (table.question[left] == table.question[right]) & (table.entry[left] != table.entry[right])
    comparable &= (era.required[left] <= era.newest[right]) & (era.required[right] <= era.newest[left])
    left, right = left[comparable], right[comparable]
    differ = table.key[left] != table.key[right]
    differ |= np.abs(table.version[left] - table.version[right]) > 0  # NaN, which is no version, differs from none
    # Two answers to either side of a publication may differ and both be right.
    return np.stack([left, right], axis=1), differ & ~(agrees[left] & agrees[right])


def _disagreed_s(table: Answers, era: Era, publications: Sequence[Publication]) -> Interval:
    due = table.versioned & (era.required > era.at_start)  # answers that a publication obliges
    n = int((due & table.counted).sum())
    if not n:
        return UNMEASURED
    behind = due & (table.version < era.required)
    stale = np.flatnonzero(behind & table.counted)
    begun_s = min(asked_s for version, asked_s, _ in publications if version > era.at_start)
    fresh = due & ~behind
    if not stale.size:
        entries = table.entry[due & table.counted].unique()
        return Interval(0.0, 0.0, max(0.0, _caught_up_s(table, fresh, entries, -inf) - begun_s), n)
    first, last = stale[0], stale[-1]
    begun_s = min(asked_s for version, asked_s, _ in publications if version > table.version[first])
    value_s = float(table.sent_s[last] - table.sent_s[first])
    low_s = max(0.0, float(table.sent_s[last] - table.end_s[first]))
    until_s = _caught_up_s(table, fresh, table.entry[stale].unique(), float(table.sent_s[last]))
    return Interval(value_s, min(low_s, value_s), max(value_s, until_s - begun_s), n)


def _caught_up_s(table: Answers, fresh: Bools, entries: Sequence[str], after_s: float) -> float:
    """When the last of *entries* had answered from the newest version again; infinite if one never did."""
    ends = [table.end_s[fresh & (table.entry == entry) & (table.sent_s > after_s)] for entry in entries]
    return max(float(end_s[0]) if end_s.size else inf for end_s in ends)


def _examples(table: Answers, agrees: Bools, differing: Codes) -> tuple[Pair, ...]:
    """Answers side by side: of two entries first, then each that was wrong beside the nearest one that was right."""
    shown = [(int(left), int(right)) for left, right in _a_question_each(table, differing)[:EXAMPLES]]
    wrong = np.setdiff1d(np.flatnonzero(table.counted & ~agrees), [row for pair in shown for row in pair])
    wrong = wrong[np.isin(table.question[wrong], table.question[agrees])]
    for _, row in _a_question_each(table, np.stack([wrong, wrong], axis=1))[: EXAMPLES - len(shown)]:
        right = np.flatnonzero(agrees & (table.question == table.question[row]))
        shown.append((int(right[np.argmin(np.abs(table.sent_s[right] - table.sent_s[row]))]), int(row)))
    return tuple(_pair(table, left, right) for left, right in shown)


def _a_question_each(table: Answers, pairs: Codes) -> Codes:
    """*pairs* of rows, the first of every question before the second of any; in order of time."""
    later = pairs[:, 1]
    order = np.argsort(later, kind="stable")
    order = order[np.argsort(table.question[later][order], kind="stable")]
    question = table.question[later][order]
    rank = np.arange(order.size) - np.searchsorted(question, question)
    chosen: Codes = pairs[order[np.lexsort((later[order], rank))]]
    return chosen


def _pair(table: Answers, left: int, right: int) -> Pair:
    return Pair(table.questions[int(table.question[left])], _side(table, left), _side(table, right))


def _side(table: Answers, row: int) -> Side:
    version = table.version[row]
    return Side(
        entry=table.entry[row],
        version=None if np.isnan(version) else int(version),
        answer=table.answer[row],
        at_s=float(table.sent_s[row]),
        conversation=table.conversation[row],
    )
