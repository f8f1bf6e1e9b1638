"""Errors worded as OpenAI's API words them: status, headers and body, to the letter as far as clients read them."""

from __future__ import annotations

import json
import math

from harness.running.wire.edge.words import Answer, Limit, phrase

_HELP = "Visit https://platform.openai.com/account/rate-limits to learn more."
_GATEWAY = (
    "<html>\r\n<head><title>{status} {phrase}</title></head>\r\n<body>\r\n<center><h1>{status} {phrase}</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)
# status -> message, type, code
_WORDS: dict[int, tuple[str, str, str | None]] = {
    400: ("We could not parse the JSON body of your request.", "invalid_request_error", None),
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("You are not allowed to sample from this model.", "invalid_request_error", None),
    404: ("The model does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"),
    408: ("The request timed out.", "timeout", None),
    409: ("The resource was updated by another request.", "conflict_error", None),
    429: ("Rate limit reached for requests. " + _HELP, "requests", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request. Sorry about that!", "server_error", None),
    503: ("The server is currently overloaded with other requests. Sorry about that! You can retry your request, or "
          "contact us through our help center at help.openai.com if the error persists.",
          "service_unavailable_error", "server_is_overloaded"),
}  # fmt: skip


def rate_limited(limit: Limit, *, model: str, request_id: str) -> Answer:
    """The answer to an attempt above the limit, which says when the next one may come."""
    message = (
        f"Rate limit reached for {model or 'default'} in organization org-harness on requests per min (RPM): "
        f"Limit {limit.requests_per_min}, Used {limit.requests_per_min}, Requested 1. "
        f"Please try again in {duration(limit.retry_s)}. {_HELP}"
    )
    headers = {
        "retry-after": str(max(1, math.ceil(limit.retry_s))),
        "retry-after-ms": str(max(1, math.ceil(limit.retry_s * 1000))),
        **limit_headers(limit),
    }
    return _json(429, message, "requests", "rate_limit_exceeded", request_id, headers)


def error(status: int, *, request_id: str) -> Answer:
    """The answer of a provider that fails with *status*, 400 to 599; it does not say when to come again."""
    if status == 529:
        # A status of Anthropic's, so in its words.
        body = {
            "type": "error",
            "error": {"type": "overloaded_error", "message": "Overloaded"},
            "request_id": request_id,
        }
        return Answer(529, "Overloaded", json.dumps(body).encode(), _headers("application/json", request_id))
    if status in (502, 504):
        # Made by what stands in front of the API, so not JSON.
        page = _GATEWAY.format(status=status, phrase=phrase(status)).encode()
        return Answer(status, phrase(status), page, _headers("text/html", request_id))
    generic = (
        ("The server had an error.", "server_error")
        if status >= 500
        else ("The request failed.", "invalid_request_error")
    )
    message, kind, code = _WORDS.get(status, (*generic, None))
    return _json(status, message, kind, code, request_id, {})


def limit_headers(limit: Limit) -> dict[str, str]:
    """What an answer says of the limit while there is one, whether it was allowed or not."""
    return {
        "x-ratelimit-limit-requests": str(limit.requests_per_min),
        "x-ratelimit-remaining-requests": str(limit.remaining),
        "x-ratelimit-reset-requests": duration(limit.reset_s),
    }


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


def _json(status: int, message: str, kind: str, code: str | None, request_id: str, headers: dict[str, str]) -> Answer:
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    headers = {**_headers("application/json", request_id), **headers}
    return Answer(status, phrase(status), json.dumps(body).encode(), headers)


def _headers(content_type: str, request_id: str) -> dict[str, str]:
    return {"content-type": content_type, "x-request-id": request_id}
