"""Text that is not the YAML that was meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.problems import UsageProblems
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import read, tree
from harness.reading.yaml.tree import compose

Told = Callable[..., list[str]]
SHIPPED = Path(__file__).parents[2] / "scenarios"


@pytest.fixture(autouse=True, params=["with libyaml", "without"], scope="module")
def _libyaml(request: pytest.FixtureRequest) -> Iterator[None]:
    """Either build of PyYAML, which have to tell the same."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "without":
            patch.setattr(tree, "_FAST", None)
        yield


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1: the file is empty"),
        ("# only a comment\n", "f.yaml:1: the file is empty"),
        ("---\n", "f.yaml:2: the file is empty"),
        ("- a\n", "f.yaml:1: the file holds a list; it should be a mapping, lines of key: value"),
        ("a\n", "f.yaml:1: the file holds a single value; it should be a mapping, lines of key: value"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2: a second document begins here; a file holds one"),
        ("a:\n\tb: 1\n", "f.yaml:2: a tab stands where only spaces may; indent with spaces"),
        ("a: 1\n\tb: 2\n", "f.yaml:2: a tab stands where only spaces may; indent with spaces"),
        ("a:\n  b: 1\n c: 2\n", "f.yaml:3: this line is indented unlike the lines around it"),
        ("a:\n  b: 1\n  - c\n", "f.yaml:3: this line is indented unlike the lines around it"),
        (
            "a: 1\n  b: 2\n",
            "f.yaml:2: a ':' too many, or a line indented too far; text that holds ': ' has to stand in quotes",
        ),
        (
            "a: b: c\n",
            "f.yaml:1: a ':' too many, or a line indented too far; text that holds ': ' has to stand in quotes",
        ),
        ("a: 1\nfoo\nb: 2\n", "f.yaml:2: a ':' is missing after this key"),
        ("a:\u00a01\nb: 2\n", "f.yaml:1: a blank here is none, but U+00A0; write a plain one"),
        ("a:\n\u3000b: 2\n c: 1\n", "f.yaml:2: a blank here is none, but U+3000; write a plain one"),
        ("a:\n  - b\n  – c\nd: 1\n", "f.yaml:3: a – stands here where a list has a -"),
        ("a: 5\u00a0s\nfoo\nb: 2\n", "f.yaml:2: a ':' is missing after this key"),
        ("a: 'x\nb: 1\n", "f.yaml:1: the quote that opens here is never closed"),
        ("a: 1\nb: [x, y\n", "f.yaml:2: the '[' that opens here is never closed"),
        ("a: {b: 1\nc: 2\n", "f.yaml:2: a ',' is missing here, or a '}' that closes the '{' of line 1"),
        ("a: [\n", "f.yaml:2: the file ends inside a bracket that is never closed"),
        (
            "a: [{url: http://127.0.0.1:{port}}]\n",
            'f.yaml:1: inside brackets an address with a brace has to stand in quotes: "http://127.0.0.1:{port}"',
        ),
        ("a: {b: ${KEY}}\n", 'f.yaml:1: text inside brackets that holds a { has to stand in quotes, such as "${KEY}"'),
        ("a: 1\n}\n", "f.yaml:2: a '}' too many; text that begins with it has to stand in quotes"),
        ("a: [,]\n", "f.yaml:1: a value is missing before ','; text that begins with it has to stand in quotes"),
        ("a: @x\n", "f.yaml:1: text that begins with '@' has to stand in quotes"),
        ("a: !x!y z\n", "f.yaml:1: text that begins with ! has to stand in quotes"),
        ("a: *\n", "f.yaml:1: text that begins with & or * has to stand in quotes"),
        ("a: > x\n", "f.yaml:1: text that begins with > or | has to stand in quotes"),
        (
            "a: {port}/x\n",
            "f.yaml:1: text goes on after a closing quote or bracket;"
            " a text that holds one has to stand in quotes as a whole",
        ),
        ('a: "\\q"\n', "f.yaml:1: \\q means nothing between double quotes; use single quotes, or write \\\\"),
        ("a: - b\n", "f.yaml:1: a list cannot begin here; put its first '-' on a line of its own"),
        ("a: 1\nb: \x01\n", "f.yaml:2: the character U+0001 may not stand in a YAML file; remove it"),
        ("a: 1\nb: *x\n", "f.yaml:2: *x repeats nothing: no &x stands above it"),
        ("a: &x [*x]\n", "f.yaml:1: *x stands inside the very thing that it repeats"),
        ("a: \ud800\n", "f.yaml: holds half of a surrogate pair; save the file as UTF-8"),
    ],
)
def test_text_that_cannot_be_read_is_one_problem_with_its_line(told: Told, text: str, message: str) -> None:
    assert told(text, Scenario) == [message]


