"""Traces: every form that is known is read exactly, and what is wrong with a file is told with its line."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from harness.problems import UsageProblems
from harness.reading.traces import FORMS, Trace, form_of, read

BURST = "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
Write = Callable[..., Trace]


@pytest.fixture
def trace(tmp_path: Path) -> Write:
    """What is read of a *text* in a file of that *name*."""

    def write(text: str, name: str = "t.csv", encoding: str = "utf-8") -> Trace:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return read(path)

    return write


@pytest.fixture
def told(tmp_path: Path, trace: Write) -> Callable[..., str]:
    """The one thing that is said of a text that is refused."""

    def told(text: str, name: str = "t.csv", encoding: str = "utf-8") -> str:
        with pytest.raises(UsageProblems) as found:
            trace(text, name, encoding)
        (problem,) = found.value.problems
        return str(problem).replace(f"{tmp_path}/", "")

    return told


def test_our_own_columns_say_when_who_how_large_and_what(trace: Write) -> None:
    read_ = trace(
        "due_s,conversation,tokens_in,tokens_out,question\n0,a,10,20,q1\n0.5,b,30,,q2\n0.5,a,40,60,\n2.25,,1,2,q1\n"
    )
    assert read_.form == "harness"
    assert read_.at_s.tolist() == [0.0, 0.5, 0.5, 2.25]
    assert read_.conversation is not None
    assert read_.conversation.tolist() == [0, 1, 0, 2]
    assert read_.tokens_in is not None
    assert read_.tokens_in.tolist() == [10, 30, 40, 1]
    assert read_.tokens_out is not None
    assert read_.tokens_out.tolist() == [20, -1, 60, 2]
    assert read_.question == ("q1", "q2", "", "q1")


@pytest.mark.parametrize(
    ("name", "text", "form", "at_s", "tokens_in", "tokens_out"),
    [
        (
            "azure.csv",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n2023-11-16 18:15:50.9951690,396,109\n",
            "Azure",
            [0.0, 4.314579],
            [374, 396],
            [44, 109],
        ),
        (
            "azure.csv",
            "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,2162,5\n2024-05-10 01:00:00.1+01:00,2399,6\n",
            "Azure",
            [0.0, 0.09007],
            [2162, 2399],
            [5, 6],
        ),
        (
            "burst.csv",
            BURST + "5,ChatGPT,472,18,490,Conversation log\n45.5,GPT-4,1087,0,1087,API log\n",
            "BurstGPT",
            [5.0, 45.5],
            [472, 1087],
            [18, 0],
        ),
        (
            "mooncake.jsonl",
            '{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}\n'
            '{"timestamp": 30535, "input_length": 6472, "output_length": 26, "hash_ids": [46]}\n',
            "Mooncake",
            [27.482, 30.535],
            [6955, 6472],
            [52, 26],
        ),
    ],
)
def test_each_public_form_is_known_by_its_columns_and_read_exactly(
    trace: Write, name: str, text: str, form: str, at_s: list[float], tokens_in: list[int], tokens_out: list[int]
) -> None:
    read_ = trace(text, name)
    assert (read_.form, read_.at_s.tolist()) == (form, at_s)
    assert read_.tokens_in is not None
    assert read_.tokens_out is not None
    assert (read_.tokens_in.tolist(), read_.tokens_out.tolist()) == (tokens_in, tokens_out)
    assert read_.conversation is None, "requests whose prompts begin alike are no conversation"


def test_a_session_that_a_public_form_names_is_a_conversation(trace: Write) -> None:
    burst = trace("Timestamp,Session ID,Request tokens,Response tokens\n1,s1,4,5\n2,s2,4,5\n3,s1,4,5\n")
    moon = trace('{"timestamp": 1, "session_id": "x", "input_length": 1, "output_length": 2}\n', "m.jsonl")
    assert burst.conversation is not None
    assert burst.conversation.tolist() == [0, 1, 0]
    assert moon.conversation is not None
    assert moon.conversation.tolist() == [0]


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "csv.gz", "jsonl.gz"])
def test_one_trace_is_the_same_in_each_kind_of_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t.{suffix}"
    frame = pd.DataFrame({"due_s": [0.1, 0.7, 0.7], "tokens_in": [5, 6, 7], "conversation": ["a", "b", "a"]})
    texts = {"csv": frame.to_csv(index=False), "jsonl": frame.to_json(orient="records", lines=True)}
    if suffix == "parquet":
        frame.to_parquet(path)
    else:
        text = texts[suffix.split(".")[0]].encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    found = read(path)
    assert found.at_s.tolist() == [0.1, 0.7, 0.7]
    assert found.tokens_in is not None
    assert found.tokens_in.tolist() == [5, 6, 7]
    assert found.conversation is not None
    assert found.conversation.tolist() == [0, 1, 0]


def test_rows_may_stand_in_any_order_and_those_of_one_time_stay_in_theirs(trace: Write) -> None:
    found = trace("due_s,question\n3,c\n1,a\n3,d\n2,b\n")
    assert found.at_s.tolist() == [1, 2, 3, 3]
    assert found.question == ("a", "b", "c", "d")


def test_a_byte_order_mark_blank_lines_blanks_around_names_and_quotes_change_nothing(trace: Write) -> None:
    found = trace('\r\n due_s , tokens_in\r\n"1.5",7\r\n\r\n 2.5 ,8\r\n\r\n', encoding="utf-8-sig")
    assert found.at_s.tolist() == [1.5, 2.5]
    assert found.tokens_in is not None
    assert found.tokens_in.tolist() == [7, 8]


def test_an_instant_of_our_own_counts_from_the_first(trace: Write) -> None:
    assert trace("at\n2026-11-26T10:00:01Z\n2026-11-26T10:00:00Z\n").at_s.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.csv", "due_s\n1\nx\n", "t.csv:3 due_s: 'x' is no number"),
        ("t.csv", "due_s\n1\n\nnan\n", "t.csv:4 due_s: 'nan' is no time"),
        ("t.csv", "due_s\n1\ninf\n", "t.csv:3 due_s: 'inf' is no time"),
        ("t.csv", "due_s\n1\n-0.5\n", "t.csv:3 due_s: '-0.5' is before the trace begins"),
        ("t.csv", "due_s,tokens_in\n1,5\n,6\n", "t.csv:3 due_s: is empty"),
        ("t.csv", "due_s,tokens_in\n1,5\n2,-6\n", "t.csv:3 tokens_in: '-6' is no number of tokens"),
        ("t.csv", "due_s,tokens_in\n1,5.5\n", "t.csv:2 tokens_in: '5.5' is no number of tokens"),
        ("t.csv", "due_s,tokens_in\n1,many\n", "t.csv:2 tokens_in: 'many' is no number"),
        ("t.csv", "due_s,tokens_in\n1,5\n2,6,7\n", "t.csv:3: has 3 values, and there are 2 columns"),
        ("t.csv", "due_s,tokens_in\n1\n", "t.csv:2: has 1 value, and there are 2 columns"),
        ("t.csv", "due_s\n1,2\n", "t.csv:2: has 2 values, and there is 1 column"),
        ("t.csv", "due_s;tokens_in\n1;5\n", "t.csv:1: has ';' between its columns; save it with commas between them"),
        ("t.csv", "due_s\ttokens_in\n1\t5\n", "t.csv:1: has '\\t' between its columns; save it with commas between them"),
        ("t.csv", "due_s,due_s\n1,2\n", "t.csv:1: there are several columns 'due_s'; keep one"),
        ("t.csv", "1,5\n2,6\n", "t.csv:1: its columns are those of no trace: 1, 5; the first line has to name them. Known are"),
        ("t.csv", "when\n2\n", "t.csv:1: its columns are those of no trace: when. Known are"),
        ("t.csv", "Due_S\n2\n", "t.csv:1: its columns are those of no trace: Due_S; did you mean 'due_s' by 'Due_S'? Known are"),
        ("t.csv", 'due_s\n"1,5"\n', "t.csv:2 due_s: '1,5' is no number; a number is written with a point, such as 1.5"),
        ("t.csv", 'due_s\n"1,x"\n', "t.csv:2 due_s: '1,x' is no number"),
        ("t.csv", "at\n0001-01-01 00:00:00\n", "t.csv:2 at: '0001-01-01 00:00:00' is no time of a trace; they are of the years 1678"),
        ("t.csv", "due_s\n", "t.csv: has no row, so no request would be due"),
        ("t.csv", "", "t.csv: is empty; its first line names its columns"),
        ("t.jsonl", "\n", "t.jsonl: is empty; each of its lines is a JSON object"),
        ("t.csv", "due_s,token_in\n1,5\n", "t.csv:1: unknown column 'token_in'; did you mean 'tokens_in'?"),
        ("t.csv", "at\n2026-11-26\nsoon\n", "t.csv:3 at: 'soon' is no time; write it as 2026-11-26 18:15:46.68"),
        ("t.csv", "at\n2026-11-26 10:00:00\n2026-11-26 10:00:00Z\n", "t.csv:3 at: '2026-11-26 10:00:00Z' names a time zone, and the"),
        ("t.csv", "at\n2026-11-26 10:00Z\n2026-11-26 10:00\n", "t.csv:3 at: '2026-11-26 10:00' names no time zone, and the"),
        ("t.jsonl", '{"due_s": 1}\n{"due_s": }\n', "t.jsonl:2: is no JSON object of a request: "),
        ("t.jsonl", '{"due_s": 1}\n{"due_s": true}\n', "t.jsonl:2: is no JSON object of a request: "),
        ("t.jsonl", '{"due_s": 1}\n\n{"other": 2}\n', "t.jsonl:3 due_s: is empty"),
        ("t.parquet", "due_s\n1\n", "t.parquet: is not a whole Parquet file"),
        ("t.csv.gz", "due_s\n1\n", "t.csv.gz: is not packed with gzip, as its name says"),
        ("t.txt", "due_s\n1\n", "t.txt: is no trace by its name; it may end in .csv, .csv.gz, .jsonl, .jsonl.gz, .parquet"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_column(
    told: Callable[..., str], name: str, text: str, message: str
) -> None:
    assert told(text, name).startswith(message)


def test_columns_that_are_passed_over_may_have_one_name(trace: Write) -> None:
    assert trace("due_s,x,x\n1,2,3\n").at_s.tolist() == [1.0]


def test_what_is_true_or_false_is_no_time(tmp_path: Path) -> None:
    pd.DataFrame({"due_s": [True, False]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(UsageProblems, match="1 due_s: 'True' is no number"):
        read(tmp_path / "t.parquet")


def test_a_file_that_is_not_utf_8_is_told(told: Callable[..., str]) -> None:
    assert told("due_s,question\n1,ä\n", encoding="latin-1").startswith("t.csv: is not UTF-8")


def test_a_file_that_is_not_there_or_is_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "d.csv").mkdir()
    for name, what in (("none.csv", "there is no such file"), ("d.csv", "is no file")):
        with pytest.raises(UsageProblems, match=what):
            read(tmp_path / name)


def test_columns_of_no_form_are_told_beside_those_of_each(told: Callable[..., str]) -> None:
    said = told("Timestmp,Request tokens,Response tokens\n1,2,3\n")
    assert said.startswith("t.csv:1: its columns are those of no trace: Timestmp, Request tokens, Response tokens")
    assert "did you mean 'Timestamp' by 'Timestmp'?" in said
    assert all(form.name in said and form.time in said for form in FORMS)


def test_columns_of_two_forms_are_told_apart_by_their_very_letters() -> None:
    names = {form.time: form.name for form in FORMS}
    assert {time: form_of((time, *form.needed), "f").name for form in FORMS for time in [form.time]} == names
    with pytest.raises(UsageProblems):
        form_of(("timestamp", "ContextTokens", "GeneratedTokens"), "f")


def test_the_requests_of_a_stored_run_are_a_trace() -> None:
    sample = Path(__file__).resolve().parents[2] / "reports" / "sample" / "requests.parquet"
    table = pd.read_parquet(sample)
    found = read(sample)
    assert found.at_s.tolist() == sorted(table["due_s"])
    assert found.conversation is not None
    assert len(set(found.conversation.tolist())) == table["conversation"].nunique()
