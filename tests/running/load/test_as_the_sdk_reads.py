"""What a public client of such streams reads to its end is a whole answer, whatever its provider made of the format."""

from __future__ import annotations

from collections import defaultdict

import openai
import pytest


@pytest.fixture(scope="module")
def server(bench):
    with bench.serving() as server:
        yield server


@pytest.fixture(scope="module")
def rows(bench, server):
    """The rows of a load in which every question asks for another stream."""
    names = list(bench.read_whole)
    child = bench.start(bench.plan([server.url], names, rate_per_s=150.0, turn_gap_s=0.25))
    child.begin()
    assert child.wait() == 0, child.log.read_text()
    by_question = defaultdict(list)
    for row in child.rows():
        by_question[row.question].append(row)
    assert by_question.keys() == set(names)
    return by_question


def sdk_reads(url: str, question: str) -> str:
    """The text of a stream as the SDK reads it; whatever it objects to is raised."""
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0)
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": question}], stream=True)
    choices = [chunk.choices[0] for chunk in stream if chunk.choices]
    return "".join(choice.delta.content or "" for choice in choices if choice.delta)


def test_what_the_sdk_reads_whole_is_whole_and_the_same_text(bench, server, rows):
    for name, text in bench.read_whole.items():
        assert sdk_reads(server.url, name) == text, name
        for row in rows[name]:
            assert (row.outcome, row.detail) == ("complete", ""), (name, row)
            assert row.answer == text[:65_536], name


def test_the_reason_for_the_end_is_the_answers_own(rows):
    named = {"finished_without_done": "stop", "finished_with_the_text": "length", "nulls": ""}
    assert {name: {row.finish for row in rows[name]} for name in named} == {
        name: {said} for name, said in named.items()
    }


@pytest.mark.parametrize("name", ["bad_json", "error_in_data", "cut_chunk"])
def test_what_the_sdk_objects_to_is_not_whole(server, name):
    with pytest.raises((openai.OpenAIError, ValueError)):
        sdk_reads(server.url, name)
