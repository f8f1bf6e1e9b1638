"""The text of a first target file says what was known, with a word about each line, and is refused where a file would be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.first_target.draft import Dependency, Draft
from harness.first_target.text import document, refuse_what_is_there, write, written
from harness.problems import UsageProblems
from harness.reading.target import Ask, Reply, Target
from harness.reading.yaml import read

CHAT = Ask(protocol="openai-chat", path="/v1/chat/completions", model="our-model", stream=True)
JSON = Ask(
    protocol="json",
    path="/ask",
    body={"question": "{question}", "k": 5, "deep": [{"a": None, "b": True}]},
    reply=Reply(answer="/a~1b/0"),
)
OPENAI = Dependency("openai", "provider", None, {"OPENAI_BASE_URL": "{url}/v1"})
REDIS = Dependency("redis", "cache", "redis://127.0.0.1:6379", {"REDIS_URL": "{url}/0"})
STARTED = Draft(
    "mine", CHAT, command=("uvicorn", "app:app", "--port", "{port}"), ready="/healthz", dependencies=(OPENAI, REDIS)
)
RUNS = Draft(
    "mine", JSON, url="http://127.0.0.1:8000", dependencies=(OPENAI, REDIS), headers={"x-key": "Bearer ${KEY}"}
)


@pytest.mark.parametrize("draft", [STARTED, RUNS, Draft("mine", CHAT, command=("x", "{port}"))])
def test_what_was_known_stands_in_the_file_whatever_reads_it(draft: Draft) -> None:
    text = document(draft, "mine.yaml").text
    assert yaml.safe_load(text) == draft.document()


@pytest.mark.parametrize("draft", [STARTED, RUNS])
def test_every_line_of_the_file_says_what_it_is_for(draft: Draft) -> None:
    lines = written(draft).splitlines()
    assert [line for line in lines if "  # " not in line and not line.startswith("# ")] == []


def test_a_key_that_nobody_has_a_word_for_would_be_seen() -> None:
    line = next(line for line in written(STARTED).splitlines() if line.lstrip().startswith("kind:"))
    assert re.search(r"  # \w", line)
    assert not re.search(r"  # \w", line.partition("  #")[0])


def test_a_service_that_is_started_is_told_of_its_links_and_one_that_runs_finds_them_at_fixed_ports() -> None:
    started, runs = (document(draft, "mine.yaml").value.links for draft in (STARTED, RUNS))
    assert [(link.listen, link.env) for link in started.values()] == [(None, OPENAI.env), (None, REDIS.env)]
    assert [(link.listen, link.env) for link in runs.values()] == [(7101, {}), (7102, {})]
    assert OPENAI.told_at(7101) == {"OPENAI_BASE_URL": "http://127.0.0.1:7101/v1"}
    assert REDIS.told_at(7102) == {"REDIS_URL": "redis://127.0.0.1:7102/0"}


WORDS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="{}$\u2028\u2029\ufeff\ufffe\uffff"), min_size=1
)


@given(
    model=WORDS,
    command=st.lists(WORDS, min_size=1, max_size=3),
    field=WORDS,
    value=st.none() | st.booleans() | st.integers(-(2**40), 2**40) | WORDS,
)
def test_whatever_a_value_looks_like_it_is_read_as_it_was_meant(
    model: str, command: list[str], field: str, value: object
) -> None:
    chat = Draft("mine", Ask(protocol="openai-chat", model=model), command=tuple(command))
    found = read(written(chat), Target, "mine.yaml").value
    assert found.start is not None
    assert (found.ask.model, found.start.command) == (model, command)
    body: dict[str, object] = {field: value, f"{field}'s question": "{question}"}
    asked = Draft("mine", Ask(protocol="json", body=body, reply=Reply(answer="/a")), url="http://127.0.0.1:1")
    assert read(written(asked), Target, "mine.yaml").value.ask.body == body


def test_what_is_missing_stands_at_the_top_and_cannot_leave_its_line() -> None:
    text = written(Draft("mine", CHAT, url="http://127.0.0.1:1", missing=("it said 'no\nname: evil\r\x1b[2J'",)))
    assert "# Missing: it said 'no name: evil  [2J'" in text.splitlines()
    assert read(text, Target, "mine.yaml").value.name == "mine"


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (Draft("mine", CHAT, command=("x", "{prot}")), r"start\.command\[1\]: unknown placeholder \{prot\}"),
        (Draft("mine", Ask(protocol="grpc"), url="http://127.0.0.1:1"), "ask.protocol: unknown ask protocol 'grpc'"),
        (Draft("no name", CHAT, url="http://127.0.0.1:1"), "name: "),
        (Draft("mine", CHAT, url="http://127.0.0.1:1", dependencies=(Dependency("a", "b", "nowhere", {"A": "{url}"}),)), "has no port"),
        (Draft("mine", JSON.model_copy(update={"reply": Reply(answer="no")}), url="http://127.0.0.1:1"), "is no JSON Pointer"),
    ],
)  # fmt: skip
def test_what_would_be_no_target_file_is_refused_with_what_would_be_right(draft: Draft, said: str) -> None:
    with pytest.raises(UsageProblems, match=said) as refused:
        document(draft, "mine.yaml")
    assert "mine.yaml" not in str(refused.value)  # which is not there to be looked into


def test_a_file_that_is_there_is_left_alone_unless_somebody_says_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write("new", path, over=False)
    for refuses in (lambda: write("newer", path, over=False), lambda: refuse_what_is_there(path)):
        with pytest.raises(UsageProblems, match=r"is there already, and was left as it is; .* --force"):
            refuses()
    assert path.read_text() == "new"
    write("newer", path, over=True)
    assert path.read_text() == "newer"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match=r"cannot be written: No such file or directory"):
        write("new", tmp_path / "nowhere" / "mine.yaml", over=False)
