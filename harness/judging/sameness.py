"""Whether answers can have been answers: one text to every question, or another one than before, and nobody asked about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.judging.answers import compared, satisfies
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.protocols.nonce import unmarked

if TYPE_CHECKING:
    import pandas as pd

QUESTIONS_MIN = 3
"""To how many different questions one answer is too many; two may well have the same one."""
_MOST = 0.5
_WELL = 0.8
_SHOWN_CHARS = 60


def one_answer_to_all(evidence: Evidence) -> str | None:
    """Why nothing shows that the questions were asked; None where something does.

    It is about answers from before anything was broken, or of the whole run where those are to too few questions.
    """
    answers = _said(evidence)
    for rows, when in (
        (answers[answers["phase"] == "baseline"], "before anything was broken"),
        (answers, "in the run"),
    ):
        asked = rows["asked"].nunique()
        if asked < QUESTIONS_MIN:
            continue
        if rows["wording"].nunique() > 1 or _expected(evidence, rows):
            return None
        return (
            f"all {len(rows)} answers {when}, to {asked} different questions, were the same text ({_shown(rows)}): does the "
            "service get the question (ask.body)? If it is right, say so with expected: in the questions file"
        )
    return None


def unlooked_at(evidence: Evidence) -> list[str]:
    """What became of the answers of each phase behind the baseline that no expectation looks at."""
    said: list[str] = evidence.once("unlooked at", lambda: list(_unlooked_at(evidence)))
    return said


def _unlooked_at(evidence: Evidence) -> Iterator[str]:
    if evidence.plan.scenario.good.answers is not None:
        return
    answers = _said(evidence)
    baseline = answers[answers["phase"] == "baseline"]
    for phase in evidence.plan.phases:
        looked = any(
            metrics[expectation.metric].reads_answers and expectation.selection.phase in (None, phase.name)
            for expectation in evidence.plan.expectations
            if expectation.metric in metrics
        )
        rows = answers[answers["phase"] == phase.name]
        if phase.name in ("warmup", "baseline") or looked or rows["asked"].nunique() < QUESTIONS_MIN:
            continue
        if what := _same(rows, baseline) or _other(rows, baseline):
            yield f"{what} in {phase.name}, and nothing looks at what answers say (good.answers, or answer_consistency)"


def _same(rows: pd.DataFrame, baseline: pd.DataFrame) -> str | None:
    """That most of *rows* say the same to different questions, which they did not in the *baseline*."""
    usual = rows["wording"].mode()[0]
    same = rows[rows["wording"] == usual]
    was = float((baseline["wording"] == usual).mean()) if len(baseline) else 0.0
    asked = same["asked"].nunique()
    if len(same) <= _MOST * len(rows) or was > _MOST or asked < QUESTIONS_MIN:
        return None
    return f"{len(same)} of {len(rows)} complete answers, to {asked} different questions, were the same text ({_shown(same)})"


def _other(rows: pd.DataFrame, baseline: pd.DataFrame) -> str | None:
    """That most of *rows* are not as they should be, though the *baseline* was."""
    wrong = int((~rows["agrees"]).sum())
    if wrong <= _MOST * len(rows) or not len(baseline) or baseline["agrees"].mean() < _WELL:
        return None
    return f"{wrong} of {len(rows)} complete answers were others than in the baseline"


def _said(evidence: Evidence) -> pd.DataFrame:
    """Complete answers behind the warm-up: ``phase``, ``question``, ``asked`` (its text), ``answer``, ``wording``, ``agrees``."""
    from harness.judging.scoring.wording import normalised

    def made() -> pd.DataFrame:
        complete = evidence.requests[evidence.requests["outcome"] == "complete"]
        rows = complete[["phase", "question", "answer"]].assign(agrees=compared(evidence).agrees())
        rows = rows[rows["phase"] != "warmup"]
        answers = rows["answer"].fillna("").map(unmarked)
        wordings = {text: normalised(text) for text in answers.unique()}
        texts = {name: evidence.questions.get(name, name).casefold() for name in rows["question"].unique()}
        return rows.assign(answer=answers, wording=answers.map(wordings), asked=rows["question"].map(texts))

    said: pd.DataFrame = evidence.once("said", made)
    return said


def _expected(evidence: Evidence, rows: pd.DataFrame) -> bool:
    """Whether the questions file says of every question that this is what a right answer says."""
    for name, answer in rows[["question", "answer"]].drop_duplicates().itertuples(index=False):
        known = evidence.asked.get(name)
        if known is None or known.expected is None or not satisfies(known.expected, answer):
            return False
    return True


def _shown(rows: pd.DataFrame) -> str:
    text = " ".join(str(rows["answer"].iloc[0]).split())
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")
