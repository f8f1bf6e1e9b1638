"""Azure OpenAI's words: OpenAI's models behind Azure's gateway, whose errors it words in its own way."""

from __future__ import annotations

import math
from typing import ClassVar

from harness.dialects.base import Document, Occasion, Word, named
from harness.dialects.openai import WORDS, OpenAI

_LIMITED = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-10-21 have exceeded %s of your current "
    "OpenAI S0 pricing tier.{wait} Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the "
    "default rate limit."
)
_FILTERED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt "
    "and retry. To learn more about our content filtering policies please read our documentation: "
    "https://go.microsoft.com/fwlink/?linkid=2198766"
)
_OWN = {
    "context_length_exceeded": WORDS["context_length_exceeded"],
    "content_filter": Word(400, "", _FILTERED, "content_filter", "prompt"),
    "BadRequest": Word(400, "", "The request is invalid.", "BadRequest"),
    "401": Word(
        401, "",
        "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active "
        "subscription and use a correct regional API endpoint for your resource.",
        "401",
    ),
    "403": Word(403, "", "Access denied due to Virtual Network/Firewall rules.", "403"),
    "DeploymentNotFound": Word(
        404, "",
        "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please "
        "wait a moment and try again.",
        "DeploymentNotFound",
    ),
    "Timeout": Word(408, "", "The operation was timeout.", "Timeout"),
    "429": Word(429, "", _LIMITED % "call rate limit", "429"),
    "NoCapacity": Word(
        429, "",
        "The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage "
        "size allowed during peak load. For improved capacity reliability, consider switching to Provisioned Throughput.{wait}",
        "NoCapacity",
    ),
    "insufficient_quota": WORDS["insufficient_quota"],
    "InternalServerError": Word(500, "", "The server had an error while processing your request. Sorry about that!",
                                "InternalServerError"),
    "ServiceUnavailable": Word(503, "", "The service is temporarily unable to process your request. Please try again later.{wait}",
                               "ServiceUnavailable"),
}  # fmt: skip


class AzureOpenAI(OpenAI):
    """Azure OpenAI: its gateway's errors, and waits in seconds and milliseconds."""

    hosts = ("*.openai.azure.com", "*.openai.azure.us", "*.cognitiveservices.azure.com", "*.services.ai.azure.com")
    codes = named(
        _OWN,
        invalid_api_key="401",
        model_not_found="DeploymentNotFound",
        overloaded="NoCapacity",
        rate_limit_exceeded="429",
    )
    by_status: ClassVar = {
        400: "BadRequest",
        401: "401",
        403: "403",
        404: "DeploymentNotFound",
        408: "Timeout",
        429: "429",
        500: "InternalServerError",
        503: "ServiceUnavailable",
    }
    limited_by: ClassVar = {
        of: Word(429, "", _LIMITED % what, "429")
        for of, what in (
            ("requests", "call rate limit"),
            ("tokens", "token rate limit"),
            ("concurrent", "the limit of concurrent requests"),
        )
    }

    def document(self, word: Word, on: Occasion) -> Document:
        if word.kind:  # passed on as the model behind it words it
            return super().document(word, on)
        said: Document = {"code": word.code, "message": self.message(word, on)}
        if word.code == "content_filter":
            refused = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": _RESULT}
            said |= {"param": word.param, "type": None, "status": word.status, "innererror": refused}
        return {"error": said}

    def headers(self, word: Word, on: Occasion) -> dict[str, str]:
        return {"apim-request-id": on.request_id, "x-ms-region": "harness"}

    def reset(self, reset_s: float) -> str:
        return str(math.ceil(reset_s))

    def wait_words(self, wait_s: float) -> str:
        seconds = max(1, math.ceil(wait_s))
        return f" Please retry after {seconds} second{'s' if seconds != 1 else ''}."

    def other(self, status: int) -> Word:
        return Word(status, "", "The request failed.", str(status))


_RESULT = {
    category: {"filtered": category == "hate", "severity": "high" if category == "hate" else "safe"}
    for category in ("hate", "self_harm", "sexual", "violence")
}
