"""A real service that keeps its users apart passes, and one whose cache does not is found."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.whole_run
USERS = ("ann", "barbara")
QUESTIONS = {
    "schema": "harness.questions/1",
    "questions": [
        {"id": f"limit-{user}", "user": user, "text": "What is my limit?", "expected": f"{len(user)} euros"}
        for user in USERS
    ],
}


def asked_by_two(small: Any, **env: str) -> Any:
    ask = small.target["ask"]
    body = {"question": "{question}", "user": "{user}"}
    small.write("target", small.target | {"ask": ask | {"body": body, "headers": {"x-user": "{user}"}}})
    small.write("questions", QUESTIONS)
    small.write("scenario", small.scenario | {"expect": ["leaks <= 0"]})
    return small.run(**env)


def kept_apart(small: Any) -> Any:
    return asked_by_two(small)


def mixed_up(small: Any) -> Any:
    return asked_by_two(small, TROUBLE="leaks")


@pytest.mark.parametrize(
    ("ended", "verdict"), [(kept_apart, "pass"), (mixed_up, "fail")], indirect=["ended"], ids=["kept_apart", "mixed_up"]
)
def test_a_cache_that_serves_another_users_answer_fails_and_one_that_keeps_them_apart_passes(
    ended: Any, verdict: str
) -> None:
    assert ended.came_to(verdict), ended.out + ended.err
    assert (ended.result["metrics"]["leaks"]["value"] > 0) is (verdict == "fail")
