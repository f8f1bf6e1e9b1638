"""What answers have to say: what the scenario asks of them, what is right, whose they are, and whether they can be answers at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from concluded import concluded
from simulated_world import tabled

from harness.judging.answers import satisfies
from harness.judging.evidence import Evidence
from harness.judging.joining import derive_requests
from harness.judging.metrics import metrics
from harness.judging.patience import search_for
from harness.judging.result import Result
from harness.planning.plan import Plan
from harness.reading.questions import Expected, Question, Questions
from harness.reading.scenario import Answers
from harness.record.rows import Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Judge = Callable[..., Result]

PHASES = (1, 4, 6, 4)
BROKEN = (5.0, 11.0)


def in_the_fault(answer: str, **keys: Any) -> Callable[[int, float], dict[str, Any]]:
    """Every answer of the fault is *answer*."""
    return lambda index, due_s: {"answer": answer, **keys} if BROKEN[0] <= due_s < BROKEN[1] else {}


@pytest.fixture
def judged(make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows) -> Judge:
    """The result of a run whose answers are changed as *change* says; further keys are the scenario's."""

    def judge(
        change: Callable[[int, float], dict[str, Any]], asked: Mapping[str, Question] = {}, **keys: Any
    ) -> Result:
        plan = make_plan(phases=PHASES, **keys)
        texts = {name: question.text for name, question in asked.items()}
        requests = rows(plan, change)
        found = make_evidence(plan, requests=requests, asked=asked, questions=texts)
        derived = derive_requests(plan, tabled(requests, Request), found.attempt_table, found.publications(), asked)
        return concluded(replace(found, request_table=derived))

    return judge


def sound(index: int, due_s: float) -> dict[str, Any]:
    return {}


# What a scenario asks of a good answer.

SORRY = in_the_fault("Sorry, something went wrong.")


@pytest.mark.parametrize("answers", [{"matches": "It is [0-9]"}, {"not_matches": "(?i)sorry"}, {"agrees": True}])
def test_an_answer_that_does_not_say_what_is_asked_of_it_is_not_good(judged: Judge, answers: dict[str, Any]) -> None:
    expect = ["good_ratio >= 0.8 in fault"]
    broken = judged(SORRY, good={"answers": answers}, expect=expect)
    assert (broken.verdict, broken.findings[0].value) == ("fail", 0)
    assert judged(sound, good={"answers": answers}, expect=expect).verdict == "pass"


PRICE = {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}}}


def test_an_answer_that_is_not_what_a_json_schema_asks_for_is_not_good_and_one_that_is_counts(judged: Judge) -> None:
    def priced(*in_fault: str) -> Result:
        def change(index: int, due_s: float) -> dict[str, Any]:
            broken = BROKEN[0] <= due_s < BROKEN[1]
            return {"answer": in_fault[index % len(in_fault)] if broken else f'{{"price": {index % 5}}}'}

        good, expect = {"answers": {"json_schema": PRICE}}, ["good_ratio >= 0.8 in fault"]
        return judged(change, good=good, expect=expect)

    broken = priced('{"price": "nine"}', '{"cost": 9}', "9", '{"price": 9', "")
    assert (broken.verdict, broken.findings[0].value) == ("fail", 0)
    assert priced('{"price": 9.5, "currency": "EUR"}').verdict == "pass"


