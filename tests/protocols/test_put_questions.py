"""Questions as large as they are to be: how much is asked, where it stands, and what stays the same."""

from __future__ import annotations

import json

import pytest

from harness.planning.curve import Linear
from harness.planning.schedule import Schedule, Turn
from harness.protocols.asking import Asked, ResolvedAsk
from harness.protocols.filler import filler, tokens_of
from harness.protocols.protocols import protocol
from harness.running.load.asking import asked
from harness.running.load.conversations import Before
from harness.running.load.plan import LoadPlan, PlannedQuestion

PLAN = LoadPlan(
    run_id="r",
    schedule=Schedule("constant", (Linear(1, 1, 1),), 0.0, 5.0, seed=7),
    entries={"east": "http://127.0.0.1:1"},
    questions=(PlannedQuestion("q", "How long is the warranty?"),),
    ask=ResolvedAsk("openai-chat", model="m"),
    in_flight_max=10,
    rows_dir="/tmp",
    ready_path="/tmp/ready",
    start_path="/tmp/start",
)


@pytest.mark.parametrize("tokens", [1, 7, 64, 65, 1_000, 100_000])
def test_filler_has_a_word_for_each_token(tokens: int) -> None:
    assert len(filler(tokens, 1).split(" ")) == tokens


def test_a_longer_filler_begins_with_a_shorter_one_and_another_seed_gives_another() -> None:
    assert filler(500, 1).startswith(filler(40, 1) + " ")
    assert filler(40, 1) != filler(40, 2)
    assert (filler(0, 1), filler(-3, 1)) == ("", "")


def ask(tokens_in: int, tokens_out: int) -> Asked:
    turn = Turn(0, 0.0, 0, 0, 0, 0, "n-0123456789", tokens_in, tokens_out)
    return asked(PLAN, turn, Before("c", None, overlapped=False), turn.nonce)


def test_a_question_is_padded_to_its_size_and_no_further() -> None:
    text = PLAN.questions[0].text
    assert len(ask(200, -1).filler.split(" ")) == 200 - tokens_of(text)
    assert [ask(size, -1).filler for size in (-1, 0, tokens_of(text))] == ["", "", ""]


def body(name: str, put: Asked, **more: object) -> dict[str, object]:
    said: dict[str, object] = json.loads(protocol(name).request(ResolvedAsk(name, model="m", **more), put).body)  # type: ignore[arg-type]  # a test's own
    return said


@pytest.mark.parametrize("name", ["openai-chat", "anthropic-messages"])
def test_the_filler_stands_behind_the_question_and_its_mark_and_the_size_of_the_answer_is_said(name: str) -> None:
    put = ask(12, 55)
    said = body(name, put)
    assert said["messages"] == [
        {"role": "user", "content": f"How long is the warranty? [n-0123456789]\n\n{put.filler}"}
    ]
    assert said["max_tokens"] == 55


def test_where_nothing_is_said_of_sizes_nothing_is_sent() -> None:
    said = body("openai-chat", ask(-1, -1))
    assert said["messages"] == [{"role": "user", "content": "How long is the warranty? [n-0123456789]"}]
    assert "max_tokens" not in said


def test_a_body_that_says_max_completion_tokens_keeps_that_word() -> None:
    said = body("openai-chat", ask(-1, 55), body={"max_completion_tokens": 10})
    assert said["max_completion_tokens"] == 55
    assert "max_tokens" not in said


def test_a_protocol_without_a_word_for_it_is_not_told_how_much_may_be_answered() -> None:
    put = ask(12, 55)
    said = body("json", put, body={"q": "{question}"}, answer_pointer="/answer")
    assert said == {"q": f"How long is the warranty? [n-0123456789]\n\n{put.filler}"}
