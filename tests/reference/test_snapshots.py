from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from harness.reference import corpus
from harness.reference.publisher import Publisher
from harness.reference.snapshots import NothingPublished, Reading, Snapshot, Store

FACT = corpus.POLICIES[0].id


def snapshot(version: int) -> Snapshot:
    return Snapshot(corpus.NAME, version, corpus.content_hash(corpus.facts(version)))


def is_whole(reading: Reading) -> bool:
    """Whether the fact belongs to the version that is said to hold it."""
    version = reading.snapshot.version
    return reading.snapshot == snapshot(version) and reading.fact == corpus.facts(version)[FACT]


def test_what_is_published_is_read_with_its_version(stores):
    async def main() -> None:
        store = Store(stores[0].address, timeout_s=30)
        with pytest.raises(NothingPublished):
            await store.read(FACT)
        assert await store.version() == 0
        published = await Publisher(store).publish()
        reading = await store.read(FACT)
        assert reading.snapshot == published == snapshot(1)
        assert reading.fact == corpus.facts(1)[FACT]
        assert (await store.read("no-such-fact")).fact is None
        await store.close()

    asyncio.run(main())


def test_after_many_asked_at_once_their_connections_are_not_kept(stores):
    async def main() -> None:
        store, looks_on = Store(stores[0].address, timeout_s=30), Redis.from_url(f"redis://{stores[0].address}")
        publisher = Publisher(store)
        await publisher.publish()
        before = (await looks_on.info("clients"))["connected_clients"]
        await asyncio.gather(*(store.read(FACT) for _ in range(60)))
        for _ in range(3):
            assert is_whole(await store.read(FACT))
        async with asyncio.timeout(30):  # the server hears of it a moment later
            while (await looks_on.info("clients"))["connected_clients"] > before:
                pass
        await store.close()
        await looks_on.aclose()

    asyncio.run(main())


def test_no_reader_sees_one_version_and_a_fact_of_another(stores):
    async def main() -> None:
        store, seen, done = Store(stores[0].address, timeout_s=30), [], asyncio.Event()
        publisher = Publisher(store)
        await publisher.begin()

        async def look() -> None:
            while not done.is_set():
                seen.append(await store.read(FACT))

        readers = [asyncio.create_task(look()) for _ in range(4)]
        for _ in range(40):
            await publisher.publish()
        done.set()
        await asyncio.gather(*readers)
        assert all(map(is_whole, seen))
        assert len({reading.snapshot.version for reading in seen}) > 10, "the readers looked while it changed"
        await store.close()

    asyncio.run(main())


def test_a_snapshot_with_facts_of_another_version_would_be_noticed(stores):
    async def main() -> None:
        store = Store(stores[0].address, timeout_s=30)
        changed_in = next(v for v in range(2, 20) if corpus.facts(v)[FACT] != corpus.facts(1)[FACT])
        await store.publish(snapshot(1), corpus.facts(changed_in))
        assert not is_whole(await store.read(FACT))
        await store.close()

    asyncio.run(main())


def test_publishing_begins_once_and_two_at_once_make_two_versions(stores):
    async def main() -> None:
        store = Store(stores[0].address, timeout_s=30)
        publisher = Publisher(store)
        await publisher.begin()
        await publisher.begin()
        assert await store.version() == 1
        published = await asyncio.gather(publisher.publish(), publisher.publish())
        assert sorted(each.version for each in published) == [2, 3]
        await store.close()

    asyncio.run(main())


def test_a_silent_store_is_an_error_and_not_a_wait(free_port):
    async def main() -> None:
        async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
        port = silent.sockets[0].getsockname()[1]
        for address in (f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}"):
            store = Store(address, timeout_s=0.05)
            with pytest.raises(RedisError):
                await store.read(FACT)
            await store.close()
        silent.close()
        await asyncio.sleep(0)  # The server sees its client's end.

    asyncio.run(main())


def test_a_replica_that_is_cut_off_serves_the_old_version_and_its_heartbeat_ages(stores, start, free_port, until):
    primary, replica = stores
    replica.say("REPLICAOF", "127.0.0.1", primary.port)
    port = free_port()
    process = start("harness.reference.publisher", "--port", str(port), "--store", primary.address)

    def ask(path: str, method: str = "GET") -> dict[str, object]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def reading(server) -> Reading | None:
        async def read() -> Reading | None:
            store = Store(server.address, timeout_s=30)
            try:
                return await store.read(FACT)
            except RedisError:  # The replica is still loading, or empty.
                return None
            finally:
                await store.close()

        return asyncio.run(read())

    def version(server) -> int:
        found = reading(server)
        return found.snapshot.version if found else 0

    until(lambda: ask("/healthz"), "the publisher serves")
    assert version(primary) == 1, "it serves once version 1 is published"
    until(lambda: version(replica) == 1, "the replica has version 1")
    until(lambda: reading(replica).heartbeat_age_s < 0.5, "the heartbeat comes through")
    replica.say("REPLICAOF", "127.0.0.1", free_port())
    assert ask("/publish", "POST") == {"version": 2, "hash": snapshot(2).hash}
    assert (version(primary), version(replica)) == (2, 1)
    until(lambda: reading(replica).heartbeat_age_s > 1.0, "the replica's heartbeat is stale")
    until(lambda: reading(primary).heartbeat_age_s < 1.0, "the primary's is fresh all the time")
    replica.say("REPLICAOF", "127.0.0.1", primary.port)
    until(lambda: version(replica) == 2 and reading(replica).heartbeat_age_s < 0.5, "the replica has caught up")
    assert process.poll() is None


def test_a_publisher_whose_store_is_gone_says_so(start, free_port, until, stores):
    port = free_port()
    start("harness.reference.publisher", "--port", str(port), "--store", stores[0].address)
    until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30), "the publisher serves")
    stores[0].say("SET", "snapshot", "not a hash")
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/publish", method="POST"), timeout=30)
