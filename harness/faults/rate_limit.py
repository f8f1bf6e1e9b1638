"""The fault in which a provider answers 429 above a limit: of requests, of tokens, of requests at once, or of several of these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from harness.faults.base import OfRequests
from harness.faults.effects import Rule, Throttle, Told
from harness.faults.retry_after import RetryAfter
from harness.faults.said_headers import SaidHeaders
from harness.reading.quantities import plain


class RateLimit(OfRequests):
    """The provider answers 429 above so many requests or tokens per minute, or requests at once, and says so in every answer."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "429 Too Many Requests, requests per minute, RPM, throttled, quota": "on: {kind: provider}, requests_per_min: 120",
        "tokens per minute, TPM, token quota": "on: {kind: provider}, tokens_per_min: 20000",
        "too many concurrent requests, concurrency limit": "on: {kind: provider}, concurrent: 4",
        "429 with a wrong Retry-After: absurd, negative, a date": "on: {kind: provider}, requests_per_min: 120, retry_after: 3600",
    }

    kind: Literal["rate_limit"] = "rate_limit"
    requests_per_min: Annotated[float, Field(gt=0)] | None = Field(default=None, description="evenly spaced")
    burst: Annotated[int, Field(ge=1)] = Field(default=1, description="how many requests may pass at once")
    tokens_per_min: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="those of the prompt (a token is four characters) and those that the answer may have"
    )
    tokens_burst: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many tokens may pass at once; default: those of a minute"
    )
    concurrent: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many requests may be under way"
    )
    retry_after: RetryAfter | None = Field(
        default=None,
        description="how it tells to wait: seconds, ms, date, body or none; any other value is what retry-after says: 3600, -1, soon; "
        "default: as the API tells of it",
    )
    headers: SaidHeaders = Field(default_factory=dict)

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.requests_per_min is None and self.tokens_per_min is None and self.concurrent is None:
            raise ValueError("say what it limits: requests_per_min, tokens_per_min or concurrent, or several of them")
        if self.requests_per_min is None and "burst" in self.model_fields_set:
            raise ValueError("burst is of requests_per_min, which is not said; for tokens say tokens_burst")
        if self.tokens_per_min is None and self.tokens_burst is not None:
            raise ValueError("tokens_burst is of tokens_per_min, which is not said")
        return self

    def rule(self) -> Rule:
        return Throttle(
            self.requests_per_min,
            self.burst,
            self.tokens_per_min,
            self.tokens_burst,
            self.concurrent,
            self.retry_after or Told(),
            self.headers,
        )

    def summary(self) -> str:
        said = []
        if self.requests_per_min is not None:
            said.append(f"{plain(self.requests_per_min, 6)} per minute, burst {self.burst},")
        if self.tokens_per_min is not None:
            said.append(f"{plain(self.tokens_per_min, 6)} tokens per minute,")
        if self.concurrent is not None:
            said.append(f"{self.concurrent} at once,")
        return f"rate_limit {' '.join(said)}{self.whom}"
