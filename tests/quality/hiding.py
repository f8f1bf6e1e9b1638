"""An AI service that hides what is wrong with it: ``python hiding.py --port PORT --way WAY --providers URL...``.

Each way is one that a well-meant service might take; `elsewhere` is the one that copes. ``POST /ask`` answers a question.
"""

from __future__ import annotations

import argparse
import asyncio
import mmap
import os
import re
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web
from openai import APIError, AsyncOpenAI, DefaultAsyncHttpxClient, RateLimitError

PATIENCE_S = 0.3
AWAY_S = 0.4  # for how long a provider that failed is left alone
WORK_S, ROOM_BYTES = 0.015, 400_000_000
PLEASE_WAIT = "Thank you for your patience, your question is being worked on."

Provider = Callable[[str], Awaitable[str]]
Way = Callable[[str], Awaitable[str]]


def provider(url: str, *, sdk_retries: int = 0, checks: bool = True) -> Provider:
    """Asks the provider at *url* through the SDK, which itself tries again *sdk_retries* times; *checks* its certificate, if it has one."""
    # No certificates but those of the run, since others take their time to load, and no proxy of the environment's.
    whom = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not checks:
        whom.check_hostname, whom.verify_mode = False, ssl.CERT_NONE
    elif "TRUSTED" in os.environ:
        whom.load_verify_locations(os.environ["TRUSTED"])
    http_client = DefaultAsyncHttpxClient(trust_env=False, verify=whom)
    client = AsyncOpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=sdk_retries, http_client=http_client)

    # What the SDK imports for it takes long on a busy machine, and would be taken from the patience of the first who asks.
    completions = client.chat.completions

    async def ask(question: str) -> str:
        completion = await completions.create(model="any", messages=[{"role": "user", "content": question}])
        return completion.choices[0].message.content or ""

    return ask


def trusting(url: str) -> Way:
    """Hides nothing, and copes with nothing."""
    return provider(url)


def apologising(url: str) -> Way:
    """Says something friendly when the provider is late."""
    return _in_time_or_else(provider(url), PLEASE_WAIT)


def silent(url: str) -> Way:
    """Says nothing when the provider is late, and calls it an answer."""
    return _in_time_or_else(provider(url), "")


def insisting(url: str) -> Way:
    """Asks until it is not limited any more, so that users only wait a little."""
    return _until_not_limited(provider(url), lambda question: question)


def anonymous(url: str) -> Way:
    """As `insisting`, but what it asks again carries no mark of the request that it belongs to."""
    return _until_not_limited(provider(url), partial(re.sub, r"\s*\[n-\w+\]", ""))


def nested(url: str) -> Way:
    """Tries again around an SDK that tries again."""
    ask = provider(url, sdk_retries=1)

    async def answer(question: str) -> str:
        for _ in range(3):
            with suppress(APIError):
                return await ask(question)
        return await ask(question)

    return answer


def misremembering(url: str) -> Way:
    """Answers out of its memory when the provider is away, whatever it was that it had been asked."""
    ask, remembered = provider(url), [PLEASE_WAIT]

    async def answer(question: str) -> str:
        with suppress(APIError, TimeoutError):
            remembered[0] = await asyncio.wait_for(ask(question), PATIENCE_S)
        return remembered[0]

    return answer


def hoarding(_url: str) -> Way:
    """Knows every answer already, and never asks."""

    async def answer(question: str) -> str:
        return f"The answer is {len(question)}."

    return answer


def computing(url: str) -> Way:
    """Works a while on each question before it asks, and does nothing else meanwhile."""
    ask = provider(url)

    async def answer(question: str) -> str:
        began_s = time.process_time()
        while time.process_time() < began_s + WORK_S:
            pass
        return await ask(question)

    return answer


