"""A provider that hangs up before it answers: by a close or a reset, for the tries that it is aimed at and for no other."""

from __future__ import annotations

import pytest

from harness.faults.effects import EdgeRule, HangUp
from harness.faults.requests import Requests


@pytest.mark.parametrize("by", ["close", "reset"])
def test_the_first_try_is_hung_up_on_and_the_second_is_answered(wire, provider, clients, kit, by: str) -> None:
    wire.stage.inject("f", EdgeRule("east", HangUp(by), Requests(attempt_max=1)))
    first = clients(wire.tap())
    first.say(kit.post())
    assert (first.hear_all(), first.end) == (b"", by)
    assert provider.accepted == []
    second = clients(wire.tap())
    second.say(kit.post())
    second.hear(kit.WHOLE)
    kit.eventually(
        lambda: [(row.outcome, row.fault) for row in wire.arrivals()] == [("cut_by_fault", "f"), ("complete", "")]
    )
    assert wire.stage.counts()["east"].by_fault == {"f": 1}


def test_who_is_not_meant_is_answered(wire, clients, kit) -> None:
    wire.stage.inject("f", EdgeRule("east", HangUp("reset"), Requests(path="/v1/embeddings")))
    client = clients(wire.tap())
    client.say(kit.post())
    client.hear(kit.WHOLE)
