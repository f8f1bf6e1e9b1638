"""``python -m harness.reference.resilient``: an assistant that is built for what its providers and stores do to it.

One layer of retries with a budget, a circuit breaker per link, another region to turn to; it stops when its caller does; and it
never shows a conversation an older snapshot than the newest that the conversation has seen.
"""

from __future__ import annotations

import asyncio
import time

from harness.reference import assistant
from harness.reference.assistant import Answer, Ask, Options, Unanswered
from harness.reference.corpus import retrieve
from harness.reference.failover import Failover
from harness.reference.reading import NoReading, Reader, Seen
from harness.reference.routing import Limits

TOTAL_S = 8.0  # A stream that trickles is not an answer for ever.


class Resilient:
    """Answers from its own region's store and provider where it can, and from another region's where it cannot."""

    def __init__(self, on: Options, limits: Limits | None = None, *, store_timeout_s: float = 0.25) -> None:
        self._providers = Failover(on.region, on.providers, limits or Limits(), on.seed)
        self._reader = Reader(on.region, on.stores, timeout_s=store_timeout_s)
        self._seen = Seen()

    async def ready(self) -> None:
        self._providers.ready()
        await self._reader.ready()

    async def answer(self, ask: Ask) -> Answer:
        came_s = time.monotonic()
        seen = max(ask.seen_version or 0, self._seen.newest(ask.conversation))
        source = retrieve(ask.question)
        try:
            async with asyncio.timeout(TOTAL_S):
                reading = await self._reader.read(source, at_least=seen)
                messages = assistant.prompt(ask.question, reading.fact)
                text = await self._providers.complete(messages, came_s=came_s)
        except (NoReading, TimeoutError) as problem:
            raise Unanswered(str(problem) or f"no answer within {TOTAL_S:g} s") from problem
        self._seen.saw(ask.conversation, reading.snapshot.version)
        return Answer(text, reading.snapshot, source, reading.fact)

    async def close(self) -> None:
        await self._reader.close()
        await self._providers.close()


def main() -> None:
    on = assistant.options("harness.reference.resilient", __doc__)
    assistant.serve(Resilient(on), on, ends_with_its_caller=True)


if __name__ == "__main__":
    main()
