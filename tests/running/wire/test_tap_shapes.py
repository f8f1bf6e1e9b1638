"""What a client's own socket sees of a link that is late, slow, cut in slices or cut off, and that all is well once that is over."""

from __future__ import annotations

import asyncio
import time

import pytest

from harness.faults.effects import CutAfter, Drawn, Late, LateEnd, Narrow, Shape, Sliced, TapMode, TapShape
from harness.faults.requests import Ramp, draw
from harness.running.wire import WireError
from harness.running.wire.tap.lane import InForce, Lane

HELLO = b"hello, and a few bytes more"


def shaped(shape: Shape, streams="both", share: float = 1.0) -> TapShape:
    return TapShape("east", shape, streams, share)


@pytest.fixture
def tapped(new_wire, provider):
    """A wire whose one tap dials a provider that says back what it hears."""
    wire = new_wire({}, others={"east": "tcp"})
    provider.on_bytes = lambda line, data: line.write(data)
    wire.stage.connect_link("east", provider.port)
    return wire


def _took_s(client, data: bytes, times: int) -> float:
    began_s = time.monotonic()
    client.say(data)
    client.hear(data, times=times)
    return time.monotonic() - began_s


def _done_to(wire, fault: str = "0") -> int:
    return wire.stage.counts()["east"].by_fault.get(fault, 0)


@pytest.mark.parametrize(
    ("shape", "streams", "least_s"),
    [
        (Late(0.06), "upstream", 0.06),
        (Late(0.06), "downstream", 0.06),
        (Late(0.06), "both", 0.12),
        (Late(0.06, 0.02), "downstream", 0.04),
        (Late(0.06, 0.06, "pareto"), "downstream", 0.025),
        (Late(0.1, ramp=Ramp(0.2, 3600)), "downstream", 0.19),
        (Narrow(len(HELLO) * 10), "downstream", 0.09),
        (Narrow(len(HELLO) * 10), "both", 0.09),
        (Sliced(9, 0.04), "downstream", 0.08),
    ],
)
def test_what_passes_is_as_late_as_it_is_told_to_be_whole_and_in_order_for_who_is_there_and_who_comes(
    tapped, clients, shape, streams, least_s
) -> None:
    there = clients(tapped.tap())
    _took_s(there, HELLO, 1)
    tapped.stage.inject("0", shaped(shape, streams))
    assert _took_s(there, HELLO, 2) >= least_s
    came = clients(tapped.tap())
    assert _took_s(came, HELLO, 1) >= least_s
    assert _done_to(tapped) == 2
    assert came.heard == HELLO


def test_what_is_not_hit_is_passed_as_ever(tapped, provider, clients, kit) -> None:
    tapped.stage.inject("0", shaped(Late(3600), "downstream"))
    client = clients(tapped.tap())
    client.say(HELLO)
    kit.eventually(lambda: provider.lines and provider.lines[0].bytes_in == len(HELLO))
    assert client.silent_for(0.02)


@pytest.mark.parametrize("shape", [Late(3600), Narrow(0.001), Sliced(1, 3600)])
@pytest.mark.parametrize("streams", ["upstream", "downstream"])
def test_what_is_on_its_way_when_a_fault_ends_comes_at_once_and_whole(
    tapped, provider, clients, kit, shape, streams
) -> None:
    tapped.stage.inject("0", shaped(shape, streams))
    client = clients(tapped.tap())
    client.say(HELLO)
    kit.eventually(lambda: _done_to(tapped) == 1)
    tapped.stage.revert("0", shaped(shape, streams))
    assert client.hear(HELLO) == HELLO
    assert _took_s(client, HELLO, 2) < 3600
    assert tapped.stage.counts()["east"].in_force == ()


def test_one_of_two_faults_ends_and_what_is_on_its_way_is_as_late_as_the_other_says(tapped, clients, kit) -> None:
    began_s = time.monotonic()
    tapped.stage.inject("long", shaped(Late(3600), "downstream"))
    tapped.stage.inject("short", shaped(Late(0.1), "downstream"))
    client = clients(tapped.tap())
    client.say(HELLO)
    kit.eventually(lambda: _done_to(tapped, "short") == 1)
    tapped.stage.revert("long", shaped(Late(3600), "downstream"))
    client.hear(HELLO)
    assert time.monotonic() - began_s >= 0.1


def test_a_fault_that_is_told_twice_goes_on_as_it_began(tapped, clients) -> None:
    climbing = shaped(Late(3600, ramp=Ramp(0.0, 3600)), "downstream")
    tapped.stage.inject("0", climbing)
    tapped.stage.inject("0", climbing)
    client = clients(tapped.tap())
    client.say(HELLO)
    client.hear(HELLO)