def test_all_that_is_asked_of_an_answer_has_to_hold(judged: Judge) -> None:
    answers = {"matches": "It is", "not_matches": "3"}
    found = judged(sound, good={"answers": answers}, expect=["good_ratio >= 0.1 in fault"]).findings[0]
    assert found.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"matches": "("}, "'\\(' is no regular expression: missing \\)"),
        ({"not_matches": "[a"}, "no regular expression"),
        ({"matches": ""}, "'' is found in every text, so it says nothing of any"),
        ({"matches": "(?s).*"}, "is found in every text"),
        ({"not_matches": "x?"}, "is found in every text"),
        (
            {"json_schema": {"properties": {"a": {"pattern": "^(a+)+$"}}}},
            "matches some texts in more ways than can be tried",
        ),
        ({"json_schema": {"patternProperties": {"(": {}}}}, "is no (regular expression|JSON Schema)"),
        ({}, "asks nothing of an answer; give matches, not_matches, agrees: true or json_schema"),
        ({"agrees": False}, "asks nothing of an answer"),
    ],
)
def test_what_asks_nothing_of_an_answer_is_refused(answers: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Answers.model_validate(answers)


@pytest.mark.parametrize("pattern", ["^(?!.*sorry)", "^$|days", "\\bday", "[a-z]+"])
def test_a_pattern_that_some_texts_do_not_have_is_taken(pattern: str) -> None:
    assert Answers.model_validate({"matches": pattern}).matches == pattern


LONG = "a" * 3000
SLOW = ".*a.*a.*a.*b"
QUICK = "a[^b]*b"
DRAFT = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("asking", "answer"),
    [
        (lambda pattern: {"matches": pattern}, f'"{LONG}"'),
        (lambda pattern: {"json_schema": {"pattern": pattern}}, f'"{LONG}"'),
        (lambda pattern: {"json_schema": {"properties": {"a": {"$schema": DRAFT, "pattern": pattern}}}}, f'{{"a": "{LONG}"}}'),
        (lambda pattern: {"json_schema": {"propertyNames": {"pattern": pattern}}}, f'{{"{LONG}": 1}}'),
        (lambda pattern: {"json_schema": {"patternProperties": {pattern: {"type": "string"}}}}, f'{{"{LONG}": 1}}'),
        (lambda pattern: {"json_schema": {"patternProperties": {pattern: {}}, "additionalProperties": False}}, f'{{"{LONG}": 1}}'),
        (
            lambda pattern: {"json_schema": {"allOf": [{"patternProperties": {pattern: {}}}], "unevaluatedProperties": False}},
            f'{{"{LONG}": 1}}',
        ),
        (
            lambda pattern: {"json_schema": {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"patternProperties": {pattern: {}}}}}},
            f'[{{"{LONG}": 1}}]',
        ),
    ],
)  # fmt: skip
def test_a_pattern_that_takes_too_long_on_an_answer_makes_the_run_invalid_and_is_looked_for_no_more(
    judged: Judge, monkeypatch: pytest.MonkeyPatch, asking: Callable[[str], dict[str, Any]], answer: str
) -> None:
    monkeypatch.setattr("harness.judging.patience.WITHIN_S", 0.02)
    search_for.cache_clear()
    answers = in_the_fault(answer)
    slow = judged(answers, good={"answers": asking(SLOW)}, expect=["good_ratio >= 0 in fault"])
    assert slow.verdict == "invalid"
    assert slow.reason.startswith(f"The pattern {SLOW!r} was looked for in one answer for too long and given up")
    assert search_for(SLOW).found("aaab") is None
    quick = judged(answers, good={"answers": asking(QUICK)}, expect=["good_ratio >= 0 in fault"])
    assert "given up" not in quick.reason
    search_for.cache_clear()


# What is said where nobody asks for it.


def test_one_answer_to_most_questions_of_a_phase_is_told_under_a_pass(judged: Judge) -> None:
    result = judged(SORRY)
    assert result.verdict == "pass"
    told = "60 of 60 complete answers, to 5 different questions, were the same text ('Sorry, something went wrong.') in fault"
    assert told in result.reason
    assert any(told in note for note in result.quality.notes)


def test_answers_other_than_the_baselines_are_told_under_a_pass(judged: Judge) -> None:
    result = judged(lambda index, due_s: {"answer": f"garbage {index}"} if BROKEN[0] <= due_s < BROKEN[1] else {})
    assert result.verdict == "pass"
    assert "60 of 60 complete answers were others than in the baseline in fault" in result.reason


APOLOGIES = ("Sorry, something went wrong.", "Please try again later.", "We could not do that.")


