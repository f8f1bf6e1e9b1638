"""What each API says of errors and limits, as its clients read it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from harness.dialects import MEANINGS, Answer, Limit, Occasion, Word, dialects, spoken_at
from harness.dialects.anthropic import moment
from harness.dialects.base import Dialect, phrase
from harness.dialects.bodies import with_body
from harness.dialects.openai import duration
from harness.dialects.waits import http_date, wait_headers

NOON_S = 1_795_694_400.0  # 2026-11-26T12:00:00Z
ON = Occasion("req_1", "gpt-4o-mini", NOON_S)
LATER = Occasion("req_1", "gpt-4o-mini", NOON_S, wait_s=20.4)
REQUESTS = Limit("requests", 120, 7, reset_s=360.0, retry_s=0.0)
TOKENS = Limit("tokens", 40_000, 0, reset_s=1.5, retry_s=1.5, asked=900)
PLACES = Limit("concurrent", 8, 0, reset_s=0.0, retry_s=None)


def said(api: str, status: int | None = None, code: str = "", on: Occasion = ON) -> tuple[Answer, Any]:
    """The answer, and what its JSON says of the error."""
    speaks = dialects[api]
    answer = speaks.error(speaks.word(status, code), on)
    return answer, json.loads(answer.body)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0004, "1ms"),
        (0.012, "12ms"),
        (0.9999, "1s"),
        (1.5, "1.5s"),
        (8.64, "8.64s"),
        (59.9999, "1m0s"),
        (90.0, "1m30s"),
        (360.0, "6m0s"),
        (86_399.75, "23h59m59.75s"),
    ],
)
def test_openai_writes_durations_as_go_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("api", "status", "code", "kind", "reason"),
    [
        ("openai", 400, None, "invalid_request_error", "Bad Request"),
        ("openai", 401, "invalid_api_key", "invalid_request_error", "Unauthorized"),
        ("openai", 418, None, "invalid_request_error", "I'm a Teapot"),
        ("openai", 429, "rate_limit_exceeded", "requests", "Too Many Requests"),
        ("openai", 500, None, "server_error", "Internal Server Error"),
        ("openai", 503, "server_is_overloaded", "service_unavailable_error", "Service Unavailable"),
        ("openai", 530, None, "server_error", "Error"),
        ("azure-openai", 401, "401", None, "Unauthorized"),
        ("azure-openai", 429, "429", None, "Too Many Requests"),
        ("azure-openai", 408, "Timeout", None, "Request Timeout"),
    ],
)
def test_of_a_status_alone_openai_and_azure_say_message_and_code(api, status, code, kind, reason) -> None:
    answer, document = said(api, status)
    assert (answer.status, answer.reason, answer.headers["content-type"]) == (status, reason, "application/json")
    assert (document["error"]["code"], document["error"].get("type")) == (code, kind)
    assert document["error"]["message"]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_anthropic_says_a_type_and_the_request(status: int, kind: str) -> None:
    answer, document = said("anthropic", status)
    assert answer.headers == {"content-type": "application/json", "request-id": "req_1"}
    assert document["error"]["message"]
    assert document == {"type": "error", "error": {**document["error"], "type": kind}, "request_id": "req_1"}


def test_529_has_the_reason_that_anthropic_gives_and_belongs_to_nobody_else() -> None:
    assert said("anthropic", 529)[0].reason == "Overloaded"
    assert [name for name, one in dialects.items() if 529 in one.own_statuses] == ["anthropic"]


def test_gemini_says_how_long_to_wait_and_which_quota_it_was_in_its_details() -> None:
    _, document = said("gemini", 429, on=LATER)
    error = document["error"]
    assert (error["code"], error["status"]) == (429, "RESOURCE_EXHAUSTED")
    kinds = [detail["@type"].rpartition(".")[2] for detail in error["details"]]
    assert kinds == ["QuotaFailure", "RetryInfo"]
    assert error["details"][1]["retryDelay"] == "20.4s"
    quotas = {said("gemini", code=code)[1]["error"]["details"][0]["violations"][0]["quotaId"]
              for code in ("RESOURCE_EXHAUSTED", "quota_per_day", "quota_of_none")}  # fmt: skip
    assert len(quotas) == 3  # the status alone does not tell them apart


def test_bedrock_says_the_exception_in_a_header_and_only_a_message_in_its_body() -> None:
    answer, document = said("bedrock", 429)
    assert answer.headers["x-amzn-errortype"] == "ThrottlingException"
    assert list(document) == ["message"]


def test_none_says_no_more_than_http_does_and_the_draft_a_problem() -> None:
    plain = dialects["none"]
    answer = plain.error(plain.word(503, ""), ON)
    assert (answer.body, answer.headers) == (
        b"503 Service Unavailable\n",
        {"content-type": "text/plain; charset=utf-8"},
    )
    draft = dialects["ietf"]
    limited = draft.limited(REQUESTS, ON)
    assert limited.headers["content-type"] == "application/problem+json"
    assert json.loads(limited.body)["type"] == "https://iana.org/assignments/http-problem-types#quota-exceeded"
    assert json.loads(draft.error(draft.word(503, ""), ON).body)["type"] == "about:blank"


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("context_length_exceeded", {"openai": 400, "azure-openai": 400, "anthropic": 400, "gemini": 400, "bedrock": 400}),
        ("content_filter", {"openai": 400, "azure-openai": 400, "anthropic": 400}),
        ("insufficient_quota", {"openai": 429, "azure-openai": 429, "anthropic": 402, "gemini": 429, "bedrock": 400}),
        ("invalid_api_key", {"openai": 401, "azure-openai": 401, "anthropic": 401, "gemini": 400, "bedrock": 403}),
        ("model_not_found", {"openai": 404, "azure-openai": 404, "anthropic": 404, "gemini": 404, "bedrock": 404}),
        ("overloaded", {"openai": 503, "azure-openai": 429, "anthropic": 529, "gemini": 503, "bedrock": 503}),
        ("prefill", {"anthropic": 400, "gemini": 400, "bedrock": 400}),
        ("rate_limit_exceeded", {"openai": 429, "azure-openai": 429, "anthropic": 429, "gemini": 429, "bedrock": 429}),
        ("slow_down", {"openai": 429, "anthropic": 429}),
    ],
)  # fmt: skip
def test_what_means_one_thing_everywhere_has_the_status_that_each_api_gives_it(
    code: str, kinds: dict[str, int]
) -> None:
    assert {name: one.codes[code].status for name, one in dialects.items() if code in one.codes} == kinds


def test_every_meaning_is_known_to_some_api_and_every_status_without_a_code_to_its_own() -> None:
    assert all(any(code in one.codes for _, one in dialects.items()) for code in MEANINGS)
    for name, one in dialects.items():
        for status, code in one.by_status.items():
            assert one.codes[code].status == status, (name, status)
            assert one.word(status, "") == one.codes[code]
        assert set(one.limited_by) == {"requests", "tokens", "concurrent"}, name


@pytest.mark.parametrize("api", list(dialects))
def test_every_word_of_every_api_can_be_said_and_leaves_no_place_unfilled(api: str) -> None:
    speaks = dialects[api]
    words = [*speaks.codes.values(), *(speaks.word(status, "") for status in range(400, 600))]
    answers = [speaks.error(word, on) for word in words for on in (ON, LATER)]
    answers += [speaks.limited(limit, on) for limit in (REQUESTS, TOKENS, PLACES) for on in (ON, LATER)]
    for answer in answers:
        for place in (b"{wait}", b"{model}", b"{limit}", b"{used}", b"{asked}"):
            assert place not in answer.body
        assert all(value.isascii() and value.isprintable() for value in answer.headers.values())


def test_a_status_that_is_said_stands_in_place_of_that_of_the_code() -> None:
    assert said("openai", 429, "overloaded")[0].status == 429
    assert said("openai", 429, "overloaded")[1]["error"]["code"] == "server_is_overloaded"
    with pytest.raises(KeyError):
        dialects["openai"].word(None, "prefill")


def test_the_money_codes_of_openai_have_one_type_and_their_own_code() -> None:
    for code in ("credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded",
                 "organization_usage_limit_exceeded"):  # fmt: skip
        answer, document = said("openai", code=code)
        assert (answer.status, document["error"]["type"], document["error"]["code"]) == (
            429,
            "insufficient_quota",
            code,
        )
    _, spent = said("anthropic", code="enforced_spend_limit_reached")
    assert spent["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


def test_each_api_tells_of_its_limits_in_its_own_units() -> None:
    both = [REQUESTS, TOKENS, PLACES]
    assert dialects["openai"].limit_headers(both, NOON_S) == {
        "x-ratelimit-limit-requests": "120",
        "x-ratelimit-remaining-requests": "7",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-limit-tokens": "40000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1.5s",
    }
    assert dialects["azure-openai"].limit_headers([TOKENS], NOON_S)["x-ratelimit-reset-tokens"] == "2"
    assert dialects["anthropic"].limit_headers(both, NOON_S) == {
        "anthropic-ratelimit-requests-limit": "120",
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-requests-reset": "2026-11-26T12:06:00Z",
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2026-11-26T12:00:02Z",
    }
    assert dialects["ietf"].limit_headers(both, NOON_S) == {
        "ratelimit-policy": '"requests";q=120;w=60, "tokens";q=40000;w=60;qu="tokens"',
        "ratelimit": '"requests";r=7;t=360, "tokens";r=0;t=2',
    }
    for silent in ("gemini", "bedrock", "none"):
        assert dialects[silent].limit_headers(both, NOON_S) == {}
    assert dialects["ietf"].limit_headers([PLACES], NOON_S) == {}


def test_a_limit_that_is_broken_is_told_with_its_numbers() -> None:
    answer = dialects["openai"].limited(TOKENS, LATER)
    assert json.loads(answer.body) == {
        "error": {
            "message": "Rate limit reached for gpt-4o-mini in organization org-harness on tokens per min (TPM): "
            "Limit 40000, Used 40000, Requested 900. Please try again in 20.4s. "
            "Visit https://platform.openai.com/account/rate-limits to learn more.",
            "type": "tokens",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }
    assert b"try again" not in dialects["openai"].limited(TOKENS, ON).body


@pytest.mark.parametrize("api", ["openai", "azure-openai", "anthropic", "gemini", "bedrock", "none", "ietf"])
def test_a_body_tells_of_a_wait_only_where_it_is_told_to(api: str) -> None:
    speaks = dialects[api]
    word = speaks.word(429, "")
    assert b"20.4" in speaks.error(word, LATER).body or b"21 seconds" in speaks.error(word, LATER).body
    assert b"20.4" not in speaks.error(word, ON).body


@pytest.mark.parametrize(
    ("ways", "headers"),
    [
        (("seconds",), {"retry-after": "21"}),
        (("ms",), {"retry-after-ms": "20400"}),
        (("seconds", "ms"), {"retry-after": "21", "retry-after-ms": "20400"}),
        (("date",), {"retry-after": "Thu, 26 Nov 2026 12:00:21 GMT"}),
        (("body",), {}),
        ((), {}),
    ],
)
def test_a_wait_is_rounded_up_in_whatever_way_it_is_told(ways, headers) -> None:
    assert wait_headers(ways, 20.4, NOON_S) == headers


def test_a_wait_is_never_told_as_none() -> None:
    assert wait_headers(("seconds", "ms"), 0.0004, NOON_S) == {"retry-after": "1", "retry-after-ms": "1"}


def test_moments_are_whole_and_never_too_early() -> None:
    assert moment(NOON_S) == "2026-11-26T12:00:00Z"
    assert moment(NOON_S + 59.001) == "2026-11-26T12:01:00Z"
    assert http_date(NOON_S + 0.001) == "Thu, 26 Nov 2026 12:00:01 GMT"


@pytest.mark.parametrize(
    ("host", "api"),
    [
        ("api.openai.com", "openai"),
        ("API.OpenAI.com.", "openai"),
        ("eu.api.openai.com", "openai"),
        ("my-resource.openai.azure.com", "azure-openai"),
        ("api.anthropic.com", "anthropic"),
        ("generativelanguage.googleapis.com", "gemini"),
        ("us-central1-aiplatform.googleapis.com", "gemini"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock"),
        ("api.anthropic.com.evil.example", ""),
        ("notapi.openai.com.example", ""),
        ("gateway.internal", ""),
        ("127.0.0.1", ""),
    ],
)
def test_what_a_host_speaks_is_told_only_where_it_is_beyond_doubt(host: str, api: str) -> None:
    assert spoken_at(host) == api


def test_a_body_that_no_api_words_has_its_own_content_type() -> None:
    answer, _ = said("openai", 503)
    page, nothing, broken = (with_body(answer, body) for body in ("html", "empty", "not_json"))
    assert page.headers["content-type"] == "text/html"
    assert b"503 Service Unavailable" in page.body
    assert (nothing.body, "content-type" in nothing.headers) == (b"", False)
    assert broken.headers["content-type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken.body)
    assert {each.headers["x-request-id"] for each in (page, nothing, broken)} == {"req_1"}
    assert with_body(answer, "api") is answer


def test_a_third_party_s_dialect_needs_no_more_than_its_words() -> None:
    class House(Dialect):
        """The API of one house."""

        codes: ClassVar = {"gone": Word(410, "gone", "It is gone.")}

        def document(self, word: Word, on: Occasion) -> dict[str, object]:
            return {"why": self.message(word, on)}

    answer = House().error(House().word(None, "gone"), ON)
    assert (answer.status, answer.body, answer.reason) == (410, b'{"why": "It is gone."}', "Gone")
    assert House().error(House().word(503, ""), LATER).body.startswith(b'{"why": "Service Unavailable. Please try')


def test_a_status_that_http_has_no_phrase_for_has_one_all_the_same() -> None:
    assert (phrase(404), phrase(530)) == ("Not Found", "Error")
