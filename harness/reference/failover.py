"""One layer of retries over several providers, asked through the SDK; what is tried when is `routing`'s to say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from openai import APIError, APIStatusError, AsyncOpenAI, RateLimitError
from openai.types.chat import ChatCompletionMessageParam

from harness.reference import assistant
from harness.reference.assistant import MODEL, Unanswered
from harness.reference.breaker import Outcome
from harness.reference.chance import Chance
from harness.reference.routing import GiveUp, Limits, Request, Routing, Try, Wait


class Failover:
    """Asks the provider of its own *region* first, and another one when that fails or is known to be failing; see `Routing`.

    How long a wait is, by half more or less than that says, hangs on the *seed*.
    """

    def __init__(self, region: str, urls: Mapping[str, str], limits: Limits, seed: int = 0) -> None:
        self._limits = limits
        self._chance = Chance(seed, region)
        nearest = sorted(urls, key=lambda other: other != region)
        self._clients = {name: assistant.model_client(urls[name], timeout_s=10.0, max_retries=0) for name in nearest}
        self.routing = Routing(nearest, limits)

    def ready(self) -> None:
        """Spend now what the first request would spend."""
        for client in self._clients.values():
            _ = client.chat.completions  # The SDK imports this when it is first used: 0.2 s.

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def complete(self, messages: list[ChatCompletionMessageParam], *, came_s: float) -> str:
        """The answer to *messages* for a request that came at *came_s* (monotonic); raises Unanswered."""
        request, too_long_for, draws = Request(self.routing, came_s), set[str](), self._chance.next()
        while True:
            match request.step():
                case Wait(for_s):
                    await asyncio.sleep(for_s * draws.uniform(0.5, 1.5))
                case GiveUp(why):
                    raise Unanswered(why)
                case Try() as tried:
                    try:
                        return await self._try(tried, messages)
                    except _TooLong as refused:
                        too_long_for.add(tried.link)
                        if too_long_for == set(self._clients):
                            raise Unanswered(str(refused)) from refused
                        request.problem = f"{tried.link}: {refused}"
                    except _Failed as failed:
                        request.problem = f"{tried.link}: {failed}"

    async def _try(self, tried: Try, messages: list[ChatCompletionMessageParam]) -> str:
        outcome: Outcome | None = "neither"
        try:
            text = await self._stream(self._clients[tried.link], messages)
            outcome = "good"
        except RateLimitError as limited:
            self.routing.limited(tried, _retry_after_s(limited))
            outcome = None
            raise _Failed(_told(limited)) from limited
        except APIStatusError as refused:
            if refused.status_code < 500 and refused.status_code not in (408, 409):
                outcome = "good"  # The link works; it is the request that does not.
                if refused.code == "context_length_exceeded":
                    raise _TooLong(_told(refused)) from refused
                raise Unanswered(_told(refused)) from refused
            outcome = "refused"
            raise _Failed(_told(refused)) from refused
        except (APIError, OSError, ValueError, _Failed) as failed:  # ValueError: a piece of the stream was no JSON.
            outcome = "failed"
            raise _Failed(_told(failed)) from failed
        finally:
            if outcome is not None:
                self.routing.record(tried, outcome)
        return text

    async def _stream(self, client: AsyncOpenAI, messages: list[ChatCompletionMessageParam]) -> str:
        text, finish = "", ""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._limits.first_token_s) as limit:
            async with await client.chat.completions.create(model=MODEL, messages=messages, stream=True) as stream:
                async for chunk in stream:
                    for choice in chunk.choices:
                        text += choice.delta.content or ""
                        finish = choice.finish_reason or finish
                    if text:
                        limit.reschedule(loop.time() + self._limits.gap_s)
        if not (text and finish) or finish == "length":
            raise _Failed("the answer was cut short" if text else "the answer was empty")
        return text


class _Failed(Exception):  # noqa: N818 - the message is all that it carries
    """A try that another one may make good."""


class _TooLong(Exception):  # noqa: N818 - as above
    """The prompt is too long for one provider's model; another's may take more."""


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__


def _retry_after_s(limited: RateLimitError) -> float | None:
    """When the provider says to come again; None where it does not say."""
    headers = limited.response.headers
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            written: str = headers[name]
            return float(written) * unit_s
        except (KeyError, ValueError):  # It may also be a date, which none of the providers known here sends.
            continue
    return None
