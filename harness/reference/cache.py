"""``python -m harness.reference.cache``: an assistant with a semantic cache, in two forms.

``POST /ask`` takes a question and who asks it. What each user's own record says stands in the prompt, and what was answered is kept: a
question that means nearly the same is answered from there for a while, and for longer while the provider gives no answer (stale-if-error,
RFC 5861). As such caches often are: who asks stands in
front of the question before its meaning is taken, and is supposed to keep users apart; in a question of some length that is one word of
many. With ``--resilient``: each user has a cache of their own.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.accounts import Asked, record
from harness.reference.assistant import MODEL, prompt
from harness.reference.small_service import body, listen, of_two_forms, tries_once, well

if TYPE_CHECKING:
    import numpy.typing as npt

    Vector = npt.NDArray[np.float64]

TIMEOUT_S = 2.5
ALIKE = 0.8
FRESH_S = 2.0
DIMENSIONS = 512
KEPT_MOST = 1000


def meaning(text: str) -> Vector:
    """A unit vector that is near that of a text of nearly the same words: a stand-in for a model of embeddings, which needs no provider."""
    vector = np.zeros(DIMENSIONS)
    for word, times in Counter(re.findall(r"[a-z]+", text.lower())).items():
        vector[int.from_bytes(blake2b(word.encode(), digest_size=8).digest()) % DIMENSIONS] += times
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


class Kept(NamedTuple):
    """An answer, the meaning of the question that it was given to, and when that was."""

    meaning: Vector
    answer: str
    at_s: float


class Cache:
    """Answers that were given, found again by the meaning of their question; *apart*: among those of the same user alone."""

    def __init__(self, *, apart: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._apart, self._clock = apart, clock
        self._kept: defaultdict[str, list[Kept]] = defaultdict(list)

    def find(self, asked: Asked) -> tuple[str, bool] | None:
        """The answer to the question that is most alike, where one is alike enough, and whether it is fresh."""
        kept = self._kept[self._whose(asked)]
        place = self._nearest(kept, meaning(self._text(asked)))
        return None if place is None else (kept[place].answer, self._clock() < kept[place].at_s + FRESH_S)

    def keep(self, asked: Asked, answer: str) -> None:
        """In the place of what it is alike enough to."""
        kept, of = self._kept[self._whose(asked)], meaning(self._text(asked))
        if (place := self._nearest(kept, of)) is not None:
            del kept[place]
        kept.append(Kept(of, answer, self._clock()))
        del kept[:-KEPT_MOST]

    def _nearest(self, kept: list[Kept], of: Vector) -> int | None:
        if not kept:
            return None
        likeness = np.stack([one.meaning for one in kept]) @ of
        nearest = int(likeness.argmax())
        return nearest if likeness[nearest] >= ALIKE else None

    def _whose(self, asked: Asked) -> str:
        return asked.user if self._apart else ""

    def _text(self, asked: Asked) -> str:
        """Without the mark that every question of a run carries, which says nothing."""
        question = re.sub(r"\[n-[0-9a-f]+\]", "", asked.question)
        return question if self._apart else f"{asked.user}: {question}"


class Assistant:
    """Answers from the cache where it can, else from the provider, with the user's own record in the prompt."""

    def __init__(self, model: AsyncOpenAI, cache: Cache) -> None:
        self._model, self._cache = model, cache

    async def answer(self, asked: Asked) -> tuple[str | None, bool]:
        """The answer, None where there is none, and whether it came from the cache."""
        kept, fresh = self._cache.find(asked) or (None, False)
        if fresh:
            return kept, True
        messages = prompt(asked.question, record(asked.user))
        try:
            completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        except OpenAIError:
            return kept, kept is not None
        answer = completion.choices[0].message.content or ""
        self._cache.keep(asked, answer)
        return answer, False


def application(assistant: Assistant) -> web.Application:
    """``POST /ask``, whose answer says in ``x-cache`` where it came from, and ``GET /healthz``."""

    async def ask(request: web.Request) -> web.Response:
        asked = await body(request, Asked)
        answer, cached = await assistant.answer(asked)
        if answer is None:
            return web.json_response({"error": "the provider gave no answer"}, status=503)
        return web.json_response({"answer": answer}, headers={"x-cache": "hit" if cached else "miss"})

    app = web.Application()
    app.add_routes([web.post("/ask", ask), web.get("/healthz", well)])
    return app


def main() -> None:
    parser = of_two_forms(__doc__)
    read = parser.parse_args()
    model = tries_once(read.provider, TIMEOUT_S)
    app = application(Assistant(model, Cache(apart=read.resilient)))
    listen(app, read.port)


if __name__ == "__main__":
    main()
