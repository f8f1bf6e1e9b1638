"""The pool of connections in both its forms, at a server that answers when it is told to: who is given what another one asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from types import SimpleNamespace

import pytest

from harness.reference import pool as pools
from harness.reference.accounts import RECORDS, Asked, record
from harness.reference.pool import Assistant, Pool


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "READ_WITHIN_S", 30.0)


class Store:
    """Answers each GET with the name that was asked for, as long as it is not held."""

    def __init__(self) -> None:
        self.open, self.connections, self.heard = asyncio.Event(), 0, asyncio.Event()
        self.open.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while line := await reader.readline():
                for _ in range(2 * int(line[1:])):
                    said = await reader.readline()
                self.heard.set()
                await self.open.wait()
                writer.write(b"-ERR no such thing\r\n" if said == b"bad\r\n" else b"$%d\r\n%b" % (len(said) - 2, said))
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Store, str]]:
    store = Store()
    server = await asyncio.start_server(store.serve, "127.0.0.1", 0)
    async with server:
        yield store, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def cancelled(pool: Pool, store: Store, name: str) -> None:
    """A read that is given up once the server has heard of it."""
    store.open.clear()
    store.heard.clear()
    reading = asyncio.create_task(pool.say("GET", name))
    await store.heard.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    store.open.set()


@pytest.mark.parametrize(("clean", "told"), [(False, ["ann", "bob"]), (True, ["bob", "eve"])])
def test_after_a_read_that_was_cancelled_the_next_user_is_told_what_was_asked_before_unless_the_connection_is_closed(
    clean, told
):
    async def read() -> list[str]:
        async with listening() as (store, address):
            with closing(Pool(address, clean=clean)) as pool:
                await cancelled(pool, store, "ann")
                return [await pool.say("GET", name) for name in ("bob", "eve")]

    assert asyncio.run(read()) == told


@pytest.mark.parametrize("clean", [False, True])
def test_a_connection_is_kept_after_an_answer_and_closed_after_an_error(clean):
    async def read() -> list[int]:
        async with listening() as (store, address):
            seen = []
            with closing(Pool(address, clean=clean)) as pool:
                for name in ("ann", "bob"):
                    assert await pool.say("GET", name) == name
                    seen.append(store.connections)
                with pytest.raises(ConnectionError, match="-ERR no such thing"):
                    await pool.say("GET", "bad")
                assert await pool.say("GET", "eve") == "eve"
                seen.append(store.connections)
            return seen

    assert asyncio.run(read()) == [1, 1, 2]


class SlowModel:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.answers, self.asked, self.chat = asyncio.Event(), 0, SimpleNamespace(completions=self)

    async def create(self, **_: object) -> object:
        self.asked += 1
        await self.answers.wait()
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="said"))])


@pytest.mark.parametrize(("brief", "reached"), [(False, pools.CONNECTIONS), (True, pools.CONNECTIONS + 3)])
def test_a_slow_provider_uses_up_the_connections_of_who_keeps_one_while_it_waits(brief, reached):
    async def asked() -> tuple[int, list[str | None]]:
        async with listening() as (_, address):
            with closing(Pool(address, clean=True)) as pool:
                model = SlowModel()
                assistant = Assistant(model, pool, brief=brief)  # type: ignore[arg-type] # stands for the SDK's client
                all_of_them = [
                    asyncio.create_task(assistant.answer(Asked("q", "ann"))) for _ in range(pools.CONNECTIONS + 3)
                ]
                while model.asked < reached:
                    await asyncio.sleep(0)
                at_once = model.asked
                model.answers.set()
                return at_once, await asyncio.gather(*all_of_them)

    at_once, answers = asyncio.run(asked())
    assert at_once == reached
    assert answers == ["said"] * (pools.CONNECTIONS + 3)


def test_who_gets_no_connection_in_time_gets_none_and_takes_none_away(monkeypatch):
    monkeypatch.setattr(pools, "READ_WITHIN_S", 0.0)

    async def tried() -> int:
        pool, late = Pool("127.0.0.1:1", clean=True), 0
        for _ in range(2):
            async with AsyncExitStack() as held:
                for _ in range(pools.CONNECTIONS):
                    await held.enter_async_context(pool.place())
                with pytest.raises(TimeoutError):
                    await held.enter_async_context(pool.place())
                late += 1
        return late

    assert asyncio.run(tried()) == 2


def test_a_real_server_keeps_what_it_is_given(stores):
    async def kept() -> list[str]:
        with closing(Pool(stores[0].address, clean=True)) as pool:
            said = [await pool.say("SET", "record:ann", record("ann")), await pool.say("GET", "record:ann")]
            return [*said, await pool.say("GET", "record:nobody")]

    assert asyncio.run(kept()) == ["OK", record("ann"), ""]
    assert len({record(user) for user in RECORDS}) == len(RECORDS)
