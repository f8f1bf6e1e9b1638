"""Who looks up a name in the simulated world is told what the real resolver tells, and keeps it for as long."""

from __future__ import annotations

import random

import pytest

from harness.faults.effects import Effect, Late, NameAnswer, NameDelay
from harness.reading.target import Link, Simulated
from simulated_world.events import Events
from simulated_world.lookups import GIVEN_UP_S
from simulated_world.network import HOP_S, Network
from simulated_world.provider import Provider
from simulated_world.stores import Stores
from simulated_world.wire import Exchange, Wire

TTL_S = 5.0
QUICK = Simulated(capacity=8, first_token="10ms", sigma=0, tokens=2, token_gap="1ms")


class World:
    """One provider and one store, each reached by name."""

    def __init__(self, *effects: Effect) -> None:
        self.events = Events()
        self.network = Network(self.events, random.Random(1), 1)
        self.network.lookups.names = {"provider": TTL_S, "store": TTL_S}
        provider = Provider(self.events, QUICK, random.Random(1), self.network.shortages["provider"])
        self.wire = Wire(self.events, self.network, {"provider": provider})
        self.stores = Stores(self.events, self.network, {"store": Link(kind="store", upstream="redis://127.0.0.1:1")})
        for effect in effects:
            self.network.lay("fault", effect)

    def asked(self, within_s: float) -> Exchange:
        """What became of one try by *within_s* from now."""
        exchange = self.wire.send("provider", "n-0000000001")
        self.events.run_until(self.events.now_s + within_s)
        return exchange

    def read_after_s(self) -> float | None:
        """After how many seconds the store was read; None where it was not within 1."""
        began_s = self.events.now_s
        task = self.events.start(self.stores.read("store", 1.0))
        while not task.ended.happened:
            self.events.run_until(self.events.now_s + 0.1)
        return None if task.result is None else self.events.now_s - began_s


@pytest.mark.parametrize("answer", ["no_such_name", "no_address", "server_failure", "nowhere"])
def test_who_is_told_of_no_address_that_works_gets_nowhere_at_once_and_nobody_sees_the_try(answer: str) -> None:
    world = World(NameAnswer("provider", answer))
    exchange = world.asked(2 * HOP_S)
    assert (exchange.ended.happened, exchange.status, world.wire.attempts) == (True, 0, [])


def test_who_is_told_nothing_waits_until_it_gives_up() -> None:
    world = World(NameAnswer("provider", "nothing"))
    exchange = world.asked(GIVEN_UP_S - 0.1)
    assert not exchange.ended.happened
    world.events.run_until(GIVEN_UP_S)
    assert (exchange.ended.happened, exchange.status) == (True, 0)


def test_what_does_not_fit_is_asked_for_again_and_found() -> None:
    assert World(NameAnswer("provider", "truncated")).asked(1.0).complete


def test_a_try_that_waits_for_an_address_is_seen_once_it_has_one_and_not_at_all_where_its_client_left_before() -> None:
    world = World(NameDelay("provider", Late(0.5)))
    assert world.asked(1.0).complete
    assert [attempt.start_s for attempt in world.wire.attempts] == [0.5]
    world = World(NameDelay("provider", Late(0.5)))
    world.asked(0.4).leave()
    world.events.run_until(2.0)
    assert world.wire.attempts == []


def test_what_may_be_kept_is_when_the_fault_has_ended_and_an_address_is_when_one_begins() -> None:
    gone = NameAnswer("provider", "nowhere", ttl_s=3)
    world = World(gone)
    assert not world.asked(0.1).complete
    world.network.lift("fault", gone)
    assert not world.asked(2.8).complete
    world.events.run_until(3.1)
    assert world.asked(0.4).complete
    world.network.lay("fault", gone)
    assert world.asked(1.0).complete
    world.events.run_until(3.1 + TTL_S)
    assert not world.asked(1.0).complete


def test_of_a_share_as_many_are_hit_as_are_told_of() -> None:
    half = NameAnswer("provider", "server_failure", share_ratio=0.5)
    world = World(half)
    world.network.lookups.names["provider"] = 0.0
    well = sum(world.asked(0.1).complete for _ in range(200))
    drawn = world.network.lookups.drawn("fault", half)
    assert drawn is not None
    assert (drawn.came, drawn.picked) == (200, 200 - well)
    assert 70 < well < 130
    assert world.network.lookups.drawn("fault", NameAnswer("provider", "server_failure")) is None


def test_a_store_that_is_reached_by_name_is_read_late_or_not_at_all() -> None:
    assert World().read_after_s() is not None
    assert World(NameAnswer("store", "no_such_name")).read_after_s() is None
    assert World(NameDelay("store", Late(2.0))).read_after_s() is None
    late_s = World(NameDelay("store", Late(0.5))).read_after_s()
    assert late_s is not None
    assert late_s >= 0.5


def test_a_link_that_is_reached_by_its_address_has_no_lookups() -> None:
    world = World(NameAnswer("provider", "no_such_name"))
    del world.network.lookups.names["provider"]
    assert world.asked(1.0).complete
