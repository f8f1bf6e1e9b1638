"""What the official client makes of a broken stream: which exception, and how often the provider is asked.

The exceptions are facts of the client's versions, found by trying; a client that changes them changes what a service has to catch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import openai
import pytest
from wire_shapes.streams import STREAMS, WORDS

from harness.faults.effects import CutStream, EdgeRule, Rule, SlowStream, SpoilStream, StallStream

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TEXT = "".join(WORDS)


@pytest.fixture
def client(wire, provider) -> Iterator[openai.OpenAI]:
    async def script(request, line) -> None:
        line.write(HEAD + b"".join(STREAMS["responses" if "responses" in request.target else "chat"]))
        line.close()

    provider.script = script
    with openai.OpenAI(base_url=f"http://127.0.0.1:{wire.tap()}/v1", api_key="sk-x", max_retries=2, timeout=5) as made:
        yield made


def _chat(client: openai.OpenAI, told: list[str]) -> None:
    question: list[openai.types.chat.ChatCompletionMessageParam] = [{"role": "user", "content": "n-00000000aa"}]
    with client.chat.completions.create(model="m", messages=question, stream=True) as stream:
        for chunk in stream:
            told += [choice.delta.content or "" for choice in chunk.choices]


def _responses(client: openai.OpenAI, told: list[str]) -> None:
    with client.responses.create(model="m", input="n-00000000aa", stream=True) as stream:
        for event in stream:
            told += [event.delta] if event.type == "response.output_text.delta" else []


CASES: list[tuple[Rule, type[Exception] | None, str]] = [
    (SlowStream(0.05, 0.01), None, TEXT),
    (CutStream(2, "reset"), openai.APIConnectionError, "On day"),
    (CutStream(2, "close"), openai.APIConnectionError, "On day"),
    (CutStream(2, "end"), None, "On day"),
    (CutStream(0, "end"), None, ""),
    (StallStream(2), openai.APITimeoutError, "On day"),
    (SpoilStream("malformed", 2), json.JSONDecodeError, "On day"),
    (SpoilStream("duplicated", 2), None, "On day 30 30 all is well"),
    (SpoilStream("reordered", 2), None, "On day all 30 is well"),
    (SpoilStream("error", 2), openai.APIError, "On day"),
    (SpoilStream("no_finish"), None, TEXT),
    (SpoilStream("no_usage"), None, TEXT),
    (SpoilStream("no_end"), None, TEXT),
]


@pytest.mark.parametrize("ask", [_chat, _responses])
@pytest.mark.parametrize(
    ("rule", "raised", "text"), CASES, ids=lambda each: repr(each) if isinstance(each, Rule) else ""
)
def test_a_broken_stream_is_asked_for_once_and_ends_as_that_client_has_it(
    wire, provider, client, ask, rule, raised, text
) -> None:
    told: list[str] = []
    wire.stage.inject("f", EdgeRule("east", rule))
    asking = client.with_options(timeout=0.5) if isinstance(rule, StallStream) else client
    if raised is None or (raised is openai.APIError and ask is _responses):
        # An error among the events of a response is an event like any other to this client, and raises nothing.
        ask(asking, told)
    else:
        with pytest.raises(raised) as caught:
            ask(asking, told)
        assert getattr(caught.value, "status_code", None) is None
    assert ("".join(told), len(provider.accepted)) == (text, 1)
