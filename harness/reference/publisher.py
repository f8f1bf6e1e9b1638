"""``python -m harness.reference.publisher``: publishes the snapshots, and gives the primary store its heartbeat."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web
from redis.exceptions import RedisError

from harness.reference import corpus
from harness.reference.snapshots import Snapshot, Store

HEARTBEAT_S = 0.25


class Publisher:
    """The one writer of *store*, the primary."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """Publish version 1, unless there is one already."""
        if await self._store.version() == 0:
            await self.publish()

    async def publish(self) -> Snapshot:
        """Publish the next version; it returns once the primary has it. Replicas follow by themselves."""
        async with self._turn:
            version = await self._store.version() + 1
            facts = corpus.facts(version)
            snapshot = Snapshot(corpus.NAME, version, corpus.content_hash(facts))
            await self._store.publish(snapshot, facts)
            return snapshot

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            with contextlib.suppress(RedisError):  # A store that is away misses beats; that is what they tell.
                await self._store.beat()
            await asyncio.sleep(HEARTBEAT_S)


def application(store: Store) -> web.Application:
    """``POST /publish`` and ``GET /healthz``; it listens once version 1 is published."""
    publisher = Publisher(store)

    async def publish(_: web.Request) -> web.Response:
        try:
            snapshot = await publisher.publish()
        except RedisError as problem:
            return web.json_response({"error": f"the primary store took no snapshot: {problem}"}, status=503)
        return web.json_response({"version": snapshot.version, "hash": snapshot.hash})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def running(_: web.Application) -> AsyncIterator[None]:
        await publisher.begin()
        beating = asyncio.create_task(publisher.beat())
        yield
        beating.cancel()
        await store.close()

    app = web.Application()
    app.cleanup_ctx.append(running)
    app.add_routes([web.post("/publish", publish), web.get("/healthz", healthz)])
    return app


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m harness.reference.publisher", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--store", required=True, metavar="HOST:PORT", help="the primary")
    options = parser.parse_args()
    app = application(Store(options.store, timeout_s=2.0))
    web.run_app(app, host="127.0.0.1", port=options.port, shutdown_timeout=0.1, print=None, access_log=None)


if __name__ == "__main__":
    main()
