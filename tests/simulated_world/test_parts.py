"""The parts of the simulated world do what the real ones were measured to do."""

from __future__ import annotations

import random
from typing import get_args, get_type_hints

import numpy as np
import pytest

from harness.dialects import dialects
from harness.faults.effects import (
    Cut,
    CutStream,
    EdgeRule,
    Effect,
    Fail,
    Late,
    Rule,
    SlowStream,
    SpoilAnswer,
    SpoilStream,
    StallStream,
    TapMode,
    TapShape,
    Throttle,
    Toxic,
)
from harness.faults.requests import Attempted, Requests
from harness.protocols.nonce import lot, nonce
from harness.reading.target import Link, Simulated
from harness.record.columns import Table
from harness.record.rows import AnyRow, Arrival, Attempt, HealthCheck, Request, Traffic
from harness.record.tables import table
from harness.running.wire.edge.rules.base import Asked
from harness.running.wire.edge.rules.in_force import Rules
from simulated_world.calls import Calls, Failure
from simulated_world.events import Events, Process, Signal
from simulated_world.network import NOT_CARRIED, Network, NotCarriedError
from simulated_world.provider import Provider
from simulated_world.stores import HEARTBEAT_S, Reading, Stores, fact
from simulated_world.tables import tabled
from simulated_world.wire import Exchange, Wire

# Events


def test_what_is_planned_happens_in_order_and_time_jumps() -> None:
    events, seen = Events(), []
    for at_s in (3.0, 1.0, 2.0, 2.0):
        events.at(at_s, lambda: seen.append(events.now_s))
    events.run_until(2.5)
    assert (seen, events.now_s) == ([1.0, 2.0, 2.0], 2.5)
    events.at(1.0, lambda: seen.append(events.now_s))  # what is past happens now
    events.run_until(10.0)
    assert (seen, events.now_s) == ([1.0, 2.0, 2.0, 2.5, 3.0], 10.0)


def test_what_an_event_brings_at_once_comes_after_what_was_planned_for_that_instant() -> None:
    events, seen = Events(), []
    for name in ("first", "second"):
        events.at(1.0, lambda name=name: (seen.append(name), events.at(1.0, lambda: seen.append(f"after {name}"))))
    events.at(1.5, lambda: seen.append("later"))
    events.run_until(2.0)
    assert seen == ["first", "second", "after first", "after second", "later"]


def test_a_process_waits_for_a_signal_or_until_its_patience_ends() -> None:
    events, signal, ends = Events(), Signal(), []

    def waits(for_s: float) -> Process[str]:
        yield events.within(for_s, signal)
        ends.append(events.now_s)
        return "came" if signal.happened else "did not come"

    patient, hasty = events.start(waits(5.0)), events.start(waits(1.0))
    events.at(3.0, signal.happen)
    events.run_until(10.0)
    assert (ends, hasty.result, patient.result) == ([1.0, 3.0], "did not come", "came")
    late = events.start(waits(5.0))
    events.run_until(10.0)
    assert late.result == "came"


def test_a_cancelled_process_cleans_up_and_never_ends() -> None:
    events, left = Events(), []

    def works() -> Process[None]:
        try:
            yield events.pause(1.0)
            left.append("worked")
        finally:
            left.append("cleaned up")

    task = events.start(works())
    events.run_until(0.5)
    task.cancel()
    events.run_until(5.0)
    assert (left, task.ended.happened) == (["cleaned up"], False)


# Calls


def test_a_call_fails_before_or_after_its_effect_and_no_signal_comes_while_held() -> None:
    calls, done = Calls(Failure(1, "before", EOFError()), Failure(2, "after", KeyboardInterrupt())), []
    with pytest.raises(EOFError), calls.one("a"):
        done.append(1)
    with pytest.raises(KeyboardInterrupt), calls.one("b"):
        done.append(2)
    assert (done, calls.names) == ([2], ["a", "b"])
    held = Calls(Failure(1, "before", KeyboardInterrupt()))
    held.held = True
    with held.one("a"):
        pass


# Providers


