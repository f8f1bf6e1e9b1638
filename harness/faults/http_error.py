"""The fault in which a provider answers requests with an error."""

from __future__ import annotations

from typing import Annotated, Literal, Self

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
