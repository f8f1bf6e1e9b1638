"""``python -m harness.reference.health``: an assistant with a health URL, in two forms.

``POST /ask`` is answered from the provider, tried once; ``GET /healthz`` says whether a load balancer should send users here. As such
health checks often are: it looks whether the provider accepts a connection, whatever becomes of questions; one look that goes wrong is
enough to be unhealthy, and ten in a row have to go well after it. With ``--resilient``: it goes by what became of the questions of the last
seconds, so that one whose questions fail is unhealthy and one that stumbled is not; and where nobody is sent here any more it asks a
question of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol
from urllib.parse import urlsplit

from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.assistant import MODEL, Ask, prompt
from harness.reference.corpus import facts, retrieve
from harness.reference.outcomes import Outcomes
from harness.reference.small_service import body, listen, of_two_forms, tries_once

TIMEOUT_S = 2.5
EVERY_S = 1.0
GOOD_IN_A_ROW = 10


class Health(Protocol):
    """Whether users should be sent here."""

    def well(self) -> bool: ...

    def answered(self, good: bool) -> None:
        """A question was answered, well or not."""

    async def watch(self) -> None:
        """Look after it for as long as the service runs."""


class Connects:
    """Well unless the provider at *url* refused a connection, and then until it has accepted so many in a row."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._missing = 0

    def well(self) -> bool:
        return self._missing == 0

    def answered(self, good: bool) -> None:
        """Nothing that it looks at."""

    async def watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        accepted = await self._accepts()
        self._missing = max(0, self._missing - 1) if accepted else GOOD_IN_A_ROW

    async def _accepts(self) -> bool:
        try:
            async with asyncio.timeout(EVERY_S):
                _, writer = await asyncio.open_connection(*self._place)
        except OSError:  # A TimeoutError is one.
            return False
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return True


class Tells(Outcomes):
    """Goes by what becomes of questions; where nobody is sent here any more, it has one asked of its own."""

    def __init__(self, ask: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self._ask = ask

    async def watch(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            if self.forgotten():
                await self._ask()


class Assistant:
    """Answers from the provider, and tells its health what became of each question."""

    def __init__(self, model: AsyncOpenAI, url: str, *, resilient: bool) -> None:
        self._model = model
        self.health: Health = Tells(lambda: self.answer("Are you there?")) if resilient else Connects(url)

    async def answer(self, question: str) -> str | None:
        """None where the provider gave no answer."""
        messages = prompt(question, facts(1).get(retrieve(question) or ""))
        try:
            completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        except OpenAIError:
            self.health.answered(False)
            return None
        self.health.answered(True)
        return completion.choices[0].message.content or ""


def application(assistant: Assistant) -> web.Application:
    """``POST /ask``, and ``GET /healthz``, which is 200 or 503."""

    async def ask(request: web.Request) -> web.Response:
        asked = await body(request, Ask)
        answer = await assistant.answer(asked.question)
        if answer is None:
            return web.json_response({"error": "the provider gave no answer"}, status=503)
        return web.json_response({"answer": answer})

    async def healthz(_: web.Request) -> web.Response:
        well = assistant.health.well()
        return web.json_response({"well": well}, status=200 if well else 503)

    async def watching(_: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(assistant.health.watch())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = web.Application()
    app.cleanup_ctx.append(watching)
    app.add_routes([web.post("/ask", ask), web.get("/healthz", healthz)])
    return app


def main() -> None:
    parser = of_two_forms(__doc__)
    read = parser.parse_args()
    model = tries_once(read.provider, TIMEOUT_S)
    app = application(Assistant(model, read.provider, resilient=read.resilient))
    listen(app, read.port)


if __name__ == "__main__":
    main()
