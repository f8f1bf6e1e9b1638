"""``python tests/benchmarks/subscriber.py --port PORT --store URL``: answers from a cache that a Redis store tells what to forget.

What a caching service does (client-side caching, CDC, a bus of invalidations): ten times a second an entry is published as changed, and
whoever hears of it reads it anew. Where messages are lost, it goes on answering from what it has.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness.reference.small_service import listen, well

CHANNEL, EVERY_S = "changed", 0.1


def serve(store: str) -> web.Application:
    heard = {"version": 0}

    async def changes(redis: Redis) -> None:
        version = 0
        while True:
            version += 1
            await redis.publish(CHANNEL, version)
            await asyncio.sleep(EVERY_S)

    async def hears(redis: Redis) -> None:
        async with redis.pubsub(ignore_subscribe_messages=True) as told:
            await told.subscribe(CHANNEL)
            async for message in told.listen():
                heard["version"] = int(message["data"])

    async def beside(_: web.Application) -> AsyncIterator[None]:
        redis = Redis.from_url(store)
        tasks = [asyncio.create_task(_again_and_again(one, redis)) for one in (hears, changes)]
        yield
        for task in tasks:
            task.cancel()
        await redis.aclose()

    async def ask(_: web.Request) -> web.Response:
        return web.json_response({"answer": "Entries are answered from the cache.", "version": heard["version"]})

    app = web.Application()
    app.cleanup_ctx.append(beside)
    app.add_routes([web.get("/healthz", well), web.post("/ask", ask)])
    return app


async def _again_and_again(does: Callable[[Redis], Awaitable[None]], redis: Redis) -> None:
    while True:
        try:
            await does(redis)
        except (RedisError, OSError):
            await asyncio.sleep(EVERY_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", required=True, metavar="URL")
    options = parser.parse_args()
    listen(serve(options.store), options.port)
