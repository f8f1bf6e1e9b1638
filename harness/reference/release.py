"""``python -m harness.reference.release``: an assistant whose next version is put in its place while it serves, in two forms.

``POST /ask`` is answered by the version that serves, ``POST /switch`` puts the next one in its place and answers with its number. As such
releases often are: the old version is stopped, with what it was working on, and the new one serves once it has started. With
``--resilient`` (blue-green): the new version is started beside the old one and asked a first question; then it gets all that comes, and the
old one ends when it has ended what it began.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.assistant import MODEL, Ask, prompt
from harness.reference.corpus import facts, retrieve
from harness.reference.small_service import body, listen, of_two_forms, tries_once

TIMEOUT_S = 2.5
STARTS_WITHIN_S = 1.5
FIRST_QUESTION = "Are you there?"


class Version:
    """One version of the assistant, which takes a while to start; its facts are its own."""

    def __init__(self, number: int, model: AsyncOpenAI) -> None:
        self.number, self.serves = number, False
        self._model = model
        self._work: set[asyncio.Task[str | None]] = set()

    async def start(self) -> None:
        await asyncio.sleep(STARTS_WITHIN_S)
        self.serves = True

    async def answer(self, question: str) -> str | None:
        """None where the provider gave none, or the version was stopped meanwhile."""
        task = asyncio.create_task(self._answer(question))
        self._work.add(task)
        try:
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            self._work.discard(task)

    def stop(self) -> None:
        """At once, whatever it is working on."""
        self.serves = False
        for task in self._work:
            task.cancel()

    async def end(self) -> None:
        """Once it has ended what it began."""
        while self._work:
            await asyncio.wait(set(self._work))
        self.serves = False

    async def _answer(self, question: str) -> str | None:
        messages = prompt(question, facts(self.number).get(retrieve(question) or ""))
        try:
            completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        except OpenAIError:
            return None
        return completion.choices[0].message.content or ""


class Releases:
    """The version that serves, and how the next one takes its place; *make* makes a version of its number."""

    def __init__(self, make: Callable[[int], Version], *, resilient: bool) -> None:
        self._make, self._resilient = make, resilient
        self._ending: set[asyncio.Task[None]] = set()
        self.current = make(1)

    async def switch(self) -> int:
        """The number of the version that serves now."""
        old, new = self.current, self._make(self.current.number + 1)
        if self._resilient:
            await new.start()
            await new.answer(FIRST_QUESTION)
            self.current = new
            task = asyncio.create_task(old.end())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        else:
            old.stop()
            self.current = new
            await new.start()
        return new.number


def application(releases: Releases) -> web.Application:
    """``POST /ask``, ``POST /switch`` and ``GET /healthz``."""

    async def ask(request: web.Request) -> web.Response:
        asked = await body(request, Ask)
        version = releases.current
        answer = await version.answer(asked.question) if version.serves else None
        if answer is None:
            return web.json_response({"error": f"version {version.number} gave no answer"}, status=503)
        said = {"answer": answer, "version": version.number, "conversation": asked.conversation}
        return web.json_response(said)

    async def switch(_: web.Request) -> web.Response:
        return web.json_response({"version": await releases.switch()})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({}, status=200 if releases.current.serves else 503)

    async def serving(_: web.Application) -> AsyncIterator[None]:
        await releases.current.start()
        yield
        releases.current.stop()

    app = web.Application()
    app.cleanup_ctx.append(serving)
    app.add_routes([web.post("/ask", ask), web.post("/switch", switch), web.get("/healthz", healthz)])
    return app


def main() -> None:
    parser = of_two_forms(__doc__)
    read = parser.parse_args()
    model = tries_once(read.provider, TIMEOUT_S)
    releases = Releases(lambda number: Version(number, model), resilient=read.resilient)
    listen(application(releases), read.port)


if __name__ == "__main__":
    main()
