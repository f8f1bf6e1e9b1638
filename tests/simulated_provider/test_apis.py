"""The other APIs that the provider speaks, as their own clients read them."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import anthropic
import openai
import pytest

from harness.simulated_provider.embeddings import vector

SYSTEM = "Context:\n- Refunds are accepted within 30 days."
ASKED = "When are refunds accepted? [n-0123456789]"
RIGHT = "Refunds are accepted within 30 days."


@pytest.fixture(scope="module")
def oa(fast):
    with openai.OpenAI(base_url=f"{fast.url}/v1", api_key="unused", max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def ant(fast):
    with anthropic.Anthropic(base_url=fast.url, api_key="unused", max_retries=0) as sdk:
        yield sdk


def test_a_response_is_read_whole_and_as_events_and_both_are_what_a_chat_says(oa) -> None:
    asked = {"model": "some-model", "instructions": SYSTEM, "input": ASKED}
    whole = oa.responses.create(**asked)
    events = list(oa.responses.create(**asked, stream=True))
    kinds = [event.type for event in events]
    assert kinds[:4] == [
        "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"
    ]  # fmt: skip
    assert kinds[-4:] == [
        "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed"
    ]  # fmt: skip
    assert [event.sequence_number for event in events] == list(range(len(events)))
    streamed = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASKED}]
    chat = oa.chat.completions.create(model="some-model", messages=messages).choices[0].message.content
    assert whole.output_text == events[-1].response.output_text == streamed == chat
    assert streamed.startswith(RIGHT)
    assert (whole.status, whole.model, whole.usage.output_tokens) == ("completed", "some-model", 20)
    assert events[-1].response.usage == whole.usage


def test_a_response_longer_than_its_limit_is_incomplete(oa) -> None:
    items = [{"role": "user", "content": [{"type": "input_text", "text": ASKED}]}]
    cut = oa.responses.create(model="m", input=items, max_output_tokens=3)
    assert (cut.status, cut.incomplete_details.reason, cut.usage.output_tokens) == (
        "incomplete",
        "max_output_tokens",
        3,
    )
    *_, last = oa.responses.create(model="m", input=items, max_output_tokens=3, stream=True)
    assert (last.type, last.response.status) == ("response.incomplete", "incomplete")


def test_a_message_is_read_whole_and_as_events(ant) -> None:
    asked = {
        "model": "some-model",
        "max_tokens": 99,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": ASKED}],
    }
    whole = ant.messages.create(**asked)
    with ant.messages.stream(**asked) as stream:
        kinds = [event.type for event in stream if event.type not in ("text", "content_block_delta")]
        streamed = stream.get_final_message()
    assert kinds == ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop"]
    assert whole.content[0].text == streamed.content[0].text
    assert whole.content[0].text.startswith(RIGHT)
    assert (whole.model, whole.stop_reason, whole.usage.output_tokens) == ("some-model", "end_turn", 20)
    assert (streamed.stop_reason, streamed.usage.input_tokens, streamed.usage.output_tokens) == (
        "end_turn", whole.usage.input_tokens, 20
    )  # fmt: skip


def test_a_message_longer_than_its_limit_stops_there(ant) -> None:
    parts = [{"type": "text", "text": ASKED}]
    cut = ant.messages.create(model="m", max_tokens=3, messages=[{"role": "user", "content": parts}])
    assert (cut.stop_reason, cut.usage.output_tokens) == ("max_tokens", 3)


def test_what_is_no_request_is_refused_in_the_words_of_the_api_that_was_asked(oa, ant) -> None:
    with pytest.raises(anthropic.BadRequestError) as refused:
        ant.post("/v1/messages", body={"messages": "hello"}, cast_to=object)
    assert refused.value.body["error"]["type"] == "invalid_request_error"
    for path, body in {"/responses": {}, "/embeddings": {"input": 7}, "/embeddings ": {}}.items():
        with pytest.raises(openai.BadRequestError, match="could not parse your request"):
            oa.post(path.strip(), body=body, cast_to=object)
    with pytest.raises(openai.BadRequestError, match="dimensions"):
        oa.embeddings.create(model="m", input="x", dimensions=0)


def test_beyond_capacity_a_message_is_answered_529_and_its_client_knows_it_for_an_overload(start) -> None:
    running = start(capacity=1, queue=0, first_token=60)
    with ExitStack() as connections:
        connection = connections.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=30))
        body = b'{"messages":[],"max_tokens":9}'
        connection.sendall(b"POST /v1/messages HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        assert running.counts_once(lambda counts: counts["accepted"] == 1)["rejected"] == 0
        sdk = connections.enter_context(anthropic.Anthropic(base_url=running.url, api_key="unused", max_retries=0))
        with pytest.raises(anthropic.OverloadedError):
            sdk.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "Hi"}])
        assert running.counts() == {"accepted": 2, "answered": 0, "rejected": 1, "abandoned": 0, "others": 0}


def test_embeddings_have_length_one_and_lie_nearer_the_more_words_they_share(oa) -> None:
    texts = ["refund window in days", "what is the refund window", "gift cards are valid for a year"]
    made = oa.embeddings.create(model="m", input=texts)
    first, near, far = (one.embedding for one in made.data)
    assert len(first) == 256
    assert sum(x * x for x in first) == pytest.approx(1.0, abs=1e-5)
    dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))  # noqa: E731
    assert dot(first, near) > dot(first, far) + 0.2
    assert first == pytest.approx(vector(texts[0], 256), abs=1e-6)
    short = oa.embeddings.create(model="m", input=texts[0], dimensions=8, encoding_format="float")
    assert len(short.data[0].embedding) == 8
    assert made.usage.total_tokens == sum(map(len, texts)) // 4


def test_a_nonce_changes_no_embedding_and_a_text_without_words_has_one() -> None:
    assert vector("refund window [n-0123456789]", 64) == vector("refund window", 64)
    assert sum(x * x for x in vector("", 64)) == pytest.approx(1.0)
    assert vector("a", 1) in ([1.0], [-1.0])
