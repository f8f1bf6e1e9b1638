"""``python -m harness.reference.fragile``: an assistant as one is often written, with retries wherever they fit.

Nothing in it is silly: a time limit on every call, the SDK's own retries, a loop around the whole for what the SDK does
not cover, and the last known fact when the store does not answer. Together they make it break.

Its environment says how often and how long: ``SDK_RETRIES`` (2), ``APP_TRIES`` (3, the first one included) and ``TIMEOUT_MS`` (1000, of
each call of a provider).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import NamedTuple

from openai import OpenAIError
from redis.exceptions import RedisError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_exponential

from harness.reference import assistant
from harness.reference.assistant import MODEL, Answer, Ask, Options, Unanswered
from harness.reference.chance import Chance
from harness.reference.corpus import retrieve
from harness.reference.snapshots import Reading, Store
from harness.settings import settings

STORE_TIMEOUT_S = 1.0


class Patience(NamedTuple):
    """How often a layer tries, and how long a call of a provider may take."""

    sdk_retries: int = 2
    app_tries: int = 3
    timeout_s: float = 1.0

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Patience:
        """As *environment* says; raises ValueError for what is no whole number."""
        said = [
            int(environment.get(name, default))
            for name, default in (("SDK_RETRIES", 2), ("APP_TRIES", 3), ("TIMEOUT_MS", 1000))
        ]
        return cls(said[0], said[1], said[2] / 1000)


USUAL = Patience()


class Fragile:
    """Asks its own region's store and provider, up to three times three times, and does not look at versions."""

    def __init__(self, on: Options, patience: Patience = USUAL) -> None:
        self._model = assistant.model_client(
            on.providers[on.region], timeout_s=patience.timeout_s, max_retries=patience.sdk_retries
        )
        self._store = Store(on.stores[on.region], timeout_s=STORE_TIMEOUT_S)
        self._chance = Chance(on.seed, on.region)
        self._last_known: dict[str | None, Reading] = {}
        again = AsyncRetrying(
            stop=stop_after_attempt(patience.app_tries),
            wait=_wait_s,
            retry=retry_if_exception_type((OpenAIError, RedisError)),
            reraise=True,
        )
        self._try_again = again.wraps(self._try)

    async def ready(self) -> None:
        _ = self._model.chat.completions  # The SDK imports this when it is first used: 0.2 s, better spent now.
        await self._store.read(None)

    async def answer(self, ask: Ask) -> Answer:
        try:
            return await self._try_again(ask.question, self._chance.next())
        except (OpenAIError, RedisError) as problem:
            raise Unanswered(f"{type(problem).__name__}: {problem}") from problem

    async def close(self) -> None:
        await self._store.close()
        await self._model.close()

    async def _try(self, question: str, _: random.Random) -> Answer:
        source = retrieve(question)
        reading = await self._read(source)
        messages = assistant.prompt(question, reading.fact)
        completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        return Answer(completion.choices[0].message.content or "", reading.snapshot, source, reading.fact)

    async def _read(self, fact_id: str | None) -> Reading:
        try:
            reading = self._last_known[fact_id] = await self._store.read(fact_id)
        except RedisError:
            if fact_id not in self._last_known:
                raise
            return self._last_known[fact_id]
        return reading


_longest_s = wait_exponential(multiplier=0.25, max=1.0)


def _wait_s(state: RetryCallState) -> float:
    """Any time up to twice as long as before, as `tenacity.wait_random_exponential` has it, but by the draws of the request."""
    draws = state.args[-1]
    assert isinstance(draws, random.Random)
    return draws.uniform(0.0, _longest_s(state))


def main() -> None:
    on = assistant.options("harness.reference.fragile", __doc__)
    assistant.serve(Fragile(on, Patience.of(settings().environment)), on, ends_with_its_caller=False)


if __name__ == "__main__":
    main()
