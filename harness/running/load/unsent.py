"""The row of a request that was not sent, whoever says so: the worker that should have sent it, or who misses that worker."""

from __future__ import annotations

from collections.abc import Iterator

from harness.planning.schedule import Share, Turn, turns
from harness.record.rows import Request, RequestOutcome
from harness.running.load.asking import kept_as
from harness.running.load.conversations import Conversations
from harness.running.load.plan import LoadPlan


def unsent(
    plan: LoadPlan, worker: int, turn: Turn, zero_s: float, why: str, outcome: RequestOutcome = "not_sent"
) -> Request:
    """The row of *turn*, which was *worker*'s and is 0 at *zero_s*; *outcome* is another where it may have been sent after all."""
    return Request(
        index=turn.index,
        worker=worker,
        due_s=zero_s + turn.due_s,
        outcome=outcome,
        detail=why,
        entry=list(plan.entries)[turn.entry],
        conversation=Conversations(plan.run_id).name(turn.conversation),
        turn=turn.turn,
        question=kept_as(plan, turn),
        nonce=turn.nonce,
    )


def left_over(
    plan: LoadPlan, share: Share, known: set[int], zero_s: float, lost_s: float, until_s: float, why: str
) -> Iterator[Request]:
    """A row for each request of *share* that is not *known* and was due until *until_s* of the monotonic clock.

    The worker was lost at *lost_s*: what was due before may have been sent, and nobody knows what became of it.
    """
    for turn in turns(plan, share):
        due_s = zero_s + turn.due_s
        if due_s > until_s:
            return
        if turn.index not in known:
            yield unsent(plan, share.number, turn, zero_s, why, "unfinished" if due_s < lost_s else "not_sent")
