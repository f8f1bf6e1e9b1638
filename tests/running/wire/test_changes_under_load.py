"""Faults come and go at a tap while streams are open and clients leave: nothing hangs, nothing is left, and who is there hears all."""

from __future__ import annotations

import random

from harness.faults.effects import CutAfter, Effect, Late, LateEnd, Narrow, Sliced, TapMode, TapShape

LINES = 200
SHAPES = [Late(0.01, 0.01), Late(3600), Narrow(2000), Narrow(1), Sliced(3, 0.001), LateEnd(0.01), CutAfter(1 << 40)]


def _effects(chance: random.Random) -> Effect:
    streams, share = chance.choice(["both", "upstream", "downstream"]), chance.choice([1.0, 0.5])
    if chance.random() < 0.2:
        return TapMode("east", "silence", streams, "deliver", share)
    return TapShape("east", chance.choice(SHAPES), streams, share)


def test_faults_that_come_and_go_under_open_streams_leave_nothing_and_lose_nothing(
    new_wire, provider, clients, kit
) -> None:
    """Each client says lines that are said back; some leave in the middle. A change that hangs is given up after 3 s, and raises."""
    chance, wire = random.Random(1), new_wire({}, others={"east": "tcp"})
    provider.on_bytes = lambda line, data: line.write(data)
    wire.stage.connect_link("east", provider.port)
    there = [clients(wire.tap()) for _ in range(50)]
    leaving = [clients(wire.tap()) for _ in range(20)]
    in_force = {}
    for number in range(LINES):
        for client in (*there, *leaving[number // 10 :]):
            client.say(b"line %d\n" % number)
        if number % 10 == 9:
            leaving[number // 10].leave()
        fault = str(number % 3)
        if fault in in_force:
            wire.stage.revert(fault, in_force.pop(fault))
        else:
            in_force[fault] = _effects(chance)
            wire.stage.inject(fault, in_force[fault])
    for fault, effect in in_force.items():
        wire.stage.revert(fault, effect)
    whole = b"".join(b"line %d\n" % number for number in range(LINES))
    for client in there:
        assert client.hear_whole(len(whole)) == whole
        client.leave()
    assert wire.stage.counts()["east"].in_force == ()
    kit.eventually(lambda: provider.gone == len(provider.lines) >= len(there))
