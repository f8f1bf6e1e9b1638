"""A client that says no more and reads on gets its answer; one that has closed has left, although both end what they say alike."""

from __future__ import annotations

import asyncio
import socket

import pytest

from harness.faults.effects import TapMode
from harness.running.wire.half_close import still_listens

SILENCE = TapMode("east", "silence")


def _answering_when_told(kit, provider, data: bytes | None = None) -> asyncio.Event:
    told = asyncio.Event()

    async def script(request, line) -> None:
        await told.wait()
        line.write(data or kit.answer())

    provider.script = script
    return told


def _tell(provider, told: asyncio.Event) -> None:
    provider.call(told.set)


@pytest.mark.parametrize("asked", [1, 3])
def test_who_closes_its_half_gets_all_its_answers_and_then_the_end(wire, provider, clients, kit, asked) -> None:
    told = _answering_when_told(kit, provider)
    client = clients(wire.tap())
    client.say(kit.post() * asked)
    client.socket.shutdown(socket.SHUT_WR)
    kit.eventually(lambda: len(provider.accepted) >= 1)
    _tell(provider, told)
    assert client.hear_all().count(kit.WHOLE) == asked
    assert client.end == "close"
    assert len(provider.accepted) == asked
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"] * asked)
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["complete"] * asked)


@pytest.mark.parametrize("leaves", ["close", "both halves"])
def test_who_closes_all_of_it_has_left_and_the_provider_is_told(wire, provider, clients, kit, leaves) -> None:
    told = _answering_when_told(kit, provider)
    client = clients(wire.tap())
    client.say(kit.post())
    kit.eventually(lambda: len(provider.accepted) == 1)
    if leaves == "close":
        client.leave()
    else:
        client.socket.shutdown(socket.SHUT_RDWR)
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["client_left"])
    kit.eventually(lambda: provider.gone == 1)
    _tell(provider, told)


def test_a_stream_goes_on_to_its_end_for_who_has_closed_its_half(wire, provider, clients, kit) -> None:
    told = asyncio.Event()

    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        await told.wait()
        line.write(b"3\r\ntwo\r\n0\r\n\r\n")

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(b"one")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.silent_for(0.05)
    _tell(provider, told)
    assert client.hear_all().endswith(b"3\r\ntwo\r\n0\r\n\r\n")
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"])


def test_an_answer_that_ends_with_its_connection_ends_it_for_who_has_closed_its_half(
    wire, provider, clients, kit
) -> None:
    async def script(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        line.close()

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    client.socket.shutdown(socket.SHUT_WR)
    assert b"all of it" in client.hear_all()
    assert client.end == "close"
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"])


def test_half_a_request_and_half_a_connection_are_given_up(wire, provider, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(kit.post()[:-5])
    client.socket.shutdown(socket.SHUT_WR)
    assert (client.hear_all(), client.end) == (b"", "close")
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["client_left"])
    assert provider.accepted == []


def test_what_was_held_back_is_delivered_to_who_has_closed_its_half_meanwhile(wire, provider, clients, kit) -> None:
    wire.stage.inject("0", SILENCE)
    client = clients(wire.tap())
    client.say(kit.post())
    client.socket.shutdown(socket.SHUT_WR)
    assert client.silent_for(0.05)
    wire.stage.revert("0", SILENCE)
    assert client.hear_all().endswith(kit.WHOLE)
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"])


def test_who_closes_its_half_and_then_the_rest_is_seen_to_have_left_when_it_is_told_something(
    wire, provider, clients, kit
) -> None:
    big = kit.answer(b"x" * (1 << 22))
    told = _answering_when_told(kit, provider, big)
    client = clients(wire.tap())
    client.say(kit.post())
    client.socket.shutdown(socket.SHUT_WR)
    kit.eventually(lambda: len(provider.accepted) == 1)
    client.leave()
    _tell(provider, told)
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["client_left"])


@pytest.mark.parametrize(
    ("shut", "listens"),
    [(None, False), (socket.SHUT_WR, True), (socket.SHUT_RD, False), (socket.SHUT_RDWR, False), ("close", False)],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1"])
def test_the_kernel_knows_who_still_listens(shut, listens: bool, address: str) -> None:
    class Ends:
        def get_extra_info(self, name: str) -> tuple[str, int]:
            return {"sockname": here.getsockname(), "peername": here.getpeername()}[name]

    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(family) as there:
        there.connect((address, server.getsockname()[1]))
        here, _ = server.accept()
        with here:
            if shut == "close":
                there.close()
            elif shut is not None:
                there.shutdown(shut)
            assert still_listens(Ends()) is listens


def test_of_what_has_no_address_nobody_can_tell() -> None:
    class Nowhere:
        def get_extra_info(self, name: str) -> None:
            return None

    assert still_listens(Nowhere()) is False
