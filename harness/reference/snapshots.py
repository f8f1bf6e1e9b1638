"""The versioned snapshot store on Redis: a reader sees one whole version, with the fact that belongs to it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_SNAPSHOT = "snapshot"
_FACTS = "facts"
_HEARTBEAT = "heartbeat"
_AT_ONCE = 16
"""Where more than so asked at once, as while a store stood still, their connections are closed after it: redis-py keeps all it opened."""


class Snapshot(NamedTuple):
    """Which facts an answer stands on: *version* tells older from newer, *hash* tells two of one version apart."""

    corpus: str
    version: int
    hash: str


class Reading(NamedTuple):
    """One fact (None: there is none of that id), the snapshot it stands in, and the age of the store's heartbeat."""

    snapshot: Snapshot
    fact: str | None
    heartbeat_age_s: float


class NothingPublished(RedisError):  # noqa: N818 - it is an answer, not an error of the program
    """The store answers, but no snapshot has reached it yet."""


class Store:
    """One Redis server that holds the newest snapshot, or follows one that does.

    A call takes at most *timeout_s* to connect and *timeout_s* to be answered, is tried once, and raises RedisError.
    """

    def __init__(self, address: str, *, timeout_s: float) -> None:
        host, _, port = address.rpartition(":")
        self.address = address
        self._redis = Redis(
            host=host,
            port=int(port),
            decode_responses=True,
            protocol=2,  # No HELLO: one round trip less on a new connection.
            socket_timeout=timeout_s,
            socket_connect_timeout=timeout_s,
            retry=Retry(NoBackoff(), 0),
        )
        self._asking = self._asked_at_once = 0

    async def publish(self, snapshot: Snapshot, facts: Mapping[str, str]) -> None:
        """Replace the snapshot and all its facts at once: no reader sees a part of it."""
        async with self._redis.pipeline(transaction=True) as transaction:
            transaction.delete(_SNAPSHOT, _FACTS)
            transaction.hset(_SNAPSHOT, items=_flat(snapshot._asdict()))
            transaction.hset(_FACTS, items=_flat(facts))
            transaction.set(_HEARTBEAT, time.time())
            await transaction.execute()

    async def beat(self) -> None:
        """Sign of life of the primary: it travels with the data, so its age tells how far a replica is behind."""
        await self._redis.set(_HEARTBEAT, time.time())

    async def version(self) -> int:
        """The version that is published here; 0: none."""
        return int(await self._redis.hget(_SNAPSHOT, "version") or 0)

    async def read(self, fact_id: str | None) -> Reading:
        """The fact and its snapshot, read at once; raises NothingPublished, or another RedisError."""
        async with self._counted(), self._redis.pipeline(transaction=True) as transaction:
            transaction.hgetall(_SNAPSHOT)
            transaction.hget(_FACTS, fact_id or "")
            transaction.get(_HEARTBEAT)
            snapshot, fact, beaten_at = await transaction.execute()
        if not snapshot:
            raise NothingPublished(f"no snapshot has been published at {self.address}")
        age_s = time.time() - float(beaten_at or 0)
        return Reading(Snapshot(snapshot["corpus"], int(snapshot["version"]), snapshot["hash"]), fact, age_s)

    async def close(self) -> None:
        await self._redis.aclose()

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._asking += 1
        self._asked_at_once = max(self._asked_at_once, self._asking)
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                most, self._asked_at_once = self._asked_at_once, 0
                if most > _AT_ONCE:
                    await self._redis.connection_pool.disconnect(inuse_connections=False)


def _flat(pairs: Mapping[str, str | int]) -> list[str | int]:
    return [part for pair in pairs.items() for part in pair]
