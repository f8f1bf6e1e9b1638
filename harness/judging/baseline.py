"""The run that another is held against, as it is kept with that other: where it was, and what it came to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from harness.judging.result import Result


class Baseline(BaseModel):
    """*path* is where the run's folder was when the two were compared."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    result: Result