def test_a_provider_works_on_so_many_lets_so_many_wait_and_turns_the_rest_away() -> None:
    events, done = Events(), []
    settings = Simulated(capacity=2, queue=1, first_token="1s", sigma=0, tokens=2, token_gap="1s")
    provider = Provider(events, settings, random.Random(1))
    taken = [provider.accept(lambda: None, lambda: done.append(events.now_s)) for _ in range(4)]
    events.run_until(10.0)
    assert (taken, done, provider.accepted) == ([True, True, True, False], [2.0, 2.0, 4.0], 4)


# What was measured on real servers: attempts are not what arrives


def world(*effects: Effect) -> tuple[Events, Network, Wire, Provider]:
    events = Events()
    network = Network(events, random.Random(1), 1)
    provider = Provider(events, Simulated(capacity=500, sigma=0, first_token="100ms", tokens=1), random.Random(1))
    wire = Wire(events, network, {"link": provider})
    for effect in effects:
        network.lay("fault-1", effect)
    return events, network, wire, provider


def try_120(events: Events, wire: Wire, timeout_s: float) -> list[Exchange]:
    """120 tries, one every 0.1 s, each given up after *timeout_s*."""
    tried: list[Exchange] = []

    def client() -> Process[None]:
        exchange = wire.send("link", "n-1")
        tried.append(exchange)
        yield events.within(timeout_s, exchange.ended)
        exchange.leave()

    for i in range(120):
        events.at(0.1 * i, lambda: events.start(client()) and None)
    events.run_until(60.0)
    return tried


HOLE = {"kind": "timeout", "attributes": {"timeout": 0}}
RESET = {"kind": "reset_peer", "attributes": {"timeout": 0}}
SLOW = Toxic("link", "latency", "upstream", {"latency": 2000, "jitter": 0})


@pytest.mark.parametrize(
    ("effects", "attempts", "arrivals", "complete"),
    [
        ((), 120, 120, 120),
        ((TapMode("link", "refuse"),), 0, 0, 0),
        ((TapMode("link", "no_new"),), 0, 0, 0),
        ((TapShape("link", Late(2.0), "upstream"),), 120, 120, 0),
        ((TapShape("link", Late(2.0), "downstream"),), 120, 120, 0),
        ((TapShape("link", Late(0.1, 0.1, "normal")),), 120, 120, 120),
        ((TapMode("link", "reset"),), 120, 0, 0),
        ((TapMode("link", "silence"),), 120, 0, 0),
        ((TapMode("link", "silence", streams="downstream"),), 120, 120, 0),
        ((Toxic("link", stream="upstream", **HOLE),), 120, 0, 0),
        ((Toxic("link", stream="upstream", **RESET),), 120, 0, 0),
        ((Toxic("link", stream="downstream", **HOLE),), 120, 120, 0),
        ((Toxic("link", stream="downstream", **RESET),), 120, 120, 0),
        # The tap keeps its side open for what is owed: what was sent arrives, though nobody waits for the answer.
        ((SLOW,), 120, 120, 0),
        ((EdgeRule("link", Fail(503)),), 120, 120, 0),
    ],
)
def test_what_each_end_of_a_broken_link_sees(
    effects: tuple[Effect, ...], attempts: int, arrivals: int, complete: int
) -> None:
    events, _, wire, provider = world(*effects)
    tried = try_120(events, wire, timeout_s=1.0)
    assert (len(wire.attempts), len(wire.arrivals)) == (attempts, arrivals)
    assert sum(exchange.complete for exchange in tried) == complete
    assert provider.accepted == sum(row.forwarded_s is not None for row in wire.arrivals)


def test_whoever_waits_long_enough_is_answered_late_under_latency() -> None:
    events, _, wire, _ = world(SLOW)
    tried = try_120(events, wire, timeout_s=5.0)
    assert all(exchange.complete for exchange in tried)
    assert {round(row.end_s - row.start_s, 1) for row in wire.attempts if row.end_s} == {2.1}


def test_a_limited_link_answers_429_with_the_time_to_wait() -> None:
    events, _, wire, provider = world(EdgeRule("link", Throttle(60, 1)))
    tried = try_120(events, wire, timeout_s=1.0)
    assert sum(exchange.complete for exchange in tried) == provider.accepted == 12
    limited = [exchange for exchange in tried if exchange.status == 429]
    assert len(limited) == wire.by_fault["fault-1", "link"] == 108
    assert all(0 < (exchange.retry_after_s or 0) <= 1 for exchange in limited)


