"""One layer of retries over several providers: which link is tried next, when, and when it is enough."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

from openai import APIError, APIStatusError, AsyncOpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam

from harness.reference import assistant
from harness.reference.assistant import MODEL, Unanswered
from harness.reference.breaker import Breaker, Outcome, Pass
from harness.reference.budget import RetryBudget

_COOL_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds, and how often they may be tried."""

    first_token_s: float = 2.5  # A slow provider is still a provider: 1 s would make an outage of added latency.
    gap_s: float = 1.0  # between two pieces of an answer
    no_try_after_s: float = 3.0  # since the request came
    backoff_s: float = 0.1  # before the first try that is paid for; doubles with each
    tries_max: int = 4
    breaker_failures: int = 5
    breaker_open_s: float = 2.0
    cool_s_min: float = 1.0  # after a 429


class Link:
    """One provider, with what is known of how it does."""

    def __init__(self, region: str, url: str, limits: Limits) -> None:
        self.region = region
        self.client = assistant.model_client(url, timeout_s=10.0, max_retries=0)
        self.breaker = Breaker(limits.breaker_failures, limits.breaker_open_s)
        self._cool_until_s = 0.0

    def admit(self) -> Pass | None:
        return self.breaker.admit() if time.monotonic() >= self._cool_until_s else None

    def cool(self, for_s: float) -> None:
        self._cool_until_s = time.monotonic() + min(for_s, _COOL_S_MAX)


class Failover:
    """Asks the provider of its own *region* first, and another one when that fails or is known to be failing.

    The first change to another link is free; every further try is paid for from a budget. What is refused here, because
    a link's breaker is open or the link is cooling, costs nothing.
    """

    def __init__(self, region: str, urls: Mapping[str, str], limits: Limits) -> None:
        self._limits = limits
        self._links = [Link(name, urls[name], limits) for name in sorted(urls, key=lambda other: other != region)]
        self._budget = RetryBudget()

    def ready(self) -> None:
        """Spend now what the first request would spend."""
        for link in self._links:
            _ = link.client.chat.completions  # The SDK imports this when it is first used: 0.2 s.

    async def close(self) -> None:
        for link in self._links:
            await link.client.close()

    async def complete(self, messages: list[ChatCompletionMessageParam], *, came_s: float) -> str:
        """The answer to *messages* for a request that came at *came_s* (monotonic); raises Unanswered."""
        self._budget.deposit()
        tried: list[Link] = []
        problem = "no provider link is admitting requests"
        while len(tried) < self._limits.tries_max and time.monotonic() < came_s + self._limits.no_try_after_s:
            if len(tried) > 1:
                await asyncio.sleep(self._backoff_s(len(tried) - 2))
            found = self._admitted(tried)
            if found is None:
                await asyncio.sleep(self._backoff_s(0))
                continue
            link, passed = found
            is_free = not tried or (len(tried) == 1 and link is not tried[0])
            if not is_free and not self._budget.take():
                link.breaker.record(passed, "neither")
                raise Unanswered(f"the retry budget is spent; last: {problem}")
            tried.append(link)
            try:
                return await self._try(link, passed, messages)
            except _Failed as failed:
                problem = f"{link.region}: {failed}"
        raise Unanswered(f"gave up after {len(tried)} tries; last: {problem}")

    def _admitted(self, tried: list[Link]) -> tuple[Link, Pass] | None:
        """The nearest link that admits; the one tried last comes last."""
        for link in sorted(self._links, key=lambda link: tried[-1:] == [link]):
            passed = link.admit()
            if passed is not None:
                return link, passed
        return None

    async def _try(self, link: Link, passed: Pass, messages: list[ChatCompletionMessageParam]) -> str:
        outcome: Outcome = "neither"
        try:
            text = await self._stream(link.client, messages)
            outcome = "good"
        except RateLimitError as limited:
            link.cool(max(_retry_after_s(limited), self._limits.cool_s_min))
            raise _Failed(_told(limited)) from limited
        except APIStatusError as refused:
            if refused.status_code < 500 and refused.status_code not in (408, 409):
                outcome = "good"  # The link works; it is the request that does not.
                raise Unanswered(_told(refused)) from refused
            outcome = "failed"
            raise _Failed(_told(refused)) from refused
        except (APIError, OSError, ValueError, _Failed) as failed:  # ValueError: a piece of the stream was no JSON.
            outcome = "failed"
            raise _Failed(_told(failed)) from failed
        finally:
            link.breaker.record(passed, outcome)
        return text

    async def _stream(self, client: AsyncOpenAI, messages: list[ChatCompletionMessageParam]) -> str:
        text, finished = "", False
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._limits.first_token_s) as limit:
            async with await client.chat.completions.create(model=MODEL, messages=messages, stream=True) as stream:
                async for chunk in stream:
                    for choice in chunk.choices:
                        text += choice.delta.content or ""
                        finished = finished or choice.finish_reason is not None
                    if text:
                        limit.reschedule(loop.time() + self._limits.gap_s)
        if not (text and finished):
            raise _Failed("the answer was cut short" if text else "the answer was empty")
        return text

    def _backoff_s(self, earlier: int) -> float:
        return self._limits.backoff_s * 2.0**earlier * random.uniform(0.5, 1.5)


class _Failed(Exception):  # noqa: N818 - the message is all that it carries
    """A try that another one may make good."""


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _retry_after_s(limited: RateLimitError) -> float:
    headers = limited.response.headers
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            written: str = headers[name]
            return float(written) * unit_s
        except (KeyError, ValueError):  # It may also be a date, which none of the providers known here sends.
            continue
    return 0.0
