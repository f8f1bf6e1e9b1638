"""The fault in which a provider answers requests with an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from pydantic import Field, model_validator

from harness.dialects import MEANINGS, dialects
from harness.dialects.base import PREFILL
from harness.dialects.bodies import Body
from harness.faults.base import OfRequests
from harness.faults.effects import Fail, Rule, Told
from harness.faults.requests import Requests
from harness.faults.retry_after import RetryAfter
from harness.faults.said_headers import SaidHeaders
from harness.reading.quantities import Seconds
from harness.reading.target import Link
from harness.registry import suggestion


class HttpError(OfRequests):
    """The provider answers *status*, or the error that *code* names, to a *share* of requests, drawn by the run's seed."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "503 Service Unavailable, provider outage, 5xx": "on: {kind: provider}, status: 503",
        "500 Internal Server Error for a share, partial outage, elevated errors": "on: {kind: provider}, status: 500, share: 0.3",
        "529 overloaded, overloaded_error, engine or model overloaded": "on: {kind: provider}, code: overloaded",
        "429 for a share of requests, with a stated wait, Retry-After": "on: {kind: provider}, status: 429, wait: 2s, share: 0.3",
        "insufficient_quota, billing, credits used up: must not be retried": "on: {kind: provider}, code: insufficient_quota",
        "401 Unauthorized, API key revoked, expired, invalid": "on: {kind: provider}, code: invalid_api_key",
        "403 Forbidden, permission denied": "on: {kind: provider}, status: 403",
        "404 model not found, deprecated or retired model": "on: {kind: provider}, code: model_not_found",
        "400 context_length_exceeded, context window exceeded, prompt too long": "on: {kind: provider}, code: context_length_exceeded",
        "400 content filter, moderation, safety, policy violation": "on: {kind: provider}, code: content_filter",
        "408 Request Timeout, 504 Gateway Timeout": "on: {kind: provider}, status: 504",
        "502 Bad Gateway, an HTML page of a gateway, proxy or CDN in place of JSON": "on: {kind: provider}, status: 502, body: html",
        "the first try of each request fails, flaky, transient error": "on: {kind: provider, attempt: 1}, status: 500",
    }

    kind: Literal["http_error"] = "http_error"
    status: Annotated[int, Field(ge=400, le=599)] | None = Field(
        default=None, description="400 to 599; default: that of the code"
    )
    code: str | None = Field(
        default=None,
        min_length=1,
        description=f"which error, by its name in the link's API, or whatever the API: {', '.join(MEANINGS)}",
    )
    body: Body | None = Field(
        default=None,
        description="what stands in the answer: api (what the API says), html (a gateway's page), empty, or not_json (JSON that is cut "
        "off); default: as the API has it, which for 502 and 504 is most often a page",
    )
    wait: Annotated[Seconds, Field(gt=0)] | None = Field(
        default=None, description="how long it tells to wait; default: it does not"
    )
    retry_after: RetryAfter | None = Field(
        default=None,
        description="how it tells to wait: seconds, ms, date, body or none; any other value is what retry-after says: 3600, -1, soon; "
        "default: as the API tells of it",
    )
    should_retry: bool | None = Field(
        default=None,
        description="what x-should-retry says, which the clients of OpenAI and Anthropic obey; default: nothing",
    )
    headers: SaidHeaders = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.status is None and self.code is None:
            raise ValueError("say which error: status, such as 503, or code, such as overloaded")
        if self.code is not None and not any(self.code in one.codes for _, one in dialects.items()):
            known = sorted({*MEANINGS, *(code for _, one in dialects.items() for code in one.codes)})
            raise ValueError(f"code: {self.code!r} is an error of no API; {suggestion(self.code, known)}")
        if self.wait is None and self.retry_after is not None and self.retry_after.ways:
            raise ValueError(
                "retry_after says how to tell to wait, and nothing says how long; add wait, such as wait: 2s"
            )
        if self.wait is not None and self.retry_after is not None and not self.retry_after.ways:
            raise ValueError("wait is not told where retry_after is none or a value; leave one of them out")
        return self

    def misfit(self, link: Link) -> str:
        speaks = dialects[link.speaks]
        if self.code is not None and self.code not in speaks.codes:
            has = f"it has {', '.join(speaks.codes)}" if speaks.codes else "it has none; say a status"
            return f"speaks {link.speaks}, which has no error {self.code!r}; {has}"
        owners = [name for name, one in dialects.items() if self.status in one.own_statuses]
        # What a link is only taken to speak proves nothing.
        if link.api is not None and owners and link.speaks not in owners and speaks.codes:
            overload = speaks.codes["overloaded"].status
            return f"speaks {link.speaks}, and {self.status} is a status of {' and '.join(owners)} alone; its overload is {overload}"
        return ""

    @property
    def requests(self) -> Requests:
        requests = super().requests
        # That the conversation ends with the assistant is what this error is about.
        return msgspec.structs.replace(requests, last_role="assistant") if self.code == PREFILL else requests

    def rule(self) -> Rule:
        return Fail(
            self.status,
            self.code or "",
            self.body or "",
            self.wait,
            self.retry_after or Told(),
            self.should_retry,
            self.headers,
        )

    def summary(self) -> str:
        said = [str(word) for word in (self.status, self.code) if word]
        return f"http_error {' '.join(said)}{self.whom}"
