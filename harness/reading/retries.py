"""Clients who ask again, as a scenario writes them: how often, after how long, and upon what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from harness.reading.quantities import Seconds
from harness.reading.strict import Strict

AGAIN_MAX = 15
"""How often one client may ask again: no more presses can be told apart."""
Unserved = Literal["error", "timed_out", "stalled", "truncated", "empty", "malformed", "reset", "refused"]
"""What a request can come to that does not serve its client; `record.rows` has the same words."""
_UNSERVED: tuple[Unserved, ...] = get_args(Unserved)


class Backoff(Strict):
    """A wait that grows: *first*, then *factor* times as long each time, at most *most*, and less by a random part of up to *jitter*."""

    first: Seconds = Field(description="before a client asks again for the first time")
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0
    most: Seconds | None = Field(default=None, description="the longest wait; default: there is none")
    jitter: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.0, description="each wait is shorter by up to this share of it, at random"
    )

    @model_validator(mode="after")
    def _grows(self) -> Backoff:
        if self.most is not None and self.most < self.first:
            raise ValueError(
                f"most {self.most:g} s is shorter than first {self.first:g} s; let it be as long or longer"
            )
        return self


def _some(again_max: int) -> int:
    if again_max < 1:
        raise ValueError(
            f"{again_max} means that nobody asks again, as without load.retries; leave that out, or write 1 or more"
        )
    return again_max


class Retries(Strict):
    """Clients who ask again when they are not served."""

    max: Annotated[
        int,
        Field(le=AGAIN_MAX),
        AfterValidator(_some),
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": AGAIN_MAX}),
    ] = Field(description="how often a client asks again for one request")
    deadline: Seconds = Field(gt=0, description="how long a client waits for an answer before it asks again")
    backoff: Seconds | Backoff = Field(
        default=1.0, description="how long a client waits before it asks again: a time, or one that grows"
    )
    on: list[Unserved] = Field(
        default=list(_UNSERVED),
        min_length=1,
        description="upon what a client asks again; default: whatever is no answer",
    )

    @property
    def grows(self) -> Backoff:
        """The *backoff* as one that grows, if only by nothing."""
        backoff = self.backoff
        return backoff if isinstance(backoff, Backoff) else Backoff.model_construct(first=backoff, factor=1.0)


def misfits(retries: Retries, deadline_s: float) -> Iterator[tuple[str, str]]:
    """What of *retries* does not fit clients who give a request up for good *deadline_s* after it was due: each key, and why."""
    if retries.deadline >= deadline_s:
        yield (
            "deadline",
            f"{retries.deadline:g} s is no shorter than the {deadline_s:g} s after which a client gives its request up for good "
            "(load.deadline), so it would never ask again; write less, or let load.deadline be longer",
        )
        return
    waits_s = retries.grows.first
    if "timed_out" in retries.on and (again_s := retries.deadline + waits_s) >= deadline_s:
        room_s = deadline_s - retries.deadline
        yield (
            "backoff",
            f"who waits {retries.deadline:g} s for an answer and {waits_s:g} s more would ask again after {again_s:g} s, when the request "
            f"is given up for good (load.deadline, {deadline_s:g} s); wait less than {room_s:g} s, or let load.deadline be longer",
        )
