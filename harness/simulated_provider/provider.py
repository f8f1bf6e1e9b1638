"""The provider: answers chats at a provider's pace, and goes on working for clients who have left, as providers do."""

from __future__ import annotations

import asyncio
import time

import msgspec

from harness.simulated_provider import answers, openai_format
from harness.simulated_provider.pace import Pace, key
from harness.simulated_provider.server import Reply, Request
from harness.simulated_provider.slots import Overloaded, Slots

CHAT = "/v1/chat/completions"
COUNTS = "/counts"
_EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"),)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `harness.reading.target.Simulated` says, as JSON with its durations in seconds."""

    capacity: int = 24
    queue: int = 48
    first_token_s: float = msgspec.field(default=0.25, name="first_token")
    sigma: float = 0.35
    tokens: int = 20
    token_gap_s: float = msgspec.field(default=0.015, name="token_gap")


class Counts(msgspec.Struct):
    """What became of the chats that came whole; those of which nothing else is said are still worked on.

    *others*: requests that came whole and were no chats, such as a look at which models there are.
    """

    accepted: int = 0
    answered: int = 0
    rejected: int = 0
    abandoned: int = 0
    others: int = 0


class _StreamOptions(msgspec.Struct):
    include_usage: bool = False


class _Chat(msgspec.Struct):
    messages: list[answers.Message]
    model: str = "simulated"
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None


class Provider:
    """One simulated provider in *region*: `accept` and `answer` are what `harness.simulated_provider.server.listen` asks for."""

    def __init__(self, settings: Settings, *, seed: int, region: str) -> None:
        self.counts = Counts()
        self._settings = settings
        self._region = region
        self._slots = Slots(settings.capacity, settings.queue)
        self._pace = Pace(
            seed, first_token_s=settings.first_token_s, token_gap_s=settings.token_gap_s, sigma=settings.sigma
        )

    def accept(self, request: Request) -> None:
        if (request.method, request.path) == ("POST", CHAT):
            self.counts.accepted += 1
        elif request.path != COUNTS:
            self.counts.others += 1

    async def answer(self, request: Request, reply: Reply) -> None:
        match (request.method, request.path):
            case ("POST", path) if path == CHAT:
                await self._chat(request, reply)
            case ("GET", "/healthz"):
                reply.whole(200, msgspec.json.encode({"region": self._region}))
            case ("GET", path) if path == COUNTS:
                reply.whole(200, msgspec.json.encode(self.counts))
            case ("GET", "/v1/models"):
                reply.whole(200, openai_format.models(["simulated"]))
            case (method, path):
                unknown = openai_format.error(f"Invalid URL ({method} {path})", "invalid_request_error", "unknown_url")
                reply.whole(404, unknown)

    async def _chat(self, request: Request, reply: Reply) -> None:
        try:
            chat = msgspec.json.decode(request.body, type=_Chat)
        except msgspec.DecodeError as problem:
            self.counts.rejected += 1
            reply.whole(
                400, openai_format.error(f"We could not parse your request: {problem}", "invalid_request_error")
            )
            return
        try:
            async with self._slots:
                await self._work(chat, request.nonce, reply)
        except Overloaded:
            self.counts.rejected += 1
            reply.whole(503, openai_format.OVERLOADED)

    async def _work(self, chat: _Chat, nonce: str, reply: Reply) -> None:
        prompt = answers.read(chat.messages)
        pieces = answers.pieces(prompt, self._settings.tokens)
        limit = chat.max_completion_tokens or chat.max_tokens or len(pieces)
        finish: openai_format.Finish = "length" if limit < len(pieces) else "stop"
        pieces = pieces[:limit]
        completion = openai_format.Completion(
            f"chatcmpl-{prompt.digest}", int(time.time()), chat.model, f"fp_{self._region}"
        )
        usage = openai_format.Usage(sum(len(message.text) for message in chat.messages) // 4, len(pieces))
        due_s = self._pace.due_s(key(self._region, nonce, prompt.digest), len(pieces))
        if chat.stream:
            with_usage = chat.stream_options is not None and chat.stream_options.include_usage
            chunks = openai_format.Chunks(completion, with_usage=with_usage)
            await _stream(reply, chunks, pieces, due_s)
            left = reply.gone
            reply.end(chunks.end(finish, usage))
        else:
            await asyncio.sleep(due_s[-1])
            left = reply.gone
            reply.whole(200, openai_format.whole(completion, "".join(pieces), finish, usage))
        if left:
            self.counts.abandoned += 1
        else:
            self.counts.answered += 1


async def _stream(reply: Reply, chunks: openai_format.Chunks, pieces: list[str], due_s: list[float]) -> None:
    """Write each piece when it is due; a client who has left does not end the work."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for index, (piece, at_s) in enumerate(zip(pieces, due_s, strict=True)):
        await asyncio.sleep(began_s + at_s - loop.time())
        if index == 0:
            reply.begin(200, _EVENT_STREAM, chunks.role() + chunks.content(piece))
        else:
            reply.piece(chunks.content(piece))