def test_a_few_answers_to_whatever_was_asked_are_told_though_no_answer_was_ever_said_twice(judged: Judge) -> None:
    """Of a service that never says a thing twice nothing is another answer than before."""

    def says(index: int, due_s: float) -> dict[str, Any]:
        if BROKEN[0] <= due_s < BROKEN[1]:
            return {"answer": APOLOGIES[index * 7 % 3]}
        return {"answer": f"policy {index % 5} says {index * 17 % 997} and {index * 31 % 991}"}

    result = judged(says)
    assert result.verdict == "pass"
    assert "of answers, two to different questions were the same text as often as two to one question" in result.reason
    assert "in fault, and nothing looks at what answers say" in result.reason
    never = judged(lambda index, due_s: says(index, 0.0))
    assert "same text" not in never.reason


BUT_FOR_NUMBERS = "were the same text but for numbers (such as"


def excuse(index: int, due_s: float) -> dict[str, Any]:
    return {"answer": f"Sorry, error {index * 7919 % 9973:x}1 of request {index}."}


def test_one_answer_with_another_number_each_time_is_told_under_a_pass(judged: Judge) -> None:
    assert f"to 5 different questions, {BUT_FOR_NUMBERS}" in judged(excuse).reason
    broken = judged(
        lambda index, due_s: (
            excuse(index, due_s)
            if BROKEN[0] <= due_s < BROKEN[1]
            else {"answer": f"policy {'abcdefg'[index % 7]} says {index * 17 % 997}"}
        )
    )
    assert f"{BUT_FOR_NUMBERS} 'Sorry, error" in broken.reason
    assert ") in fault, and nothing looks at what answers say" in broken.reason


def test_where_one_of_the_numbers_is_the_questions_nothing_is_told(judged: Judge) -> None:
    result = judged(lambda index, due_s: {"answer": f"It is {index % 5}, says request {index} at {due_s:.3f}."})
    assert (result.verdict, "but for numbers" in result.reason) == ("pass", False)


@pytest.mark.parametrize("expectation", ["answer_consistency <= 0.9", "answer_consistency <= 0.9 in fault"])
def test_nothing_more_is_said_of_answers_that_an_expectation_looks_at(judged: Judge, expectation: str) -> None:
    result = judged(SORRY, expect=["good_ratio >= 0.5 in fault", expectation])
    assert "same text" not in result.reason + "".join(result.quality.notes)
    elsewhere = judged(SORRY, expect=["good_ratio >= 0.5 in fault", "answer_consistency >= 0.9 in baseline"])
    assert "same text" in " ".join(elsewhere.quality.notes)


def test_one_answer_to_all_that_good_answers_lets_pass_is_told_and_one_that_it_refuses_is_not(judged: Judge) -> None:
    lets_pass = judged(SORRY, good={"within": "1s", "answers": {"not_matches": "(?i)traceback"}})
    assert "same text" in lets_pass.reason
    assert "in fault, and good.answers takes them for good" in lets_pass.reason
    refused = judged(SORRY, good={"within": "1s", "answers": {"not_matches": "(?i)sorry"}})
    assert "same text" not in refused.reason + "".join(refused.quality.notes)


@pytest.mark.parametrize(
    ("east", "told"),
    [
        (lambda _: "Sorry, something went wrong.", "were the same text ('Sorry, something went wrong.') at east in fault"),
        (lambda i: f"Sorry, error {i} went wrong.", "30 of 30 complete answers were others than in the baseline at east in fault"),
        (lambda i: f"No idea of {i % 5}.", "30 of 30 complete answers were others than in the baseline at east in fault"),
        (lambda i: f"It is {i % 5}.", ""),
    ],
)  # fmt: skip
def test_what_one_entry_of_several_says_to_all_is_told_though_it_is_not_most_of_what_is_said(
    judged: Judge, east: Callable[[int], str], told: str
) -> None:
    result = judged(lambda i, due_s: {"answer": east(i)} if BROKEN[0] <= due_s < BROKEN[1] and i % 2 == 0 else {})
    assert (result.verdict, told in result.reason) == ("pass", True)
    assert ("at east in fault, and nothing looks at what answers say" in result.reason) == bool(told)
    assert "west" not in result.reason


