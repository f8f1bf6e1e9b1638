"""What the edge reads of requests and answers in each API that simulated providers speak, out of the very bytes that those say."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.running.wire.edge.prompt import Prompt
from harness.running.wire.edge.reading import AnswerReading
from harness.simulated_provider.anthropic_messages import Messages
from harness.simulated_provider.asking import Api, Asked, Completion, Usage
from harness.simulated_provider.openai_chat import Chat
from harness.simulated_provider.openai_responses import Responses

TEXT = ["Refunds ", "are ", "accepted."]
COMPLETION = Completion("00ff", 1, "some-model", "east", 11)
USAGE = Usage(11, 3)


def answered(api: Api, *, stream: bool, finish: str) -> AnswerReading:
    asked = Asked([], "some-model", stream)
    if stream:
        events = api.events(COMPLETION, asked)
        pieces = [events.begin(), *map(events.content, TEXT), events.end(finish, USAGE)]
    else:
        pieces = [api.whole(COMPLETION, "".join(TEXT), finish, USAGE)]
    reading = AnswerReading(200, "text/event-stream" if stream else "application/json", "")
    for piece in pieces:
        reading.feed(piece)
    reading.end()
    return reading


FINISHES = [
    (Chat(), "stop", "stop"),
    (Chat(), "length", "length"),
    (Responses(), "stop", "completed"),
    (Responses(), "length", "incomplete"),
    (Messages(), "stop", "end_turn"),
    (Messages(), "length", "max_tokens"),
]


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize(("api", "finish", "said"), FINISHES, ids=lambda value: getattr(value, "path", value))
def test_tokens_model_and_finish_of_an_answer_are_those_that_the_provider_said(api, stream, finish, said) -> None:
    reading = answered(api, stream=stream, finish=finish)
    assert (reading.tokens_in, reading.tokens_out, reading.tokens_from) == (11, 3, "provider")
    assert (reading.model, reading.finish) == ("some-model", said)


ASKED = [
    (b'{"model":"m","stream":true,"max_completion_tokens":9,"messages":[{"role":"user","content":"12345678"}]}', 11, "user"),
    (b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"12345678"}]}', 11, "user"),
    (b'{"model":"m","max_output_tokens":9,"input":"12345678"}', 11, "user"),
    (b'{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"12345678"}]}]}', 2, "user"),
    (b'{"model":"m","input":["12345678","12345678"]}', 4, ""),
    (b'{"contents":[{"role":"model","parts":[{"text":"12345678"}]}],"generationConfig":{"maxOutputTokens":9}}', 11, "assistant"),
    (b'{"messages":[{"role":"assistant","content":[{"text":"12345678"}]}],"inferenceConfig":{"maxTokens":9}}', 11, "assistant"),
    # What the model is told beside the messages, and the tools as they are written, are read by it, too.
    (b'{"system":"12345678","messages":[{"role":"user","content":"12345678"}]}', 4, "user"),
    (b'{"system":[{"type":"text","text":"12345678"}],"messages":[{"role":"user","content":"12345678"}]}', 4, "user"),
    (b'{"instructions":"12345678","input":"12345678"}', 4, "user"),
    (b'{"systemInstruction":{"parts":[{"text":"12345678"}]},"contents":[{"role":"user","parts":[{"text":"12345678"}]}]}', 4, "user"),
    (b'{"tools":[{"name":"a"}],"messages":[{"role":"user","content":"123456"}]}', 5, "user"),
    (b'{"system":7,"tools":"no","messages":[{"role":"user","content":"1234"}]}', 2, "user"),
    (b'{"system":"12345678"}', 0, ""),
    (b'{"max_tokens":-1,"messages":[]}', 0, ""),
    (b'{"max_tokens":"9","messages":{"role":"user"}}', 0, ""),
    (b"no JSON", 0, ""),
]  # fmt: skip


@pytest.mark.parametrize(("body", "tokens", "role"), ASKED)
def test_what_a_request_asks_for_and_whose_its_last_message_is_are_read_in_each_api(body, tokens, role) -> None:
    prompt = Prompt(body)
    assert (prompt.tokens_asked_for, prompt.last_role) == (tokens, role)


SAID = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["role", "content", "text"]), inner),
    max_leaves=8,
)
KEYS = [
    "model",
    "messages",
    "input",
    "contents",
    "max_tokens",
    "max_output_tokens",
    "generationConfig",
    "stream",
    "system",
    "tools",
]


@given(st.dictionaries(st.sampled_from(KEYS), SAID))
def test_whatever_a_request_says_reading_it_raises_nothing(body) -> None:
    prompt = Prompt(msgspec.json.encode(body))
    assert prompt.tokens_asked_for >= 0
    assert isinstance(prompt.last_role, str)
