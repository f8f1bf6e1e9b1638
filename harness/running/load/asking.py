"""What one turn of a load asks: its question as it is put, as large as it is to be."""

from __future__ import annotations

from harness.planning.schedule import Turn
from harness.protocols.asking import Asked
from harness.protocols.filler import filler, tokens_of
from harness.running.load.conversations import Before
from harness.running.load.plan import LoadPlan


def asked(plan: LoadPlan, turn: Turn, before: Before, mark: str) -> Asked:
    """What *turn* of *plan* asks under its *mark*, given how things stand in its conversation *before* it is sent."""
    question = plan.questions[turn.question]
    return Asked(
        question.text,
        before.name,
        before.seen_version,
        mark,
        question.user,
        filler=filler(turn.tokens_in - tokens_of(question.text), plan.schedule.seed),
        max_tokens=max(0, turn.tokens_out),
    )