@pytest.mark.parametrize("first", ["limit", "errors"])
def test_of_several_rules_each_judges_every_attempt_and_the_one_put_first_answers_as_at_an_edge(first: str) -> None:
    kinds = {
        "limit": EdgeRule("link", Throttle(120, 2)),
        "errors": EdgeRule("link", Fail(503), Requests(share_ratio=0.5)),
    }
    events = Events()
    network, rules = Network(events, random.Random(1), 7), Rules(7, "link")
    for name in sorted(kinds, key=lambda name: name != first):
        network.lay(name, kinds[name])
        rules.put(name, kinds[name].rule, kinds[name].requests, 0.0)
    simulated, real = [], []
    for number in range(90):
        events.run_until(number * 0.2)
        mark = nonce("run", number // 3)
        simulated.append(network.ruling("link", mark).fault)
        real.append(rules.judge(Asked(Attempted(lot(mark)), [], b"", "req_1", events.now_s, dialects["openai"])).fault)
    assert simulated == real
    assert set(real) == {"", *kinds}


def test_a_link_that_is_cut_breaks_off_what_is_open() -> None:
    events, network, wire, _ = world()
    exchange = wire.send("link", "n-1")
    events.run_until(0.05)
    network.lay("fault-1", Cut("link"))
    assert (exchange.ended.happened, exchange.complete, wire.attempts[0].outcome) == (True, False, "reset")


@pytest.mark.parametrize("streams", ["both", "upstream", "downstream"])
@pytest.mark.parametrize(
    ("open_connections", "outcomes"),
    [("deliver", ["complete"]), ("reset", ["reset"]), ("hold", ["unfinished"])],
)
def test_what_was_held_is_delivered_when_a_silence_ends_unless_it_is_reset_or_stays_held(
    streams, open_connections, outcomes
) -> None:
    silence = TapMode("link", "silence", streams, open_connections)
    events, network, wire, _ = world(silence)
    wire.send("link", "n-1")
    events.run_until(5.0)
    assert [row.outcome for row in wire.attempts] == ["unfinished"]
    network.lift("fault-1", silence)
    events.run_until(10.0)
    assert [row.outcome for row in wire.attempts] == outcomes


def test_lifting_an_effect_for_one_fault_leaves_it_for_another() -> None:
    _, network, _, _ = world(Cut("link"))
    network.lay("fault-2", Cut("link"))
    network.lift("fault-1", Cut("link"))
    assert network.refuses("link")
    network.lift("fault-2", Cut("link"))
    network.lift("fault-2", Cut("link"))  # one that is not in force is no error
    assert not network.refuses("link")


# Stores

LINKS = {
    name: Link.model_validate({"kind": kind, "region": region, "upstream": "redis://127.0.0.1:1"})
    for name, kind, region in [("east", "store", "east"), ("west", "store", "west"), ("copy", "replication", "west")]
}


def read(events: Events, stores: Stores, region: str) -> Reading | None:
    task = events.start(stores.read(region, 0.25))
    events.run_until(events.now_s + 0.3)
    assert task.ended.happened
    return task.result


def test_a_replica_follows_until_it_is_held_and_catches_up_when_it_is_not() -> None:
    events, network, _, _ = world()
    stores = Stores(events, network, LINKS)
    events.run_until(10.0)
    hold = TapMode("copy", "silence", streams="downstream")
    network.lay("fault-1", hold)
    events.run_until(12.0)
    assert stores.publish() == 2
    east, west = read(events, stores, "east"), read(events, stores, "west")
    assert east is not None
    assert west is not None
    assert (east.version, west.version) == (2, 1)
    assert east.heartbeat_age_s < HEARTBEAT_S < 2.0 < west.heartbeat_age_s
    network.lift("fault-1", hold)
    caught_up = read(events, stores, "west")
    assert caught_up is not None
    assert (caught_up.version, caught_up.heartbeat_age_s < 2 * HEARTBEAT_S) == (2, True)


@pytest.mark.parametrize("effect", [Cut("west"), Toxic("west", "timeout", "upstream", {"timeout": 0})])
def test_a_store_that_does_not_answer_is_given_up(effect: Effect) -> None:
    events, network, _, _ = world(effect)
    stores = Stores(events, network, LINKS)
    assert read(events, stores, "west") is None
    assert read(events, stores, "east") is not None


def test_about_half_of_the_facts_change_with_a_version() -> None:
    changed = sum(fact(f"question-{i}", 1) != fact(f"question-{i}", 2) for i in range(1000))
    assert 400 < changed < 600


KINDS = get_args(get_type_hints(Toxic)["kind"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_toxic_does_something_here_or_is_refused(kind: str) -> None:
    toxic = Toxic("link", kind, "upstream", {"latency": 100, "jitter": 0} if kind == "latency" else {"timeout": 0})
    if kind in NOT_CARRIED:
        with pytest.raises(NotCarriedError, match=f"carries no {kind}"):
            world(toxic)
        return
    _, network, _, _ = world(toxic)
    untouched = Network(Events(), random.Random(1), 1)
    seen = [
        (one.resets("link", "upstream"), one.loses("link", "upstream"), one.delay_s("link", "upstream"))
        for one in (network, untouched)
    ]
    assert seen[0] != seen[1]


@pytest.mark.parametrize(
    "rule",
    [StallStream(1), CutStream(1, "end"), SlowStream(1.0), SpoilStream("no_end"), SpoilAnswer("empty")],
    ids=repr,
)
def test_a_rule_that_acts_on_answers_is_refused_here_and_not_silently_nothing(rule: Rule) -> None:
    with pytest.raises(NotCarriedError, match="which acts on answers; run it in the real one"):
        world(EdgeRule("link", rule))
    world(EdgeRule("link", Fail(500)))


def test_only_what_there_is_stands_among_what_is_not_carried() -> None:
    assert set(KINDS) > NOT_CARRIED


def test_two_stores_of_one_region_are_two_and_the_own_region_and_the_primary_come_first() -> None:
    events, network, _, _ = world(Cut("west"))
    stores = Stores(events, network, LINKS | {"west-2": LINKS["west"]})
    assert (stores.nearest("west"), stores.own("west"), stores.own("north")) == (
        ["west", "west-2", "east"],
        "west",
        None,
    )
    assert stores.nearest("north") == ["east", "west", "west-2"]
    assert read(events, stores, "west") is None
    assert read(events, stores, "west-2") is not None


# Rows

ROWS: list[list[AnyRow]] = [
    [Request(1, 0, 3.5, sent_s=3.6, snapshot_version=3, overlapped=True, nonce="b"), Request(0, 0, 3.0, nonce="ä")],
    [Attempt("west", 4.0, retry_count=1, retry_after_ms=20.5), Attempt("east", 4.5, end_s=4.6, status=503)],
    [Arrival("west", 4.0, tokens_in=7), Arrival("east", 5.0, "n", forwarded_s=5.1)],
    [Traffic("west", 1.0, lookups=2)],
    [HealthCheck("a", 2.0, 2.5, 200, True), HealthCheck("", 3.0)],
]


def unlike(mine: Table, other: Table) -> list[str]:
    """Names of the columns of which the two say something else, or in another way."""
    pairs = {str(name): (mine.column(str(name)), other.column(str(name))) for name in other.frame.columns}
    return [
        name
        for name, (one, two) in pairs.items()
        if (type(one), getattr(one, "dtype", None)) != (type(two), getattr(two, "dtype", None))
        or repr(one.tolist()) != repr(two.tolist())
    ]


@pytest.mark.parametrize("rows", ROWS, ids=lambda rows: type(rows[0]).__name__)
@pytest.mark.parametrize("many", [0, 1, 2])
def test_a_table_of_rows_says_what_the_frame_of_them_says(rows: list[AnyRow], many: int) -> None:
    kind, some = type(rows[0]), rows[:many]
    mine, other = tabled(some, kind, 1.5), Table.of(table(some, kind, 1.5))
    assert len(mine) == len(other)
    assert unlike(mine, other) == []
    assert mine.frame.equals(other.frame)
    assert (unlike(mine, Table.of(table(some, kind, 1.0))) != []) == (many > 0)


def test_a_table_of_rows_stays_as_it_was_when_they_change() -> None:
    row = Request(0, 0, 3.0)
    made = tabled([row], Request)
    row.due_s = 4.0
    assert made.numbers("due_s").tolist() == made.frame["due_s"].tolist() == [3.0]
    assert np.isnan(made.numbers("end_s")).all()
