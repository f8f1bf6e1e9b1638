"""OpenAI's words for errors and limits, to the letter as far as clients read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from harness.dialects.base import Dialect, Document, Limit, Occasion, Word, named

_HELP = " Visit https://platform.openai.com/account/rate-limits to learn more."
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
_LIMITED = "Rate limit reached for {model} in organization org-harness on %s: Limit {limit}, Used {used}, Requested {asked}.{wait}"
_REQUEST = "invalid_request_error"


def _money(code: str) -> Word:
    return Word(429, "insufficient_quota", _QUOTA, code)


WORDS = {
    "context_length_exceeded": Word(
        400, _REQUEST,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130042 tokens. "
        "Please reduce the length of the messages.",
        "context_length_exceeded", "messages",
    ),
    "content_policy_violation": Word(
        400, _REQUEST,
        "Your request was rejected as a result of our safety system. Your prompt may contain text that is not allowed by "
        "our safety system.",
        "content_policy_violation",
    ),
    "invalid_prompt": Word(
        400, _REQUEST,
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.",
        "invalid_prompt",
    ),
    "invalid_json": Word(400, _REQUEST, "We could not parse the JSON body of your request."),
    "invalid_api_key": Word(
        401, _REQUEST,
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_api_key",
    ),
    "unsupported_country_region_territory": Word(
        403, "request_forbidden", "Country, region, or territory not supported", "unsupported_country_region_territory"
    ),
    "model_not_found": Word(
        404, _REQUEST, "The model `{model}` does not exist or you do not have access to it.", "model_not_found"
    ),
    "timeout": Word(408, "timeout", "The request timed out."),
    "conflict_error": Word(409, "conflict_error", "The resource was updated by another request."),
    "rate_limit_exceeded": Word(429, "requests", "Rate limit reached for requests.{wait}" + _HELP, "rate_limit_exceeded"),
    "slow_down": Word(
        429, "rate_limit_error",
        "Your request rate increased too quickly. Please slow down, and increase it gradually.{wait}", "slow_down",
    ),
    "insufficient_quota": _money("insufficient_quota"),
    "credit_balance_exhausted": _money("credit_balance_exhausted"),
    "organization_spend_limit_exceeded": _money("organization_spend_limit_exceeded"),
    "project_spend_limit_exceeded": _money("project_spend_limit_exceeded"),
    "organization_usage_limit_exceeded": _money("organization_usage_limit_exceeded"),
    "server_error": Word(500, "server_error", "The server had an error while processing your request. Sorry about that!"),
    "server_is_overloaded": Word(
        503, "service_unavailable_error",
        "The server is currently overloaded with other requests. Sorry about that! You can retry your request, or "
        "contact us through our help center at help.openai.com if the error persists.{wait}",
        "server_is_overloaded",
    ),
}  # fmt: skip


class OpenAI(Dialect):
    """OpenAI's API: chat completions, Responses and embeddings."""

    hosts: ClassVar[tuple[str, ...]] = ("api.openai.com", "*.api.openai.com")
    codes = named(WORDS, content_filter="content_policy_violation", overloaded="server_is_overloaded")
    by_status: ClassVar = {
        400: "invalid_json",
        401: "invalid_api_key",
        404: "model_not_found",
        408: "timeout",
        409: "conflict_error",
        429: "rate_limit_exceeded",
        500: "server_error",
        503: "server_is_overloaded",
    }
    limited_by: ClassVar = {
        of: Word(429, kind, _LIMITED % what + _HELP, "rate_limit_exceeded")
        for of, kind, what in (
            ("requests", "requests", "requests per min (RPM)"),
            ("tokens", "tokens", "tokens per min (TPM)"),
            ("concurrent", "requests", "concurrent requests"),
        )
    }
    tells = ("seconds", "ms", "body")

    def document(self, word: Word, on: Occasion) -> Document:
        said = {"message": self.message(word, on), "type": word.kind, "param": word.param, "code": word.code}
        return {"error": said}

    def headers(self, word: Word, on: Occasion) -> dict[str, str]:
        return {"x-request-id": on.request_id}

    def limit_headers(self, limits: Sequence[Limit], at_s: float) -> dict[str, str]:
        said: dict[str, str] = {}
        for limit in limits:
            if limit.of != "concurrent":
                said[f"x-ratelimit-limit-{limit.of}"] = str(limit.per_min)
                said[f"x-ratelimit-remaining-{limit.of}"] = str(limit.remaining)
                said[f"x-ratelimit-reset-{limit.of}"] = self.reset(limit.reset_s)
        return said

    def reset(self, reset_s: float) -> str:
        """How its headers say that a limit is whole again after *reset_s*."""
        return duration(reset_s)

    def wait_words(self, wait_s: float) -> str:
        return f" Please try again in {duration(wait_s)}."

    def other(self, status: int) -> Word:
        if status >= 500:
            return Word(status, "server_error", "The server had an error.")
        return Word(status, _REQUEST, "The request failed.")


def duration(seconds: float) -> str:
    """*seconds* as Go writes them, to the millisecond: ``12ms``, ``1s``, ``8.64s``, ``6m0s``."""
    milliseconds = math.ceil(round(seconds * 1000, 6))
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    last = f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{last}"
    return f"{minutes}m{last}" if minutes else last
