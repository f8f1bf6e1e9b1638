"""``python -m harness.reference.regions``: a front door to the models of several regions, in two forms.

``POST /people/ask`` is for people who wait, ``POST /batch/ask`` for work that can come again. All regions serve by turns, or with
``--standby`` the first, and another one where it cannot. As front doors often are: what a region does not answer is asked of the next
one, twice round, so that who is left gets all that there is, and some of it again. With ``--resilient``: a region is sent no more than it
works on at once, of which a few places are kept for people; what finds none is refused, batch work at once and people after a moment; and
a region that fails is left alone for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Literal, Protocol

from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.assistant import MODEL, Ask, prompt
from harness.reference.breaker import Breaker, Pass
from harness.reference.corpus import facts, retrieve
from harness.reference.small_service import body, command_line, listen, tries_once, well

TIMEOUT_S = 2.5
ROUNDS = 2
KEPT_FOR_PEOPLE = 2
WAIT_S = 1.0
FAILURES, LEFT_ALONE_S = 3, 1.0

Asker = Literal["people", "batch"]


class Region:
    """The model of one region, which works on *at_once* questions at once."""

    def __init__(self, model: AsyncOpenAI, at_once: int) -> None:
        self.at_once, self.working, self.breaker = at_once, 0, Breaker(FAILURES, LEFT_ALONE_S)
        self._model = model

    async def answer(self, question: str) -> str:
        """Raises OpenAIError where it gives none."""
        messages = prompt(question, facts(1).get(retrieve(question) or ""))
        completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        return completion.choices[0].message.content or ""


class Door(Protocol):
    """Has questions answered by one of several regions."""

    async def answer(self, question: str, asker: Asker) -> str | None:
        """None where no region gave an answer, or none was asked."""


class Eager:
    """Asks one region after the other until one answers, whoever asks and however much they have to do."""

    def __init__(self, regions: Sequence[Region], *, standby: bool) -> None:
        self._regions, self._standby, self._turns = regions, standby, count()

    async def answer(self, question: str, asker: Asker) -> str | None:
        first = 0 if self._standby else next(self._turns)
        for step in range(ROUNDS * len(self._regions)):
            try:
                return await self._regions[(first + step) % len(self._regions)].answer(question)
            except OpenAIError:
                continue
        return None


class Careful:
    """Asks a region that has a place for who asks, and one other where that fails."""

    def __init__(self, regions: Sequence[Region], *, standby: bool) -> None:
        self._regions, self._standby, self._freed = regions, standby, asyncio.Condition()

    async def answer(self, question: str, asker: Asker) -> str | None:
        tried: list[Region] = []
        while len(tried) < 2 and (found := await self._place(asker, tried)) is not None:
            region, passed = found
            tried.append(region)
            good = False
            try:
                text = await region.answer(question)
                good = True
            except OpenAIError:
                continue
            finally:
                region.breaker.record(passed, "good" if good else "failed")
                await self._leave(region)
            return text
        return None

    async def _place(self, asker: Asker, tried: Sequence[Region]) -> tuple[Region, Pass] | None:
        """A region with a place, taken; people wait a moment for one."""
        found = None
        try:
            async with asyncio.timeout(WAIT_S if asker == "people" else None), self._freed:
                while (found := self._found(asker, tried)) is None and asker == "people":
                    await self._freed.wait()
        except TimeoutError:
            return None
        if found is not None:
            found[0].working += 1
        return found

    def _found(self, asker: Asker, tried: Sequence[Region]) -> tuple[Region, Pass] | None:
        kept = 0 if asker == "people" else KEPT_FOR_PEOPLE
        ordered = self._regions if self._standby else sorted(self._regions, key=lambda one: one.working / one.at_once)
        for region in (one for one in ordered if one not in tried):
            if region.working < region.at_once - kept and (passed := region.breaker.admit()):
                return region, passed
        return None

    async def _leave(self, region: Region) -> None:
        region.working -= 1
        async with self._freed:
            self._freed.notify_all()


def application(door: Door) -> web.Application:
    """``POST /people/ask``, ``POST /batch/ask`` and ``GET /healthz``."""

    def asked_by(asker: Asker) -> web.RouteDef:
        async def ask(request: web.Request) -> web.Response:
            asked = await body(request, Ask)
            answer = await door.answer(asked.question, asker)
            if answer is None:
                said = {"error": "no region has a place for it"}
                return web.json_response(said, status=503, headers={"retry-after": "1"})
            return web.json_response({"answer": answer})

        return web.post(f"/{asker}/ask", ask)

    app = web.Application()
    app.add_routes([asked_by("people"), asked_by("batch"), web.get("/healthz", well)])
    return app


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--regions", nargs="+", required=True, metavar="URL", help="the models, the first one first")
    parser.add_argument("--at-once", nargs="+", type=int, required=True, help="how much each works on at once")
    parser.add_argument("--standby", action="store_true", help="the first serves alone while it can")
    parser.add_argument("--resilient", action="store_true")
    read = parser.parse_args()
    if len(read.regions) != len(read.at_once):
        parser.error(f"{len(read.regions)} regions and {len(read.at_once)} numbers --at-once; say one for each")
    models = [tries_once(url, TIMEOUT_S) for url in read.regions]
    regions = [Region(model, at_once) for model, at_once in zip(models, read.at_once, strict=True)]
    door = (Careful if read.resilient else Eager)(regions, standby=read.standby)
    listen(application(door), read.port)


if __name__ == "__main__":
    main()
