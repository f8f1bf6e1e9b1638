"""Gemini's words: Google's error documents, in whose details alone stands which quota it was and how long to wait."""

from __future__ import annotations

from typing import ClassVar

from harness.dialects.base import Dialect, Document, Occasion, Word, named

_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: "
    "https://ai.google.dev/gemini-api/docs/rate-limits."
)
_EXHAUSTED = "RESOURCE_EXHAUSTED"
_WORDS = {
    "INVALID_ARGUMENT": Word(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "context_length_exceeded": Word(
        400, "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "prefill": Word(
        400, "INVALID_ARGUMENT",
        "Please ensure that multiturn requests end with a user role or a function response.",
    ),
    "API_KEY_INVALID": Word(
        400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"
    ),
    "FAILED_PRECONDITION": Word(
        400, "FAILED_PRECONDITION", "User location is not supported for the API use."
    ),
    "UNAUTHENTICATED": Word(
        401, "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential.",
    ),
    "PERMISSION_DENIED": Word(403, "PERMISSION_DENIED", "The caller does not have permission"),
    "NOT_FOUND": Word(
        404, "NOT_FOUND",
        "models/{model} is not found for API version v1beta, or is not supported for generateContent.",
    ),
    "RESOURCE_EXHAUSTED": Word(429, _EXHAUSTED, _QUOTA + "{wait}", "GenerateRequestsPerMinutePerProjectPerModel"),
    "quota_per_day": Word(429, _EXHAUSTED, _QUOTA + "{wait}", "GenerateRequestsPerDayPerProjectPerModel"),
    "quota_of_none": Word(
        429, _EXHAUSTED,
        _QUOTA + "\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0",
        "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    ),
    "INTERNAL": Word(500, "INTERNAL", "An internal error has occurred. Please retry or report in "
                                      "https://developers.generativeai.google/guide/troubleshooting"),
    "UNAVAILABLE": Word(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "DEADLINE_EXCEEDED": Word(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}  # fmt: skip
_TYPE = "type.googleapis.com/google.rpc."


class Gemini(Dialect):
    """Gemini's API and Vertex AI's: waits stand in the body, as RetryInfo."""

    changeable = False
    marks_end = False
    hosts = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com", "*-aiplatform.googleapis.com")
    codes = named(
        _WORDS,
        insufficient_quota="quota_of_none",
        invalid_api_key="API_KEY_INVALID",
        model_not_found="NOT_FOUND",
        overloaded="UNAVAILABLE",
        rate_limit_exceeded="RESOURCE_EXHAUSTED",
    )
    by_status: ClassVar = {
        400: "INVALID_ARGUMENT",
        401: "UNAUTHENTICATED",
        403: "PERMISSION_DENIED",
        404: "NOT_FOUND",
        429: "RESOURCE_EXHAUSTED",
        500: "INTERNAL",
        503: "UNAVAILABLE",
        504: "DEADLINE_EXCEEDED",
    }
    limited_by: ClassVar = {
        of: Word(429, _EXHAUSTED, _QUOTA + "\n* Quota exceeded, limit: {limit}{wait}", quota)
        for of, quota in (
            ("requests", "GenerateRequestsPerMinutePerProjectPerModel"),
            ("tokens", "GenerateContentInputTokensPerModelPerMinute"),
            ("concurrent", "GenerateConcurrentRequestsPerProjectPerModel"),
        )
    }
    pages = frozenset({502})
    tells = ("body",)

    def document(self, word: Word, on: Occasion) -> Document:
        said: Document = {"code": word.status, "message": self.message(word, on), "status": word.kind}
        if details := list(_details(word, on)):
            said["details"] = details
        return {"error": said}

    def wait_words(self, wait_s: float) -> str:
        return f"\nPlease retry in {_seconds(wait_s)}."

    def other(self, status: int) -> Word:
        return Word(status, "UNKNOWN" if status >= 500 else "INVALID_ARGUMENT", "The request failed.")


def _details(word: Word, on: Occasion) -> list[Document]:
    details: list[Document] = []
    if word.kind == _EXHAUSTED:
        broken = {"quotaId": word.code, "quotaDimensions": {"location": "global", "model": on.model or "default"}}
        details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [broken]})
    elif word.code is not None:
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": word.code, "domain": "googleapis.com"})
    if on.wait_s is not None:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": _seconds(on.wait_s)})
    return details


def _seconds(wait_s: float) -> str:
    """*wait_s* as JSON has a google.protobuf.Duration: ``46s``, ``0.25s``."""
    return f"{wait_s:.9f}".rstrip("0").rstrip(".") + "s"
