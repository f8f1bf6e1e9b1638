"""Which store a fact is read from: the own region's while that answers and is fresh, else another one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping

from redis.exceptions import RedisError

from harness.reference.breaker import Breaker, Outcome
from harness.reference.snapshots import NothingPublished, Reading, Store

STALE_S = 1.0  # four missed heartbeats
_CONVERSATIONS = 20_000


class NoReading(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """No store could be read that is at least at the version asked for."""


class Reader:
    """Reads from *stores*, of which the first is the primary, from within *region*; each has *timeout_s* to answer."""

    def __init__(self, region: str, stores: Mapping[str, str], *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._primary = next(iter(stores))
        nearest = sorted(stores, key=lambda other: (other != region, other != self._primary))
        self._stores = {name: Store(stores[name], timeout_s=timeout_s) for name in nearest}
        self._breakers = {name: Breaker(failures=3, open_s=2.0) for name in nearest}

    async def ready(self) -> None:
        """Return when the nearest store has a snapshot; else raise RedisError. It tells the breakers nothing."""
        await next(iter(self._stores.values())).read(None)

    async def read(self, fact_id: str | None, *, at_least: int) -> Reading:
        """The fact from the nearest store that is fresh; from a stale one only if no fresh one can be reached.

        Never from one behind version *at_least*: then it raises NoReading.
        """
        newest: Reading | None = None
        for name in self._stores:
            reading = await self._try(name, fact_id)
            if reading is None or reading.snapshot.version < at_least:
                continue
            if name == self._primary or reading.heartbeat_age_s <= STALE_S:
                return reading
            if newest is None or reading.snapshot.version > newest.snapshot.version:
                newest = reading
        if newest is None:
            raise NoReading(f"no store could be read that has version {at_least} or a newer one")
        return newest

    async def close(self) -> None:
        for store in self._stores.values():
            await store.close()

    async def _try(self, name: str, fact_id: str | None) -> Reading | None:
        passed = self._breakers[name].admit()
        if passed is None:
            return None
        outcome: Outcome = "neither"
        try:
            async with asyncio.timeout(self._timeout_s):
                reading = await self._stores[name].read(fact_id)
            outcome = "good"
        except NothingPublished:
            outcome = "good"
            return None
        except (RedisError, OSError):  # A TimeoutError is an OSError.
            outcome = "failed"
            return None
        finally:
            self._breakers[name].record(passed, outcome)
        return reading


class Seen:
    """The newest version that each conversation has been shown, for the conversations heard of last."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, int] = OrderedDict()

    def newest(self, conversation: str) -> int:
        """0 when nothing is known of it."""
        return self._versions.get(conversation, 0)

    def saw(self, conversation: str, version: int) -> None:
        if not conversation:
            return
        self._versions[conversation] = max(version, self._versions.pop(conversation, 0))
        if len(self._versions) > _CONVERSATIONS:
            self._versions.popitem(last=False)