@pytest.mark.parametrize("by", ["close", "reset"])
@pytest.mark.parametrize("size", [0, 10])
def test_a_connection_is_cut_after_so_many_bytes_of_what_it_is_told(tapped, provider, clients, kit, by, size) -> None:
    tapped.stage.inject("0", shaped(CutAfter(size, by), "downstream"))
    client = clients(tapped.tap())
    client.say(HELLO)
    assert (client.hear_all(), client.end) == (HELLO[:size], by)
    assert provider.lines[0].bytes_in == len(HELLO)
    kit.eventually(lambda: provider.gone == 1)
    assert _done_to(tapped) == 1


def test_a_connection_is_cut_after_so_many_bytes_of_what_it_says(tapped, provider, clients, kit) -> None:
    tapped.stage.inject("0", shaped(CutAfter(10, "close"), "upstream"))
    client = clients(tapped.tap())
    client.say(HELLO)
    client.hear_all()
    kit.eventually(lambda: provider.gone == 1)
    assert provider.lines[0].bytes_in == 10


def test_of_a_connection_that_is_open_the_bytes_count_from_when_the_fault_begins(tapped, clients) -> None:
    client = clients(tapped.tap())
    _took_s(client, HELLO, 1)
    tapped.stage.inject("0", shaped(CutAfter(40, "close"), "downstream"))
    client.say(HELLO)
    client.hear(HELLO, times=2)
    client.say(HELLO)
    assert client.hear_all() == HELLO * 2 + HELLO[: 40 - len(HELLO)]


def test_who_is_told_less_than_that_is_not_cut_and_nobody_is_said_to_be(tapped, clients) -> None:
    tapped.stage.inject("0", shaped(CutAfter(1000), "both"))
    client = clients(tapped.tap())
    assert _took_s(client, HELLO, 1) >= 0
    assert _done_to(tapped) == 0


def test_an_attempt_that_is_cut_is_a_row_that_says_so(new_wire, provider, clients, kit) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
    wire.stage.inject("0", shaped(CutAfter(90, "close"), "downstream"))
    client = clients(wire.tap())
    client.say(kit.post())
    assert len(client.hear_all()) == 90
    kit.eventually(lambda: [(row.status, row.outcome) for row in wire.attempts()] == [(200, "truncated")])
    assert len(provider.accepted) == 1


@pytest.mark.parametrize("streams", ["upstream", "downstream"])
def test_the_end_of_a_connection_is_news_that_comes_late_and_what_was_said_before_in_time(
    tapped, provider, clients, kit, streams
) -> None:
    tapped.stage.inject("0", shaped(LateEnd(0.1), streams))
    client = clients(tapped.tap())
    _took_s(client, HELLO, 1)
    began_s = time.monotonic()
    if streams == "downstream":
        provider.call(provider.lines[0].close)
        assert (client.hear_all(), client.end) == (HELLO, "close")
    else:
        client.leave()
        kit.eventually(lambda: provider.gone == 1)
    assert time.monotonic() - began_s >= 0.1
    assert _done_to(tapped) == 1


def test_what_a_client_said_before_it_left_still_comes_as_late_as_the_link_is(tapped, provider, clients, kit) -> None:
    tapped.stage.inject("0", shaped(Late(0.15), "upstream"))
    client = clients(tapped.tap())
    kit.eventually(lambda: provider.lines)
    client.say(HELLO)
    kit.eventually(lambda: _done_to(tapped) == 1)
    client.leave()
    kit.eventually(lambda: provider.gone == 1)
    assert provider.lines[0].bytes_in == len(HELLO)


def test_a_fault_that_ends_lets_go_what_clients_said_who_have_left(tapped, provider, clients, kit) -> None:
    tapped.stage.inject("0", shaped(Late(3600), "upstream"))
    client = clients(tapped.tap())
    kit.eventually(lambda: provider.lines)
    client.say(HELLO)
    kit.eventually(lambda: _done_to(tapped) == 1)
    client.leave()
    tapped.stage.revert("0", shaped(Late(3600), "upstream"))
    kit.eventually(lambda: provider.gone == 1)


def test_more_than_a_lane_keeps_waits_with_who_says_it_and_none_of_it_is_lost(tapped, provider, clients, kit) -> None:
    provider.on_bytes = lambda line, data: None
    tapped.stage.inject("0", shaped(Late(3600), "upstream"))
    client = clients(tapped.tap())
    client.socket.settimeout(0.2)
    sent, data, waits = 0, bytes(kit.TOO_MUCH), False
    while sent < len(data) and not waits:
        try:
            sent += client.socket.send(data[sent : sent + 65536])
        except TimeoutError:
            waits = True
    assert waits
    tapped.stage.revert("0", shaped(Late(3600), "upstream"))
    client.socket.settimeout(10)
    client.socket.sendall(data[sent : sent + 65536])
    kit.eventually(lambda: sum(line.bytes_in for line in provider.lines) == sent + 65536)


