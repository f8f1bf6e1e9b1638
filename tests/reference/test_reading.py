"""Which store the resilient assistant reads: east is the primary, west follows it."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.reference import corpus
from harness.reference.reading import NoReading, Reader, Seen
from harness.reference.snapshots import Snapshot, Store


async def publish(server, version: int, *, heartbeat_age_s: float = 0.0) -> None:
    store = Store(server.address, timeout_s=30)
    await store.publish(Snapshot(corpus.NAME, version, server.address), corpus.facts(version))
    await store.close()
    server.say("SET", "heartbeat", time.time() - heartbeat_age_s)


async def read(reader: Reader, at_least: int = 0) -> tuple[str, int]:
    """The address of the store that was read, and its version."""
    reading = await reader.read(corpus.POLICIES[0].id, at_least=at_least)
    return reading.snapshot.hash, reading.snapshot.version


def reading_in(region: str, east: str, west: str, *, timeout_s: float = 5.0) -> Reader:
    return Reader(region, {"east": east, "west": west}, timeout_s=timeout_s)


async def silent() -> tuple[asyncio.Server, list[object]]:
    """A server that takes connections and says nothing, and the list of those it took."""
    taken: list[object] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append(writer)
        await reader.read()
        writer.close()

    return await asyncio.start_server(take, "127.0.0.1", 0), taken


@pytest.mark.parametrize("region", ["east", "west"])
def test_the_own_regions_store_is_read_while_it_is_fresh(stores, stale_s, region):
    async def main() -> None:
        east, west = stores
        await publish(east, 1)
        await publish(west, 1)
        reader = reading_in(region, east.address, west.address)
        assert await read(reader) == ({"east": east, "west": west}[region].address, 1)
        await reader.close()

    asyncio.run(main())


def test_a_replica_whose_heartbeat_is_old_is_passed_over_for_the_primary(stores, stale_s):
    async def main() -> None:
        east, west = stores
        await publish(east, 2)
        await publish(west, 1, heartbeat_age_s=stale_s * 1.5)
        reader = reading_in("west", east.address, west.address)
        assert await read(reader) == (east.address, 2)
        await publish(west, 1, heartbeat_age_s=stale_s * 0.1)
        assert await read(reader) == (west.address, 1), "its twin: a young heartbeat is believed"
        await reader.close()

    asyncio.run(main())


def test_a_replica_behind_what_the_conversation_has_seen_is_passed_over_for_the_primary(stores, stale_s):
    async def main() -> None:
        east, west = stores
        await publish(east, 2)
        await publish(west, 1)
        reader = reading_in("west", east.address, west.address)
        assert await read(reader, at_least=2) == (east.address, 2)
        assert await read(reader, at_least=1) == (west.address, 1)
        with pytest.raises(NoReading, match="version 3"):
            await read(reader, at_least=3)
        await reader.close()

    asyncio.run(main())


def test_a_stale_replica_is_read_when_the_primary_is_gone_unless_newer_has_been_seen(stores, stale_s, free_port):
    async def main() -> None:
        _, west = stores
        await publish(west, 1, heartbeat_age_s=stale_s * 60)
        reader = reading_in("west", f"127.0.0.1:{free_port()}", west.address)
        assert await read(reader, at_least=1) == (west.address, 1)
        with pytest.raises(NoReading):
            await read(reader, at_least=2)
        await reader.close()

    asyncio.run(main())


def test_a_silent_store_is_waited_for_three_times_and_then_left_alone(stores):
    async def main() -> None:
        _, west = stores
        await publish(west, 1)
        server, taken = await silent()
        port = server.sockets[0].getsockname()[1]
        reader = reading_in("east", f"127.0.0.1:{port}", west.address, timeout_s=0.5)
        reader._breakers["east"]._clock = lambda: 0.0  # the time in which it is left alone is not over
        for _ in range(10):
            assert await read(reader) == (west.address, 1)
        assert len(taken) == 3
        await reader.close()
        server.close()

    asyncio.run(main())


def test_a_store_that_was_left_in_the_middle_of_an_answer_gives_the_next_reader_its_own(stores):
    async def main() -> None:
        east, west = stores
        await publish(east, 1)
        reader = reading_in("east", east.address, west.address)
        await read(reader)
        for _ in range(20):
            left = asyncio.create_task(reader.read(corpus.POLICIES[1].id, at_least=0))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            left.cancel()
            reading = await reader.read(corpus.POLICIES[0].id, at_least=0)
            assert reading.fact == corpus.facts(1)[corpus.POLICIES[0].id]
        await reader.close()

    asyncio.run(main())


def test_the_newest_version_of_a_conversation_is_remembered_and_never_sinks():
    seen = Seen()
    seen.saw("one", 2)
    seen.saw("one", 1)
    assert (seen.newest("one"), seen.newest("other")) == (2, 0)
    seen.saw("", 9)
    assert seen.newest("") == 0, "requests without a conversation have nothing in common"
    for other in range(20_000):
        seen.saw(str(other), 1)
    assert seen.newest("one") == 0, "memory is bounded"
