"""Real Redis servers, real processes, and a provider that does as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from redis import Redis

from harness.running.free_port import free_port


def until(condition: Callable[[], object], what: str, within_s: float = 30) -> None:
    """Wait for *condition*; an OSError in it means not yet."""
    deadline = time.monotonic() + within_s
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Server:
    """A Redis server."""

    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def say(self, *command: object) -> object:
        with Redis(port=self.port, decode_responses=True) as redis:
            return redis.execute_command(*command)


@pytest.fixture(scope="session")
def _servers(new_redis) -> tuple[Server, Server]:
    return Server(new_redis()), Server(new_redis())


@pytest.fixture
def stores(_servers) -> tuple[Server, Server]:
    """Two empty servers, neither of which follows the other."""
    for server in _servers:
        server.say("REPLICAOF", "NO", "ONE")
        server.say("FLUSHALL")
    return _servers


@pytest.fixture
def stale_s(monkeypatch: pytest.MonkeyPatch) -> float:
    """How old a replica's heartbeat may be: more than any machine takes to read what has just been published."""
    monkeypatch.setattr("harness.reference.reading.STALE_S", 60.0)
    return 60.0


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start ``python -m MODULE ARGUMENTS...``; it ends with the test."""
    with ExitStack() as ends:

        def start_one(*line: str) -> subprocess.Popen[bytes]:
            process = ends.enter_context(subprocess.Popen([sys.executable, "-m", *line], stdout=subprocess.DEVNULL))
            ends.callback(process.terminate)
            return process

        yield start_one


@dataclass
class Stub:
    """A provider that treats its attempts as *script* says, one after the other, and all others as its last word."""

    script: list[str] = field(default_factory=lambda: ["good"])
    headers: dict[str, str] = field(default_factory=dict)  # of what is not good
    attempts: list[dict[str, str]] = field(default_factory=list)  # the headers of each
    prompts: list[str] = field(default_factory=list)  # the last message of each
    left: int = 0  # how many were left by their client
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.attempts.append(dict(request.headers))
        self.prompts.append(body["messages"][-1]["content"])
        word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        try:
            if word == "hang":
                await asyncio.Event().wait()
            if word.isdigit():
                return web.json_response({"error": {"message": word}}, status=int(word), headers=self.headers)
            if word == "too long":
                error = {"message": word, "code": "context_length_exceeded"}
                return web.json_response({"error": error}, status=400, headers=self.headers)
            return await self._stream(request, word) if body.get("stream") else web.json_response(_COMPLETION)
        except asyncio.CancelledError:
            self.left += 1
            raise

    async def _stream(self, request: web.Request, word: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in _EVENTS[word]:
            await response.write(f"data: {event}\n\n".encode())
        if word == "stall":
            await asyncio.Event().wait()
        if word == "close":
            request.transport.close()
        return response


def _chunk(delta: dict[str, str], finish: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return json.dumps({"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [choice]})


_MESSAGE = {"index": 0, "message": {"role": "assistant", "content": "It is 7."}, "finish_reason": "stop"}
_COMPLETION = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [_MESSAGE]}
_BEGIN = [_chunk({"role": "assistant", "content": ""}), _chunk({"content": "It is"})]
_EVENTS = {
    "good": [*_BEGIN, _chunk({"content": " 7."}), _chunk({}, "stop"), "[DONE]"],
    "stall": _BEGIN,
    "close": _BEGIN,
    "truncated": [*_BEGIN, "[DONE]"],
    "length": [*_BEGIN, _chunk({}, "length"), "[DONE]"],
    "empty": [_BEGIN[0], _chunk({}, "stop"), "[DONE]"],
    "broken": [*_BEGIN, '{"choices": ['],
    "error": [*_BEGIN, '{"error": {"message": "The server had an error", "type": "server_error"}}'],
}


@pytest.fixture
def run_with_providers() -> Callable[..., object]:
    """Run an async test with one provider a script, each a list of words; they end with it."""

    def run(test: Callable[..., Awaitable[None]], *scripts: list[str]) -> None:
        async def main() -> None:
            async with AsyncExitStack() as ends:
                stubs = [await ends.enter_async_context(_listening(Stub(script=script))) for script in scripts]
                await asyncio.wait_for(test(*stubs), 20)

        asyncio.run(main())

    return run


@contextlib.asynccontextmanager
async def _listening(stub: Stub) -> AsyncIterator[Stub]:
    app = web.Application()
    app.router.add_post("/v1/chat/completions", stub.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stub
    finally:
        await runner.cleanup()


async def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        await asyncio.sleep(0.005)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., Awaitable[None]]:
    return eventually


@pytest.fixture(name="until")
def _until() -> Callable[..., None]:
    return until


@pytest.fixture(name="free_port")
def _free_port() -> Callable[[], int]:
    return free_port
