"""The Redis stores that the harness started: where what they hold is lost, or is not what was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.faults.effects import Damage, Effect, Sight
from harness.problems import HarnessError
from harness.running.keeper.means import Undo
from harness.running.world.places.base import Place, Reach

if TYPE_CHECKING:
    from redis import Redis

_TIMEOUT_S = 5.0
_KEYS_MAX = 10_000
"""A store with more entries than this is not copied, nor poisoned one by one: it would be busy with that, and no longer itself."""


class StorePlace(Place):
    """Makes `Damage` true, on the server itself and past its link. What was lost stays lost; the server ends with the run."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._hit: dict[tuple[str, str], int] = {}
        """How many entries each fault did something to, by fault and link."""
        self._held: dict[tuple[str, str], Mapping[bytes, bytes]] = {}
        """What the store held when a fault began that loses what is written since."""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        return []

    def inject(self, fault: str, effect: Effect) -> None:
        assert isinstance(effect, Damage)
        at = fault, effect.aim
        with self._server(effect) as server:
            match effect.how:
                case "flush":
                    self._hit[at] = int(server.dbsize())
                    server.flushall()
                case "poison":
                    self._hit[at] = _poison(server, effect)
                case "lose_writes":
                    self._hit[at], self._held[at] = 0, _copied(server, effect)

    def revert(self, fault: str, effect: Effect) -> None:
        held = self._held.pop((fault, effect.aim), None)
        if held is not None:
            with self._server(effect) as server:
                _put(server, held)

    def ask(self, fault: str, effect: Effect) -> Sight:
        assert isinstance(effect, Damage)
        at = fault, effect.aim
        held = self._held.get(at)
        if held is not None:
            with self._server(effect) as server:
                now = _copied(server, effect)
            self._hit[at] = sum(now.get(key) != held.get(key) for key in now.keys() | held.keys())
        return Sight(effect.aim, answered=self._hit.get(at, 0), stands=at in self._hit)

    @contextmanager
    def _server(self, effect: Effect) -> Iterator[Redis]:
        # Only who damages a store waits for its client.
        from redis import Redis
        from redis.exceptions import RedisError

        host, port = self._reach.store_addresses[effect.aim]
        try:
            with Redis(host, port, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S) as server:
                yield server
        except RedisError as error:
            raise HarnessError(f"the store behind {effect.aim} refused: {error}") from error


def _poison(server: Redis, effect: Damage) -> int:
    """How many entries say what they should not."""
    keys = _keys(server, effect, effect.key) if "*" in effect.key else [effect.key.encode()]
    for key in keys:
        if effect.field:
            server.hset(key.decode(errors="surrogateescape"), effect.field, effect.value)
        else:
            server.set(key, effect.value, keepttl=True)
    return len(keys)


def _copied(server: Redis, effect: Effect) -> Mapping[bytes, bytes]:
    """All that the store holds, as it tells it; for how long each entry lives is left out."""
    keys = _keys(server, effect, "*")
    with server.pipeline(transaction=False) as asked:
        for key in keys:
            asked.dump(key)
        told = asked.execute()
    return {key: entry for key, entry in zip(keys, told, strict=True) if entry is not None}


def _put(server: Redis, held: Mapping[bytes, bytes]) -> None:
    """Have the store hold that, and nothing else, at once: no reader sees a part of it."""
    with server.pipeline(transaction=True) as asked:
        asked.flushall()
        for key, entry in held.items():
            asked.restore(key, 0, entry)
        asked.execute()


def _keys(server: Redis, effect: Effect, pattern: str) -> list[bytes]:
    found = []
    for key in server.scan_iter(match=pattern, count=1000):
        found.append(key)
        if len(found) > _KEYS_MAX:
            raise HarnessError(
                f"the store behind {effect.aim} has more than {_KEYS_MAX:,} entries like {pattern}; say fewer"
            )
    return found
