"""What both assistants have in common: their command line, their HTTP API, and how a fact is put into the prompt."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec
from aiohttp import web
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from openai.types.chat import ChatCompletionMessageParam
from redis.exceptions import RedisError

from harness.reference.chance import Chance, of_request
from harness.reference.snapshots import Snapshot

MODEL = "simulated"
PROMPT_VERSION = "policies-1"
"""Of `prompt`: who changes its words gives it another one."""


class Ask(msgspec.Struct, frozen=True):
    """One question; *seen_version* is the newest snapshot version that the client's conversation has been shown."""

    question: str
    conversation: str = ""
    seen_version: int | None = None


class Answer(NamedTuple):
    """What was answered, and the *source* that was retrieved for it; None: no fact was of use."""

    text: str
    snapshot: Snapshot
    source: str | None
    fact: str | None


class Unanswered(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """The assistant gave up; the message says why."""


class Assistant(Protocol):
    """What answers questions behind the HTTP API."""

    async def ready(self) -> None:
        """Return when a question could be answered; raise RedisError when not yet."""

    async def answer(self, ask: Ask) -> Answer:
        """Answer, or raise Unanswered."""

    async def close(self) -> None: ...


class Options(NamedTuple):
    """The command line: *providers* and *stores* by region; the first store is the primary, the others follow it.

    What is left to chance hangs on the *seed*.
    """

    port: int
    region: str
    providers: Mapping[str, str]
    stores: Mapping[str, str]
    seed: int = 0
    host: str = "127.0.0.1"


def options(module: str, about: str | None, arguments: Sequence[str] | None = None) -> Options:
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--providers", nargs="+", type=_pair, required=True, metavar="REGION=URL")
    parser.add_argument(
        "--stores", nargs="+", type=_pair, required=True, metavar="REGION=HOST:PORT", help="primary first"
    )
    parser.add_argument("--seed", type=int, default=0, help="what is left to chance, such as how long a wait is")
    parser.add_argument("--host", default="127.0.0.1", help="the address that it listens on; 0.0.0.0: every one")
    read = parser.parse_args(arguments)
    providers, stores = dict(read.providers), dict(read.stores)
    for name, known in (("--providers", providers), ("--stores", stores)):
        if read.region not in known:
            parser.error(f"--region {read.region!r} is not among the regions of {name}: {', '.join(known)}")
    return Options(read.port, read.region, providers, stores, read.seed, read.host)


class _Model(AsyncOpenAI):
    """The SDK's client, whose waits before it tries again hang on the request that it tries for, and not on which others wait, too."""

    def _calculate_retry_timeout(self, *args: Any, **kwargs: Any) -> float:
        with of_request():
            return super()._calculate_retry_timeout(*args, **kwargs)


def model_client(url: str, *, timeout_s: float, max_retries: int) -> AsyncOpenAI:
    """The SDK's client for the provider at *url*, past any proxy that the environment names."""
    return _Model(
        base_url=f"{url.rstrip('/')}/v1",
        api_key="unused",
        timeout=timeout_s,
        max_retries=max_retries,
        http_client=DefaultAsyncHttpxClient(trust_env=False, verify=_certificates()),
    )


def prompt(question: str, fact: str | None) -> list[ChatCompletionMessageParam]:
    """The messages for *question*, which stands in them unchanged, with the retrieved *fact* as context."""
    context = f"Context:\n- {fact}\n\n" if fact else ""
    return [
        {"role": "system", "content": "Answer from the context, in one sentence."},
        {"role": "user", "content": f"{context}Question: {question}"},
    ]


def application(assistant: Assistant, region: str) -> web.Application:
    """``POST /ask``, and ``GET /healthz``, which is 200 once a question could be answered."""
    ready = asyncio.Event()

    async def ask(request: web.Request) -> web.Response:
        try:
            asked = msgspec.json.decode(await request.read(), type=Ask)
        except msgspec.DecodeError as problem:
            return _error(400, f"the body is no question: {problem}")
        try:
            answer = await assistant.answer(asked)
        except Unanswered as problem:
            return _error(503, str(problem))
        return web.json_response(
            {
                "answer": answer.text,
                "snapshot": answer.snapshot._asdict(),
                "prompt_version": PROMPT_VERSION,
                "sources": [answer.source] if answer.source else [],
                "context": answer.fact or "",
                "conversation": asked.conversation,
                "region": region,
            }
        )

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"region": region}) if ready.is_set() else _error(503, "not ready yet")

    async def running(_: web.Application) -> AsyncIterator[None]:
        becoming = asyncio.create_task(_become_ready(assistant, ready))
        yield
        becoming.cancel()
        await assistant.close()

    app = web.Application()
    app.cleanup_ctx.append(running)
    app.add_routes([web.post("/ask", ask), web.get("/healthz", healthz)])
    return app


def serve(assistant: Assistant, on: Options, *, ends_with_its_caller: bool) -> None:
    """Serve until told to end; *ends_with_its_caller*: work for a client who has left is cancelled."""
    Chance(on.seed, on.region).seed_the_rest()
    web.run_app(
        application(assistant, on.region),
        host=on.host,
        port=on.port,
        handler_cancellation=ends_with_its_caller,
        shutdown_timeout=0.1,
        print=None,
        access_log=None,
    )


# Loading the certificates takes 30 ms, and is the same for every client.
_certificates = cache(ssl.create_default_context)


async def _become_ready(assistant: Assistant, ready: asyncio.Event) -> None:
    while not ready.is_set():
        with contextlib.suppress(RedisError):
            await assistant.ready()
            ready.set()
            return
        await asyncio.sleep(0.05)


def _pair(written: str) -> tuple[str, str]:
    region, equals, address = written.partition("=")
    if not (region and equals and address):
        raise argparse.ArgumentTypeError(f"{written!r} is not REGION=ADDRESS, such as east=127.0.0.1:6379")
    return region, address


def _error(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message}}, status=status)