@pytest.mark.parametrize(("of", "told"), [("{region=west}", True), ("{entry=east}", True), ("", False)])
def test_answers_of_an_entry_are_not_looked_at_by_what_is_expected_of_another(
    judged: Judge, of: str, told: bool
) -> None:
    expect = [
        "good_ratio >= 0.5 in fault",
        f"answer_consistency{of} <= 1 in fault",
        f"answer_consistency{of} <= 1 in recovery",
    ]
    result = judged(SORRY, expect=expect)
    assert ("were the same text ('Sorry, something went wrong.') in fault" in result.reason) == told


@pytest.mark.parametrize(("often", "told"), [(1, True), (5, False)])
def test_answers_that_are_to_agree_and_have_none_to_agree_with_are_told(judged: Judge, often: int, told: bool) -> None:
    good = {"within": "1s", "answers": {"agrees": True}}
    result = judged(
        lambda index, _: {"question": f"q{index // often}", "answer": f"word {'abc'[index // often % 3]}"}, good=good
    )
    said = "150 of 150 complete answers are good though nothing shows that they agree (good.answers)"
    assert (result.verdict, said in result.reason) == ("pass", told)


@pytest.mark.parametrize("metric", ["leaks", "stream_integrity"])
def test_what_says_nothing_of_most_answers_hides_nothing_of_them(metric: str) -> None:
    assert not metrics[metric].reads_answers
    assert metrics["answer_consistency"].reads_answers


def test_nothing_is_said_of_answers_that_are_as_before_or_were_alike_before(judged: Judge) -> None:
    alike = judged(lambda index, due_s: {"answer": "It is 3." if index % 5 < 4 else "It is 4."})
    for result in (judged(sound), alike):
        assert result.verdict == "pass"
        assert "same text" not in result.reason + "".join(result.quality.notes)


def test_answers_that_are_not_as_expected_are_told_though_the_baseline_said_the_same(judged: Judge) -> None:
    asked = {f"q{i}": Question(id=f"q{i}", text=f"Question {i}?", expected=Expected(text=str(i))) for i in range(5)}
    wrong = judged(lambda i, due_s: {"answer": f"It is {i % 5 + 10}."}, asked=asked)
    assert wrong.verdict == "pass"
    for phase, n in (("baseline", 40), ("fault", 60), ("recovery", 40)):
        told = (
            f"{n} of {n} complete answers were not as expected (such as 'It is 10.') in {phase}, and nothing looks at"
        )
        assert told in wrong.reason
    right = judged(sound, asked=asked)
    assert (right.verdict, right.quality.notes) == ("pass", [])


def test_answers_to_each_turn_of_a_question_are_held_against_what_is_expected_of_that_turn(judged: Judge) -> None:
    turns = [{"text": "And then?", "expected": "then 7"}]
    written = {"id": "q0", "text": "What is 0?", "expected": "is 3", "turns": turns}
    asked = Questions.model_validate({"schema": "harness.questions/1", "questions": [written]}).asked

    def told(*answers: str) -> bool:
        result = judged(lambda i, due_s: {"question": ("q0", "q0#2")[i % 2], "answer": answers[i % 2]}, asked=asked)
        return "were not as expected" in result.reason

    assert not told("It is 3.", "Then 7.")
    assert told("Then 7.", "It is 3.")


def test_a_baseline_whose_answers_do_not_say_what_is_asked_of_them_is_not_called_late(judged: Judge) -> None:
    said = judged(sound, good={"answers": {"matches": "days"}}).reason
    assert "most often: complete, but not what good.answers asks for, such as 'It is 0.'" in said
    late = judged(lambda i, due_s: {"end_s": due_s + 3}, good={"within": "1s", "answers": {"matches": "It"}}).reason
    assert "most often: complete, but late" in late


# Whether they can be answers.


