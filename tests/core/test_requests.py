"""Which requests a fault is for, and which of them chance picks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from written_faults import written_fault

from harness.faults.base import OfRequests
from harness.faults.effects import Delay, EdgeRule, Fail, SlowStream, Toxic
from harness.faults.requests import Attempted, Choosing, Lots, Ramp, Requests, Sorting, Tries
from harness.reading.target import Target


def choosing(seed: int = 7, **said: Any) -> Choosing:
    return Choosing(Requests(**said), Lots(seed, "east", "errors"))


def concerned(attempt: Attempted, *all_of_them: Choosing) -> list[Choosing]:
    """Those that *attempt* is for."""
    sorting = Sorting([(each, each) for each in all_of_them])
    return [each for each in sorting.concerned(attempt) if each.is_for_try(attempt)]


@pytest.mark.parametrize(
    ("said", "attempt", "is_for_it"),
    [
        ({}, {}, True),
        ({"model": "gpt-4o"}, {"model": "gpt-4o"}, True),
        ({"model": "gpt-4o"}, {"model": "gpt-4o-mini"}, False),
        ({"model": "gpt-4o*"}, {"model": "gpt-4o-mini"}, True),
        ({"model": "*mini"}, {"model": "gpt-4o-mini"}, True),
        ({"model": "gpt.4o"}, {"model": "gpt-4o"}, False),
        ({"model": "gpt-4o"}, {"model": ""}, False),
        ({"path": "/v1/embeddings"}, {"path": "/v1/embeddings"}, True),
        ({"path": "/v1/embeddings"}, {"path": "/v1/chat/completions"}, False),
        ({"path": "*/chat/*"}, {"path": "/v1/chat/completions"}, True),
        ({"method": "POST"}, {"method": "POST"}, True),
        ({"method": "POST"}, {"method": "GET"}, False),
        ({"stream": True}, {"stream": True}, True),
        ({"stream": True}, {"stream": False}, False),
        ({"stream": False}, {"stream": False}, True),
        ({"attempt_max": 1}, {"number": 1}, True),
        ({"attempt_max": 1}, {"number": 2}, False),
        ({"attempt_min": 2}, {"number": 1}, False),
        ({"attempt_min": 2}, {"number": 7}, True),
        ({"attempt_min": 2, "attempt_max": 3}, {"number": 3}, True),
        ({"attempt_min": 2, "attempt_max": 3}, {"number": 4}, False),
        # Of an attempt that is joined to no request nobody knows which try it is.
        ({"attempt_max": 1}, {"lot": ""}, False),
        ({"per": "conversation", "share_ratio": 0.5}, {"lot": ""}, False),
        ({"share_ratio": 0.5}, {"lot": ""}, True),
    ],
)
def test_a_fault_is_for_what_matches_everything_that_is_said(
    said: dict[str, Any], attempt: dict[str, Any], is_for_it: bool
) -> None:
    assert bool(concerned(Attempted(**{"lot": "00000a", **attempt}), choosing(**said))) is is_for_it


SAID = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["gpt-*", "gpt-4o", "o3"]),
        "path": st.sampled_from(["/v1/*", "/v1/embeddings"]),
        "method": st.sampled_from(["POST", "GET"]),
        "stream": st.booleans(),
        "last_role": st.sampled_from(["user", "tool"]),
        "attempt_min": st.integers(1, 3),
        "attempt_max": st.integers(1, 3),
    },
)
ATTEMPTS = st.builds(
    Attempted,
    lot=st.sampled_from(["", "00000a"]),
    number=st.integers(1, 4),
    model=st.sampled_from(["", "gpt-4o", "o3"]),
    path=st.sampled_from(["/v1/embeddings", "/v1/chat/completions"]),
    method=st.sampled_from(["POST", "GET"]),
    stream=st.booleans(),
    last_role=st.sampled_from(["user", "tool"]),
)


@given(st.lists(SAID, max_size=6), st.lists(ATTEMPTS, min_size=1, max_size=12))
def test_attempts_of_one_kind_concern_the_same_faults_whatever_came_before(
    said: list[dict[str, Any]], attempts: list[Attempted]
) -> None:
    all_of_them = [choosing(**each) for each in said]
    sorting = Sorting([(each, each) for each in all_of_them])
    for attempt in attempts:
        found = [each for each in sorting.concerned(attempt) if each.is_for_try(attempt)]
        assert found == [each for each in all_of_them if concerned(attempt, each)]


def test_kinds_that_are_no_longer_known_are_found_out_again() -> None:
    chosen = choosing(path="/v1/threads/*")
    sorting = Sorting([(chosen, chosen)])
    attempts = [Attempted("", path=f"/v1/{kind}/{number}") for number in range(200) for kind in ("threads", "files")]
    for attempt in attempts + attempts:
        assert bool(sorting.concerned(attempt)) is attempt.path.startswith("/v1/threads/")


def hit(chosen: Choosing, attempts: list[Attempted], after_s: float = 0.0) -> list[bool]:
    return [chosen.draws(attempt, after_s) for attempt in attempts]


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.93])
def test_a_share_of_ten_thousand_attempts_is_as_large_as_was_asked(share: float) -> None:
    attempts = [Attempted(f"{number // 2:06x}") for number in range(10_000)]
    found = sum(hit(choosing(share_ratio=share), attempts))
    # Within the 99.9 % interval of a binomial share.
    assert abs(found - 10_000 * share) <= 3.29 * (10_000 * share * (1 - share)) ** 0.5


def test_equal_seeds_draw_alike_in_whatever_order_requests_come() -> None:
    attempts = [Attempted(f"{number:06x}") for number in range(500)]
    once = dict(zip(attempts, hit(choosing(share_ratio=0.3), attempts), strict=True))
    attempts.reverse()
    assert once == dict(zip(attempts, hit(choosing(share_ratio=0.3), attempts), strict=True))
    assert list(once.values()) != hit(choosing(seed=8, share_ratio=0.3), list(once))


def test_attempts_that_are_joined_to_nothing_are_drawn_by_their_ordinal() -> None:
    unjoined = [Attempted("")] * 500
    assert hit(choosing(share_ratio=0.3), unjoined) == hit(choosing(share_ratio=0.3), unjoined)
    assert 100 < sum(hit(choosing(share_ratio=0.3), unjoined)) < 200


@pytest.mark.parametrize("per", ["connection", "conversation"])
def test_all_of_a_connection_or_of_a_conversation_share_their_lot(per: str) -> None:
    chosen = choosing(share_ratio=0.3, per=per)
    attempts = [Attempted(f"{number:06x}", **{per: number % 200}) for number in range(1_000)]
    by_lot = [set(hit(chosen, attempts[first::200])) for first in range(200)]
    assert all(len(each) == 1 for each in by_lot)
    assert 40 < sum(each == {True} for each in by_lot) < 80


def test_a_share_that_climbs_hits_more_and_more() -> None:
    chosen = choosing(share_ratio=0.8, share_ramp=Ramp(0.0, 10.0))
    attempts = [Attempted(f"{number:06x}") for number in range(1_000)]
    found = [sum(hit(chosen, attempts, after_s)) for after_s in (0.0, 5.0, 10.0, 50.0)]
    assert found[0] == 0
    assert found == pytest.approx([0, 400, 800, 800], abs=50)


def test_tries_are_counted_by_request_and_by_what_it_asks_and_those_of_long_ago_are_forgotten() -> None:
    tries = Tries(calls_max=2)
    assert [tries.next("a", "chat"), tries.next("a", "embed"), tries.next("a", "chat")] == [1, 1, 2]
    assert [tries.next("", "chat"), tries.next("", "chat")] == [1, 1]
    assert [tries.next("b", "chat"), tries.next("a", "chat"), tries.next("a", "embed")] == [1, 3, 1]


@given(st.text("ab*", max_size=7), st.text("ab", max_size=9))
def test_a_star_stands_for_anything_and_all_else_for_itself(pattern: str, said: str) -> None:
    first, *rest = pattern.split("*")
    fits = {len(first)} if said.startswith(first) else set()
    for piece in rest:
        fits = {at + len(piece) for start in fits for at in range(start, len(said) + 1) if said.startswith(piece, at)}
    is_for_it = bool(concerned(Attempted("", path=said), choosing(path=pattern)))
    assert is_for_it is (not pattern or len(said) in fits)


def test_many_stars_are_no_work_for_who_waits_for_them() -> None:
    # In as many ways as there are, this would take days.
    assert not concerned(Attempted("", path="a" * 60_000), choosing(path="*a*a*a*a*a*b"))


def fault(**said: Any) -> OfRequests:
    made: OfRequests = written_fault(said)
    return made


def test_a_scenario_says_which_requests_in_the_selector_and_how_large_a_share_beside_it(target: Target) -> None:
    said = {"model": "gpt-4o*", "path": "*/embeddings", "method": "POST", "stream": False, "attempt": "2-3"}
    climb = {"share": {"from": 0, "over": "10s"}}
    made = fault(kind="http_error", status=503, on={"link": "a", **said}, share=0.2, per="conversation", ramp=climb)
    (effect,) = made.effects({"a": target.links["provider-east"]})
    requests = Requests("gpt-4o*", "*/embeddings", "POST", False, 2, 3, 0.2, Ramp(0.0, 10.0), "conversation")
    assert effect == EdgeRule("a", Fail(503), requests)
    assert made.summary() == (
        "http_error 503 for 20 % of conversations on link a, model gpt-4o*, path */embeddings, method POST, no streams, attempt 2-3, "
        "share from 0 over 10 s"
    )


def test_latency_of_single_requests_is_the_edges_and_of_all_that_passes_the_proxys(target: Target) -> None:
    links = {"a": target.links["provider-east"]}
    (all_alike,) = fault(kind="latency", base="2s", on={}).effects(links)
    assert isinstance(all_alike, Toxic)
    (some,) = fault(kind="latency", base="2s", jitter="1s", share=0.1, on={}).effects(links)
    assert some == EdgeRule("a", Delay(2.0, 1.0), Requests(share_ratio=0.1))
    climb = {"base": {"from": "0s", "over": "5s"}}
    slow = {"first_token": {"from": "0s", "over": "5s"}, "bytes_per_s": {"from": 900, "over": "5s"}}
    (slowing,) = fault(kind="slow_stream", first_token="2s", bytes_per_s=90, ramp=slow, on={}).effects(links)
    rule = SlowStream(2.0, 0.0, 90, Ramp(0.0, 5.0), None, Ramp(900.0, 5.0))
    assert slowing == EdgeRule("a", rule, Requests(stream=True))
    (climbing,) = fault(kind="latency", base="2s", ramp=climb, share=0.1, on={}).effects(links)
    assert climbing == EdgeRule("a", Delay(2.0, ramp=Ramp(0.0, 5.0)), Requests(share_ratio=0.1))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"on": {"attempt": 0}}, "counted from 1, as in 1, 2- or 2-3"),
        ({"on": {"attempt": "3-2"}}, "counted from 1, as in 1, 2- or 2-3"),
        ({"on": {"attempt": "first"}}, "write 1 .the first., 2- .from the second on. or 2-3"),
        ({"on": {"attempt": True}}, "write 1 .the first."),
        ({"on": {"path": "v1/chat?x=1"}}, "path"),
        ({"on": {"method": "post"}}, "method"),
        ({"share": 0}, "share"),
        ({"share": 1.5}, "share"),
        ({"per": "request"}, "attempt"),
        ({"ramp": {"status": {"from": 1, "over": "5s"}}}, "'status' cannot climb or fall; of http_error, share can"),
        (
            {"ramp": {"share": {"from": "0s", "over": "5s"}}},
            "share: from '0s' is not a share; write a number from 0 to 1",
        ),
        ({"ramp": {"share": {"from": 0, "over": "0s"}}}, "over"),
    ],
)
def test_what_cannot_be_meant_is_refused(said: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        fault(**{"kind": "http_error", "status": 503, "on": {}, **said})
