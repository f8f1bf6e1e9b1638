from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from contextlib import ExitStack

import msgspec
import openai
import pytest

from harness.reading.target import Simulated
from harness.simulated_provider.provider import ProviderSettings

MESSAGES = [
    {"role": "system", "content": "Context:\n- Refunds are accepted within 30 days."},
    {"role": "user", "content": "When are refunds accepted? [n-0123456789]"},
]


def client(running, **settings) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0, **settings)


def test_the_sdk_reads_a_stream_as_openai_sends_it(fast):
    with client(fast) as sdk:
        asked = {"model": "some-model", "messages": MESSAGES, "stream_options": {"include_usage": True}}
        chunks = list(sdk.chat.completions.create(stream=True, **asked))
    first, *middle, last, usage = chunks
    assert (first.choices[0].delta.role, first.choices[0].delta.content) == ("assistant", "")
    assert "".join(chunk.choices[0].delta.content for chunk in middle).startswith(
        "Refunds are accepted within 30 days."
    )
    assert {chunk.choices[0].finish_reason for chunk in (first, *middle)} == {None}
    assert (last.choices[0].finish_reason, last.choices[0].delta.content) == ("stop", None)
    assert (usage.choices, usage.usage.completion_tokens) == ([], 20)
    assert len(middle) == 20
    assert {(chunk.id, chunk.model, chunk.object) for chunk in chunks} == {
        (first.id, "some-model", "chat.completion.chunk")
    }


def test_a_stream_without_usage_asked_for_has_no_usage_chunk(fast):
    with client(fast) as sdk:
        chunks = list(sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True))
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.usage for chunk in chunks} == {None}


def test_streamed_or_not_the_answer_is_the_same(fast):
    with client(fast) as sdk:
        whole = sdk.chat.completions.create(model="m", messages=MESSAGES)
        stream = sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
    assert whole.choices[0].message.content == streamed
    assert whole.choices[0].finish_reason == "stop"
    assert whole.usage.completion_tokens == 20


def test_an_answer_longer_than_its_limit_ends_with_length(fast):
    with client(fast) as sdk:
        cut = sdk.chat.completions.create(model="m", messages=MESSAGES, max_completion_tokens=3)
    assert (cut.choices[0].finish_reason, cut.usage.completion_tokens) == ("length", 3)


def test_the_models_are_listed(fast):
    with client(fast) as sdk:
        assert [model.id for model in sdk.models.list()] == ["simulated"]


def test_what_is_no_chat_and_what_is_no_path_are_errors_in_openais_words(start):
    running = start()
    with client(running) as sdk:
        with pytest.raises(openai.BadRequestError, match="could not parse your request"):
            sdk.post("/chat/completions", body={"messages": "hello"}, cast_to=object)
        with pytest.raises(openai.NotFoundError, match="Invalid URL"):
            sdk.post("/images/edits", body={}, cast_to=object)
    assert running.counts() == {"accepted": 1, "answered": 0, "rejected": 1, "abandoned": 0, "others": 1}


def test_beyond_capacity_and_queue_the_answer_is_503_in_openais_words(start):
    running = start(capacity=2, queue=3, first_token=60)
    with ExitStack() as connections:
        for waiting in range(1, 6):
            connection = connections.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=30))
            connection.sendall(b'POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 15\r\n\r\n{"messages":[]}')
            assert running.counts_once(lambda counts, n=waiting: counts["accepted"] == n)["rejected"] == 0
        with client(running) as sdk, pytest.raises(openai.InternalServerError) as refused:
            sdk.chat.completions.create(model="m", messages=MESSAGES)
        assert (refused.value.status_code, refused.value.code) == (503, "server_is_overloaded")
        assert running.counts() == {"accepted": 6, "answered": 0, "rejected": 1, "abandoned": 0, "others": 0}


def test_answers_are_the_same_however_many_are_asked_at_once(fast):
    questions = [f"Question {number}? [n-{number:010}]" for number in range(40)]

    async def ask(running, at_once: int) -> list[str]:
        gate = asyncio.Semaphore(at_once)
        async with openai.AsyncOpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as sdk:

            async def one(question: str) -> str:
                async with gate:
                    messages = [{"role": "user", "content": question}]
                    made = await sdk.chat.completions.create(model="m", messages=messages)
                    return made.choices[0].message.content

            return await asyncio.gather(*map(one, questions))

    alone, together = asyncio.run(ask(fast, 1)), asyncio.run(ask(fast, 40))
    assert alone == together
    assert len(set(together)) == 40


def test_a_provider_alone_is_as_a_target_file_that_says_nothing_of_it():
    assert msgspec.to_builtins(ProviderSettings()) == Simulated().model_dump(exclude={"api"})


@pytest.mark.parametrize("config", ['{"capacty": 2}', "{"])
def test_a_wrong_setting_is_refused_with_what_would_be_right(config):
    line = [sys.executable, "-m", "harness.simulated_provider", "--port", "1", "--config", config]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert config in ended.stderr
    assert "known: capacity, queue, first_token" in ended.stderr
