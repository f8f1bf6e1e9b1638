"""Where in a model's stream each event lies, in the words of each API."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocols.amazon_frames import Frames, framed
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
    # Gemini's.
    (b'{"candidates":[{"content":{"parts":[{"text":"Good"}]}}],"usageMetadata":{"totalTokenCount":1}}', "content usage"),
    (b'{"candidates":[{"content":{"parts":[{"text":""}]},"finishReason":"STOP"}]}', "finish"),
    (b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"look"}}]},"finishReason":"STOP"}]}', "content finish"),
    (b'{"usageMetadata":{"totalTokenCount":1}}', "usage"),
    (b'{"candidates":[1,{"content":2},{"content":{"parts":[3,{"text":"x"}]}}]}', "content"),
    (b'{"promptFeedback":{"blockReason":"SAFETY"}}', ""),
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
        ("gemini", b'data: {"error":{"code":503,"message":'),
    ],
)
def test_an_error_is_said_in_the_words_of_the_stream(api, said: bytes) -> None:
    assert error_event(api).startswith(said)
    assert error_event(api).endswith(b"\n\n")


def invoked(said: bytes) -> bytes:
    return json.dumps({"bytes": base64.b64encode(said).decode()}).encode()


FRAMES = [
    ("messageStart", b'{"role":"assistant"}', ""),
    ("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"Good"}}', "content"),
    ("messageStop", b'{"stopReason":"end_turn"}', "finish"),
    ("metadata", b'{"usage":{"totalTokens":1}}', "usage"),
    ("metadata", b"[]", ""),
    ("chunk", invoked(b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"Good"}}'), "content"),
    ("chunk", invoked(b'{"type":"message_delta","delta":{"stop_reason":"end_turn"}}'), "finish"),
    ("chunk", invoked(b"no JSON"), ""),
    ("chunk", b'{"bytes":7}', ""),
    ("chunk", b"[]", ""),
    ("contentBlockDelta", b"no JSON", ""),
]


@pytest.mark.parametrize(("name", "said", "places"), FRAMES)
def test_a_frame_is_told_by_its_name_or_by_what_the_model_in_it_says(name: str, said: bytes, places: str) -> None:
    (block,) = Frames().feed(framed(name, said))
    event = read_event(block)
    assert [what for what in ("content", "finish", "usage", "end") if getattr(event, what)] == places.split()
    assert event.with_data(said) == event.raw


def test_what_went_wrong_in_a_frame_is_no_event() -> None:
    (block,) = Frames().feed(error_event("bedrock"))
    assert read_event(block) == ModelEvent(error_event("bedrock"))


@given(st.lists(st.binary(max_size=40)), st.integers(1, 50))
def test_frames_put_together_again_are_the_stream_whatever_comes_and_however_it_is_cut(said, size: int) -> None:
    stream = b"".join(framed("chunk", one) if at % 2 else one for at, one in enumerate(said))
    frames = Frames()
    told = [block.raw for at in range(0, len(stream), size) for block in frames.feed(stream[at : at + size])]
    assert b"".join(told) + frames.rest() == stream
