"""The fault in which a provider answers requests with an error status."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.faults.base import OfRequests
from harness.faults.effects import Fail, Rule


class HttpError(OfRequests):
    """The provider answers *status* to a *share* of requests, drawn by the run's seed."""

    kind: Literal["http_error"] = "http_error"
    status: Annotated[int, Field(ge=400, le=599)]

    def rule(self) -> Rule:
        return Fail(self.status)

    def summary(self) -> str:
        return f"http_error {self.status}{self.whom}"
