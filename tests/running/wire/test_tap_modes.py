"""What a client's own socket sees while a link is silent or reset, and what becomes of it when that ends; on HTTP, Redis and bare TCP."""

from __future__ import annotations

import socket
from typing import Literal

import pytest

from harness.faults.effects import OpenConnections, TapMode

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

CARRIES = ["http", "redis", "tcp"]
RESET = TapMode("east", "reset")
ASKED = {"http": b"", "redis": b"*1\r\n$4\r\nPING\r\n", "tcp": b"hello"}
ECHOED = {"http": b":3}}", "redis": b"PING\r\n", "tcp": b"hello"}


def silence(streams: Literal["both", "upstream", "downstream"] = "both", then: OpenConnections = "deliver") -> TapMode:
    return TapMode("east", "silence", streams, then)


@pytest.fixture(params=CARRIES)
def carries(request) -> str:
    return request.param


@pytest.fixture
def tapped(new_wire, provider, kit, carries):
    """A wire whose one tap dials a provider itself, which answers over HTTP, and says back what it hears else."""
    if carries == "http":
        wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
    else:
        wire = new_wire({}, others={"east": carries})
        provider.on_bytes = lambda line, data: line.write(data)
    wire.stage.connect_link("east", provider.port)
    return wire


@pytest.fixture
def ask(kit, carries):
    return ASKED[carries] or kit.post()


def _reached(provider) -> int:
    return sum(line.bytes_in for line in provider.lines)


def _said_until_it_has_to_wait(connection: socket.socket, data: bytes) -> int:
    """How many bytes of *data* can be said before nothing more is taken."""
    connection.settimeout(0.2)
    said = 0
    try:
        while said < len(data):
            said += connection.send(data[said : said + 65536])
    except TimeoutError:
        return said
    raise AssertionError("all of it was taken")


# Silence


@pytest.mark.parametrize("streams", ["both", "upstream", "downstream"])
def test_what_was_held_is_delivered_when_a_silence_ends_to_who_was_there_and_to_who_came(
    tapped, provider, clients, kit, carries, ask, streams
) -> None:
    there = clients(tapped.tap())
    there.say(ask)
    there.hear(ECHOED[carries])
    reached = _reached(provider)
    tapped.stage.inject("0", silence(streams))
    there.say(ask)
    came = clients(tapped.tap())
    came.say(ask)
    assert there.silent_for(0.05)
    assert came.silent_for(0.05)
    if streams == "downstream":
        kit.eventually(lambda: _reached(provider) == reached + 2 * len(ask))
    else:
        assert _reached(provider) == reached
        assert len(provider.lines) == 1

    tapped.stage.revert("0", silence(streams))
    there.hear(ECHOED[carries], times=2)
    came.hear(ECHOED[carries])
    came.say(ask)
    came.hear(ECHOED[carries], times=2)


def test_an_answer_under_way_stops_in_a_silence_and_goes_on_whole(new_wire, provider, clients, kit) -> None:
    async def begin(request, line) -> None:
        line.write(kit.answer()[:40])

    provider.script = begin
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
    wire.stage.connect_link("east", provider.port)
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear_whole(40)
    wire.stage.inject("0", silence())
    provider.call(lambda: provider.lines[0].write(kit.answer()[40:]))
    assert client.silent_for(0.05)
    wire.stage.revert("0", silence())
    assert client.hear_whole(len(kit.answer())) == kit.answer()
    kit.eventually(lambda: [row.outcome for row in wire.attempts()] == ["complete"])


def test_more_than_is_kept_waits_with_its_client_and_none_of_it_is_lost(
    tapped, provider, clients, carries, kit
) -> None:
    provider.on_bytes = lambda line, data: None
    tapped.stage.inject("0", silence())
    client = clients(tapped.tap())
    request = kit.post(bytes(kit.TOO_MUCH))
    sent = _said_until_it_has_to_wait(client.socket, request)
    tapped.stage.revert("0", silence())
    client.socket.settimeout(10)
    client.socket.sendall(request[sent:])
    kit.eventually(lambda: _reached(provider) == len(request))


def test_the_end_of_the_far_side_is_news_that_a_silence_swallows_too(
    tapped, provider, clients, kit, carries, ask
) -> None:
    client = clients(tapped.tap())
    client.say(ask)
    client.hear(ECHOED[carries])
    tapped.stage.inject("0", silence())
    provider.call(provider.lines[0].close)
    kit.eventually(lambda: provider.gone == 1)
    assert client.silent_for(0.05)
    tapped.stage.revert("0", silence())
    client.hear_all()
    assert client.end == "close"


def test_after_a_silence_that_resets_who_used_it_is_reset_and_who_did_not_goes_on(
    tapped, provider, clients, kit, carries, ask
) -> None:
    idle, used = clients(tapped.tap()), clients(tapped.tap())
    for client in (idle, used):
        client.say(ask)
        client.hear(ECHOED[carries])
    tapped.stage.inject("0", silence(then="reset"))
    born = clients(tapped.tap())
    used.say(ask)
    assert used.silent_for(0.05)
    tapped.stage.revert("0", silence(then="reset"))
    for client in (born, used):
        client.hear_all()
        assert client.end == "reset"
    idle.say(ask)
    idle.hear(ECHOED[carries], times=2)