def test_what_is_late_and_then_held_by_a_silence_comes_in_order(tapped, clients, kit) -> None:
    tapped.stage.inject("late", shaped(Late(0.05), "both"))
    client = clients(tapped.tap())
    client.say(b"one ")
    kit.eventually(lambda: _done_to(tapped, "late") == 1)
    tapped.stage.inject("silent", TapMode("east", "silence"))
    client.say(b"two ")
    assert client.silent_for(0.12)
    tapped.stage.revert("silent", TapMode("east", "silence"))
    client.say(b"three")
    assert client.hear(b"three") == b"one two three"


SHARE = 0.4
HIT = [draw(7, "east", "0", f"connection {number}", 1) < SHARE for number in range(1, 21)]


@pytest.mark.parametrize(
    "effect", [shaped(CutAfter(0, "reset"), "upstream", SHARE), TapMode("east", "reset", share_ratio=SHARE)]
)
def test_a_share_of_connections_is_hit_as_the_seed_says_and_the_others_live(tapped, clients, effect) -> None:
    assert 0 < sum(HIT) < len(HIT)
    # Each time that a fault comes back it hits the same ones: what is drawn for hangs on its name alone.
    tapped.stage.inject("0.2", effect)
    ends = []
    for _ in HIT:
        client = clients(tapped.tap())
        client.say(HELLO)
        if HIT[len(ends)]:
            client.hear_all()
        else:
            client.hear(HELLO)
        ends.append(client.end)
    assert ends == ["reset" if hit else "" for hit in HIT]
    assert tapped.stage.counts()["east"].drawn == {"0.2": Drawn(len(HIT), sum(HIT))}


def test_a_silence_for_a_share_of_connections_is_broken_by_its_end(tapped, clients) -> None:
    there = [clients(tapped.tap()) for _ in HIT[:6]]
    for client in there:
        _took_s(client, HELLO, 1)
    effect = TapMode("east", "silence", share_ratio=SHARE)
    tapped.stage.inject("0", effect)
    for client in there:
        client.say(HELLO)
    for client, hit in zip(there, HIT, strict=False):
        assert client.silent_for(0.02) if hit else client.hear(HELLO, times=2)
    tapped.stage.revert("0", effect)
    for client in there:
        client.hear(HELLO, times=2)
    # Those that were open when it began came to it, too, and each of them once.
    assert tapped.stage.counts()["east"].drawn == {"0": Drawn(6, sum(HIT[:6]))}


def test_where_no_new_connections_are_had_those_that_are_open_live_on(tapped, clients) -> None:
    client = clients(tapped.tap())
    _took_s(client, HELLO, 1)
    tapped.stage.inject("0", TapMode("east", "no_new"))
    for port in (tapped.tap(), tapped.probe()):
        with pytest.raises(ConnectionRefusedError):
            clients(port)
    client.say(HELLO)
    client.hear(HELLO, times=2)
    tapped.stage.revert("0", TapMode("east", "no_new"))
    again = clients(tapped.tap())
    again.say(HELLO)
    again.hear(HELLO)


def test_a_look_feels_what_only_a_share_feels_late_by_the_median_and_is_counted_nowhere(tapped, clients) -> None:
    tapped.stage.inject("0", shaped(Late(0.08, 0.08, "normal"), "downstream", 0.000001))
    client = clients(tapped.probe())
    assert _took_s(client, HELLO, 1) >= 0.08
    assert (_done_to(tapped), tapped.stage.counts()["east"].drawn) == (0, {})


@pytest.mark.parametrize(
    "shape",
    [
        Late(-1),
        Late(1, -1),
        Narrow(0),
        Narrow(-5),
        Sliced(0),
        Sliced(5, -1),
        CutAfter(-1),
        LateEnd(-1),
        Late(float("nan")),
    ],
)
def test_a_shape_that_makes_no_sense_is_refused_and_the_link_goes_on(tapped, clients, shape) -> None:
    with pytest.raises(WireError, match="400"):
        tapped.stage.inject("0", shaped(shape))
    with pytest.raises(WireError, match="400"):
        tapped.stage.inject("0", shaped(Late(0.1), share=1.5))
    client = clients(tapped.tap())
    client.say(HELLO)
    client.hear(HELLO)


def test_a_connection_that_outlives_many_faults_keeps_nothing_of_those_that_are_gone() -> None:
    async def outlives() -> list[str]:
        lane = Lane(lambda _: None, lambda: None, lambda _: None, lambda _: None, set(), "7")
        for number in range(50):
            lane.shape({f"late.{number}": InForce(Late(0.01, 0.001), 0.0)})
            lane.say(b"x")
        return list(lane._chances)

    assert asyncio.run(outlives()) == ["late.49"]
