"""Whether answers can have been answers: one text to every question, or another one than before, and nobody asked about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from harness.judging.answers import compared, satisfies
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import before_faults, entries_of
from harness.judging.scoring.consistency import CATCH_ALL_MIN
from harness.protocols.nonce import unmarked
from harness.reading import quantities

if TYPE_CHECKING:
    import numpy as np

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


@dataclass(frozen=True)
class _Answers:
    """Complete answers, each kind once, in the order in which they came first: of each kind a value of every array."""

    phase: np.ndarray[Any, Any]
    question: np.ndarray[Any, Any]
    asked: np.ndarray[Any, Any]
    """The question's text."""
    answer: np.ndarray[Any, Any]
    wording: np.ndarray[Any, Any]
    agrees: np.ndarray[Any, Any]
    entry: np.ndarray[Any, Any]
    user: np.ndarray[Any, Any]
    """Who asked; empty where nobody says."""
    n: np.ndarray[Any, Any]
    """How often it came."""

    def __bool__(self) -> bool:
        return self.n.size > 0

    def where(self, picked: np.ndarray[Any, Any]) -> _Answers:
        return _Answers(**{one.name: getattr(self, one.name)[picked] for one in fields(self)})

    def of_entries(self, entries: Collection[str]) -> _Answers:
        """Those of any of *entries*."""
        import numpy as np

        return self.where(np.fromiter((name in entries for name in self.entry.tolist()), np.bool_, self.n.size))

    def by(self, *names: str) -> dict[tuple[str, ...], _Answers]:
        """Those that have the same values there, in the order of these."""
        import numpy as np

        keys = [*zip(*(getattr(self, name).tolist() for name in names), strict=True)]
        numbers = {key: number for number, key in enumerate(sorted(set(keys)))}
        of = np.array([numbers[key] for key in keys], np.int64)
        order = np.argsort(of, kind="stable")
        ends = np.searchsorted(of[order], np.arange(1, len(numbers)))
        # Of no rows there is one empty part, and no key.
        return dict(zip(numbers, map(self.where, np.split(order, ends)), strict=False))

    @cached_property
    def count(self) -> int:
        """How many answers these kinds stand for."""
        return int(self.n.sum())

    @cached_property
    def questions(self) -> int:
        """To how many different questions they are."""
        return len(set(self.asked.tolist()))

    def counted(self, *names: str) -> Counter[tuple[str, ...]]:
        """How many answers have the same values there."""
        found: Counter[tuple[str, ...]] = Counter()
        for *what, n in zip(*(getattr(self, name).tolist() for name in (*names, "n")), strict=True):
            found[(*what,)] += n
        return found


def one_answer_to_all(evidence: Evidence) -> str | None:
    """Why nothing shows that the questions were asked; None where something does.

    It is about answers from before anything was broken, or of the whole run where those are to too few questions. A service may
    name itself, or who asks, in every answer, so those of one entry and of one user are looked at by themselves, too.
    """
    answers = _said(evidence)
    for rows, when in (
        (answers.where(answers.phase == "baseline"), "before anything was broken"),
        (answers, "in the run"),
    ):
        if rows.questions < CATCH_ALL_MIN:
            continue
        if (what := _one_text(rows, when) or _by_chance(rows, f" {when}")) and not _expected(evidence, rows):
            return (
                f"{what}: does the service get the question (ask.body)? "
                "If it is right, say so with expected: in the questions file"
            )
        return None
    return None


def _one_text(rows: _Answers, when: str) -> str | None:
    """That all *rows* say the same, or all of one entry, or all that each entry says to each user."""
    whole = [("", rows)]
    entries = [(f" of {name}", group) for (name,), group in rows.by("entry").items() if group.count >= _ANSWERS_MIN]
    users = rows.by("entry", "user").values()
    for of, group in [*whole, *entries]:
        if _is_one(group):
            return f"all {group.count} answers{of} {when}, {_to_how_many(group)}, were the same text ({shown(group)})"
    several = [group for group in users if group.questions >= CATCH_ALL_MIN]
    if several and all(map(_is_one, several)):
        return f"all {rows.count} answers {when}, {_to_how_many(rows)}, depended on who asked alone (such as {shown(rows)})"
    return None


def _is_one(rows: _Answers) -> bool:
    return rows.questions >= CATCH_ALL_MIN and len(set(rows.wording.tolist())) == 1


def _to_how_many(rows: _Answers) -> str:
    return f"to {rows.questions} different questions"


def _by_chance(rows: _Answers, when: str) -> str | None:
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