def test_what_only_libyaml_can_read_is_told_where_it_is_not_there(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "_FAST", None)
    what = "f.yaml:1: text inside brackets that holds a ? has to stand in quotes"
    assert told("a: {b: what?}\n", Scenario) == [what]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: 8", "f.yaml:44 seed: is here twice, on lines 4 and 44; keep one"),
        ("7: x", 'f.yaml:44: a key has to be text, and this one is the number 7; write "7"'),
        ("true: x", 'f.yaml:44: a key has to be text, and this one is the boolean true; write "true"'),
        ("~: x", 'f.yaml:44: a key has to be text, and this one is empty; write "~"'),
        ("[a]: x", "f.yaml:44: a key has to be text, and this one is a collection"),
        ("<<: {a: 1}", "f.yaml:44: merging with << is not part of YAML 1.2; write the keys out"),
    ],
)
def test_keys_that_cannot_be_are_refused_and_nothing_else(
    told: Told, scenario_text: str, line: str, message: str
) -> None:
    assert told(scenario_text + line + "\n", Scenario) == [message]
    assert told(scenario_text, Scenario) == []


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("!!binary aGk=", "about: the tag !!binary means nothing here; leave it out"),
        ("!secret x", "about: the tag !secret means nothing here; leave it out"),
        (".nan", "about: .nan is not a finite number; write one, or put the word in quotes"),
        ('"\\0"', "about: the text holds a character that no program can be given (NUL, or half of a surrogate pair)"),
        (
            '"\\ud800"',
            "about: the text holds a character that no program can be given (NUL, or half of a surrogate pair)",
        ),
    ],
)
def test_a_value_that_yaml_allows_and_no_file_needs_is_told_once(
    told: Told, scenario_text: str, about: str, message: str
) -> None:
    assert told(scenario_text.replace("One of two regions falls silent.", about), Scenario) == [f"f.yaml:3 {message}"]


def test_what_is_wrong_as_yaml_does_not_hide_what_is_wrong_as_a_scenario(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("warmup: 3s", "warmup: 3s\n  warmup: 4s").replace("jitter: 0.1", "jitter: 7")
    assert told(text, Scenario) == [
        "f.yaml:8 load.jitter: should be a number from 0 to 1, but is 7",
        "f.yaml:15 phases.warmup: is here twice, on lines 14 and 15; keep one",
    ]


def test_the_key_on_is_text_and_no_boolean(scenario_text: str) -> None:
    assert (
        read(scenario_text, Scenario, "f.yaml").value.faults[1].summary()
        == "latency 1500 ± 200 ms on kind provider, region east"
    )


def test_an_alias_repeats_what_its_anchor_names(questions_text: str) -> None:
    text = questions_text.replace('"How long can I ask for a refund?"', "&a What").replace(
        "How long is the warranty?", "*a"
    )
    assert [question.text for question in read(text, Questions, "f.yaml").value.questions] == ["What", "What"]


def test_a_mistake_inside_a_repeated_value_has_the_line_where_it_is_written(told: Told, scenario_text: str) -> None:
    text = scenario_text.replace("baseline: 12s", "baseline: &long 12").replace("recovery: 20s", "recovery: *long")
    wrong = "12 is not a duration; write a number and a unit (ms, s, min or h), such as 3s, 250ms or 2min"
    assert told(text, Scenario) == [f"f.yaml:15 phases.baseline: {wrong}", f"f.yaml:15 phases.recovery: {wrong}"]


def test_a_billion_laughs_are_refused(told: Told) -> None:
    lines = ["l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert told("\n".join(lines), Scenario) == [
        "f.yaml:5: the file stands for more than 200000 values; aliases multiply what they repeat"
    ]


def test_a_few_laughs_are_not() -> None:
    assert compose("a: &a [ha, ha]\nb: &b [*a, *a]\nc: [*b, *b]\n").root.value["c"] == 2 * [
        [["ha", "ha"], ["ha", "ha"]]
    ]


@pytest.mark.parametrize("text", ["[" * 900, "a: " + "{a: " * 900, "- " * 900, "a: " + "[" * 900 + "]" * 900])
def test_a_bottomless_pit_is_refused(told: Told, text: str) -> None:
    (message,) = told(text, Scenario)
    assert message.endswith("is nested more than 40 deep")


def test_aliases_cannot_dig_deeper_than_brackets(told: Told) -> None:
    lines = ["a0: &a0 [x]", *(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100))]
    (message,) = told("\n".join(lines), Scenario)
    assert message == "f.yaml:39 a38: is nested more than 40 deep"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(scenario_text: str) -> None:
    plain = read(scenario_text, Scenario, "f.yaml")
    windows = read("\ufeff" + scenario_text.replace("\n", "\r\n"), Scenario, "f.yaml")
    assert windows.value == plain.value
    assert windows.problem("load.jitter", "x") == plain.problem("load.jitter", "x")
    assert windows.sha256 != plain.sha256


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab: -[]{},\"'&*!|>%@`#\n\t?<~.0\\\r\x00\x85\ufeff\ud800", max_size=40))
@example("a: {b: &a c, d: *a}")
def test_whatever_the_text_it_is_read_or_its_problems_are_told(text: str) -> None:
    for model in (Scenario, Target):
        with pytest.raises(UsageProblems) as told:
            read(text, model, "f.yaml")
        assert all(problem.what and problem.file == "f.yaml" for problem in told.value.problems)


def test_the_same_text_is_parsed_once_and_another_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[object] = []
    composed = tree._composed
    monkeypatch.setattr(tree, "_composed", lambda parser: (parsed.append(parser), composed(parser))[1])
    text = "a: {b: [1, 2]}\nonce: only here\n"
    one, again, other = (compose(written) for written in (text, text, f"{text}c: 3\n"))
    assert (one.root.value, len(parsed)) == (again.root.value, 2)
    assert other.root.value != one.root.value
    long = text + "#" * (1 << 15)
    assert compose(long).root.value == compose(long).root.value == one.root.value
    assert len(parsed) == 4


@pytest.mark.parametrize("model", [Scenario, Target])
def test_what_a_text_holds_is_the_same_whatever_was_put_over_it_and_made_of_it(model: type) -> None:
    text = (SHIPPED / ("region-loss.yaml" if model is Scenario else "targets/fragile.yaml")).read_text()
    before = repr(compose(text).root.value)
    read(text, model, "f.yaml", {"name": "another"})
    with pytest.raises(UsageProblems):
        read(text, model, "f.yaml", {"nmae": "another"})
    assert repr(compose(text).root.value) == before