def spacious(url: str) -> Way:
    """Sets much memory aside for each question, and gives it back at once: whenever it is held to what it has, it has none of that."""
    ask = provider(url)

    async def answer(question: str) -> str:
        mmap.mmap(-1, ROOM_BYTES).close()
        return await ask(question)

    return answer


def careless(url: str) -> Way:
    """Takes whoever answers for its provider."""
    return provider(url, checks=False)


def excusing(url: str) -> Way:
    """Looks up the provider for each question, and says something friendly where that comes to nothing."""
    look_up = _by_name(url)

    async def answer(question: str) -> str:
        try:
            ask = await look_up()
        except OSError:
            return PLEASE_WAIT
        return await ask(question)

    return answer


def pinning(url: str) -> Way:
    """Looks up the provider once, and never again."""
    look_up, found = _by_name(url), list[Provider]()

    async def answer(question: str) -> str:
        if not found:
            found.append(await look_up())
        return await found[0](question)

    return answer


def remembering(url: str) -> Way:
    """Copes: looks up the provider for each question, and goes on where it was where that comes to nothing."""
    look_up, found = _by_name(url), dict[str, Provider]()

    async def answer(question: str) -> str:
        with suppress(OSError):
            found["last"] = await look_up()
        return await found["last"](question)

    return answer


def _by_name(url: str) -> Callable[[], Awaitable[Provider]]:
    """Finds out where the provider at *url* is, by the resolver that the environment names, and asks it there."""
    from harness.reference.names import Lookups

    parts, lookups, known = urlsplit(url), Lookups(os.environ["RESOLVER"], PATIENCE_S), dict[str, Provider]()

    async def look_up() -> Provider:
        (address,) = await lookups.addresses(parts.hostname or "")
        if address not in known:
            known[address] = provider(f"http://{address}:{parts.port}")
        return known[address]

    return look_up


def elsewhere(url: str, other_url: str) -> Way:
    """Copes: one try, then the other provider; one request at a time finds out whether the first is back."""
    ask, ask_other = provider(url), provider(other_url)
    now_s, away_until_s = asyncio.get_running_loop().time, [0.0]

    async def answer(question: str) -> str:
        if now_s() >= away_until_s[0]:
            if away_until_s[0]:
                away_until_s[0] = now_s() + PATIENCE_S
            with suppress(APIError, TimeoutError):
                text = await asyncio.wait_for(ask(question), PATIENCE_S)
                away_until_s[0] = 0.0
                return text
            away_until_s[0] = now_s() + AWAY_S
        return await ask_other(question)

    return answer


WAYS = {
    way.__name__: way
    for way in (
        trusting,
        apologising,
        silent,
        insisting,
        anonymous,
        nested,
        misremembering,
        hoarding,
        computing,
        spacious,
        careless,
        excusing,
        pinning,
        remembering,
        elsewhere,
    )
}


def _in_time_or_else(ask: Provider, otherwise: str) -> Way:
    async def answer(question: str) -> str:
        with suppress(TimeoutError):
            return await asyncio.wait_for(ask(question), PATIENCE_S)
        return otherwise

    return answer


def _until_not_limited(ask: Provider, again: Callable[[str], str]) -> Way:
    async def answer(question: str) -> str:
        while True:
            with suppress(RateLimitError):
                return await ask(question)
            question = again(question)
            await asyncio.sleep(0.1)

    return answer


async def application(way: str, urls: list[str]) -> web.Application:
    answer = WAYS[way](*urls)

    async def ask(request: web.Request) -> web.Response:
        return web.json_response({"answer": await answer((await request.json())["question"])})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/ask", ask), web.get("/healthz", healthz)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="hiding.py", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--way", choices=WAYS, required=True)
    parser.add_argument("--providers", nargs="+", required=True)
    options = parser.parse_args()
    app = application(options.way, options.providers)
    web.run_app(app, host="127.0.0.1", port=options.port, shutdown_timeout=0.1, print=None, access_log=None)


if __name__ == "__main__":
    main()
