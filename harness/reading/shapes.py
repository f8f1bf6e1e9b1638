"""The shape of a load, as a scenario writes it: how the rate differs from one second to the next."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.reading.quantities import Seconds

RATE_MOST = 20_000
Rate = Annotated[float, Field(ge=0, le=RATE_MOST)]
"""Requests a second; 0: none are due."""


class _Strict(BaseModel):
    # Files are read whole, so a validator of this part alone would be built for nothing at every start.
    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, populate_by_name=True)


class RampUp(_Strict):
    """The rate goes evenly to another one while a phase lasts, and stays there."""

    over: str = Field(description="the phase in which it changes")
    to: Rate
    from_: Rate | None = Field(default=None, alias="from", description="before that phase; default: rate_per_s")


class Spike(_Strict):
    """Another rate for a short time."""

    to: Rate
    at: str = Field(description="when it begins: a phase, or how long after its start, such as fault + 3s")
    lasts: Seconds = Field(alias="for", gt=0)


class Sine(_Strict):
    """The rate swings about rate_per_s, from the load's begin on, and rises first."""

    by: Annotated[float, Field(gt=0, le=1, description="by so much of rate_per_s either way")]
    period: Seconds = Field(gt=0)


class LoadShape(_Strict):
    """One of these; where none is given the rate is rate_per_s throughout."""

    steps: dict[str, Rate] | None = Field(
        default=None, min_length=1, description="the rate in each phase that is named; that of the others is rate_per_s"
    )
    ramp: RampUp | None = None
    spike: Spike | None = None
    sine: Sine | None = None

    @model_validator(mode="after")
    def _is_one(self) -> LoadShape:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(
                f"{' and '.join(said)} are given; write one" if said else f"says nothing; write one of {names}"
            )
        return self