def _but_for_numbers(rows: _Answers, when: str) -> str | None:
    """That *rows* say one thing with other numbers each time, such as the id of a request, whichever question was asked."""
    import numpy as np

    wordings = rows.wording.tolist()
    if rows.questions < CATCH_ALL_MIN or len({_NUMBERED.sub("#", wording) for wording in wordings}) > 1:
        return None
    numbers = [np.array(these, object) for these in zip(*map(_NUMBERED.findall, wordings), strict=True)]
    if not numbers or any(_hangs_on_the_question(replace(rows, wording=these)) for these in numbers):
        return None
    return f"all {rows.count} answers{when}, {_to_how_many(rows)}, were the same text but for numbers (such as {shown(rows)})"


def _hangs_on_the_question(rows: _Answers) -> bool:
    """Whether *rows* to one question say the same more often than those to two do; or there are too few to know."""
    (same, of_same), (other, of_other) = _agreeing(rows)
    return min(of_same, of_other) < _PAIRS_MIN or same / of_same - other / of_other > _APART


def _agreeing(rows: _Answers) -> tuple[tuple[int, int], tuple[int, int]]:
    """How many pairs of *rows* say the same, and of how many pairs: of those to one question, and of those to two."""

    def pairs(*names: str) -> int:
        return sum(n * (n - 1) // 2 for n in rows.counted(*names).values())

    all_pairs = rows.count * (rows.count - 1) // 2
    same, of_same, alike = pairs("asked", "wording"), pairs("asked"), pairs("wording")
    return (same, of_same), (alike - same, all_pairs - of_same)


def unlooked_at(evidence: Evidence) -> list[str]:
    """What became of answers behind the baseline that no expectation looks at, phase by phase, and of those that nothing can agree with."""
    said: list[str] = evidence.once("unlooked at", lambda: list(_unlooked_at(evidence)))
    return said


def _unlooked_at(evidence: Evidence) -> Iterator[str]:
    # What the users of a locustfile are told is not kept.
    if evidence.plan.closed:
        return
    yield from _unheld(evidence)
    asked = evidence.plan.scenario.good.answers is not None
    answers = _said(evidence, of_good=asked)
    nobody = (
        "good.answers takes them for good"
        if asked
        else "nothing looks at what answers say (good.answers, or answer_consistency)"
    )
    for phase in evidence.plan.phases:
        entries = _not_looked_at(evidence, phase.name)
        if phase.name == "warmup" or not entries:
            continue
        mine = answers.of_entries(entries)
        rows, baseline = mine.where(mine.phase == phase.name), mine.where(mine.phase == "baseline")
        if what := _ailing(evidence, rows, baseline, phase.name):
            yield f"{what} in {phase.name}, and {nobody}"
            continue
        # Of several entries one may say what is no answer, which is not most of what was said.
        for name, here in _each_entry(rows):
            if what := _ailing(evidence, here, baseline.where(baseline.entry == name), phase.name):
                yield f"{what} at {name} in {phase.name}, and {nobody}"


def _not_looked_at(evidence: Evidence, phase: str) -> list[str]:
    """The entries whose answers no expectation looks at in *phase*."""
    target = evidence.plan.target
    looked = {
        entry
        for one in evidence.plan.expectations
        if one.metric in metrics and metrics[one.metric].reads_answers and one.selection.phase in (None, phase)
        for entry in entries_of(target, one.selection)
    }
    return [name for name in target.entries_by_name if name not in looked]


def _each_entry(rows: _Answers) -> list[tuple[str, _Answers]]:
    """*rows* by entry, where there are several, without entries that said too little."""
    entries = [(name, group) for (name,), group in rows.by("entry").items()]
    return [one for one in entries if one[1].count >= _ANSWERS_MIN] if len(entries) > 1 else []


def _ailing(evidence: Evidence, rows: _Answers, baseline: _Answers, phase: str) -> str | None:
    """What most of *rows*, the answers of a *phase*, are that is no answer, or none as before."""
    if what := _unexpected(evidence, rows):
        return what
    if phase == "baseline":
        return _but_for_numbers(rows, "")
    if rows.questions < CATCH_ALL_MIN:
        return None
    return _same(rows, baseline) or _other(rows, baseline) or _a_few(rows, baseline)


def _unheld(evidence: Evidence) -> Iterator[str]:
    """That most answers were to agree with others, and there were none that they could have agreed with."""
    wanted = evidence.plan.scenario.good.answers
    if wanted is None or not wanted.agrees:
        return
    alone = compared(evidence).alone()
    if alone.sum() > _MOST * alone.size:
        yield (
            f"{int(alone.sum())} of {alone.size} complete answers are good though nothing shows that they agree (good.answers): "
            "none other was given to their question"
        )


def _same(rows: _Answers, baseline: _Answers) -> str | None:
    """That most of *rows* say the same to different questions, which they did not in the *baseline*."""
    said = rows.counted("wording")
    (usual,) = min(said, key=lambda wording: (-said[wording], wording))
    same = rows.where(rows.wording == usual)
    was = baseline.where(baseline.wording == usual).count / baseline.count if baseline else 0.0
    if same.count <= _MOST * rows.count or was > _MOST or same.questions < CATCH_ALL_MIN:
        return None
    return f"{same.count} of {rows.count} complete answers, {_to_how_many(same)}, were the same text ({shown(same)})"


def _a_few(rows: _Answers, baseline: _Answers) -> str | None:
    """That *rows* say one of a few things, or one with other numbers, to whatever was asked, which they did not in the *baseline*."""
    for found in (_by_chance, _but_for_numbers):
        if baseline and (what := found(rows, "")) and not found(baseline, ""):
            return what
    return None


def _unexpected(evidence: Evidence, rows: _Answers) -> str | None:
    """That most of *rows* are not what the questions file says a right answer is."""
    import numpy as np

    expected = {name for name, known in evidence.asked.items() if known.expected is not None}
    told = rows.where(np.fromiter((name in expected for name in rows.question.tolist()), np.bool_, rows.n.size))
    others = told.where(~told.agrees)
    wrong = others.count
    if not wrong or wrong <= _MOST * told.count:
        return None
    return f"{wrong} of {told.count} complete answers were not as expected (such as {shown(others)})"


def _other(rows: _Answers, baseline: _Answers) -> str | None:
    """That most of *rows* are not as they should be, though the *baseline* was."""
    wrong = rows.where(~rows.agrees).count
    if wrong <= _MOST * rows.count or not baseline:
        return None
    if baseline.where(baseline.agrees).count / baseline.count < _WELL:
        return None
    return f"{wrong} of {rows.count} complete answers were others than in the baseline"


def _said(evidence: Evidence, *, of_good: bool = False) -> _Answers:
    """What was answered behind the warm-up; *of_good*: what of it was called good."""
    import numpy as np

    from harness.judging.scoring.wording import normalised

    def made() -> _Answers:
        complete = evidence.words("requests", "outcome") == "complete"
        scored = evidence.words("requests", "phase")[complete] != "warmup"
        if of_good:
            scored = scored & evidence.column("requests", "good")[complete]
        columns = {name: evidence.words("requests", name)[complete][scored] for name in ("question", "answer", "entry")}
        columns = {"phase": _phases(evidence)[complete][scored], **columns}
        agrees = compared(evidence).agrees()[scored]
        key = agrees.astype(np.int64)
        for column in columns.values():
            key = key * max(1, len(column.vocabulary)) + column.codes
        _, first, n = np.unique(key, return_index=True, return_counts=True)
        order = np.argsort(first)
        told = {name: column[first[order]].to_numpy() for name, column in columns.items()}
        answers, questions = [*map(unmarked, told["answer"])], told["question"].tolist()
        asked = [evidence.questions.get(name, name).casefold() for name in questions]
        users = {name: known.user or "" for name, known in evidence.asked.items()}
        return _Answers(
            phase=told["phase"],
            question=told["question"],
            asked=np.array(asked, object),
            answer=np.array(answers, object),
            wording=np.array([*map(normalised, answers)], object),
            agrees=agrees[first[order]].astype(bool),
            entry=told["entry"],
            user=np.array([users.get(name, "") for name in questions], object),
            n=n[order],
        )

    said: _Answers = evidence.once(("said", of_good), made)
    return said


def _phases(evidence: Evidence) -> Words:
    """The phase in which each request was due; none for what was due in the baseline and may have been met by what was broken later."""
    import numpy as np

    from harness.record.columns import Words

    phase = evidence.words("requests", "phase")
    met = (phase == "baseline") & ~before_faults(evidence)
    return Words.numbered(np.where(met, len(phase.vocabulary), phase.codes), [*phase.vocabulary, ""])


def _expected(evidence: Evidence, rows: _Answers) -> bool:
    """Whether the questions file says of every question that this is what a right answer says."""
    for name, answer in dict.fromkeys(zip(rows.question.tolist(), rows.answer.tolist(), strict=True)):
        known = evidence.asked.get(name)
        if known is None or known.expected is None or not satisfies(known.expected, answer):
            return False
    return True


def shown(rows: _Answers) -> str:
    """How the first answer of *rows* begins."""
    return in_short(str(rows.answer[0]))


def in_short(answer: str) -> str:
    """How an *answer* begins."""
    text = " ".join(answer.split())
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
