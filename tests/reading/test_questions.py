"""The questions file."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.reading.questions import Questions
from harness.reading.yaml import read
from harness.reading.yaml.plain import Plain
from harness.reading.yaml.sentences import refusals

Told = Callable[..., list[str]]
ID = "text of at most 60 characters: letters, digits, ., _ and -, and first a letter or a digit"


def test_questions_are_read_in_their_order(questions_text: str) -> None:
    value = read(questions_text, Questions, "f.yaml").value
    assert [(question.id, question.text) for question in value.questions] == [
        ("refund-window", "How long can I ask for a refund?"),
        ("warranty", "How long is the warranty?"),
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            "id: warranty",
            "id: refund-window",
            "4 questions[1].id: 'refund-window' is the id of questions[0] too; each needs its own",
        ),
        (
            "id: warranty",
            "id: war ranty",
            f"4 questions[1].id: should be {ID}, but is 'war ranty'; did you mean 'war-ranty'?",
        ),
        ("id: warranty", "id: 5", f'4 questions[1].id: should be {ID}, but is 5; put it in quotes: "5"'),
        (
            "How long is the warranty?",
            '""',
            "5 questions[1].text: should be text of at least 1 character and at most 4000 characters, and more than blanks, but is ''",
        ),
        (
            "How long is the warranty?",
            "x" * 4001,
            "5 questions[1].text: should be text of at least 1 character and at most 4000 characters, and more than blanks,"
            f" but is '{'x' * 58}…",
        ),
        (
            "text: How long is the warranty?",
            'text: "  "',
            "5 questions[1].text: should be text of at least 1 character and at most 4000 characters, and more than blanks, but is '  '",
        ),
        ("    text: How long is the warranty?\n", "", "4 questions[1].text: is missing; what is asked"),
    ],
)
def test_a_slip_in_a_questions_file_is_told_with_its_line(
    told: Told, questions_text: str, right: str, wrong: str, message: str
) -> None:
    assert told(questions_text.replace(right, wrong), Questions) == [f"f.yaml:{message}"]


def test_every_id_that_is_used_again_is_told(told: Told, questions_text: str) -> None:
    text = questions_text + "  - {id: warranty, text: x}\n  - {id: refund-window, text: x}\n  - {id: other, text: x}\n"
    assert told(text, Questions) == [
        "f.yaml:6 questions[2].id: 'warranty' is the id of questions[1] too; each needs its own",
        "f.yaml:7 questions[3].id: 'refund-window' is the id of questions[0] too; each needs its own",
    ]


def test_a_hundred_thousand_questions_are_enough() -> None:
    questions: list[Plain] = [{"id": f"q{i}", "text": "x"} for i in range(100_001)]
    (said,) = refusals(Questions, {"schema": "harness.questions/1", "questions": questions})
    assert said.what == "should be a list of at least 1 item and at most 100000 items, but is a list"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("turns: [y, {txt: z}]", "6 questions[2].turns[1].txt: unknown key; did you mean 'text'?"),
        (
            "turns: []",
            "6 questions[2].turns: should be a list of at least 1 item and at most 50 items, but is an empty list",
        ),
        ("turns: y", "6 questions[2].turns: should be a list of at least 1 item and at most 50 items, but is 'y'"),
        ("tools: [{name: a b}]", "6 questions[2].tools[0].name: should be text of at most 64 characters"),
        ("tools: [{name: a, parameters: {type: thing}}]", "6 questions[2].tools[0].parameters: is no JSON Schema"),
        ("size: 0", "6 questions[2].size: should be a whole number from 1 to 1000000, but is 0"),
        ("sytem: x", "6 questions[2].sytem: unknown key; did you mean 'system'?"),
    ],
)
def test_a_slip_in_what_a_question_has_beside_its_text_is_told_with_its_line(
    told: Told, questions_text: str, more: str, message: str
) -> None:
    found = told(questions_text + f"  - {{id: a, text: x, {more}}}\n", Questions)
    assert [problem[: len(message) + 7] for problem in found] == [f"f.yaml:{message}"]


def test_a_question_may_say_who_asks_and_what_is_right(questions_text: str) -> None:
    text = questions_text + (
        "  - {id: a, text: x, user: ann, expected: 30 days}\n"
        "  - {id: b, text: x, user: bob, expected: {matches: '^3'}}\n"
        "  - {id: c, text: x, expected: {facts: 30 days}}\n"
    )
    a, b, c = read(text, Questions, "f.yaml").value.questions[2:]
    assert (a.user, a.expected.text) == ("ann", "30 days")
    assert (b.user, b.expected.matches) == ("bob", "^3")
    assert (c.user, c.expected.facts) == (None, "30 days")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("{matches: '('}", "6 questions[2].expected.matches: '(' is no regular expression: missing ), unterminated"),
        ("{}", "6 questions[2].expected: say what a right answer says in one way: text, matches or facts"),
        ("{text: a, facts: b}", "6 questions[2].expected: say what a right answer says in one way"),
    ],
)
def test_what_cannot_be_expected_is_refused_with_its_line(
    told: Told, questions_text: str, expected: str, message: str
) -> None:
    (problem,) = told(questions_text + f"  - {{id: a, text: x, expected: {expected}}}\n", Questions)
    assert problem.startswith(f"f.yaml:{message}")
