"""How many trials were looked at while another number of them was planned, which spent of the error rate what it spent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pydantic import Field

from harness.judging.json_document import DocumentPart
from harness.judging.trials.policy import LEAST, SHOWING, Policy


class Looked(DocumentPart):
    """Looks at trials by an earlier plan, from the first on or from where the one before it ended."""

    planned: int = Field(description="trials that were to be made then")
    counted: int = Field(description="so many of them had been looked at when the plan changed")
    error_rate: float = Field(description="that was asked for then")


def following(policy: Policy, looked: Sequence[Looked]) -> Policy:
    """*policy* for the looks that come after those in *looked*, the oldest first; those keep what they had of their error rate."""
    before, seen = None, 0
    for one in looked:
        before = replace(policy, error_rate=one.error_rate, most=one.planned, before=before, looked=seen)
        seen = one.counted
    return replace(policy, before=before, looked=seen)


def changed(looked: Sequence[Looked], then: Looked, planned: int, error_rate: float) -> tuple[Looked, ...]:
    """What was *looked* at before, and *then* too, where it was another plan than so many *planned* at this *error_rate*."""
    seen = max(then.counted, *(one.counted for one in looked), 0)
    same = (then.planned, then.error_rate) == (planned, error_rate)
    if same or min(seen, then.planned) < LEAST:
        return tuple(looked)
    return (*looked, then.model_copy(update={"counted": seen}))


def used_up(policy: Policy) -> bool:
    """Whether nothing of the error rate is left, so that no further trial could show anything."""
    return policy.before is not None and all(policy.left(showing) <= 0 for showing in SHOWING)
