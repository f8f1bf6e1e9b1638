"""Clients that hang up at any moment: what the edge says it forwarded is what the provider accepted, request by request."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter

import pytest

_CLIENTS = 24
_EACH = 15


class _Restless:
    """A client who keeps a connection while it is answered, and hangs up at a moment of its own."""

    def __init__(self, port: int, chance: random.Random, kit) -> None:
        self._port = port
        self._chance = chance
        self._kit = kit
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, numbers: range) -> None:
        try:
            for number in numbers:
                await self._ask_once(number)
        finally:
            self._hang_up()

    async def _ask_once(self, number: int) -> None:
        chance = self._chance
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        padding = b" " * chance.choice([0, 0, 0, 200_000])
        self._writer.write(self._kit.post(b'{"messages":[{"content":"n-%010x"}]}%b' % (number, padding)))
        patience_s = chance.choice([None, 0.0, chance.uniform(0, 0.002), chance.uniform(0, 0.02)])
        try:
            async with asyncio.timeout(patience_s):
                await self._reader.readuntil(b"}}")
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError):
            self._hang_up()

    def _hang_up(self) -> None:
        if self._writer is not None:
            if self._chance.random() < 0.5:
                self._writer.transport.abort()
            self._writer.close()
            self._writer = None


async def _hang_up_everywhere(port: int, seed: int, kit) -> None:
    clients = [_Restless(port, random.Random(seed * 1000 + client), kit) for client in range(_CLIENTS)]
    await asyncio.gather(*(client.ask(range(at * _EACH, (at + 1) * _EACH)) for at, client in enumerate(clients)))
    await asyncio.sleep(0)  # a turn in which what was aborted lets go of its socket


def _agree(wire, provider) -> bool:
    forwarded = Counter(row.nonce for row in wire.arrivals() if row.forwarded_s is not None)
    return forwarded == Counter(_nonces(provider))


def _nonces(provider) -> list[str]:
    return [request.body.partition(b'"content":"')[2][:12].decode() for request in provider.accepted]


@pytest.mark.parametrize("through", ["tap", "edge"])
def test_what_was_forwarded_is_what_was_accepted(wire, provider, kit, through: str) -> None:
    _ask_and_hang_up(wire, provider, kit, through, closes_share=0.0)
    counts = wire.stage.counts()["east"]
    kit.eventually(lambda: len(provider.accepted) == counts.forwarded)
    kit.eventually(lambda: not provider.tasks)
    wire.stage.finish()
    assert _agree(wire, provider), Counter(_nonces(provider)) - Counter(
        row.nonce for row in wire.arrivals() if row.forwarded_s
    )
    if through == "tap":
        assert len(wire.attempts()) >= len(wire.arrivals())


def test_a_provider_that_closes_idle_connections_is_never_asked_twice_for_one_attempt(wire, provider, kit) -> None:
    _ask_and_hang_up(wire, provider, kit, "tap", closes_share=0.3)
    kit.eventually(lambda: not provider.tasks)
    wire.stage.finish()
    # What it closed upon as it was sent was written, and for all that anybody knows read: it is told as closed, and counted once.
    assert not Counter(_nonces(provider)) - Counter(row.nonce for row in wire.arrivals())
    accepted = set(_nonces(provider))
    assert {row.outcome for row in wire.arrivals() if row.nonce not in accepted} <= {"closed", "client_left"}


def _ask_and_hang_up(wire, provider, kit, through: str, *, closes_share: float) -> None:
    """Clients ask through that end of the wire, and a provider closes a share of its idle connections."""
    chance = random.Random(5)

    async def script(request, line) -> None:
        await asyncio.sleep(chance.uniform(0, 0.01))
        line.write(kit.answer())
        if chance.random() < closes_share:
            await asyncio.sleep(chance.uniform(0, 0.004))
            if line.nth == request.nth and not line.halfway:  # idle, as far as the provider knows
                line.close()

    provider.script = script
    asyncio.run(_hang_up_everywhere(wire.tap() if through == "tap" else wire.edge(), seed=1, kit=kit))
    kit.eventually(lambda: len(wire.arrivals()) == wire.stage.counts()["east"].arrivals)
    assert len(wire.arrivals()) > _CLIENTS * _EACH / 2
    assert {row.outcome for row in wire.arrivals()} >= {"complete", "client_left"}
    # A provider that closes while a long request is on its way does not get it whole, and that is told.
    assert {row.outcome for row in wire.arrivals() if row.forwarded_s is None} <= (
        {"closed"} if closes_share else set()
    )


@pytest.mark.parametrize("told", ["finish", "SIGTERM"])
def test_what_is_in_flight_at_the_end_is_counted_exactly_too(wire_process, provider, kit, told: str) -> None:
    async def script(request, line) -> None:
        await asyncio.sleep(0.005)
        line.write(kit.answer())

    async def until_told() -> None:
        asking = asyncio.create_task(_hang_up_everywhere(wire.tap(), seed=2, kit=kit))
        while wire.stage.counts()["east"].arrivals < 40:
            await asyncio.sleep(0.001)
        if told == "finish":
            await asyncio.to_thread(wire.stage.finish)
        else:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 10) == 0
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.sleep(0)

    provider.script = script
    wire, process = wire_process({"east": f"http://127.0.0.1:{provider.port}"})
    asyncio.run(until_told())
    kit.eventually(lambda: _agree(wire, provider))
    assert len({row.nonce for row in wire.attempts()}) > 20


def test_what_the_provider_did_not_take_whole_was_not_forwarded(wire, provider, clients, kit) -> None:
    def stop_reading(line, data: bytes) -> None:
        provider.on_bytes = None
        line.parser.feed_data(data)
        line.transport.pause_reading()

    provider.on_bytes = stop_reading
    client = clients(wire.edge())
    client.socket.setblocking(False)
    client.socket.send(kit.post(bytes(kit.TOO_MUCH)))
    kit.eventually(lambda: provider.lines and provider.lines[0].bytes_in)
    client.leave()
    provider.call(provider.lines[0].transport.resume_reading)
    kit.eventually(lambda: provider.gone == 1)

    assert wire.arrivals() == []  # It never came whole, which the attempt says.
    assert provider.accepted == []
    assert wire.stage.counts()["east"].forwarded == 0
