"""Whether another try can mend an error, told from what providers say of it."""

from __future__ import annotations

import json

import pytest

from harness.dialects import MEANINGS, Occasion, dialects
from harness.protocols.said_error import code_said, is_final, mends

STAYS = {"insufficient_quota"}
PASSES = {"rate_limit_exceeded", "slow_down", "overloaded"}


@pytest.mark.parametrize("api", [name for name, one in dialects.items() if one.codes])
@pytest.mark.parametrize("code", sorted(STAYS | PASSES))
def test_each_api_s_own_words_say_whether_it_stays(api: str, code: str) -> None:
    words = dialects[api]
    if code not in words.codes:
        assert code in MEANINGS
        return
    word = words.word(None, code)
    answer = words.error(word, Occasion(model="m", wait_s=2.0))
    assert mends(answer.status, code_said(answer.body)) == (code in PASSES)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"type": "insufficient_quota", "code": "credit_balance_exhausted"}, "credit_balance_exhausted"),
        ({"type": "insufficient_quota", "code": None}, "insufficient_quota"),
        ({"type": "tokens", "code": "rate_limit_exceeded"}, "rate_limit_exceeded"),
        ({"type": "requests", "code": None}, "requests"),
        ({"type": "rate_limit_error", "details": {"error_code": "enforced_spend_limit_reached"}}, "enforced_spend_limit_reached"),
        ({"code": 429, "status": "RESOURCE_EXHAUSTED"}, "RESOURCE_EXHAUSTED"),
        ({"status": "RESOURCE_EXHAUSTED", "details": [{}, 1, {"violations": [{"quotaId": "PerDayPerModel"}]}]}, "PerDayPerModel"),
        ({"status": "RESOURCE_EXHAUSTED", "details": [{"violations": [{"quotaId": "PerMinute"}]}]}, "PerMinute"),
        ({"code": "x" * 100}, "x" * 60),
        ({"code": ["a"], "type": {}}, ""),
        ("overloaded", ""),
        (None, ""),
    ],
)  # fmt: skip
def test_the_code_is_read_wherever_it_stands_and_the_final_one_where_there_are_several(
    error: object, code: str
) -> None:
    assert code_said(json.dumps({"error": error}).encode()) == code
    assert code_said(json.dumps([{"error": error}]).encode()) == code


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"null", b"7", b"[]", b'"\xff"', b"[" * 100_000])
def test_what_is_no_error_says_no_code(body: bytes) -> None:
    assert code_said(body) == ""


@pytest.mark.parametrize(
    ("status", "code", "said", "mended"),
    [
        (400, "", "", False),
        (401, "", "", False),
        (402, "billing_error", "", False),
        (408, "", "", True),
        (429, "rate_limit_exceeded", "", True),
        (429, "insufficient_quota", "", False),
        (500, "", "", True),
        (503, "insufficient_quota", "", False),
        (529, "overloaded_error", "", True),
        (429, "rate_limit_exceeded", "false", False),
        (503, "", "false", False),
        (400, "", "true", False),
        (503, "", "true", True),
    ],
)
def test_status_code_and_what_the_provider_asks_for_tell_whether_another_try_mends_it(
    status: int, code: str, said: str, mended: bool
) -> None:
    assert mends(status, code, said) == mended


def test_a_quota_of_a_minute_comes_back_and_one_of_a_day_does_not() -> None:
    assert is_final("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
    assert not is_final("GenerateRequestsPerMinutePerProjectPerModel")
