"""A published incident that a scenario replays: when and how it was, what was told of it and where, and what it asks of a service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.reading.strict import Strict

Line = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\n]*$")]
Source = Annotated[str, Field(pattern=r"^https?://[^\s]+$", max_length=300)]


class Incident(Strict):
    """What is known of it in public. Numbers are those of the sources; how long each thing lasts in the scenario is another matter."""

    date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}(-[0-9]{2})?$")] = Field(
        description="the day on which it began, or the month, such as 2025-11-18"
    )
    mechanism: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9 -]*$", max_length=40)] = Field(
        description="how it came about, in a word or two by which incidents are listed: flapping, metastable, ..."
    )
    what: Line = Field(description="what broke")
    published: Line = Field(description="durations and numbers as the sources have them")
    asks: Line = Field(description="what it asks of a service that depends on who had it")
    curve: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default_factory=dict,
        description="the share of requests that failed then, 0 to 1, as it was published, by the phase that stands for that time",
    )
    sources: list[Source] = Field(min_length=1, description="where that stands")
