"""The model's part of a workflow in the words of two APIs, at a provider that calls tools."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest

from harness.protocols.tool_use import called, results
from harness.reference.clerk import UnansweredError, clerk
from harness.running.free_port import free_port
from harness.simulated_provider.provider import Provider, ProviderSettings
from harness.simulated_provider.server import Reply, Request, listen

ORDER = "One chair, please. [n-0123456789]"


class Served:
    """A provider in a thread of this process, and what it was *asked*."""

    def __init__(self, *, calls_tools: bool) -> None:
        settings = ProviderSettings(
            first_token_s=0.0, token_gap_s=0.0, sigma=0.0, tools="called" if calls_tools else "ignored"
        )
        self.asked: list[dict[str, object]] = []
        self._provider = Provider(settings, seed=1, region="")
        self.port = free_port()

    async def serve(self, ready: threading.Event, ended: asyncio.Event) -> None:
        server = await listen(self._provider.accept, self._answer, port=self.port)
        ready.set()
        await ended.wait()
        server.close()

    async def _answer(self, request: Request, reply: Reply) -> None:
        self.asked.append(json.loads(request.body))
        await self._provider.answer(request, reply)


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    made, ready, ended = Served(calls_tools=getattr(request, "param", True)), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(made.serve(ready, ended),))
    thread.start()
    assert ready.wait(30)
    yield made
    loop.call_soon_threadsafe(ended.set)
    thread.join(30)
    loop.close()


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_the_tool_is_called_with_the_order_and_what_it_brought_is_told(served: Served, api: str) -> None:
    async def ask() -> tuple[str, str]:
        made = clerk(api, f"http://127.0.0.1:{served.port}", 30)
        given = await made.understand(ORDER)
        return given, await made.confirm(ORDER, given, "booked")

    given, confirmed = asyncio.run(ask())
    assert list(json.loads(given)) == ["order"]
    assert confirmed
    first, second = (asked["messages"] for asked in served.asked)
    assert (results(first), results(second)) == ([], ["book"])
    (turn,) = [turn for turn in second if turn["role"] == "assistant"]  # type: ignore[attr-defined,index] # JSON, of which no type is known
    assert [one.name for one in called({"choices": [{"message": turn}], **turn})] == ["book"]


@pytest.mark.parametrize("api", ["openai", "anthropic"])
@pytest.mark.parametrize("served", [False], indirect=True)
def test_a_model_that_calls_nothing_is_told_of_a_call_without_an_order(served: Served, api: str) -> None:
    made = clerk(api, f"http://127.0.0.1:{served.port}", 30)
    assert asyncio.run(made.understand(ORDER)) == "{}"


@pytest.mark.parametrize("api", ["openai", "anthropic"])
def test_where_nobody_answers_that_is_said_in_one_way(api: str) -> None:
    made = clerk(api, f"http://127.0.0.1:{free_port()}", 30)
    with pytest.raises(UnansweredError):
        asyncio.run(made.understand(ORDER))