def hello(index: int, due_s: float) -> dict[str, Any]:
    return {"answer": f"hello [n-{index:010x}]"}


def test_a_run_in_which_every_question_got_one_answer_is_invalid(judged: Judge) -> None:
    result = judged(hello)
    assert result.verdict == "invalid"
    assert (
        "All 40 answers before anything was broken, to 5 different questions, were the same text ('hello')"
        in result.reason
    )


NOT_OF_THE_QUESTION = {
    "each entry says its name": lambda i, due_s: {"answer": f"This is {('east', 'west')[i % 2]}."},
    "one entry says one thing": lambda i, due_s: {"answer": "hello"} if i % 2 else {},
    "each user is greeted": lambda i, due_s: {"answer": f"Hello {i % 5 % 2}!"},
    "an excuse by chance": lambda i, due_s: {"answer": ("Sorry!", "Oops.", "Try again.")[i * i * 7919 % 11 % 3]},
}


@pytest.mark.parametrize("change", NOT_OF_THE_QUESTION.values(), ids=list(NOT_OF_THE_QUESTION))
def test_answers_that_hang_on_anything_but_the_question_make_a_run_invalid(
    judged: Judge, change: Callable[[int, float], dict[str, Any]]
) -> None:
    users = {f"q{i}": Question(id=f"q{i}", text=f"Question {i}?", user=str(i % 2)) for i in range(5)}
    result = judged(change, asked=users)
    assert result.verdict == "invalid"
    assert "does the service get the question (ask.body)?" in result.reason


@pytest.mark.parametrize(
    "change",
    [
        lambda i, due_s: {
            "answer": "yes" if i % 5 < 2 else "no"
        },  # two answers to five questions, each always the same
        lambda i, due_s: {"answer": "I do not know." if i % 5 else "It is 3."},
        lambda i, due_s: {"answer": f"It is {i % 5}, I think, after {i} thoughts."},  # never the same wording twice
    ],
)
def test_answers_that_hang_on_the_question_do_not(
    judged: Judge, change: Callable[[int, float], dict[str, Any]]
) -> None:
    assert judged(change).verdict == "pass"


def test_one_question_may_have_one_answer_and_so_may_two(judged: Judge) -> None:
    for many in (1, 2):
        assert judged(lambda index, due_s, of=many: {"answer": "yes", "question": f"q{index % of}"}).verdict == "pass"


def test_one_answer_that_is_right_for_every_question_is_an_answer(judged: Judge) -> None:
    asked = {f"q{i}": Question(id=f"q{i}", text=f"Is {i} allowed?", expected=Expected(text="hello")) for i in range(5)}
    assert judged(hello, asked).verdict == "pass"
    asked["q4"] = Question(id="q4", text="Is 4?", expected=Expected(text="no"))
    assert judged(hello, asked).verdict == "invalid"


# What is right.


@pytest.mark.parametrize(
    ("expected", "right", "wrong"),
    [
        ({"text": "30 days"}, "You have 30 days, not more.", "You have 130 days."),
        ({"text": "30 days"}, "30  Days!", "30 working days"),
        ({"matches": r"\b30\b"}, "30", "300"),
        ({"facts": "30 days"}, "Within thirty days.", "Within 14 days."),
        ({"facts": "from 9 to 5, not on Sundays"}, "Not before 9, and until 5.", "9 to 5 every day"),
    ],
)
def test_an_answer_is_held_against_what_is_expected_of_it(expected: dict[str, str], right: str, wrong: str) -> None:
    assert satisfies(Expected.model_validate(expected), right)
    assert not satisfies(Expected.model_validate(expected), wrong)


def test_what_contradicts_the_questions_file_is_wrong_even_in_the_baseline(judged: Judge) -> None:
    asked = {f"q{i}": Question(id=f"q{i}", text=f"What is {i}?", expected=Expected(text=f"is {i}")) for i in range(5)}
    expect = ["answer_consistency >= 0.9 in baseline"]
    assert judged(sound, asked, expect=expect).verdict == "pass"
    wrong = judged(lambda index, due_s: {"answer": f"It is {index % 5 + 1}."}, asked, expect=expect)
    assert (wrong.verdict, wrong.findings[0].value) == ("fail", 0)
    gated = judged(lambda i, due_s: {"answer": f"It is {i % 5 + 1}."}, asked, good={"answers": {"agrees": True}})
    assert gated.verdict == "invalid", "a baseline without a right answer is not steady"


