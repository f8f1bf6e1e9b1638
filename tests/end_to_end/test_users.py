"""A real service that keeps its users apart passes, and one whose cache does not is found."""

from __future__ import annotations

from typing import Any

import pytest

USERS = ("ann", "barbara")
QUESTIONS = {
    "schema": "harness.questions/1",
    "questions": [
        {"id": f"limit-{user}", "user": user, "text": "What is my limit?", "expected": f"{len(user)} euros"}
        for user in USERS
    ],
}


@pytest.mark.parametrize(("trouble", "verdict"), [("", "pass"), ("leaks", "fail")])
def test_a_cache_that_serves_another_users_answer_fails_and_one_that_keeps_them_apart_passes(
    small: Any, trouble: str, verdict: str
) -> None:
    ask = small.target["ask"]
    body = {"question": "{question}", "user": "{user}"}
    small.write("target", small.target | {"ask": ask | {"body": body, "headers": {"x-user": "{user}"}}})
    small.write("questions", QUESTIONS)
    small.write("scenario", small.scenario | {"expect": ["leaks <= 0"]})
    ended = small.run(TROUBLE=trouble)

    assert ended.came_to(verdict), ended.out + ended.err
    assert (ended.result["metrics"]["leaks"]["value"] > 0) is (verdict == "fail")
