"""WebSocket: agreed to as over a direct connection, then bytes both ways, which the tap counts and no rule of an edge touches."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession, web

from harness.faults.effects import EdgeRule, Fail, Late, TapMode, TapShape, Throttle
from harness.running.toxiproxy import ToxiproxyStage

OPEN = (
    b"GET /v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nx-request-id: n-00000000aa\r\n\r\n"
)
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


@pytest.fixture(params=["edge", "Toxiproxy"])
def way(request, wire):
    """A wire whose tap leads straight to its edge, and one with Toxiproxy between them, which knows closes alone."""
    if request.param == "Toxiproxy":
        proxies = ToxiproxyStage(request.getfixturevalue("toxiproxy"), "tunnel-")
        wire.stage.connect_link("east", proxies.open_link("east", f"127.0.0.1:{wire.edge()}")[1])
    return wire


@pytest.fixture
def heads(provider):
    """The heads of requests as they came to a provider that agrees at once, says hello, and then says everything back."""
    heads: list[bytes] = []

    def agree(line, data: bytes) -> None:
        if line.nth:
            line.write(data)
            return
        line.nth = 1
        heads.append(data)
        line.write(AGREED + b"hello")

    provider.on_bytes = agree
    return heads


@pytest.mark.parametrize("pieces", [1, 40])
def test_what_is_said_after_an_upgrade_goes_both_ways_byte_by_byte(wire, heads, clients, kit, pieces: int) -> None:
    client = clients(wire.tap())
    step = -(-len(OPEN) // pieces)
    for at in range(0, len(OPEN), step):
        client.say(OPEN[at : at + step])
    heard = client.hear(b"hello")
    assert heard.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nConnection: Upgrade\r\n" in heard
    assert b"\r\nUpgrade: websocket\r\n" in heard
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in heard
    frames = bytes(range(256)) * 400 + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    client.say(frames)
    assert client.hear_whole(len(heard) + len(frames)).endswith(frames)
    (head,) = heads
    assert b"\r\nUpgrade: websocket\r\n" in head
    assert b"\r\nConnection: Upgrade\r\n" in head
    assert b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in head

    client.leave()
    kit.eventually(wire.arrivals)
    (attempt,), (arrival,) = wire.attempts(), wire.arrivals()
    assert (attempt.outcome, attempt.status, attempt.nonce, attempt.path) == (
        "complete",
        101,
        kit.NONCE,
        "/v1/realtime",
    )
    assert (attempt.bytes_out, attempt.bytes_in) == (len(OPEN) + len(frames), len(heard) + len(frames))
    assert (arrival.outcome, arrival.status, arrival.nonce) == ("complete", 101, kit.NONCE)
    assert attempt.end_s is not None
    assert arrival.forwarded_s is not None


@pytest.mark.parametrize(("end", "outcome"), [("close", "complete"), ("reset", "reset")])
def test_as_the_provider_ends_so_it_ends_for_the_client(way, provider, heads, clients, kit, end, outcome) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    client.hear(b"hello")
    provider.call(getattr(provider.lines[0], end))
    client.hear_all()
    assert client.end == end
    kit.eventually(lambda: [row.outcome for row in way.attempts()] == [outcome])
    kit.eventually(lambda: [row.outcome for row in way.arrivals()] == ["complete"])


@pytest.mark.parametrize("end", ["leave", "reset"])
def test_as_the_client_ends_so_it_ends_for_the_provider(way, provider, heads, clients, kit, end) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    client.hear(b"hello")
    getattr(client, end)()
    kit.eventually(lambda: provider.gone == 1)
    assert isinstance(provider.lines[0].lost_by, ConnectionResetError) == (end == "reset")
    kit.eventually(lambda: [row.outcome for row in way.attempts()] == ["complete"])
    kit.eventually(lambda: [row.outcome for row in way.arrivals()] == ["complete"])


def test_who_says_no_more_is_told_the_rest(way, provider, heads, clients, kit) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    heard = client.hear(b"hello")
    provider.on_eof = lambda line: line.write(b"after your end")
    client.say(b"frames")
    client.socket.shutdown(socket.SHUT_WR)
    assert client.hear(b"after your end") == heard + b"framesafter your end"
    assert client.silent_for(0.05)
    provider.call(provider.lines[0].close)
    client.hear_all()
    assert client.end == "close"
    kit.eventually(lambda: [row.outcome for row in way.attempts()] == ["complete"])
    kit.eventually(lambda: [row.outcome for row in way.arrivals()] == ["complete"])


def test_a_provider_that_says_no_more_is_told_the_rest(way, provider, heads, clients, kit) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    client.hear(b"hello")
    provider.call(provider.lines[0].transport.write_eof)
    client.hear_all()
    assert client.end == "close"
    assert way.attempts() == []
    before = provider.lines[0].bytes_in
    client.say(b"after your end")
    kit.eventually(lambda: provider.lines[0].bytes_in == before + len(b"after your end"))
    client.leave()
    kit.eventually(lambda: provider.gone == 1)
    kit.eventually(lambda: [row.outcome for row in way.attempts()] == ["complete"])


def test_a_provider_that_does_not_agree_is_heard_and_the_connection_goes_on(wire, provider, clients, kit) -> None:
    provider.on_bytes = lambda line, data: line.write(kit.answer(b"no", status=b"403 Forbidden"))
    client = clients(wire.tap())
    for count in (1, 2):
        client.say(OPEN if count == 1 else kit.post())
        client.hear(b"\r\n\r\nno", times=count)
    kit.eventually(lambda: [row.status for row in wire.attempts()] == [403, 403])
    assert len(provider.lines) == 1


def test_a_rule_of_an_edge_touches_the_opening_alone(wire, provider, heads, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(OPEN)
    heard = client.hear(b"hello")
    wire.stage.inject("0", EdgeRule("east", Fail(503)))
    client.say(b"frames")
    assert client.hear_whole(len(heard) + 6).endswith(b"frames")
    late = clients(wire.tap())
    late.say(OPEN)
    assert late.hear(b"\r\n\r\n").startswith(b"HTTP/1.1 503 ")
    wire.stage.revert("0", EdgeRule("east", Fail(503)))
    # One that says something of every answer has nothing to say of this one.
    wire.stage.inject("1", EdgeRule("east", Throttle(requests_per_min=6000, burst=9)))
    limited = clients(wire.tap())
    limited.say(OPEN)
    assert b"ratelimit" not in limited.hear(b"hello")


def test_a_network_fault_meets_what_goes_through(wire, heads, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(OPEN)
    heard = client.hear(b"hello")
    wire.stage.inject("0", TapMode("east", "silence"))
    client.say(b"held")
    wire.stage.revert("0", TapMode("east", "silence"))
    assert client.hear_whole(len(heard) + 4).endswith(b"held")
    wire.stage.inject("1", TapMode("east", "reset"))
    client.hear_all()
    assert client.end == "reset"
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["reset"])


def test_what_is_open_when_the_run_ends_is_unfinished(wire, provider, heads, clients, kit) -> None:
    client = clients(wire.tap())
    client.say(OPEN)
    client.hear(b"hello")
    wire.stage.finish()
    assert [row.outcome for row in wire.arrivals()] == ["unfinished"]
    assert [row.outcome for row in wire.attempts()] == ["unfinished"]
    kit.eventually(lambda: provider.gone == 1)


@pytest.mark.parametrize("ask", [OPEN.replace(b"websocket", b"h2c"), OPEN.replace(b"HTTP/1.1", b"HTTP/1.0")])
def test_another_upgrade_is_not_passed_and_the_request_goes_on_without_it(wire, provider, clients, kit, ask) -> None:
    client = clients(wire.tap())
    client.say(ask)
    client.hear(kit.WHOLE)
    assert not {"upgrade"} & {name.lower() for name, _ in provider.accepted[0].headers}


def test_a_websocket_library_speaks_to_a_server_of_one_over_a_link(new_wire, kit, new_loop) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    async def main() -> list[str]:
        application = web.Application()
        application.add_routes([web.get("/v1/realtime", echo)])
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        wire = new_wire({"east": f"http://127.0.0.1:{runner.addresses[0][1]}"})
        url, heard = f"http://127.0.0.1:{wire.tap()}/v1/realtime", []
        try:
            async with ClientSession() as session, session.ws_connect(url, compress=15) as client:
                for said in ("hello", "x" * 200_000):
                    await client.send_str(said)
                    heard.append(await client.receive_str())
                await client.close()
                assert client.close_code == 1000
        finally:
            await runner.cleanup()
        kit.eventually(lambda: [(row.status, row.outcome) for row in wire.attempts()] == [(101, "complete")])
        return heard

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(main()) == ["HELLO", "X" * 200_000]


def test_a_provider_that_wants_an_upgrade_says_so_through_the_wire(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(status=b"426 Upgrade Required", headers=b"Upgrade: websocket\r\nConnection: Upgrade\r\n"))

    provider.script = script
    client = clients(wire.tap())
    client.say(b"GET /v1/realtime HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    heard = client.hear(kit.WHOLE, times=2)
    assert heard.count(b"Connection: Upgrade\r\nUpgrade: websocket\r\n") == 2
    kit.eventually(lambda: [(row.status, row.outcome) for row in wire.attempts()] == [(426, "complete")] * 2)


HOLDS = [
    TapMode("east", "silence"),
    TapMode("east", "silence", "upstream"),
    TapMode("east", "silence", "downstream"),
    TapShape("east", Late(0.1)),
]


@pytest.mark.parametrize("held", HOLDS, ids=repr)
def test_a_half_close_comes_after_what_a_fault_holds_of_the_client(way, provider, heads, clients, kit, held) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    heard = client.hear(b"hello")
    provider.on_eof = lambda line: line.write(b"after your end")
    way.stage.inject("0", held)
    client.say(b"frames")
    client.socket.shutdown(socket.SHUT_WR)
    if isinstance(held, TapMode):
        assert client.silent_for(0.05)
        way.stage.revert("0", held)
    assert client.hear(b"after your end") == heard + b"framesafter your end"
    provider.call(provider.lines[0].close)
    client.hear_all()
    kit.eventually(lambda: [row.outcome for row in way.attempts()] == ["complete"])


@pytest.mark.parametrize("held", HOLDS, ids=repr)
def test_a_half_close_comes_after_what_a_fault_holds_of_the_provider(way, provider, heads, clients, kit, held) -> None:
    client = clients(way.tap())
    client.say(OPEN)
    heard = client.hear(b"hello")
    way.stage.inject("0", held)
    line = provider.lines[0]
    provider.call(lambda: (line.write(b"frames"), line.transport.write_eof()))
    if isinstance(held, TapMode):
        assert held.streams == "upstream" or client.silent_for(0.05)
        way.stage.revert("0", held)
    assert client.hear_all() == heard + b"frames"
    before = line.bytes_in
    client.say(b"after your end")
    kit.eventually(lambda: line.bytes_in == before + len(b"after your end"))


def test_who_has_said_no_more_before_the_provider_agrees_is_known_to_say_no_more(way, provider, clients, kit) -> None:
    ended: list[bool] = []
    provider.on_bytes = lambda line, data: None
    provider.on_eof = lambda line: ended.append(True)
    client = clients(way.tap())
    client.say(OPEN)
    client.socket.shutdown(socket.SHUT_WR)
    kit.eventually(lambda: bool(provider.lines) and provider.lines[0].bytes_in > 0)
    assert ended == []
    provider.call(lambda: provider.lines[0].write(AGREED + b"hello"))
    client.hear(b"hello")
    kit.eventually(lambda: ended == [True])
    provider.call(provider.lines[0].close)
    client.hear_all()
    assert client.end == "close"
