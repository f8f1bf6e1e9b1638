"""Anthropic's words for errors and limits: typed errors, 529 for an overload of everybody's, and moments where others say durations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from harness.dialects.base import Dialect, Document, Limit, Occasion, Word, named

_LIMITED = "This request would exceed your organization's rate limit of {limit} %s. For details, refer to: https://docs.claude.com/en/api/rate-limits."
_REQUEST = "invalid_request_error"
_WORDS = {
    "invalid_request_error": Word(400, _REQUEST, "Invalid request body"),
    "context_length_exceeded": Word(400, _REQUEST, "prompt is too long: 213462 tokens > 200000 maximum"),
    "content_filter": Word(400, _REQUEST, "Output blocked by content filtering policy"),
    "prefill": Word(
        400, _REQUEST,
        "This model does not support assistant message prefill. The conversation must end with a user message.",
    ),
    "authentication_error": Word(401, "authentication_error", "invalid x-api-key"),
    "billing_error": Word(
        402, "billing_error",
        "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    ),
    "permission_error": Word(
        403, "permission_error", "Your API key does not have permission to use the specified resource."
    ),
    "not_found_error": Word(404, "not_found_error", "model: {model}"),
    "conflict_error": Word(409, "conflict_error", "The resource was changed by another request."),
    "request_too_large": Word(413, "request_too_large", "Request exceeds the maximum size"),
    "rate_limit_error": Word(
        429, "rate_limit_error", "This request would exceed your organization's rate limit. Please try again later."
    ),
    "slow_down": Word(
        429, "rate_limit_error",
        "This request would exceed your organization's acceleration limit. Please scale up your usage more gradually.",
    ),
    "enforced_spend_limit_reached": Word(
        429, "rate_limit_error", "You have reached your specified API usage limits.", "enforced_spend_limit_reached"
    ),
    "api_error": Word(500, "api_error", "Internal server error"),
    "timeout_error": Word(504, "timeout_error", "The request timed out while processing."),
    "overloaded_error": Word(529, "overloaded_error", "Overloaded"),
}  # fmt: skip


class Anthropic(Dialect):
    """Anthropic's Messages API."""

    prints = False
    hosts = ("api.anthropic.com",)
    codes = named(
        _WORDS,
        insufficient_quota="billing_error",
        invalid_api_key="authentication_error",
        model_not_found="not_found_error",
        overloaded="overloaded_error",
        rate_limit_exceeded="rate_limit_error",
    )
    by_status: ClassVar = {
        400: "invalid_request_error",
        401: "authentication_error",
        402: "billing_error",
        403: "permission_error",
        404: "not_found_error",
        409: "conflict_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    limited_by: ClassVar = {
        "requests": Word(429, "rate_limit_error", _LIMITED % "requests per minute"),
        "tokens": Word(429, "rate_limit_error", _LIMITED % "tokens per minute"),
        "concurrent": Word(
            429,
            "rate_limit_error",
            "Number of concurrent connections has exceeded your rate limit. Please try again later or contact sales.",
        ),
    }
    pages = frozenset({502})
    own_statuses = frozenset({529})

    def document(self, word: Word, on: Occasion) -> Document:
        said: Document = {"type": word.kind, "message": self.message(word, on)}
        if word.code is not None:
            said["details"] = {"error_code": word.code}
        return {"type": "error", "error": said, "request_id": on.request_id}

    def headers(self, word: Word, on: Occasion) -> dict[str, str]:
        return {"request-id": on.request_id}

    def limit_headers(self, limits: Sequence[Limit], at_s: float) -> dict[str, str]:
        said: dict[str, str] = {}
        for limit in limits:
            if limit.of != "concurrent":
                said[f"anthropic-ratelimit-{limit.of}-limit"] = str(limit.per_min)
                said[f"anthropic-ratelimit-{limit.of}-remaining"] = str(limit.remaining)
                said[f"anthropic-ratelimit-{limit.of}-reset"] = moment(at_s + limit.reset_s)
        return said

    def reason(self, status: int) -> str:
        return "Overloaded" if status == 529 else super().reason(status)

    def other(self, status: int) -> Word:
        if status >= 500:
            return Word(status, "api_error", "Internal server error")
        return Word(status, _REQUEST, "The request failed.")


def moment(at_s: float) -> str:
    """The second *at_s* after 1970, or the next whole one, as RFC 3339 writes it: ``2026-11-26T12:00:00Z``."""
    whole = datetime.fromtimestamp(at_s, UTC)
    if whole.microsecond:
        whole = whole.replace(microsecond=0) + timedelta(seconds=1)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
