"""A replica of Redis lags where its replication is late, is held where that is silent, and catches up when either is over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from harness.faults.effects import Effect, Late, TapMode, TapShape

LATE_S = 0.3
LATE, HELD = TapShape("replication", Late(LATE_S), "downstream"), TapMode("replication", "silence")
NEVER = TapShape("replication", Late(3600.0), "downstream")


@pytest.fixture
def pair(new_wire, new_redis, kit) -> Iterator[tuple[Any, Any, Any]]:
    """A wire, and a primary and its replica, which follows over the wire and has all by now."""
    primary_port, replica_port = new_redis(), new_redis()
    wire = new_wire({}, others={"replication": "redis"})
    wire.stage.connect_link("replication", primary_port)
    with Redis(port=primary_port) as primary, Redis(port=replica_port) as replica:
        replica.execute_command("REPLICAOF", "127.0.0.1", wire.tap("replication"))
        primary.set("version", 1)
        kit.eventually(lambda: replica.get("version") == b"1", "the replica follows")
        yield wire, primary, replica
        replica.execute_command("REPLICAOF", "NO", "ONE")


def test_what_is_written_comes_to_a_replica_as_late_as_its_replication_is(pair, kit) -> None:
    wire, primary, replica = pair
    wire.stage.inject("f", LATE)
    written_s = time.monotonic()
    primary.set("version", 2)
    kit.eventually(lambda: replica.get("version") == b"2")
    assert time.monotonic() - written_s >= LATE_S


@pytest.mark.parametrize("effect", [NEVER, HELD])
def test_a_replica_that_lagged_or_was_held_catches_up_in_order_once_that_is_over(pair, kit, effect: Effect) -> None:
    wire, primary, replica = pair
    wire.stage.inject("f", effect)
    for version in range(2, 40):
        primary.rpush("versions", version)
    assert replica.lrange("versions", 0, -1) == []
    wire.stage.revert("f", effect)
    kit.eventually(lambda: replica.llen("versions") == 38)
    assert replica.lrange("versions", 0, -1) == [str(version).encode() for version in range(2, 40)]
