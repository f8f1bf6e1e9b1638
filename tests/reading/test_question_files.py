"""Questions out of CSV and JSONL: the same as out of YAML, a hundred thousand of them, and what is wrong told with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from harness.problems import UsageProblems
from harness.reading.kinds import kind_of, load_any
from harness.reading.question_files import load_questions, recall_questions
from harness.reading.questions import QUESTIONS_MAX, Question, Questions
from harness.reading.yaml import Document

YAML = """\
schema: harness.questions/1
questions:
  - {id: a, text: "How long, in days?", user: ann, region: east, expected: 30 days, size: 200, max_tokens: 9, system: Be brief.}
  - {id: b, text: "And then?"}
"""
CSV = """\
id,text,user,region,expected,size,max_tokens,system
a,"How long, in days?",ann,east,30 days,200,9,Be brief.

b,And then?,,,,,,
"""
JSONL = """\
{"id": "a", "text": "How long, in days?", "user": "ann", "region": "east", "expected": "30 days", \
"size": 200, "max_tokens": 9, "system": "Be brief."}

{"id": "b", "text": "And then?"}
"""


def read(tmp_path: Path, name: str, text: str) -> Document[Questions]:
    (tmp_path / name).write_text(text)
    return load_questions(tmp_path / name)


def told(tmp_path: Path, name: str, text: str) -> list[str]:
    with pytest.raises(UsageProblems) as found:
        read(tmp_path, name, text)
    return [str(problem).removeprefix(f"{tmp_path}/") for problem in found.value.problems]


@pytest.mark.parametrize(
    ("name", "text"), [("q.csv", CSV), ("q.jsonl", JSONL), ("q.csv", f"\ufeff{CSV}"), ("q.jsonl", f"\ufeff{JSONL}")]
)
def test_questions_are_the_same_in_each_kind_of_file(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, name, text)
    assert found.value.questions == read(tmp_path, "q.yaml", YAML).value.questions
    assert kind_of(tmp_path / name) is Questions
    assert load_any(tmp_path / name).value == found.value


def test_a_line_of_json_may_have_turns_and_tools(tmp_path: Path) -> None:
    tool = {"name": "search", "parameters": {"type": "object", "properties": {"q": {"type": "string"}}}}
    line = json.dumps({"id": "a", "text": "x", "turns": ["y", {"text": "z", "expected": "Z"}], "tools": [tool]})
    (question,) = read(tmp_path, "q.jsonl", line).value.questions
    assert [turn.text for turn in question.turns or ()] == ["y", "z"]
    assert question.tools is not None
    assert question.tools[0].parameters == tool["parameters"]


@pytest.mark.parametrize(
    ("name", "text", "messages"),
    [
        ("q.csv", "id,text\na,x\nb,y\na,z\n", ["q.csv:4 id: 'a' is the id on line 2 too; each needs its own"]),
        ("q.csv", "id,text\na,x\nb,\n", ["q.csv:3 text: is missing; what is asked"]),
        ("q.csv", "id,text,size\na,x,big\n", ["q.csv:2 size: should be a whole number from 1 to 1000000, but is 'big'"]),
        ("q.csv", "id,question\na,x\n", [
            "q.csv:1: there is no column 'text'; its first line names its columns",
            "q.csv:1: unknown column 'question'; known: expected, id, max_tokens, region, size, system, text, user",
        ]),
        ("q.csv", "id,text,turns\na,x,y\n", ["q.csv:1: a cell cannot hold turns; write the questions as JSONL or YAML"]),
        ("q.csv", "id,text,regoin\na,x,y\n", ["q.csv:1: unknown column 'regoin'; did you mean 'region'?"]),
        ("q.csv", "id,text\na,x,y\n", ["q.csv:2: has 3 values, and there are 2 columns"]),
        ("q.csv", "ID,text\na,x\n", [
            "q.csv:1: there is no column 'id'; its first line names its columns",
            "q.csv:1: unknown column 'ID'; did you mean 'id'?",
        ]),
        ("q.csv", "id,text\na ,x\n", [
            "q.csv:2 id: should be text of at most 60 characters: letters, digits, ., _ and -, and first a letter or a digit, "
            "but is 'a '; leave out the blanks around it",
        ]),
        ("q.csv", "id,text\na\n", ["q.csv:2: has 1 value, and there are 2 columns"]),
        ("q.csv", "id;text\na;x\n", ["q.csv:1: has ';' between its columns; save it with commas between them"]),
        ("q.csv", "id,id,text\na,b,x\n", ["q.csv:1: there are several columns 'id'; keep one"]),
        ("q.csv", 'id,text\na,"x\nb,y\n', ["q.csv:3: is no CSV: unexpected end of data"]),
        ("q.jsonl", '{"id": "a", "id": "b", "text": "x"}\n', ["q.jsonl:1: 'id' is here twice; keep one"]),
        ("q.jsonl", '{"id": "a", "text": "x\\ud83d"}\n', [
            "q.jsonl:1: holds a character that no program can be given (half of a surrogate pair)"
        ]),
        ("q.csv", "id,text\n", ["q.csv: has 0 questions; there may be 1 to 100,000"]),
        ("q.jsonl", '{"id": "a", "text": "x"}\n{"id": }\n', ["q.jsonl:2: is no JSON: Expecting value: line 1 column 8 (char 7)"]),
        ("q.jsonl", '\n["a"]\n', ['q.jsonl:2: is no JSON object; each line is a question, such as {"id": "a", "text": "What is it?"}']),
        ("q.jsonl", '{"id": "a", "txet": "x"}\n', ["q.jsonl:1 txet: unknown key; did you mean 'text'?"]),
        ("q.jsonl", '{"id": "a", "text": "x", "turns": [{"txt": "y"}]}\n', ["q.jsonl:1 turns[0].txt: unknown key; did you mean 'text'?"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, name: str, text: str, messages: list[str]) -> None:
    assert told(tmp_path, name, text) == messages


def test_a_file_in_which_every_row_is_wrong_is_not_told_of_in_full(tmp_path: Path) -> None:
    assert len(told(tmp_path, "q.csv", "id,text\n" + "a b,x\n" * 5_000)) == 20


def test_a_hundred_thousand_questions_are_enough(tmp_path: Path) -> None:
    text = "id,text\n" + "".join(f"q{number},What is {number}?\n" for number in range(QUESTIONS_MAX))
    found = read(tmp_path, "q.csv", text).value
    assert len(found.questions) == len(found.asked) == QUESTIONS_MAX
    assert told(tmp_path, "q.csv", f"{text}more,What?\n") == ["q.csv: has 100,001 questions; there may be 1 to 100,000"]


def test_a_problem_of_a_question_is_told_with_its_line(tmp_path: Path) -> None:
    found = read(tmp_path, "q.csv", CSV)
    assert str(found.problem("questions[1].expected", "no")) == f"{tmp_path}/q.csv:4 expected: no"


def test_what_a_run_read_of_a_file_that_could_be_read_in_two_ways_is_read_so_again(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text('id,id,text\na,b,"x\n')
    (tmp_path / "q.jsonl").write_text('{"id": "a", "id": "b", "text": "x\\ud83d\\ude00"}\n')
    for name, text in (("q.csv", "x\n"), ("q.jsonl", "x\U0001f600")):
        document, refused = recall_questions(tmp_path / name)
        assert [(one.id, one.text) for one in document.value.questions] == [("b", text)]
        assert refused == ()


def test_what_was_asked_in_a_run_is_read_though_it_could_not_be_asked_today(tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"id": "a b", "text": "x", "size": 2000000}\n{"id": "b", "text": "y"}\n')
    document, refused = recall_questions(tmp_path / "q.jsonl")
    assert [(question.id, question.size) for question in document.value.questions] == [("a b", 2_000_000), ("b", None)]
    assert [(problem.line, problem.path) for problem in refused] == [(1, "id"), (1, "size")]
    (tmp_path / "q.jsonl").write_text('{"id": "a"}\n')
    with pytest.raises(UsageProblems):
        recall_questions(tmp_path / "q.jsonl")


def test_each_turn_is_a_question_of_its_own_to_whom_answers_are_compared() -> None:
    question = Question.model_validate(
        {"id": "a", "text": "x", "user": "ann", "expected": "X", "turns": ["y", {"text": "z", "expected": "Z"}]}
    )
    found = [(one.id, one.text, one.user, one.expected and one.expected.text) for one in question.asked]
    assert found == [("a", "x", "ann", "X"), ("a#2", "y", "ann", None), ("a#3", "z", "ann", "Z")]


JSON_LIST = b'[{"id": "a", "text": "What?"}]'


@pytest.mark.parametrize(
    ("name", "content", "end"),
    [
        ("q.json", JSON_LIST, "and its name ends in '.json'"),
        ("q.json", JSONL.encode(), "and its name ends in '.json'"),
        ("q.txt", b"What is it?\nHow tall is it?\n", "and its name ends in '.txt'"),
        ("q.tsv", b"id\ttext\na\tb\n", "and its name ends in '.tsv'"),
        ("q", JSON_LIST, "and its name has no ending"),
        ("q.jsonl.gz", gzip.compress(JSONL.encode()), "and its name ends in '.gz': unpack it first"),
        ("q.parquet", b"PAR1\x00\x01", "and its name ends in '.parquet'"),
    ],
)
def test_what_is_read_is_told_of_a_file_whose_name_says_none_of_it(
    tmp_path: Path, name: str, content: bytes, end: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UsageProblems) as found:
        load_questions(tmp_path / name)
    assert [str(problem) for problem in found.value.problems] == [
        f"{tmp_path / name}: questions are read out of YAML (.yaml, a mapping with the key questions), JSONL (.jsonl, a question in each "
        f"line) or CSV (.csv, one in each row), {end}"
    ]


@pytest.mark.parametrize("name", ["q.json", "q.txt", "q"])
def test_questions_of_a_mapping_are_read_and_told_of_whatever_the_file_is_called(tmp_path: Path, name: str) -> None:
    right = {"schema": "harness.questions/1", "questions": [{"id": "a", "text": "What?"}]}
    assert [one.text for one in read(tmp_path, name, json.dumps(right)).value.questions] == ["What?"]
    assert told(tmp_path, name, json.dumps({"questions": right["questions"]})) == [
        f"{name}:1 schema: is missing; it should be 'harness.questions/1'"
    ]
    assert told(tmp_path, "q.yaml", JSON_LIST.decode()) == [
        "q.yaml:1: the file holds a list; it should be a mapping, lines of key: value"
    ]
    with pytest.raises(UsageProblems, match="there is no such file"):
        load_questions(tmp_path / "gone.json")
