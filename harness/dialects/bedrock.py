"""Bedrock's words: exceptions by name, in a header, and a message; it tells of no wait and of no limit."""

from __future__ import annotations

from typing import ClassVar

from harness.dialects.base import Dialect, Document, Occasion, Word, named

_PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."
_WORDS = {
    "ValidationException": Word(400, "ValidationException", "Malformed input request, please reformat your input and try again."),
    "context_length_exceeded": Word(400, "ValidationException", "Input is too long for requested model."),
    "prefill": Word(400, "ValidationException", _PREFILL),
    "ServiceQuotaExceededException": Word(
        400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."
    ),
    "AccessDeniedException": Word(403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "UnrecognizedClientException": Word(
        403, "UnrecognizedClientException", "The security token included in the request is invalid."
    ),
    "ExpiredTokenException": Word(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "ResourceNotFoundException": Word(
        404, "ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."
    ),
    "ModelTimeoutException": Word(408, "ModelTimeoutException", "Model has timed out in processing the request. Try your request again."),
    "ModelErrorException": Word(
        424, "ModelErrorException",
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    "ThrottlingException": Word(429, "ThrottlingException", "Too many requests, please wait before trying again.{wait}"),
    "ModelNotReadyException": Word(
        429, "ModelNotReadyException", "Model is not ready for inference. Wait and try your request again.{wait}"
    ),
    "InternalServerException": Word(
        500, "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
    ),
    "ServiceUnavailableException": Word(
        503, "ServiceUnavailableException", "Bedrock is unable to process your request.{wait}"
    ),
}  # fmt: skip


class Bedrock(Dialect):
    """Amazon Bedrock's runtime: InvokeModel and Converse."""

    changeable = False
    marks_end = False
    hosts = ("bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com")
    codes = named(
        _WORDS,
        insufficient_quota="ServiceQuotaExceededException",
        invalid_api_key="UnrecognizedClientException",
        model_not_found="ResourceNotFoundException",
        overloaded="ServiceUnavailableException",
        rate_limit_exceeded="ThrottlingException",
    )
    by_status: ClassVar = {
        400: "ValidationException",
        403: "AccessDeniedException",
        404: "ResourceNotFoundException",
        408: "ModelTimeoutException",
        424: "ModelErrorException",
        429: "ThrottlingException",
        500: "InternalServerException",
        503: "ServiceUnavailableException",
    }
    limited_by: ClassVar = {
        "requests": _WORDS["ThrottlingException"],
        "tokens": Word(429, "ThrottlingException", "Too many tokens, please wait before trying again.{wait}"),
        "concurrent": _WORDS["ThrottlingException"],
    }
    tells = ()

    def document(self, word: Word, on: Occasion) -> Document:
        return {"message": self.message(word, on)}

    def headers(self, word: Word, on: Occasion) -> dict[str, str]:
        return {"x-amzn-requestid": on.request_id, "x-amzn-errortype": word.kind}

    def other(self, status: int) -> Word:
        return Word(
            status, "InternalServerException" if status >= 500 else "ValidationException", "The request failed."
        )
