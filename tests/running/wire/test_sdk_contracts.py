"""What the official clients make of each error and each limit: the exception, how often they asked, and how long they would have waited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any, NamedTuple

import anthropic
import anthropic._base_client as anthropic_client
import openai
import openai._base_client as openai_client
import pytest

from harness.faults.effects import EdgeRule, Fail, Rule, Throttle, Told

MESSAGES: Any = [{"role": "user", "content": "Hello there"}]
SOON = {"wait_s": 0.001, "told": Told(ways=("ms",))}
FULL = Throttle(0.001, 1, told=Told(ways=("body",)))


class Row(NamedTuple):
    """A *rule*, the exception that it comes out as (or one that later versions made of it), and how many attempts that were."""

    rule: Rule
    raised: str
    attempts: int


OPENAI = {
    "400": Row(Fail(400), "BadRequestError", 1),
    "context": Row(Fail(code="context_length_exceeded"), "BadRequestError", 1),
    "filter": Row(Fail(code="content_filter"), "BadRequestError", 1),
    "401": Row(Fail(code="invalid_api_key"), "AuthenticationError", 1),
    "403": Row(Fail(403), "PermissionDeniedError", 1),
    "model": Row(Fail(code="model_not_found"), "NotFoundError", 1),
    "408": Row(Fail(408, **SOON), "APIStatusError", 3),
    "409": Row(Fail(409, **SOON), "ConflictError", 3),
    "422": Row(Fail(422), "UnprocessableEntityError", 1),
    "429": Row(Fail(429, **SOON), "RateLimitError", 3),
    "quota": Row(Fail(code="insufficient_quota", **SOON), "RateLimitError", 3),  # by its status alone
    "spend": Row(Fail(code="project_spend_limit_exceeded", **SOON), "RateLimitError", 3),
    "slow_down": Row(Fail(code="slow_down", **SOON), "RateLimitError", 3),
    "500": Row(Fail(500, **SOON), "InternalServerError", 3),
    "502, a page": Row(Fail(502, **SOON), "InternalServerError", 3),
    "overloaded": Row(Fail(code="overloaded", **SOON), "InternalServerError", 3),
    "504, empty": Row(Fail(504, body="empty", **SOON), "InternalServerError", 3),
    "500, no JSON": Row(Fail(500, body="not_json", **SOON), "InternalServerError", 3),
    "529": Row(Fail(529, **SOON), "InternalServerError", 3),
    "400, try again": Row(Fail(400, should_retry=True, **SOON), "BadRequestError", 3),
    "503, do not": Row(Fail(503, should_retry=False), "InternalServerError", 1),
    "limit of requests": Row(FULL, "RateLimitError", 3),
    "limit of tokens": Row(Throttle(tokens_per_min=0.001, tokens_burst=1, told=FULL.told), "RateLimitError", 3),
}
ANTHROPIC = {
    "400": Row(Fail(400), "BadRequestError", 1),
    "context": Row(Fail(code="context_length_exceeded"), "BadRequestError", 1),
    "prefill": Row(Fail(code="prefill"), "BadRequestError", 1),
    "401": Row(Fail(code="invalid_api_key"), "AuthenticationError", 1),
    "402": Row(Fail(code="billing_error"), "APIStatusError", 1),
    "403": Row(Fail(403), "PermissionDeniedError", 1),
    "model": Row(Fail(code="model_not_found"), "NotFoundError", 1),
    "408": Row(Fail(408, **SOON), "APIStatusError", 3),
    "409": Row(Fail(409, **SOON), "ConflictError", 3),
    "413": Row(Fail(413), "APIStatusError", 1),
    "429": Row(Fail(429, **SOON), "RateLimitError", 3),
    "spend": Row(Fail(code="enforced_spend_limit_reached", **SOON), "RateLimitError", 3),
    "500": Row(Fail(500, **SOON), "InternalServerError", 3),
    "502, a page": Row(Fail(502, **SOON), "InternalServerError", 3),
    "503, empty": Row(Fail(503, body="empty", **SOON), "InternalServerError", 3),
    "504": Row(Fail(504, **SOON), "InternalServerError", 3),
    "overloaded": Row(Fail(code="overloaded", **SOON), "OverloadedError", 3),
    "400, try again": Row(Fail(400, should_retry=True, **SOON), "BadRequestError", 3),
    "529, do not": Row(Fail(529, should_retry=False), "OverloadedError", 1),
    "limit of requests": Row(FULL, "RateLimitError", 3),
    "limit of tokens": Row(Throttle(tokens_per_min=0.001, tokens_burst=1, told=FULL.told), "RateLimitError", 3),
}
TABLES = {"openai": OPENAI, "anthropic": ANTHROPIC}


class _Clock:
    """The time as a client has it, who is told that it has slept and has not."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    for client in (openai_client, anthropic_client):
        monkeypatch.setattr(client, "time", clock)
        monkeypatch.setattr(client, "INITIAL_RETRY_DELAY", 0.001)  # of those who sleep otherwise
    return clock


Call = Callable[[str, bool], None]
"""Ask at a URL, for a stream or not."""


