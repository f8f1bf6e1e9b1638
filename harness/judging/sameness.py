"""Whether answers can have been answers: one text to every question, or another one than before, and nobody asked about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.judging.answers import compared, satisfies
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import before_faults
from harness.judging.scoring.consistency import CATCH_ALL_MIN
from harness.protocols.nonce import unmarked
from harness.reading import quantities

if TYPE_CHECKING:
    import pandas as pd

    from harness.record.columns import Words

_MOST = 0.5
_WELL = 0.8
_ANSWERS_MIN = 10
"""So many answers of one entry alone are no chance; yes and no are answers, too."""
_PAIRS_MIN = 50
"""Of fewer pairs of answers nobody can tell whether they agree by their question or by chance."""
_ALIKE, _APART, _ALWAYS = 0.2, 0.1, 0.95
"""Answers to different questions that agree so often, and to one question hardly more often and far from always, do not depend on it."""
_NUMBERED = re.compile(r"\S*\d\S*")
_SHOWN_CHARS = 60


def one_answer_to_all(evidence: Evidence) -> str | None:
    """Why nothing shows that the questions were asked; None where something does.

    It is about answers from before anything was broken, or of the whole run where those are to too few questions. A service may
    name itself, or who asks, in every answer, so those of one entry and of one user are looked at by themselves, too.
    """
    answers = _said(evidence)
    for rows, when in (
        (answers[answers["phase"] == "baseline"], "before anything was broken"),
        (answers, "in the run"),
    ):
        if rows["asked"].nunique() < CATCH_ALL_MIN:
            continue
        if (what := _one_text(rows, when) or _by_chance(rows, f" {when}")) and not _expected(evidence, rows):
            return (
                f"{what}: does the service get the question (ask.body)? "
                "If it is right, say so with expected: in the questions file"
            )
        return None
    return None


def _one_text(rows: pd.DataFrame, when: str) -> str | None:
    """That all *rows* say the same, or all of one entry, or all that each entry says to each user."""
    whole = [("", rows)]
    entries = [(f" of {name}", group) for name, group in rows.groupby("entry") if _n(group) >= _ANSWERS_MIN]
    users = [group for _, group in rows.groupby(["entry", "user"])]
    for of, group in [*whole, *entries]:
        if _is_one(group):
            return f"all {_n(group)} answers{of} {when}, {_to_how_many(group)}, were the same text ({shown(group)})"
    several = [group for group in users if group["asked"].nunique() >= CATCH_ALL_MIN]
    if several and all(map(_is_one, several)):
        return (
            f"all {_n(rows)} answers {when}, {_to_how_many(rows)}, depended on who asked alone (such as {shown(rows)})"
        )
    return None


def _is_one(rows: pd.DataFrame) -> bool:
    return rows["asked"].nunique() >= CATCH_ALL_MIN and rows["wording"].nunique() == 1


def _to_how_many(rows: pd.DataFrame) -> str:
    return f"to {rows['asked'].nunique()} different questions"


def _by_chance(rows: pd.DataFrame, when: str) -> str | None:
    """That *rows* say one of a few things, whichever question was asked; *when* begins with a blank, where it says anything."""
    (same, of_same), (other, of_other) = _agreeing(rows)
    if min(of_same, of_other) < _PAIRS_MIN or same > _ALWAYS * of_same or other < _ALIKE * of_other:
        return None
    if same / of_same - other / of_other > _APART:
        return None
    return (
        f"of answers{when}, two to different questions were the same text as often as two to one question "
        f"({quantities.share(other / of_other)} and {quantities.share(same / of_same)} of pairs, such as {shown(rows)})"
    )


def _but_for_numbers(rows: pd.DataFrame, when: str) -> str | None:
    """That *rows* say one thing with other numbers each time, such as the id of a request, whichever question was asked."""
    said = rows["wording"].map(lambda wording: _NUMBERED.sub("#", wording))
    if rows["asked"].nunique() < CATCH_ALL_MIN or said.nunique() > 1:
        return None
    numbers = [*zip(*rows["wording"].map(_NUMBERED.findall), strict=True)]
    if not numbers or any(_hangs_on_the_question(rows.assign(wording=list(these))) for these in numbers):
        return None
    return f"all {_n(rows)} answers{when}, {_to_how_many(rows)}, were the same text but for numbers (such as {shown(rows)})"


def _hangs_on_the_question(rows: pd.DataFrame) -> bool:
    """Whether *rows* to one question say the same more often than those to two do; or there are too few to know."""
    (same, of_same), (other, of_other) = _agreeing(rows)
    return min(of_same, of_other) < _PAIRS_MIN or same / of_same - other / of_other > _APART


def _agreeing(rows: pd.DataFrame) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many pairs of *rows* say the same, and of how many pairs: of those to one question, and of those to two."""

    def pairs(*columns: str) -> int:
        counted: Counter[tuple[str, ...]] = Counter()
        for *what, n in zip(*(rows[column].tolist() for column in (*columns, "n")), strict=True):
            counted[(*what,)] += n
        return sum(n * (n - 1) // 2 for n in counted.values())

    all_pairs = _n(rows) * (_n(rows) - 1) // 2
    same, of_same, alike = pairs("asked", "wording"), pairs("asked"), pairs("wording")
    return (same, of_same), (alike - same, all_pairs - of_same)


def unlooked_at(evidence: Evidence) -> list[str]:
    """What became of the answers of each phase behind the baseline that no expectation looks at."""
    said: list[str] = evidence.once("unlooked at", lambda: list(_unlooked_at(evidence)))
    return said


def _unlooked_at(evidence: Evidence) -> Iterator[str]:
    # What the users of a locustfile are told is not kept.
    if evidence.plan.scenario.good.answers is not None or evidence.plan.closed:
        return
    answers = _said(evidence)
    baseline = answers[answers["phase"] == "baseline"]
    for phase in evidence.plan.phases:
        looked = any(
            metrics[expectation.metric].reads_answers and expectation.selection.phase in (None, phase.name)
            for expectation in evidence.plan.expectations
            if expectation.metric in metrics
        )
        if phase.name == "warmup" or looked:
            continue
        rows = answers[answers["phase"] == phase.name]
        several = phase.name != "baseline" and rows["asked"].nunique() >= CATCH_ALL_MIN
        alike = _but_for_numbers(rows, "") if phase.name == "baseline" else None
        if (
            what := _unexpected(evidence, rows)
            or alike
            or (several and (_same(rows, baseline) or _other(rows, baseline) or _a_few(rows, baseline)))
        ):
            yield f"{what} in {phase.name}, and nothing looks at what answers say (good.answers, or answer_consistency)"


def _same(rows: pd.DataFrame, baseline: pd.DataFrame) -> str | None:
    """That most of *rows* say the same to different questions, which they did not in the *baseline*."""
    usual = rows.groupby("wording")["n"].sum().idxmax()
    same = rows[rows["wording"] == usual]
    was = _n(baseline[baseline["wording"] == usual]) / _n(baseline) if len(baseline) else 0.0
    asked = same["asked"].nunique()
    if _n(same) <= _MOST * _n(rows) or was > _MOST or asked < CATCH_ALL_MIN:
        return None
    return (
        f"{_n(same)} of {_n(rows)} complete answers, to {asked} different questions, were the same text ({shown(same)})"
    )


def _a_few(rows: pd.DataFrame, baseline: pd.DataFrame) -> str | None:
    """That *rows* say one of a few things, or one with other numbers, to whatever was asked, which they did not in the *baseline*."""
    for found in (_by_chance, _but_for_numbers):
        if len(baseline) and (what := found(rows, "")) and not found(baseline, ""):
            return what
    return None


def _unexpected(evidence: Evidence, rows: pd.DataFrame) -> str | None:
    """That most of *rows* are not what the questions file says a right answer is."""
    told = rows[rows["question"].isin([name for name, known in evidence.asked.items() if known.expected is not None])]
    others = told[~told["agrees"].astype(bool)]
    wrong = _n(others)
    if not wrong or wrong <= _MOST * _n(told):
        return None
    return f"{wrong} of {_n(told)} complete answers were not as expected (such as {shown(others)})"


def _other(rows: pd.DataFrame, baseline: pd.DataFrame) -> str | None:
    """That most of *rows* are not as they should be, though the *baseline* was."""
    wrong = _n(rows[~rows["agrees"].astype(bool)])
    if wrong <= _MOST * _n(rows) or not len(baseline):
        return None
    if _n(baseline[baseline["agrees"].astype(bool)]) / _n(baseline) < _WELL:
        return None
    return f"{wrong} of {_n(rows)} complete answers were others than in the baseline"


def _n(rows: pd.DataFrame) -> int:
    """How many answers these *rows* stand for."""
    return int(rows["n"].sum())


def _said(evidence: Evidence) -> pd.DataFrame:
    """Complete answers behind the warm-up, each kind once, in the order in which they came first: ``phase``, ``question``, ``asked`` (its
    text), ``answer``, ``wording``, ``agrees``, ``entry``, ``user`` (who asked; empty where nobody says) and ``n``, how often it came."""
    import numpy as np
    import pandas as pd

    from harness.judging.scoring.wording import normalised

    def made() -> pd.DataFrame:
        complete = evidence.words("requests", "outcome") == "complete"
        scored = evidence.words("requests", "phase")[complete] != "warmup"
        names = ("phase", "question", "answer", "entry")
        columns = {name: evidence.words("requests", name)[complete][scored] for name in names}
        columns["phase"] = _phases(evidence)[complete][scored]
        key = compared(evidence).agrees()[scored].astype(np.int64)
        for column in columns.values():
            key = key * max(1, len(column.vocabulary)) + column.codes
        _, first, n = np.unique(key, return_index=True, return_counts=True)
        order = np.argsort(first)
        rows = pd.DataFrame({name: column[first[order]].to_numpy() for name, column in columns.items()}, dtype=object)
        answers = rows["answer"].map(unmarked)
        users = {name: known.user or "" for name, known in evidence.asked.items()}
        return rows.assign(
            answer=answers,
            wording=answers.map(normalised),
            asked=rows["question"].map(lambda name: evidence.questions.get(name, name).casefold()),
            user=rows["question"].map(lambda name: users.get(name, "")),
            agrees=compared(evidence).agrees()[scored][first[order]],
            n=n[order],
        )

    said: pd.DataFrame = evidence.once("said", made)
    return said


def _phases(evidence: Evidence) -> Words:
    """The phase in which each request was due; none for what was due in the baseline and may have been met by what was broken later."""
    import numpy as np

    from harness.record.columns import Words

    phase = evidence.words("requests", "phase")
    met = (phase == "baseline") & ~before_faults(evidence)
    return Words.numbered(np.where(met, len(phase.vocabulary), phase.codes), [*phase.vocabulary, ""])


def _expected(evidence: Evidence, rows: pd.DataFrame) -> bool:
    """Whether the questions file says of every question that this is what a right answer says."""
    for name, answer in rows[["question", "answer"]].drop_duplicates().itertuples(index=False):
        known = evidence.asked.get(name)
        if known is None or known.expected is None or not satisfies(known.expected, answer):
            return False
    return True


def shown(rows: pd.DataFrame) -> str:
    """How the first answer of *rows* begins."""
    return in_short(str(rows["answer"].iloc[0]))


def in_short(answer: str) -> str:
    """How an *answer* begins."""
    text = " ".join(answer.split())
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
