"""What the small reference services have in common: their command line, bodies that are read or refused, and how they are served."""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Body = TypeVar("Body", bound=msgspec.Struct)


class Served(Protocol):
    """What has to be begun before anybody is answered, and ended afterwards."""

    async def begin(self) -> None: ...

    async def end(self) -> None: ...


def command_line(about: str | None) -> argparse.ArgumentParser:
    """``--port PORT``, of the module that is run, which each adds what it needs to."""
    module = getattr(sys.modules["__main__"].__spec__, "name", "")
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=about)
    parser.add_argument("--port", type=int, required=True)
    return parser


def of_two_forms(about: str | None) -> argparse.ArgumentParser:
    """The same with ``--provider URL``, and ``--resilient`` for the form that holds."""
    parser = command_line(about)
    parser.add_argument("--provider", required=True, metavar="URL")
    parser.add_argument("--resilient", action="store_true")
    return parser


def tries_once(url: str, timeout_s: float) -> AsyncOpenAI:
    """The SDK's client for the provider at *url*, which never tries again by itself, and has imported all that it will need."""
    from harness.reference.assistant import model_client

    model = model_client(url, timeout_s=timeout_s, max_retries=0)
    _ = model.chat.completions  # The SDK imports this when it is first used: 0.2 s, better spent now.
    return model


async def body(request: web.Request, kind: type[Body], what: str = "question") -> Body:
    """What *request* says, as a *kind*; where it is none, raises what answers 400 that it is no *what*."""
    try:
        return msgspec.json.decode(await request.read(), type=kind)
    except msgspec.DecodeError as problem:
        said = msgspec.json.encode({"error": f"the body is no {what}: {problem}"}).decode()
        raise web.HTTPBadRequest(text=said, content_type="application/json") from None


def answering(
    served: Served, kind: type[Body], answer: Callable[[Body], Awaitable[str | None]], none: str
) -> web.Application:
    """``POST /ask``, whose body is a *kind* that gets its *answer*, or 503 and *none* said of it, and ``GET /healthz``."""

    async def ask(request: web.Request) -> web.Response:
        answered = await answer(await body(request, kind))
        if answered is None:
            return web.json_response({"error": none}, status=503)
        return web.json_response({"answer": answered})

    async def serving(_: web.Application) -> AsyncIterator[None]:
        await served.begin()
        yield
        await served.end()

    app = web.Application()
    app.cleanup_ctx.append(serving)
    app.add_routes([web.post("/ask", ask), web.get("/healthz", well)])
    return app


async def well(_: web.Request) -> web.Response:
    """The answer of a health URL behind which nothing can be unwell."""
    return web.json_response({})


def listen(app: web.Application | Coroutine[None, None, web.Application], port: int) -> None:
    """Serve *app* on loopback until told to end; who is being answered then has a tenth of a second."""
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None, shutdown_timeout=0.1)