def test_after_a_silence_that_holds_who_used_it_hears_nothing_more_and_who_comes_does(
    tapped, provider, clients, kit, carries, ask
) -> None:
    used = clients(tapped.tap())
    used.say(ask)
    used.hear(ECHOED[carries])
    reached = _reached(provider)
    tapped.stage.inject("0", silence(then="hold"))
    born = clients(tapped.tap())
    for client in (used, born):
        client.say(ask)
        assert client.silent_for(0.02)
    tapped.stage.revert("0", silence(then="hold"))
    for client in (used, born):
        client.say(ask)
        assert client.silent_for(0.05)
    assert _reached(provider) == reached
    late = clients(tapped.tap())
    late.say(ask)
    late.hear(ECHOED[carries])
    used.leave()
    kit.eventually(lambda: provider.lines[0].gone.is_set())


def test_of_two_silences_the_last_one_to_end_lets_go(tapped, clients, carries, ask) -> None:
    for fault in "01":
        tapped.stage.inject(fault, silence())
    client = clients(tapped.tap())
    client.say(ask)
    tapped.stage.revert("0", silence())
    assert client.silent_for(0.05)
    tapped.stage.revert("1", silence())
    client.hear(ECHOED[carries])


def test_who_leaves_in_a_silence_takes_along_what_was_held(tapped, provider, clients, kit, carries, ask) -> None:
    tapped.stage.inject("0", silence())
    client = clients(tapped.tap())
    client.say(ask)
    assert client.silent_for(0.02)
    client.leave()
    if carries == "http":
        kit.eventually(lambda: [row.outcome for row in tapped.attempts()] == ["client_left"])
    tapped.stage.revert("0", silence())
    late = clients(tapped.tap())
    late.say(ask)
    late.hear(ECHOED[carries])
    assert _reached(provider) == len(ask)


# Reset


@pytest.mark.parametrize("state", ["idle", "waiting", "answering"])
def test_reset_resets_what_is_open_an_answer_under_way_too(tapped, provider, clients, kit, carries, ask, state) -> None:
    async def begin(request, line) -> None:
        line.write(kit.answer()[:40] if state != "waiting" else b"")

    client = clients(tapped.tap())
    if state == "idle":
        kit.eventually(lambda: provider.lines)
    else:
        provider.script = begin
        if carries != "http":
            provider.on_bytes = lambda line, data: line.write(b"" if state == "waiting" else data)
        client.say(ask)
        kit.eventually(lambda: _reached(provider) == len(ask))
        if state == "answering":
            client.hear_whole(40 if carries == "http" else len(ask))

    tapped.stage.inject("0", RESET)

    client.hear_all()
    assert client.end == "reset"
    kit.eventually(lambda: provider.gone == 1)


def test_while_a_link_is_reset_who_comes_is_reset_once_it_has_asked_and_that_is_seen(
    tapped, provider, clients, kit, carries, ask
) -> None:
    tapped.stage.inject("0", RESET)
    for _ in range(3):
        client = clients(tapped.tap())
        client.say(ask)
        assert (client.hear_all(), client.end) == (b"", "reset")
    assert provider.lines == []
    counts = tapped.stage.counts()["east"]
    assert (counts.connections, counts.bytes_out) == (3, 3 * len(ask))
    assert counts.attempts == (3 if carries == "http" else 0)
    assert counts.commands == (3 if carries == "redis" else 0)

    tapped.stage.revert("0", RESET)
    client = clients(tapped.tap())
    client.say(ask)
    client.hear(ECHOED[carries])


@pytest.mark.parametrize("mode", ["refuse", "reset", "silence"])
def test_a_look_sees_what_clients_see_and_is_counted_nowhere(tapped, clients, carries, ask, mode) -> None:
    def look(waits_s: float = 30.0) -> str:
        try:
            client = clients(tapped.probe())
            client.say(ask)
        except ConnectionRefusedError:
            return "refused"
        except ConnectionError:
            return "reset"
        if client.silent_for(waits_s):
            return "silent"
        return client.end or "answered"

    assert look() == "answered"
    tapped.stage.inject("0", TapMode("east", mode))
    assert tapped.stage.counts()["east"].in_force == ("0",)
    assert (
        look(0.2 if mode == "silence" else 30.0) == {"refuse": "refused", "reset": "reset", "silence": "silent"}[mode]
    )
    tapped.stage.revert("0", TapMode("east", mode))
    assert tapped.stage.counts()["east"].in_force == ()
    assert look() == "answered"
    counts = tapped.stage.counts()["east"]
    assert (counts.attempts, counts.connections, counts.bytes_out, counts.bytes_in, counts.commands) == (0, 0, 0, 0, 0)


# What passes


def test_what_passes_is_counted_by_link_and_time(tapped, clients, kit, carries, ask) -> None:
    for times in (1, 2):
        client = clients(tapped.tap())
        for time in range(times):
            client.say(ask)
            client.hear(ECHOED[carries], times=time + 1)
    heard = tapped.stage.counts()["east"].bytes_in
    tapped.stage.finish()
    rows = tapped.traffic()
    assert {row.link for row in rows} == {"east"}
    assert [row.start_s for row in rows] == sorted(row.start_s for row in rows)
    assert len({row.start_s for row in rows}) == len(rows)
    assert sum(row.connections for row in rows) == 2
    assert sum(row.bytes_out for row in rows) == 3 * len(ask)
    assert sum(row.bytes_in for row in rows) == heard > 0
    assert sum(row.commands for row in rows) == (3 if carries == "redis" else 0)
    assert sum(row.housekeeping for row in rows) == (3 if carries == "redis" else 0)  # PING


def test_where_nothing_passes_there_is_no_row(tapped) -> None:
    tapped.stage.finish()
    assert tapped.traffic() == []