@pytest.fixture
def sync_call() -> Iterator[Callable[[str, int], Call]]:
    """A client of *api* that tries again so many times, made once: that takes longer than all that it is asked here."""
    with ExitStack() as ends:

        def make(api: str, retries: int = 2) -> Call:
            said: dict[str, Any] = {"api_key": "k", "max_retries": retries, "base_url": "http://127.0.0.1:1"}
            if api == "openai":
                sdk = ends.enter_context(openai.OpenAI(**said, http_client=openai.DefaultHttpxClient(verify=False)))
                return lambda url, stream: _over(
                    sdk.with_options(base_url=f"{url}/v1").chat.completions.create(
                        model="m", messages=MESSAGES, stream=stream
                    )
                )
            ant = ends.enter_context(
                anthropic.Anthropic(**said, http_client=anthropic.DefaultHttpxClient(verify=False))
            )
            return lambda url, stream: _over(
                ant.with_options(base_url=url).messages.create(
                    model="m", messages=MESSAGES, max_tokens=9, stream=stream
                )
            )

        yield make


def _over(answer: Any) -> None:
    if hasattr(answer, "close"):
        answer.close()


@pytest.fixture
def async_call() -> Iterator[Callable[[str], Call]]:
    with asyncio.Runner() as runner:
        ends = AsyncExitStack()

        def make(api: str) -> Call:
            sdk: Any
            if api == "openai":
                sdk = openai.AsyncOpenAI(api_key="k", http_client=openai.DefaultAsyncHttpxClient(verify=False))
            else:
                sdk = anthropic.AsyncAnthropic(api_key="k", http_client=anthropic.DefaultAsyncHttpxClient(verify=False))
            runner.run(ends.enter_async_context(sdk))

            async def call(url: str, stream: bool) -> None:
                at = sdk.with_options(base_url=f"{url}/v1" if api == "openai" else url)
                if api == "openai":
                    answer = await at.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
                else:
                    answer = await at.messages.create(model="m", messages=MESSAGES, max_tokens=9, stream=stream)
                if stream:
                    await answer.close()

            return lambda url, stream: runner.run(call(url, stream))

        yield make
        runner.run(ends.aclose())


@pytest.fixture
def at(new_wire: Any, provider: Any) -> Callable[[str, Call], Callable[..., tuple[list[str], int]]]:
    """A wire that speaks *api*, and what one *call* to it comes to under a rule: exception and attempts."""

    def at(api: str, call: Call) -> Callable[..., tuple[list[str], int]]:
        wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, api=api)
        url = f"http://127.0.0.1:{wire.tap()}"

        def called(rule: Rule, stream: bool = False) -> tuple[list[str], int]:
            effect = EdgeRule("east", rule)
            wire.stage.inject("f", effect)
            if rule == FULL:
                call(url, stream)  # what may pass has passed
            before, raised = wire.stage.counts()["east"].arrivals, [""]
            try:
                call(url, stream)
            except (openai.APIError, anthropic.APIError) as error:
                raised = [kind.__name__ for kind in type(error).__mro__]
            wire.stage.revert("f", effect)
            return raised, wire.stage.counts()["east"].arrivals - before

        return called

    return at


@pytest.mark.parametrize("way", ["sync", "async"])
@pytest.mark.parametrize("api", list(TABLES))
def test_each_error_and_limit_raises_what_the_client_has_for_it_after_so_many_attempts(
    at, clock, request, api, way
) -> None:
    called = at(api, request.getfixturevalue(f"{way}_call")(api))
    for stream in (False, True):
        for name, row in TABLES[api].items():
            kinds, attempts = called(row.rule, stream)
            assert (row.raised in kinds, attempts) == (True, row.attempts), (name, stream, kinds)


@pytest.mark.parametrize("api", list(TABLES))
def test_where_nothing_is_wrong_a_call_raises_nothing_and_is_one_attempt(at, sync_call, api) -> None:
    assert at(api, sync_call(api))(Throttle(6000, 99)) == ([""], 1)


WAITS = [
    (Told(text="7"), [7.0], [7.0]),
    (Told(text="90"), [90.0], [90.0]),
    # Two minutes are the most that one of them waits; the other waits an hour.
    (Told(text="3600"), [], [3600.0]),
    # What is no time to wait is not waited for: both fall back on their own.
    (Told(text="-1"), [None], [None]),
    (Told(text="0"), [None], [None]),
    (Told(text="soon"), [None], [None]),
    (Told(ways=()), [None], [None]),
    (Told(ways=("ms",)), [2.5], [2.5]),
    (Told(ways=("seconds",)), [3.0], [3.0]),
    (Told(ways=("body",)), [None], [None]),
]


@pytest.mark.parametrize("api", list(TABLES))
def test_clients_wait_for_what_they_take_for_a_wait_and_else_as_they_please(at, clock, sync_call, api) -> None:
    called = at(api, sync_call(api, 1))
    for told, *waits in WAITS:
        clock.slept_s.clear()
        called(Fail(429, wait_s=2.5, told=told))
        assert [None if slept_s < 0.01 else slept_s for slept_s in clock.slept_s] == waits[api != "openai"], told
    clock.slept_s.clear()
    called(Fail(503, wait_s=60.0, told=Told(ways=("date",))))
    assert [0 < slept_s <= 61 for slept_s in clock.slept_s] == [True]
