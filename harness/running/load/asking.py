"""What one turn of a load asks: its question as it is put, as large as it is to be, with what was said before it."""

from __future__ import annotations

from harness.planning.schedule import Turn
from harness.protocols.asking import Asked
from harness.protocols.filler import filler, tokens_of
from harness.reading.steps import asked_as
from harness.running.load.conversations import Before
from harness.running.load.plan import LoadPlan, PlannedQuestion


def text(plan: LoadPlan, turn: Turn) -> str:
    """What *turn* of *plan* asks, in the words of the questions file."""
    return _text(plan.questions[turn.question], turn.step)


def kept_as(plan: LoadPlan, turn: Turn) -> str:
    """What the answer to *turn* is kept under, and compared with others of."""
    return asked_as(plan.questions[turn.question].id, turn.step)


def asked(plan: LoadPlan, turn: Turn, before: Before, mark: str) -> Asked:
    """What *turn* of *plan* asks under its *mark*, given how things stand in its conversation *before* it is sent.

    What a trace says of the size of a request goes before what its question says.
    """
    question = plan.questions[turn.question]
    words = _text(question, turn.step)
    tokens = turn.tokens_in if turn.tokens_in >= 0 else question.size
    return Asked(
        words,
        before.name,
        before.seen_version,
        mark,
        question.user,
        filler=filler(tokens - tokens_of(words), plan.schedule.seed),
        max_tokens=max(0, turn.tokens_out) or question.max_tokens,
        system=question.system,
        tools=question.tools,
        history=before.history if turn.step else (),
    )


def asked_first(question: PlannedQuestion, conversation: str, mark: str) -> Asked:
    """What *question* asks under its *mark* before the load, with nothing said before it, and otherwise as the load will ask it."""
    return Asked(
        question.text,
        conversation,
        None,
        mark,
        question.user,
        filler=filler(question.size - tokens_of(question.text), 0),
        max_tokens=question.max_tokens,
        system=question.system,
        tools=question.tools,
    )


def _text(question: PlannedQuestion, step: int) -> str:
    return question.turns[step - 1] if step else question.text
