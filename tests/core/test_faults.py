"""Each kind of fault: what it does to the wire, and how one sees that it took hold."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from written_faults import written_fault

from harness.faults import Fault, effects, faults
from harness.faults.base import Aim, Looked, Selector, suiting
from harness.faults.effects import (
    Curtail,
    CutAfter,
    Damage,
    Delay,
    EdgeRule,
    Fail,
    HangUp,
    Late,
    LateEnd,
    Narrow,
    Probe,
    Sliced,
    TapAnswers,
    TapMode,
    TapShape,
    Throttle,
    Toxic,
)
from harness.faults.requests import Ramp, Requests
from harness.reading.target import Link, Target

STREAMS = Requests(stream=True)
LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "1500ms", "jitter": "200ms"}
LIMIT = {"kind": "rate_limit", "on": {"kind": "provider", "region": "east"}, "requests_per_min": 120, "burst": 2}
ERROR = {"kind": "http_error", "on": {"link": "provider-west"}, "status": 529, "share": 0.5}
LOSS = {"kind": "regional_loss", "region": "east"}
GONE = {"kind": "hang_up", "on": {"link": "provider-west", "attempt": 1}, "by": "reset"}
LATE_ANSWERS = {"kind": "latency", "on": {"link": "store-east"}, "base": "1s", "direction": "downstream"}
CLIMBING = {"kind": "latency", "on": {"kind": "store"}, "base": "1s", "ramp": {"base": {"from": "200ms", "over": "4s"}}}
LONG_TAIL = {
    "kind": "latency",
    "on": {"link": "provider-east"},
    "base": "1s",
    "jitter": "300ms",
    "distribution": "pareto",
}
NARROW = {"kind": "bandwidth", "on": {"link": "provider-east"}, "kilobytes_per_s": 20}
IN_SLICES = {"kind": "slices", "on": {"link": "provider-east"}, "max_bytes": 30, "gap": "20ms"}
CUT_OFF = {"kind": "cut", "on": {"link": "provider-east"}, "after_bytes": 500, "by": "reset", "share": 0.25}
LATE_END = {"kind": "slow_close", "on": {"link": "provider-east"}, "delay": "2s", "direction": "downstream"}
HOLE = {"kind": "blackhole", "on": {"link": "provider-east"}, "direction": "downstream", "open_connections": "reset"}
CLOSED_DOOR = {"kind": "disconnect", "on": {"link": "provider-east"}, "mode": "no_new"}
BROWN = LOSS | {"mode": "brownout", "late": "800ms", "errors": 0.3, "status": 529}
SHORT = {"kind": "capacity", "on": {"link": "provider-east"}, "to": 0.25}
COLD = {"kind": "capacity", "on": {"link": "provider-east"}, "ramp": {"slow": {"from": 4, "over": "20s"}}}
DAMAGED = {"kind": "damaged_store", "on": {"link": "store-east"}, "how": "poison", "key": "answer:*", "value": "no"}
REDIS = {"kind": "store_error", "on": {"link": "store-east"}, "error": "loading", "commands": ["get"], "share": 0.5}
UNHEARD = {"kind": "lost_messages", "on": {"link": "store-east"}}
SHAPED = [REDIS, UNHEARD, DAMAGED, SHORT, COLD, NARROW, IN_SLICES, CUT_OFF, LATE_END]
STREAM = {"on": {"kind": "provider", "region": "east"}}
SLOW = {"kind": "slow_stream", **STREAM, "first_token": "5s", "token_gap": "200ms"}
STALL = {"kind": "stalled_stream", **STREAM, "after": 3}
CUT = {"kind": "cut_stream", **STREAM, "after": 3, "by": "end", "share": 0.5}
BAD = {"kind": "bad_stream", **STREAM, "flaw": "error", "after": 2}
WRONG = {"kind": "bad_answer", **STREAM, "flaw": "wrong_fact"}
DIVERGENCE = {"kind": "cache_divergence", "region": "west"}


def fault(document: dict[str, Any]) -> Fault:
    made: Fault = written_fault(document)
    return made


BOTH = ("provider-east", "provider-west")
EFFECTS: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
    (
        LATENCY,
        (
            *(Toxic(link, "latency", "upstream", {"latency": 1300, "jitter": 0}) for link in BOTH),
            *(effects.TapShape(link, effects.Late(0.2, 0.2), "upstream") for link in BOTH),
        ),
    ),
    (
        LATENCY | {"jitter": "0s"},
        tuple(Toxic(link, "latency", "upstream", {"latency": 1500, "jitter": 0}) for link in BOTH),
    ),
    (LIMIT, (EdgeRule("provider-east", Throttle(120, 2)),)),
    (ERROR, (EdgeRule("provider-west", Fail(529), Requests(share_ratio=0.5)),)),
    (GONE, (EdgeRule("provider-west", HangUp("reset"), Requests(attempt_max=1)),)),
    (SLOW, (EdgeRule("provider-east", effects.SlowStream(5.0, 0.2), STREAMS),)),
    (SLOW | {"bytes_per_s": 40}, (EdgeRule("provider-east", effects.SlowStream(5.0, 0.2, 40), STREAMS),)),
    (STALL, (EdgeRule("provider-east", effects.StallStream(3), STREAMS),)),
    (STALL | {"silent_for": "4s"}, (EdgeRule("provider-east", effects.StallStream(3, 4.0), STREAMS),)),
    (CUT, (EdgeRule("provider-east", effects.CutStream(3, "end"), Requests(stream=True, share_ratio=0.5)),)),
    (WRONG, (EdgeRule("provider-east", effects.SpoilAnswer("wrong_fact")),)),
    (WRONG | {"flaw": "usage", "times": 2}, (EdgeRule("provider-east", effects.SpoilAnswer("usage", times=2)),)),
    (BAD, (EdgeRule("provider-east", effects.SpoilStream("error", 2), STREAMS),)),
    (
        LOSS,
        tuple(TapMode(link, "silence") for link in ("provider-east", "store-east")),
    ),
    (
        LOSS | {"open_connections": "reset"},
        tuple(TapMode(link, "silence", "both", "reset") for link in ("provider-east", "store-east")),
    ),
    (LOSS | {"mode": "refuse"}, tuple(TapMode(link, "refuse") for link in ("provider-east", "store-east"))),
    (LOSS | {"mode": "reset"}, tuple(TapMode(link, "reset") for link in ("provider-east", "store-east"))),
    (DIVERGENCE, (TapMode("replication", "silence", "downstream"),)),
    (DIVERGENCE | {"open_connections": "hold"}, (TapMode("replication", "silence", "downstream", "hold"),)),
    (
        BROWN,
        (
            TapShape("provider-east", Late(0.8), "upstream"),
            TapShape("store-east", Late(0.8), "upstream"),
            EdgeRule("provider-east", Fail(529), Requests(share_ratio=0.3)),
        ),
    ),
    (LOSS | {"spare": {"kind": "store"}}, (TapMode("provider-east", "silence"),)),
    (
        LOSS | {"mode": "reset", "share": 0.4, "per": "connection"},
        tuple(TapMode(link, "reset", share_ratio=0.4) for link in ("provider-east", "store-east")),
    ),
    (REDIS, (TapAnswers("store-east", "LOADING Redis is loading the dataset in memory", ("GET",), 0.5),)),
    (UNHEARD, (TapAnswers("store-east", messages=True),)),
    (DAMAGED, (Damage("store-east", "poison", "answer:*", "", "no"),)),
    (SHORT, (Curtail("provider-east", 0.25),)),
    (COLD, (Curtail("provider-east", slow_ramp=Ramp(4.0, 20.0)),)),
    (LATE_ANSWERS, (TapShape("store-east", Late(1.0), "downstream"),)),
    (
        CLIMBING,
        tuple(TapShape(link, Late(1.0, ramp=Ramp(0.2, 4.0)), "upstream") for link in ("store-east", "store-west")),
    ),
    (LONG_TAIL, (TapShape("provider-east", Late(1.0, 0.3, "pareto"), "upstream"),)),
    (
        LONG_TAIL | {"share": 0.5},
        (EdgeRule("provider-east", Delay(1.0, 0.3, None, "pareto"), Requests(share_ratio=0.5)),),
    ),
    (NARROW, (TapShape("provider-east", Narrow(20_000)),)),
    (
        NARROW | {"direction": "downstream", "ramp": {"kilobytes_per_s": {"from": 500, "over": "10s"}}},
        (TapShape("provider-east", Narrow(20_000, Ramp(500_000, 10.0)), "downstream"),),
    ),
    (IN_SLICES, (TapShape("provider-east", Sliced(30, 0.02)),)),
    (CUT_OFF, (TapShape("provider-east", CutAfter(500, "reset"), "downstream", 0.25),)),
    (LATE_END, (TapShape("provider-east", LateEnd(2.0), "downstream"),)),
    (HOLE, (TapMode("provider-east", "silence", "downstream", "reset"),)),
    (HOLE | {"share": 0.5}, (TapMode("provider-east", "silence", "downstream", "reset", 0.5),)),
    *((CLOSED_DOOR | {"mode": mode}, (TapMode("provider-east", mode),)) for mode in ("refuse", "no_new", "reset")),
]


@pytest.mark.parametrize(("document", "told"), EFFECTS)
def test_a_fault_says_what_it_does_to_each_link(target: Target, document: dict[str, Any], told: Any) -> None:
    made = fault(document)
    links = {aim.name: target.links[aim.name] for aim in made.aim(target)}
    assert made.effects(links) == told
    assert {effect.aim for effect in told} == set(links)


def looked(**probes: tuple[str, float]) -> Looked:
    return Looked({link: Probe(link, outcome, elapsed_s) for link, (outcome, elapsed_s) in probes.items()})


SEEN = [
    (LATENCY, looked(a=("answered", 1.3), b=("answered", 1.6)), True),
    (LATENCY, looked(a=("answered", 1.3), b=("silent", 3.0)), True),
    (LATENCY, looked(a=("answered", 1.3), b=("answered", 0.002)), False),
    (LATENCY, looked(a=("refused", 2.0)), False),
    # A jitter as wide as the delay itself must not turn every answer into proof.
    (LATENCY | {"jitter": "1500ms"}, looked(a=("answered", 0.002)), False),
    (LATENCY | {"jitter": "1500ms"}, looked(a=("answered", 0.9)), True),
    (LOSS, looked(a=("silent", 0.6), b=("silent", 0.6)), True),
    (LOSS, looked(a=("silent", 0.6), b=("answered", 0.01)), False),
    (LOSS, looked(a=("refused", 0.0)), False),
    (LOSS | {"mode": "refuse"}, looked(a=("refused", 0.0)), True),
    (LOSS | {"mode": "refuse"}, looked(a=("silent", 0.6)), False),
    (LOSS | {"mode": "reset"}, looked(a=("closed", 0.0)), True),
    (LOSS | {"mode": "reset"}, looked(a=("answered", 0.0)), False),
    (DIVERGENCE, looked(a=("silent", 0.6)), True),
    (DIVERGENCE, looked(a=("answered", 0.01)), False),
    (LIMIT, Looked(answered=1), True),
    (LIMIT, Looked(answered=0), False),
    (ERROR, Looked(answered=3), True),
    (ERROR, Looked(answered=0), False),
    (LATE_ANSWERS, looked(a=("answered", 1.0)), True),
    (LATE_ANSWERS, looked(a=("answered", 0.002)), False),
    (LONG_TAIL, looked(a=("answered", 0.92)), True),
    (LONG_TAIL, looked(a=("answered", 0.4)), False),
    # Of one that climbs half the way shows it; it has not begun to be what it is told to be before.
    (CLIMBING, looked(a=("answered", 0.61)), True),
    (CLIMBING, looked(a=("answered", 0.21)), False),
    (BROWN, looked(a=("answered", 0.8), b=("answered", 0.9)), True),
    (BROWN, looked(a=("answered", 0.8), b=("answered", 0.01)), False),
    (BROWN, looked(a=("silent", 1.8)), False),
    (HOLE, looked(a=("silent", 0.6)), True),
    (HOLE, looked(a=("answered", 0.01)), False),
    (CLOSED_DOOR, looked(a=("refused", 0.0)), True),
    (CLOSED_DOOR, looked(a=("closed", 0.0)), False),
    (CLOSED_DOOR | {"mode": "reset"}, looked(a=("closed", 0.0)), True),
    (CLOSED_DOOR | {"mode": "reset"}, looked(a=("refused", 0.0)), False),
    *((document, Looked(answered=1), True) for document in SHAPED),
    *((document, looked(a=("answered", 0.0)), False) for document in SHAPED),
]


@pytest.mark.parametrize(("document", "look", "held"), SEEN)
def test_it_is_told_from_a_look_whether_a_fault_took_hold(document: dict[str, Any], look: Looked, held: bool) -> None:
    assert fault(document).took_hold(look) == held


@pytest.mark.parametrize(
    "document",
    [
        LATENCY,
        LIMIT,
        ERROR,
        LOSS,
        DIVERGENCE,
        SLOW,
        STALL,
        CUT,
        BAD,
        LATE_ANSWERS,
        CLIMBING,
        HOLE,
        CLOSED_DOOR,
        *SHAPED,
    ],
)
def test_having_seen_nothing_proves_nothing(document: dict[str, Any]) -> None:
    assert not fault(document).took_hold(Looked())


@pytest.mark.parametrize(
    "document",
    [
        LATENCY,
        LIMIT,
        ERROR,
        LOSS,
        DIVERGENCE,
        SLOW,
        STALL,
        CUT,
        BAD,
        WRONG,
        HOLE,
        CLOSED_DOOR | {"mode": "reset"},
        *SHAPED,
    ],
)
def test_only_where_nobody_listens_attempts_are_hidden(document: dict[str, Any]) -> None:
    assert not fault(document).hides_attempts()
    for hidden in (LOSS | {"mode": "refuse"}, CLOSED_DOOR, CLOSED_DOOR | {"mode": "refuse"}):
        assert fault(hidden).hides_attempts()


def test_a_fault_is_to_last_until_it_can_be_seen_and_a_look_waits_for_what_is_late() -> None:
    assert [fault(one).shown_after_s() for one in (LATE_ANSWERS, CLIMBING, NARROW, HOLE)] == [1.0, 3.0, 0.0, 0.6]
    falling = CLIMBING | {"ramp": {"base": {"from": "3s", "over": "4s"}}}
    assert [fault(one).looks_for_s() for one in (LATENCY, LATE_ANSWERS, falling, HOLE)] == [2.7, 2.0, 4.0, 0.6]
    # What the tap delays, it knows of itself; what Toxiproxy does, it has to be told.
    assert [fault(one).owed_s() for one in (LATENCY, LATE_ANSWERS)] == [1.3, 0.0]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (LATENCY | {"base": "0s", "jitter": "0s"}, "base 0 s has to be above 0"),
        (LATENCY | {"base": "100ms"}, "jitter 0.2 s at most base"),
        (LATENCY | {"may_miss": True}, "may_miss is for requests that may not come"),
        (LATENCY | {"base": 1500}, "1500 is not a duration"),
        (LATENCY | {"bse": "1s"}, "Extra inputs are not permitted"),
        (LIMIT | {"requests_per_min": 0}, "greater than 0"),
        (ERROR | {"status": 200}, "greater than or equal to 400"),
        (ERROR | {"share": 1.5}, "less than or equal to 1"),
        (ERROR | {"share": 0}, "share: 0 hits nobody"),
        (ERROR | {"for": "0s"}, "greater than 0"),
        (
            CLIMBING | {"base": "0s", "ramp": {"base": {"from": "3s", "over": "4s"}}},
            "let it fall to 1ms, as base: 1ms says",
        ),
        (LOSS | {"mode": "refuse", "open_connections": "hold"}, "open_connections: hold is for mode: blackhole"),
        (LOSS | {"open_connections": "drop"}, "'deliver', 'reset' or 'hold'"),
        (GONE | {"by": "end"}, "'close' or 'reset'"),
        (LOSS | {"mode": "gone"}, "'blackhole', 'refuse', 'reset' or 'brownout'"),
        ({"kind": "latncy"}, "'latency'"),
        (LOSS | {"late": "1s"}, "late is for mode: brownout; with blackhole nothing is answered"),
        (LOSS | {"mode": "refuse", "share": 0.5, "per": "connection"}, "where nobody listens, nobody is accepted"),
        (SHORT | {"to": 0}, "greater than 0"),
        (SHORT | {"to": 1}, "it takes nothing; say to: below 1"),
        (SHORT | {"slow": 0.5}, "greater than or equal to 1"),
        (SHORT | {"ramp": {"to": {"from": 0, "over": "5s"}}}, "is lost, not short of capacity"),
        (SHORT | {"ramp": {"slow": {"from": 0.5, "over": "5s"}}}, "not a number of at least 1"),
        (REDIS | {"error": "slow"}, "'loading', 'readonly'"),
        (REDIS | {"commands": ["GET a"]}, "String should match pattern"),
        (REDIS | {"commands": ["GET", "hgetal"]}, "Redis has no command HGETAL; did you mean HGETALL?"),
        (REDIS | {"commands": ["multi"]}, "MULTI is always passed on"),
        (REDIS | {"commands": ["SUBSCRIBE"]}, "SUBSCRIBE is always passed on"),
        (DAMAGED | {"how": "poison", "key": ""}, "poison needs a key"),
        (DAMAGED | {"how": "flush"}, "key is for how: poison; flush is about all"),
        (LATE_ANSWERS | {"share": 0.5}, "direction: downstream is for all that passes on a link"),
        (LATENCY | {"distribution": "gauss"}, "'uniform', 'normal' or 'pareto'"),
        (NARROW | {"kilobytes_per_s": 0}, "greater than or equal to 0.1"),
        (NARROW | {"ramp": {"kilobytes_per_s": {"from": 0, "over": "5s"}}}, "0.0 is no rate"),
        (NARROW | {"ramp": {"share": {"from": 0, "over": "5s"}}}, "of bandwidth, kilobytes_per_s can"),
        (IN_SLICES | {"max_bytes": 0}, "greater than or equal to 1"),
        (CUT_OFF | {"after_bytes": -1}, "greater than or equal to 0"),
        (LATE_END | {"delay": "0s"}, "greater than 0"),
        (HOLE | {"direction": "down"}, "'both', 'upstream' or 'downstream'"),
        (CLOSED_DOOR | {"share": 0.5}, "a share is for mode: reset"),
        ({"kind": "slow_stream", **STREAM}, "nothing is slow: say first_token, token_gap or bytes_per_s"),
        (STALL | {"after": -1}, "greater than or equal to 0"),
        (STALL | {"silent_for": "0s"}, "greater than 0"),
        (CUT | {"by": "sword"}, "'reset', 'close' or 'end'"),
        (CUT | {"on": {"kind": "provider", "stream": False}}, "stream: false picks answers in one piece"),
        (
            WRONG | {"says": "30"},
            "says is for the flaw fingerprint or language or model or refusal, and this one is wrong_fact",
        ),
        (WRONG | {"flaw": "empty", "times": 2}, "times is for the flaw usage"),
        (BAD | {"flaw": "no_end"}, "after says where an event is bad, and with no_end one is missing"),
    ],
)
def test_what_makes_no_sense_is_refused(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        fault(document)


@pytest.mark.parametrize(
    ("document", "summary"),
    [
        (LATENCY, "latency 1500 ± 200 ms on kind provider"),
        (LIMIT, "rate_limit 120 per minute, burst 2, on kind provider, region east"),
        (ERROR, "http_error 529 for 50 % on link provider-west"),
        (
            {"kind": "slow_stream", "on": {"kind": "provider"}, "ramp": {"first_token": {"from": "2s", "over": "5s"}}},
            "slow_stream, on kind provider, first_token from 2s over 5 s",
        ),
        (
            ERROR | {"share": 0, "ramp": {"share": {"from": 1, "over": "4s"}}},
            "http_error 529 for 0 % on link provider-west, share from 1 over 4 s",
        ),
        (
            LATENCY | {"base": "0s", "jitter": "0s", "share": 0.5, "ramp": {"base": {"from": "3s", "over": "4s"}}},
            "latency 0 ms for 50 % on kind provider, base from 3s over 4 s",
        ),
        (GONE, "hang_up by reset on link provider-west, attempt 1"),
        (SLOW, "slow_stream, first token 5 s late, tokens 0.2 s apart, on kind provider, region east"),
        (STALL, "stalled_stream after 3 events on kind provider, region east"),
        (STALL | {"silent_for": "4s"}, "stalled_stream after 3 events for 4 s on kind provider, region east"),
        (CUT, "cut_stream after 3 events by end for 50 % on kind provider, region east"),
        (WRONG, "bad_answer wrong_fact on kind provider, region east"),
        (BAD, "bad_stream error after 2 events on kind provider, region east"),
        (LOSS, "regional_loss east · blackhole"),
        (DIVERGENCE, "cache_divergence west"),
        (BROWN, "regional_loss east · brownout"),
        (
            LOSS | {"share": 0.5, "spare": {"kind": "store"}},
            "regional_loss east · blackhole · 50 % of links, not kind store",
        ),
        (REDIS, "store_error loading for 50 % of GET on link store-east"),
        (UNHEARD, "lost_messages on link store-east"),
        (DAMAGED, "damaged_store · poison answer:* on link store-east"),
        (SHORT, "capacity to 25 % on link provider-east"),
        (COLD, "capacity 4 times as slow on link provider-east, slow from 4 over 20 s"),
        (LATE_ANSWERS, "latency downstream 1000 ms on link store-east"),
        (LONG_TAIL, "latency 1000 ± 300 ms pareto on link provider-east"),
        (NARROW, "bandwidth 20 kB/s on link provider-east"),
        (STALL | {"after": 1}, "stalled_stream after 1 event on kind provider, region east"),
        (CUT | {"after": 1}, "cut_stream after 1 event by end for 50 % on kind provider, region east"),
        (BAD | {"after": 1}, "bad_stream error after 1 event on kind provider, region east"),
        (LATENCY | {"base": "0.5ms", "jitter": "0.2ms"}, "latency 0.5 ± 0.2 ms on kind provider"),
        (IN_SLICES, "slices of 30 bytes, 20 ms apart on link provider-east"),
        (CUT_OFF, "cut after 500 bytes by reset downstream for 25 % of connections on link provider-east"),
        (LATE_END, "slow_close 2000 ms downstream on link provider-east"),
        (HOLE, "blackhole downstream on link provider-east"),
        (CLOSED_DOOR, "disconnect · no_new on link provider-east"),
        (
            {"kind": "rate_limit", "on": {"kind": "provider"}, "tokens_per_min": 2_000_000},
            "rate_limit 2000000 tokens per minute, on kind provider",
        ),
    ],
)
def test_a_person_is_told_what_and_where(document: dict[str, Any], summary: str) -> None:
    assert fault(document).summary() == summary


def names(aims: tuple[Aim, ...]) -> tuple[str, ...]:
    assert {aim.what for aim in aims} <= {"link"}
    return tuple(aim.name for aim in aims)


def test_a_selector_picks_what_matches_all_that_it_says(target: Target) -> None:
    assert names(Selector(kind="store").picks(target.links)) == ("store-east", "store-west")
    assert names(Selector(kind="store", region="west").picks(target.links)) == ("store-west",)
    assert names(Selector(link="replication").picks(target.links)) == ("replication",)
    assert names(Selector(link="replication", region="east").picks(target.links)) == ()
    assert names(Selector().picks(target.links)) == tuple(target.links)
    assert str(Selector()) == "all links"


def test_every_kind_can_be_named_in_a_file() -> None:
    of_streams = {"slow_stream", "stalled_stream", "cut_stream", "bad_stream", "bad_answer"}
    of_connections = {
        "capacity",
        "damaged_store",
        "store_error",
        "lost_messages",
        "bandwidth",
        "slices",
        "cut",
        "slow_close",
        "blackhole",
        "disconnect",
        "bad_certificate",
        "bad_lookup",
        "slow_lookup",
    }
    assert set(faults) == of_connections | of_streams | {
        "latency",
        "regional_loss",
        "rate_limit",
        "http_error",
        "hang_up",
        "cache_divergence",
        "kill",
        "pause",
        "resource_limit",
        "unplug",
        "switch",
    }
    for name, kind in faults.items():
        assert kind.model_fields["kind"].default == name


def test_a_share_of_a_regions_links_is_exact_hangs_on_the_seed_alone_and_is_never_none() -> None:
    aims = tuple(Aim("link", f"link-{number}") for number in range(10))
    some = fault(LOSS | {"share": 0.3})
    lost = {seed: some.drawn(aims, seed) for seed in range(20)}
    assert {len(found) for found in lost.values()} == {3}
    assert lost == {seed: some.drawn(tuple(reversed(aims)), seed)[::-1] for seed in range(20)}
    assert {aim for found in lost.values() for aim in found} == set(aims)
    assert len(fault(LOSS | {"share": 0.01}).drawn(aims, 1)) == 1
    for all_of_them in (LOSS, LOSS | {"share": 0.3, "per": "connection"}):
        assert fault(all_of_them).drawn(aims, 1) == aims


def test_capacity_can_be_taken_from_a_simulated_provider_alone_and_it_is_said_what_can_be_used_instead() -> None:
    simulated = Link(kind="provider", upstream={"simulated": {}})
    there, store = (Link(kind="provider", upstream=url) for url in ("https://api.openai.com", "redis://127.0.0.1:6379"))
    assert fault(SHORT).misfit(simulated) == ""
    assert fault(SHORT).misfit(there).endswith("use rate_limit, http_error (503, 529) or latency there")
    assert fault(SHORT).misfit(store).endswith("no capacity that could be taken from it")


def test_a_store_that_may_only_be_read_refuses_what_writes_and_one_that_is_full_what_takes_memory() -> None:
    for error, refused in (("readonly", True), ("oom", False)):
        (effect,) = fault(REDIS | {"error": error, "commands": []}).effects({"store-east": REDIS_LINK})
        assert isinstance(effect, TapAnswers)
        assert {"SET", "HSET", "ZUNIONSTORE", "BITOP"} <= set(effect.commands)
        assert ({"DEL", "UNLINK", "EXPIRE", "BLPOP", "ZREMRANGEBYSCORE"} <= set(effect.commands)) is refused
        assert not {"GET", "HGETALL", "PING"} & set(effect.commands)


@pytest.mark.parametrize("document", [REDIS, UNHEARD, DAMAGED])
def test_what_is_done_to_redis_is_refused_elsewhere(document: dict[str, Any]) -> None:
    assert fault(document).misfit(REDIS_LINK) == ""
    http = Link(kind="provider", upstream="http://127.0.0.1:80")
    assert fault(document).misfit(http) == f"carries http, and {document['kind']} is for redis:// upstreams"


REDIS_LINK = Link(kind="store", upstream="redis://127.0.0.1:{redis.port}")


@pytest.mark.parametrize(
    ("document", "api", "why"),
    [
        (WRONG, "gemini", "speaks gemini, whose answers bad_answer cannot change; it changes OpenAI's and Anthropic's"),
        (WRONG, "bedrock", "speaks bedrock, whose answers bad_answer cannot change"),
        (WRONG | {"flaw": "fingerprint"}, "anthropic", "whose answers have no fingerprint; name another model with flaw: model"),
        (BAD | {"flaw": "no_end", "after": 0}, "gemini", "whose streams have no mark of their end; leave out the finish"),
        (BAD | {"flaw": "no_end", "after": 0}, "bedrock", "whose streams have no mark of their end"),
        (WRONG | {"flaw": "fingerprint"}, "azure-openai", ""),
        (WRONG, "anthropic", ""),
        (WRONG, "none", ""),
        (BAD | {"flaw": "no_end", "after": 0}, "anthropic", ""),
        (BAD, "gemini", ""),
        (CUT, "bedrock", ""),
    ],
)  # fmt: skip
def test_a_flaw_that_answers_of_an_api_cannot_have_is_refused_and_only_that(document: Any, api: str, why: str) -> None:
    link = Link(kind="provider", upstream="http://127.0.0.1:80", api=api)
    assert (why in fault(document).misfit(link)) if why else (fault(document).misfit(link) == "")
    assert ("bad_answer" in suiting(link)) == (api not in ("gemini", "bedrock"))


def test_of_a_share_of_connections_that_brown_out_as_many_requests_fail() -> None:
    late, failing = fault(BROWN | {"share": 0.5, "per": "connection"}).effects(
        {"provider-east": Link(kind="provider", upstream="http://127.0.0.1:80")}
    )
    assert isinstance(late, TapShape)
    assert isinstance(failing, EdgeRule)
    assert (late.share_ratio, failing.requests.share_ratio) == (0.5, 0.15)


def test_commands_are_named_in_any_case_and_those_of_modules_too() -> None:
    (effect,) = fault(REDIS | {"commands": ["get", "Bitfield_ro", "json.get"]}).effects({"store-east": REDIS_LINK})
    assert isinstance(effect, TapAnswers)
    assert effect.commands == ("GET", "BITFIELD_RO", "JSON.GET")


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({"kind": "kill", "on": {"process": "target"}, "back": "never", "flap": {"period": "4s"}}, "ends once"),
        ({"kind": "kill", "on": {"container": "cache"}, "back": "never"}, "who wants it back"),
        ({"kind": "kill", "on": {"process": "a", "container": "b"}}, "say which"),
        ({"kind": "pause", "on": {}}, "say which"),
        ({"kind": "unplug", "on": {"process": "target"}}, "no network of its own"),
        ({"kind": "resource_limit", "on": {"process": "target"}}, "say what there is less of: cpu: 0.2, memory: 200MB"),
        ({"kind": "resource_limit", "on": {"process": "target"}, "cpu": 0}, "greater than or equal to 0.01"),
        (
            {"kind": "resource_limit", "on": {"process": "target"}, "memory": 200},
            "200 is not a size; write a number and a unit",
        ),
        (
            {"kind": "resource_limit", "on": {"process": "target"}, "memory": "1MB"},
            "1 MB is too little .* 6 MiB or more",
        ),
    ],
)
def test_what_cannot_be_done_to_a_process_or_a_container_is_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        fault(document)
