"""What a scenario can say of errors and limits, and what of it a link cannot carry."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError
from written_faults import written_fault

from harness.faults.base import OfRequests
from harness.faults.effects import Fail, Throttle, Told
from harness.faults.limiter import Places, RateLimiter
from harness.faults.requests import Requests
from harness.faults.retry_after import written
from harness.planning.plan import plan
from harness.reading.target import Link


def fault(kind: str = "http_error", **said: Any) -> OfRequests:
    made: OfRequests = written_fault({"kind": kind, "on": {}, **said})
    return made


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"status": 503}, Fail(503)),
        ({"code": "overloaded"}, Fail(None, "overloaded")),
        ({"code": "overloaded", "status": 429}, Fail(429, "overloaded")),
        ({"status": 502, "body": "empty"}, Fail(502, "", "empty")),
        ({"status": 429, "wait": "2s"}, Fail(429, wait_s=2.0)),
        ({"status": 429, "wait": "2s", "retry_after": "date"}, Fail(429, wait_s=2.0, told=Told(ways=("date",)))),
        ({"status": 429, "retry_after": "none"}, Fail(429, told=Told(ways=()))),
        ({"status": 429, "retry_after": 3600}, Fail(429, told=Told(text="3600"))),
        ({"status": 429, "retry_after": -1}, Fail(429, told=Told(text="-1"))),
        ({"status": 429, "retry_after": "in a while"}, Fail(429, told=Told(text="in a while"))),
        ({"status": 400, "should_retry": True}, Fail(400, should_retry=True)),
        ({"status": 403, "headers": {"CF-Ray": "8a1"}}, Fail(403, headers={"cf-ray": "8a1"})),
    ],
)
def test_an_error_is_its_status_or_its_code_with_a_body_and_a_wait(said: dict[str, Any], rule: Fail) -> None:
    assert fault(**said).rule() == rule


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"requests_per_min": 120, "burst": 2}, Throttle(120, 2)),
        ({"tokens_per_min": 9000}, Throttle(None, 1, 9000)),
        ({"concurrent": 4, "headers": {"x-left": -1}}, Throttle(concurrent=4, headers={"x-left": "-1"})),
        ({"tokens_per_min": 9000, "tokens_burst": 500}, Throttle(None, 1, 9000, 500)),
        ({"concurrent": 4, "retry_after": "ms"}, Throttle(concurrent=4, told=Told(ways=("ms",)))),
        ({"requests_per_min": 60, "tokens_per_min": 9000, "concurrent": 4}, Throttle(60, 1, 9000, None, 4)),
    ],
)
def test_a_limit_is_of_requests_of_tokens_of_requests_at_once_or_of_several(
    said: dict[str, Any], rule: Throttle
) -> None:
    assert fault("rate_limit", **said).rule() == rule


@pytest.mark.parametrize(
    ("kind", "said", "told"),
    [
        ("http_error", {}, "say which error: status, such as 503, or code, such as overloaded"),
        ("http_error", {"code": "overlaoded"}, "'overlaoded' is an error of no API; did you mean 'overloaded'"),
        ("http_error", {"status": 503, "body": "xml"}, "'api', 'html', 'empty' or 'not_json'"),
        ("http_error", {"status": 429, "retry_after": "ms"}, "nothing says how long; add wait, such as wait: 2s"),
        ("http_error", {"status": 429, "wait": "2s", "retry_after": "none"}, "leave one of them out"),
        ("http_error", {"status": 429, "wait": "2s", "retry_after": 3600}, "leave one of them out"),
        ("http_error", {"status": 429, "wait": "0s"}, "greater than 0"),
        ("http_error", {"status": 429, "retry_after": "secnds"}, "nearly 'seconds'"),
        ("http_error", {"status": 429, "retry_after": "1\r\nx: y"}, "cannot stand in a header"),
        ("http_error", {"status": 429, "retry_after": ""}, "cannot stand in a header"),
        ("http_error", {"status": 429, "retry_after": True}, "cannot be told"),
        ("http_error", {"status": 429, "retry_after": ["ms"]}, "cannot be told"),
        ("http_error", {"status": 503, "headers": {"x y": "1"}}, "'x y' is no name of a header"),
        ("http_error", {"status": 503, "headers": {"x": "1\r\ny: 2"}}, "cannot stand in a header"),
        ("http_error", {"status": 503, "headers": {"Content-Length": 7}}, "says how the answer is framed"),
        ("http_error", {"status": 503, "headers": {"x": True}}, "valid string"),
        ("http_error", {"status": 503, "headers": ["x"]}, "valid dictionary"),
        ("rate_limit", {}, "say what it limits: requests_per_min, tokens_per_min or concurrent"),
        ("rate_limit", {"concurrent": 2, "burst": 3}, "burst is of requests_per_min"),
        ("rate_limit", {"concurrent": 2, "tokens_burst": 3}, "tokens_burst is of tokens_per_min"),
        ("rate_limit", {"concurrent": 0}, "greater than or equal to 1"),
        ("rate_limit", {"tokens_per_min": 0}, "greater than 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(kind: str, said: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        fault(kind, **said)


@pytest.mark.parametrize("way", ["seconds", "ms", "date", "body", "none", "3600", "-1", "soon", None])
def test_how_a_wait_is_told_is_written_as_it_was_read(way: str | None) -> None:
    made = fault("rate_limit", concurrent=1, retry_after=way)
    assert made.model_dump(mode="json")["retry_after"] == way
    assert written(Told()) is None


def link(upstream: Any = "https://gateway.example", **said: Any) -> Link:
    return Link(kind="provider", upstream=upstream, **said)


@pytest.mark.parametrize(
    ("upstream", "api", "speaks"),
    [
        ("https://api.anthropic.com", None, "anthropic"),
        ("https://me.openai.azure.com/openai/v1", None, "azure-openai"),
        ("https://api.anthropic.com", "none", "none"),
        ("https://gateway.example", None, "openai"),
        ("http://{fake.url}", None, "openai"),
        ({"simulated": {}}, None, "openai"),
        ("redis://127.0.0.1:6379", None, "openai"),
    ],
)
def test_what_a_link_speaks_is_told_by_its_upstream_unless_it_says(upstream: Any, api: str | None, speaks: str) -> None:
    assert link(upstream, api=api).speaks == speaks


@pytest.mark.parametrize(
    ("said", "api", "misfit"),
    [
        (
            {"code": "prefill"},
            "openai",
            "speaks openai, which has no error 'prefill'; it has context_length_exceeded, ",
        ),
        (
            {"code": "overloaded_error"},
            "gemini",
            "speaks gemini, which has no error 'overloaded_error'; it has INVALID_",
        ),
        ({"code": "overloaded"}, "none", "speaks none, which has no error 'overloaded'; it has none; say a status"),
        ({"status": 529}, "openai", "speaks openai, and 529 is a status of anthropic alone; its overload is 503"),
        ({"status": 529}, "azure-openai", "its overload is 429"),
        ({"status": 529}, "anthropic", ""),
        ({"status": 529}, "none", ""),
        ({"status": 529}, None, ""),  # nobody said what it speaks
        ({"code": "prefill"}, "anthropic", ""),
        ({"code": "overloaded"}, "bedrock", ""),
        ({"code": "credit_balance_exhausted"}, None, ""),
    ],
)
def test_an_error_that_a_link_s_api_has_no_word_for_does_not_fit_it(
    said: dict[str, Any], api: str | None, misfit: str
) -> None:
    found = fault(**said).misfit(link(api=api))
    assert (misfit in found) if misfit else not found


def test_a_refused_prefill_is_only_for_requests_that_end_with_the_assistant() -> None:
    assert fault(code="prefill").requests == Requests(last_role="assistant")
    assert fault(code="model_not_found").requests == Requests()
    assert fault(status=400, on={"last_role": "assistant"}).requests == Requests(last_role="assistant")


def test_a_misfit_is_told_where_the_fault_stands(make_scenario: Any, make_target: Any) -> None:
    target = make_target(
        links={"a": {"kind": "provider", "upstream": {"simulated": {}}, "api": "bedrock"}}, publish=None
    )
    scenario = make_scenario(faults=[{"kind": "http_error", "on": {}, "code": "content_filter"}])
    _, (problem,) = plan(scenario, target, ())
    assert problem.path == "faults[0]"
    assert problem.what.startswith("link 'a' speaks bedrock, which has no error 'content_filter'; it has Validation")


def test_a_bucket_of_tokens_refills_and_takes_requests_of_any_size() -> None:
    bucket = RateLimiter(per_min=600, burst=100)  # ten a second
    assert [bucket.ask(0.0, cost).allowed for cost in (60, 60, 40, 1)] == [True, False, True, False]
    denied = bucket.ask(0.0, 30)
    assert (denied.remaining, denied.retry_s) == (0, pytest.approx(3.0))
    assert not bucket.ask(2.99, 30).allowed
    assert bucket.ask(3.0, 30).allowed


def test_who_asks_for_more_than_ever_may_come_at_once_is_never_let_through_and_is_told_of_no_wait() -> None:
    bucket = RateLimiter(per_min=600, burst=100)
    bucket.ask(0.0, 50)
    denied = bucket.ask(0.0, 101)
    assert (denied.allowed, denied.remaining, denied.retry_s) == (False, 50, math.inf)
    assert not bucket.ask(1e6, 101).allowed


def test_what_was_reserved_and_not_used_is_given_back_and_what_was_used_beyond_it_is_taken() -> None:
    bucket = RateLimiter(per_min=600, burst=100)
    bucket.ask(0.0, 100)
    bucket.take(0.0, -40)
    assert bucket.look(0.0, 40).allowed
    bucket.take(0.0, 90)
    assert bucket.look(0.0).remaining == 0
    assert not bucket.look(4.9).allowed
    assert bucket.look(5.11).allowed


def test_a_place_is_free_again_once_it_is_given_back() -> None:
    places = Places(2)
    assert places.look().remaining == 1
    places.take()
    places.take()
    assert (places.look().allowed, places.look().retry_s) == (False, None)
    places.give_back()
    assert places.look().allowed