# Whose they are.

USERS = {f"q{i}": Question(id=f"q{i}", text="What is my limit?", user=f"user-{i}") for i in range(5)}


def test_where_nobody_is_answered_nothing_leaks_and_nothing_is_measured(judged: Judge) -> None:
    asked = {f"q{i}": Question(id=f"q{i}", text="My limit?", user="ab"[i % 2]) for i in range(5)}
    result = judged(lambda i, due_s: {"outcome": "error", "status": 503, "answer": ""}, asked, expect=["leaks <= 0"])
    assert (result.findings[0].verdict, result.findings[0].value) == ("inconclusive", None)


@pytest.mark.parametrize("expectation", ["leaks <= 0", "leaks <= 0 in fault"])
def test_a_service_that_keeps_users_apart_leaks_nothing_and_one_that_does_not_is_found(
    judged: Judge, expectation: str
) -> None:
    expect = [expectation, "answer_consistency >= 0.9"]
    apart = judged(sound, USERS, expect=expect)
    assert (apart.verdict, [finding.verdict for finding in apart.findings]) == ("pass", ["pass", "pass"])
    shared = judged(in_the_fault("It is 2."), USERS, expect=expect)
    assert [finding.verdict for finding in shared.findings] == ["fail", "fail"]
    assert shared.findings[0].value == 48


def test_a_cache_that_serves_one_users_answer_from_the_start_is_found_where_it_is_known_what_is_right(
    judged: Judge,
) -> None:
    right = {
        name: user.model_copy(update={"expected": Expected(text=f"is {name[1:]}")}) for name, user in USERS.items()
    }
    found = judged(lambda index, due_s: {"answer": f"It is {index % 2}."}, right, expect=["leaks <= 0"]).findings[0]
    assert found.verdict == "fail"
    assert found.value > 50


OTHER_WORDS = {
    "q0": Question(id="q0", text="What is my limit?", user="ann", expected=Expected(text="500 euros")),
    "q1": Question(id="q1", text="My limit, please?", user="bob", expected=Expected(text="20 euros")),
    "q2": Question(id="q2", text="Am I a member?", user="ann", expected=Expected(text="yes")),
    "q3": Question(id="q3", text="May I pay later?", user="bob", expected=Expected(text="no")),
    "q4": Question(id="q4", text="my limit, please?", user="cat", expected=Expected(text="500 euros")),
}
RIGHT = ("500 euros", "20 euros", "yes", "no", "500 euros")


@pytest.mark.parametrize(
    ("question", "wrong", "leak"),
    [(1, "500 euros", True), (3, "yes", False), (0, "20 euros", True), (2, "500 euros", False)],
)
def test_a_cache_that_takes_other_words_for_the_same_question_leaks_what_only_others_may_be_told(
    judged: Judge, question: int, wrong: str, leak: bool
) -> None:
    # What tells of nobody, such as a yes, is wrong, and no more than that.
    said = lambda i, due_s: {"answer": f"It is {wrong}." if i % 5 == question else RIGHT[i % 5]}  # noqa: E731
    result = judged(said, asked=OTHER_WORDS, expect=["leaks <= 0"])
    assert (result.findings[0].value, result.verdict) == ((28, "fail") if leak else (0, "pass"))
    assert judged(lambda i, due_s: {"answer": RIGHT[i % 5]}, asked=OTHER_WORDS, expect=["leaks <= 0"]).verdict == "pass"


def test_without_users_leaks_are_not_measured(judged: Judge) -> None:
    result = judged(sound, expect=["leaks <= 0"])
    assert (result.verdict, result.findings[0].value) == ("inconclusive", None)
