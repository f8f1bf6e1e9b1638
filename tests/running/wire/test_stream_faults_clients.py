"""What the official clients make of a broken stream: which exception, and how often the provider is asked.

The exceptions are facts of the clients' versions, found by trying; a client that changes them changes what a service has to catch. What
earlier versions make of it stands in ``docs/sdk-contracts.md``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import anthropic
import httpx2
import openai
import pytest
from wire_shapes.streams import STREAMS, WORDS

from harness.faults.effects import CutStream, EdgeRule, Rule, SlowStream, SpoilStream, StallStream

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
TEXT = "".join(WORDS)


class Clients(NamedTuple):
    """The clients of two providers, both at one address."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic


@pytest.fixture
def clients(wire, provider) -> Iterator[Clients]:
    async def script(request, line) -> None:
        asked = request.target.rpartition("/")[2]
        line.write(HEAD + b"".join(STREAMS["chat" if asked == "completions" else asked]))
        line.close()

    provider.script = script
    said: dict[str, Any] = {"api_key": "sk-x", "max_retries": 2, "timeout": 5}
    at = f"http://127.0.0.1:{wire.tap()}"
    # No certificates are read, which takes longer than all that is asked here.
    plain, other = openai.DefaultHttpxClient(verify=False), anthropic.DefaultHttpxClient(verify=False)
    with plain, other:
        yield Clients(
            openai.OpenAI(base_url=f"{at}/v1", http_client=plain, **said),
            anthropic.Anthropic(base_url=at, http_client=other, **said),
        )


Ask = Callable[[Clients, float, list[str]], None]
"""Ask for a stream with a time-out in seconds, and put what it says into a list."""


def _chat(clients: Clients, timeout_s: float, told: list[str]) -> None:
    question: Any = [{"role": "user", "content": "n-00000000aa"}]
    client = clients.openai.with_options(timeout=timeout_s)
    with client.chat.completions.create(model="m", messages=question, stream=True) as stream:
        for chunk in stream:
            told += [choice.delta.content or "" for choice in chunk.choices]


def _responses(clients: Clients, timeout_s: float, told: list[str]) -> None:
    client = clients.openai.with_options(timeout=timeout_s)
    with client.responses.create(model="m", input="n-00000000aa", stream=True) as stream:
        for event in stream:
            told += [event.delta] if event.type == "response.output_text.delta" else []


def _messages(clients: Clients, timeout_s: float, told: list[str]) -> None:
    question: Any = [{"role": "user", "content": "n-00000000aa"}]
    client = clients.anthropic.with_options(timeout=timeout_s)
    with client.messages.create(model="m", messages=question, max_tokens=99, stream=True) as stream:
        for event in stream:
            told += [event.delta.text] if event.type == "content_block_delta" else []  # type: ignore[union-attr] # no tools


class Case(NamedTuple):
    """What OpenAI's client raises under a *rule*, and what Anthropic's does; the text that their callers have by then."""

    rule: Rule
    openai: type[Exception] | None
    anthropic: type[Exception] | None
    text: str


CASES = [
    Case(SlowStream(0.05, 0.01), None, None, TEXT),
    # Anthropic's has no word of its own for what breaks a stream: who catches its APIError catches none of these.
    Case(CutStream(2, "reset"), openai.APIConnectionError, httpx2.ReadError, "On day"),
    Case(CutStream(2, "close"), openai.APIConnectionError, httpx2.RemoteProtocolError, "On day"),
    Case(CutStream(2, "end"), None, None, "On day"),
    Case(CutStream(0, "end"), None, None, ""),
    Case(StallStream(2), openai.APITimeoutError, httpx2.ReadTimeout, "On day"),
    Case(SpoilStream("malformed", 2), json.JSONDecodeError, json.JSONDecodeError, "On day"),
    Case(SpoilStream("duplicated", 2), None, None, "On day 30 30 all is well"),
    Case(SpoilStream("reordered", 2), None, None, "On day all 30 is well"),
    Case(SpoilStream("error", 2), openai.APIError, anthropic.APIStatusError, "On day"),
    Case(SpoilStream("no_finish"), None, None, TEXT),
    Case(SpoilStream("no_usage"), None, None, TEXT),
    Case(SpoilStream("no_end"), None, None, TEXT),
]


def _raises(case: Case, ask: Ask) -> type[Exception] | None:
    if ask is _messages:
        return case.anthropic
    # An error among the events of a response is an event like any other to this client, and raises nothing.
    return None if ask is _responses and case.openai is openai.APIError else case.openai


@pytest.mark.parametrize("ask", [_chat, _responses, _messages])
@pytest.mark.parametrize("case", CASES, ids=lambda case: repr(case.rule))
def test_a_broken_stream_is_asked_for_once_and_ends_as_that_client_has_it(wire, provider, clients, ask, case) -> None:
    told: list[str] = []
    wire.stage.inject("f", EdgeRule("east", case.rule))
    raised: Exception | None = None
    try:
        ask(clients, 0.5 if isinstance(case.rule, StallStream) else 5.0, told)
    except (openai.OpenAIError, anthropic.AnthropicError, httpx2.HTTPError, json.JSONDecodeError) as error:
        raised = error
    expected = _raises(case, ask)
    assert type(raised) is (expected or type(None))
    # An overload that is told in the stream has the status of its head, so that nobody who looks for 529 finds it.
    assert getattr(raised, "status_code", None) == (200 if expected is anthropic.APIStatusError else None)
    assert ("".join(told), len(provider.accepted)) == (case.text, 1)
