"""The shape of a load, as a scenario writes it: how the rate differs from one second to the next."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from harness.reading.quantities import Seconds, SecondsOfYear
from harness.reading.strict import Strict

RATE_MOST = 20_000
Rate = Annotated[float, Field(ge=0, le=RATE_MOST)]
"""Requests a second; 0: none are due."""


class RampUp(Strict):
    """The rate goes evenly to another one while a phase lasts, and stays there."""

    over: str = Field(description="the phase in which it changes")
    to: Rate
    from_: Rate | None = Field(default=None, alias="from", description="before that phase; default: rate_per_s")


class Spike(Strict):
    """Another rate for a short time."""

    to: Rate
    at: str = Field(description="when it begins: a phase, or how long after its start, such as fault + 3s")
    lasts: Seconds = Field(alias="for", gt=0)


class Sine(Strict):
    """The rate swings about rate_per_s, from the load's begin on, and rises first."""

    by: Annotated[float, Field(gt=0, le=1, description="by so much of rate_per_s either way")]
    period: Seconds = Field(gt=0)


class Replay(Strict):
    """Requests are due when a trace says, and are as large and of the conversations that it says, where it does."""

    file: str = Field(min_length=1, description="a trace beside the scenario: CSV, JSONL or Parquet")
    speed: Annotated[float, Field(gt=0, le=1000, description="so many times as fast as it was")] = 1.0
    from_: SecondsOfYear = Field(default=0.0, alias="from", description="so long after the trace's beginning it begins")
    to: SecondsOfYear | None = Field(default=None, gt=0, description="so long after the trace's beginning it ends")
    loop: bool = Field(default=False, description="begin anew when it has ended, as often as the run needs")
    rate: Literal["as_is", "scaled"] = Field(
        default="as_is", description="scaled: as fast as makes it rate_per_s on average, in place of speed"
    )
    sizes: bool = Field(
        default=False, description="ask as much as the trace says: pad questions to tokens_in, and allow tokens_out"
    )

    @model_validator(mode="after")
    def _has_a_part(self) -> Replay:
        if self.to is not None and self.to <= self.from_:
            raise ValueError(f"to ({self.to:g} s) has to be later than from ({self.from_:g} s)")
        if self.rate == "scaled" and "speed" in self.model_fields_set:
            raise ValueError("rate: scaled says how fast it goes, and so does speed; write one of them")
        return self


def _as_replay(written: object) -> object:
    return {"file": written} if isinstance(written, str) else written


def _or_its_file(schema: dict[str, Any]) -> None:
    """Says in the JSON Schema of a trace that a text may stand in place of the mapping."""
    schema["anyOf"].append({"type": "string", "minLength": 1})


EXAMPLES = {
    "steps": "{fault: 50}",
    "ramp": "{over: fault, to: 50}",
    "spike": "{to: 100, at: fault, for: 2s}",
    "sine": "{by: 0.5, period: 10s}",
    "trace": "FILE",
}
"""How each shape may be written, for who has written its name alone."""


class LoadShape(Strict):
    """One of these; where none is given the rate is rate_per_s throughout."""

    steps: dict[str, Rate] | None = Field(
        default=None, min_length=1, description="the rate in each phase that is named; that of the others is rate_per_s"
    )
    ramp: RampUp | None = None
    spike: Spike | None = None
    sine: Sine | None = None
    trace: Annotated[Replay, BeforeValidator(_as_replay)] | None = Field(
        default=None,
        description="requests are due when a trace says: its file, or a mapping with more",
        json_schema_extra=_or_its_file,
    )

    @model_validator(mode="before")
    @classmethod
    def _is_more_than_a_name(cls, written: object) -> object:
        if written == "constant" or (isinstance(written, dict) and list(written) == ["constant"]):
            raise ValueError("is not needed for a load of one rate; leave shape out, and write load.rate_per_s")
        if isinstance(written, str) and written in EXAMPLES:
            raise ValueError(f"is no more than a name; write such as {{{written}: {EXAMPLES[written]}}}")
        return written

    @model_validator(mode="after")
    def _is_one(self) -> LoadShape:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            names = ", ".join(type(self).model_fields)
            raise ValueError(
                f"{' and '.join(said)} are given; write one" if said else f"says nothing; write one of {names}"
            )
        return self
