"""Where in a model's stream each event lies, in the words of three APIs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.event_stream import Block, Blocks, Event
from harness.protocols.model_stream import ModelEvent, error_event, read_event


def read(data: bytes, name: bytes = b"") -> ModelEvent:
    return read_event(Block(b"raw", Event(name, data)))


PLACES = [
    # OpenAI's chats.
    (b'{"choices":[{"delta":{"role":"assistant","content":""}}]}', ""),
    (b'{"choices":[{"delta":{"content":"Good"}}]}', "content"),
    (b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{"}}]}}]}', "content"),
    (b'{"choices":[{"delta":{"refusal":"I"}}]}', "content"),
    (b'{"choices":[{"delta":{},"finish_reason":"stop"}]}', "finish"),
    (b'{"choices":[{"delta":{"content":"day"},"finish_reason":"length"}],"usage":{"total_tokens":1}}', "content finish usage"),
    (b'{"choices":[{"delta":{"content":"x"},"finish_reason":null}],"usage":null}', "content"),
    (b'{"choices":[],"usage":{"total_tokens":1}}', "usage"),
    (b"[DONE]", "end"),
    (b" [DONE] ", "end"),
    # OpenAI's responses.
    (b'{"type":"response.created","response":{"usage":null}}', ""),
    (b'{"type":"response.output_text.delta","delta":"Good"}', "content"),
    (b'{"type":"response.function_call_arguments.delta","delta":"{"}', "content"),
    (b'{"type":"response.output_text.done","text":"Good day"}', ""),
    (b'{"type":"response.completed","response":{"usage":{"total_tokens":1}}}', "finish usage end"),
    (b'{"type":"response.incomplete","response":{}}', "finish end"),
    # Anthropic's messages.
    (b'{"type":"message_start","message":{"usage":{"input_tokens":1}}}', "usage"),
    (b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}', ""),
    (b'{"type":"ping"}', ""),
    (b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Good"}}', "content"),
    (b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}', "finish usage"),
    (b'{"type":"message_stop"}', "end"),
    (b'{"object":"text_completion","choices":[{"index":0,"text":"Good","finish_reason":null}]}', "content"),
    (b'{"object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"stop"}]}', "finish"),
    # Nobody's.
    (b'{"type":"text","text":"Good"}', ""),
    (b'{"answer":"Good"}', ""),
    (b"[1]", ""),
    (b"Good day", ""),
    (b'{"choices":[1,{"delta":2},{"delta":{"content":3}}]}', "content"),
    (b'{"choices":"none"}', ""),
]  # fmt: skip


@pytest.mark.parametrize(("data", "places"), PLACES)
def test_an_event_is_told_by_what_it_says(data: bytes, places: str) -> None:
    event = read(data)
    assert [what for what in ("content", "finish", "usage", "end") if getattr(event, what)] == places.split()
    assert event.raw == b"raw"


def test_a_comment_is_no_content() -> None:
    (block,) = Blocks().feed(b": keep alive\n\n")
    assert read_event(block) == ModelEvent(b": keep alive\n\n")


@given(st.binary(max_size=80) | st.sampled_from([data for data, _ in PLACES]).map(lambda data: data[: len(data) // 2]))
def test_whatever_an_event_says_it_can_be_read(data: bytes) -> None:
    assert read(data).raw == b"raw"


@pytest.mark.parametrize(
    ("api", "said"),
    [
        ("chat", b'data: {"error":{"message"'),
        ("", b'data: {"error":{"message"'),
        ("responses", b'event: error\ndata: {"type":"error","code":'),
        ("messages", b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"'),
    ],
)
def test_an_error_is_said_in_the_words_of_the_stream(api, said: bytes) -> None:
    assert error_event(api).startswith(said)
    assert error_event(api).endswith(b"\n\n")
