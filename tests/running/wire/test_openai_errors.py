from __future__ import annotations

import json

import pytest

from harness.running.wire.edge.openai_errors import duration, error, limit_headers, rate_limited
from harness.running.wire.edge.words import Limit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.0004, "1ms"),
        (0.012, "12ms"),
        (0.5, "500ms"),
        (0.9999, "1s"),
        (1.0, "1s"),
        (1.5, "1.5s"),
        (8.64, "8.64s"),
        (59.9999, "1m0s"),
        (60.0, "1m0s"),
        (90.0, "1m30s"),
        (360.0, "6m0s"),
        (3600.0, "1h0m0s"),
        (86_399.75, "23h59m59.75s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("retry_s", "after", "after_ms", "words"),
    [(0.5, "1", "500", "500ms"), (0.0021, "1", "3", "3ms"), (1.0, "1", "1000", "1s"), (20.4, "21", "20400", "20.4s")],
)
def test_a_429_says_when_to_come_again_in_every_way_that_clients_read(
    retry_s: float, after: str, after_ms: str, words: str
) -> None:
    limited = Limit(120, 0, reset_s=360.0, retry_s=retry_s)

    answer = rate_limited(limited, model="gpt-4o-mini", request_id="req_1")

    assert (answer.status, answer.reason) == (429, "Too Many Requests")
    assert answer.headers == {
        "content-type": "application/json",
        "x-request-id": "req_1",
        "retry-after": after,
        "retry-after-ms": after_ms,
        "x-ratelimit-limit-requests": "120",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "6m0s",
    }
    assert json.loads(answer.body) == {
        "error": {
            "message": "Rate limit reached for gpt-4o-mini in organization org-harness on requests per min (RPM): "
            f"Limit 120, Used 120, Requested 1. Please try again in {words}. "
            "Visit https://platform.openai.com/account/rate-limits to learn more.",
            "type": "requests",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }


def test_an_allowed_answer_is_told_of_the_limit_but_not_to_come_again() -> None:
    limited = Limit(3, 1, reset_s=24.0, retry_s=0.0)
    assert limit_headers(limited) == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "1",
        "x-ratelimit-reset-requests": "24s",
    }


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (400, "Bad Request", "invalid_request_error", None),
        (401, "Unauthorized", "invalid_request_error", "invalid_api_key"),
        (418, "I'm a Teapot", "invalid_request_error", None),
        (429, "Too Many Requests", "requests", "rate_limit_exceeded"),
        (500, "Internal Server Error", "server_error", None),
        (503, "Service Unavailable", "service_unavailable_error", "server_is_overloaded"),
        (530, "Error", "server_error", None),
    ],
)
def test_errors_of_the_api_are_json_of_one_shape(status: int, reason: str, kind: str, code: str | None) -> None:
    answer = error(status, request_id="req_1")

    assert (answer.status, answer.reason) == (status, reason)
    assert answer.headers == {"content-type": "application/json", "x-request-id": "req_1"}
    said = json.loads(answer.body)["error"]
    assert (said["type"], said["param"], said["code"]) == (kind, None, code)
    assert said["message"]


@pytest.mark.parametrize("status", [502, 504])
def test_errors_of_what_stands_before_the_api_are_not_json(status: int) -> None:
    answer = error(status, request_id="req_1")
    assert answer.headers["content-type"] == "text/html"
    assert answer.body.startswith(b"<html>")
    assert str(status).encode() in answer.body


def test_a_529_is_worded_as_the_provider_that_sends_it_words_it() -> None:
    answer = error(529, request_id="req_1")
    assert (answer.status, answer.reason) == (529, "Overloaded")
    assert json.loads(answer.body) == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "Overloaded"},
        "request_id": "req_1",
    }
