"""The provider: answers questions at a provider's pace, and goes on working for clients who have left, as providers do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Literal

import msgspec

from harness.dialects import Occasion, Word, dialects
from harness.simulated_provider import answers, embeddings, tools
from harness.simulated_provider.anthropic_messages import Messages
from harness.simulated_provider.asking import Api, Asked, Completion, Events, Finish, Usage
from harness.simulated_provider.openai_chat import Chat, models
from harness.simulated_provider.openai_responses import Responses
from harness.simulated_provider.pace import Pace, key
from harness.simulated_provider.server import Reply, Request
from harness.simulated_provider.shortage import Shortage, Taken
from harness.simulated_provider.slots import Overloaded, Slots

COUNTS = "/counts"
FAULTS = "/.harness/faults"
"""Where the harness tells it what to do without: PUT and DELETE of one by its name, and GET of how many chats have felt each."""
_EVENT_STREAM = (("content-type", "text/event-stream; charset=utf-8"),)


class ProviderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The target file's `Simulated` as its process is told: JSON with durations in seconds. What is left out is as it is there."""

    capacity: int = 24
    queue: int = 48
    first_token_s: float = msgspec.field(default=0.25, name="first_token")
    sigma: float = 0.35
    tokens: int = 20
    token_gap_s: float = msgspec.field(default=0.015, name="token_gap")
    tools: Literal["ignored", "called"] = "ignored"


class Counts(msgspec.Struct):
    """What became of the questions that came whole; those of which nothing else is said are still worked on.

    *others*: requests that came whole and were no questions, such as embeddings, or a look at which models there are.
    """

    accepted: int = 0
    answered: int = 0
    rejected: int = 0
    abandoned: int = 0
    others: int = 0


_APIS: Mapping[str, Api] = {api.path: api for api in (Chat(), Responses(), Messages())}


class Provider:
    """One simulated provider in *region*: `accept` and `answer` are what `harness.simulated_provider.server.listen` asks for."""

    def __init__(self, settings: ProviderSettings, *, seed: int, region: str) -> None:
        self.counts = Counts()
        self._settings = settings
        self._region = region
        self._shortage = Shortage()
        self._slots = Slots(settings.capacity, settings.queue, lambda: self._shortage.left, self._shortage.short)
        self._pace = Pace(
            seed, first_token_s=settings.first_token_s, token_gap_s=settings.token_gap_s, sigma=settings.sigma
        )

    def accept(self, request: Request) -> None:
        if request.method == "POST" and request.path in _APIS:
            self.counts.accepted += 1
        elif request.path != COUNTS and not request.path.startswith(FAULTS):
            self.counts.others += 1

    async def answer(self, request: Request, reply: Reply) -> None:
        match (request.method, request.path):
            case ("POST", path) if path in _APIS:
                await self._ask(_APIS[path], request, reply)
            case ("POST", embeddings.PATH):
                self._embed(request, reply)
            case ("GET", "/healthz"):
                reply.whole(200, msgspec.json.encode({"region": self._region}))
            case ("GET", path) if path == COUNTS:
                reply.whole(200, msgspec.json.encode(self.counts))
            case ("GET", "/v1/models"):
                reply.whole(200, models(["simulated"]))
            case (method, path) if path.startswith(FAULTS):
                self._told(method, path.removeprefix(FAULTS).strip("/"), request.body, reply)
            case (method, path):
                unknown = Word(404, "invalid_request_error", f"Invalid URL ({method} {path})", "unknown_url")
                _err(reply, "openai", unknown)

    def _told(self, method: str, fault: str, body: bytes, reply: Reply) -> None:
        """What the harness says of a fault."""
        try:
            if method == "PUT" and fault:
                self._shortage.put(fault, msgspec.json.decode(body, type=Taken))
            elif method == "DELETE" and fault:
                self._shortage.drop(fault)
            elif method != "GET":
                reply.whole(405, b'{"error":"PUT or DELETE a fault by its name, or GET all"}')
                return
        except msgspec.DecodeError as problem:
            reply.whole(400, msgspec.json.encode({"error": str(problem)}))
            return
        self._slots.fill()
        reply.whole(200, msgspec.json.encode({"faults": self._shortage.in_force}))

    async def _ask(self, api: Api, request: Request, reply: Reply) -> None:
        try:
            asked = api.read(request.body)
        except msgspec.DecodeError as problem:
            self.counts.rejected += 1
            _err(reply, api.dialect, _unread(problem))
            return
        try:
            async with self._slots:
                await self._work(api, asked, request, reply)
        except Overloaded:
            self.counts.rejected += 1
            _err(reply, api.dialect, dialects[api.dialect].codes["overloaded"])

    def _embed(self, request: Request, reply: Reply) -> None:
        try:
            reply.whole(200, embeddings.embedded(request.body))
        except msgspec.DecodeError as problem:
            _err(reply, "openai", _unread(problem))

    async def _work(self, api: Api, asked: Asked, request: Request, reply: Reply) -> None:
        prompt = answers.read(asked.messages)
        call = tools.call(request.body, prompt.question, prompt.digest) if self._settings.tools == "called" else None
        pieces, finish = self._said(asked, prompt, call)
        usage = Usage(sum(len(message.text) for message in asked.messages) // 4, len(pieces))
        completion = Completion(prompt.digest, int(time.time()), asked.model, self._region, usage.tokens_in)
        slow = self._shortage.slow()
        due_s = [at_s * slow for at_s in self._pace.due_s(key(self._region, request.nonce, prompt.digest), len(pieces))]
        if asked.stream:
            events = api.events(completion, asked)
            await _stream(reply, _events(events, pieces, call), due_s)
            left = reply.gone
            reply.end(events.end(finish, usage))
        else:
            await asyncio.sleep(due_s[-1])
            left = reply.gone
            if call is not None:
                reply.whole(200, api.calling(completion, call, usage))
            else:
                reply.whole(200, api.whole(completion, "".join(pieces), finish, usage))
        if left:
            self.counts.abandoned += 1
        else:
            self.counts.answered += 1

    def _said(self, asked: Asked, prompt: answers.Prompt, call: tools.Call | None) -> tuple[list[str], Finish]:
        """The answer in tokens, and why it ends; those of a *call* are its arguments, which no limit cuts."""
        if call is not None:
            return call.arguments.split(), "tool_calls"
        pieces = answers.pieces(prompt, self._settings.tokens)
        limit = asked.limit or len(pieces)
        return pieces[:limit], "length" if limit < len(pieces) else "stop"


def _events(events: Events, pieces: list[str], call: tools.Call | None) -> list[bytes]:
    """What is written as each of *pieces* is due."""
    if call is not None:
        return [events.call(call), *(b"" for _ in pieces[1:])]
    first, *others = pieces
    return [events.begin() + events.content(first), *map(events.content, others)]


async def _stream(reply: Reply, pieces: list[bytes], due_s: list[float]) -> None:
    """Write each piece when it is due; a client who has left does not end the work."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for index, (piece, at_s) in enumerate(zip(pieces, due_s, strict=True)):
        await asyncio.sleep(began_s + at_s - loop.time())
        if index == 0:
            reply.begin(200, _EVENT_STREAM, piece)
        else:
            reply.piece(piece)


def _unread(problem: msgspec.DecodeError) -> Word:
    return Word(400, "invalid_request_error", f"We could not parse your request: {problem}")


def _err(reply: Reply, dialect: str, word: Word) -> None:
    answer = dialects[dialect].error(word, Occasion())
    reply.whole(answer.status, answer.body)
