"""A fault of requests hits those that it is for, and the edge writes down which came to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from harness.faults.effects import Delay, EdgeRule, Fail
from harness.faults.requests import Requests
from harness.protocols.nonce import index, nonce

Ask = Callable[..., int]


def body(index: int | None, **said: Any) -> bytes:
    """A chat of the request with this *index*; of none, one that carries no nonce."""
    mark = "" if index is None else f" [{nonce('a run', index)}]"
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": f"Hello{mark}"}], **said}).encode()


@pytest.fixture
def ask(wire, clients, kit) -> Ask:
    """One request on a connection of its own, and the status of its answer."""

    def ask(index: int | None = 0, path: bytes = b"/v1/chat/completions", **said: Any) -> int:
        client = clients(wire.tap())
        client.say(kit.post(body(index, **said), path=path, headers=b"Connection: close\r\n"))
        return int(client.hear_all()[9:12])

    return ask


def hitting(wire, **requests: Any) -> None:
    wire.stage.inject("f", EdgeRule("east", Fail(503), Requests(**requests)))


def test_only_the_first_try_of_each_request_fails(wire, ask: Ask) -> None:
    hitting(wire, attempt_max=1)
    assert [ask(0), ask(0), ask(1), ask(0), ask(1)] == [503, 200, 503, 200, 200]
    rows = wire.arrivals()
    assert [(row.came_to, row.hit_by) for row in rows] == [("f", "f"), ("", ""), ("f", "f"), ("", ""), ("", "")]


def test_a_try_that_came_before_the_fault_was_the_first(wire, ask: Ask) -> None:
    assert ask(0) == 200
    hitting(wire, attempt_max=1)
    assert [ask(0), ask(1)] == [200, 503]


def test_another_call_for_the_same_request_is_tried_for_the_first_time(wire, ask: Ask) -> None:
    hitting(wire, attempt_max=1)
    other = [{"role": "user", "content": f"And then? [{nonce('a run', 0)}]"}]
    assert [ask(0), ask(0, b"/v1/embeddings"), ask(0, messages=other), ask(0)] == [503, 503, 503, 200]


def test_all_tries_but_the_first_fail(wire, ask: Ask) -> None:
    hitting(wire, attempt_min=2)
    assert [ask(0), ask(0), ask(0), ask(1)] == [200, 503, 503, 200]


def test_nobody_knows_which_try_it_is_of_what_carries_no_nonce(wire, ask: Ask) -> None:
    hitting(wire, attempt_max=1)
    assert [ask(None), ask(None)] == [200, 200]
    assert [row.came_to for row in wire.arrivals()] == ["", ""]


@pytest.mark.parametrize(
    ("requests", "hit", "spared"),
    [
        ({"model": "gpt-*"}, {"model": "gpt-4o"}, {"model": "o3"}),
        (
            {"model": "gemini-*"},
            {"model": None, "path": b"/v1beta/models/gemini-2.5-pro:generateContent"},
            {"model": None, "path": b"/openai/deployments/gpt-4o/chat/completions"},
        ),
        (
            {"stream": True},
            {"path": b"/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse"},
            {"path": b"/model/x/converse"},
        ),
        ({"path": "*/embeddings"}, {"path": b"/v1/embeddings?a=b"}, {"path": b"/v1/chat/completions"}),
        ({"stream": True}, {"stream": True}, {"stream": False}),
        ({"stream": False}, {}, {"stream": True}),
        ({"method": "POST"}, {}, None),
        ({"method": "GET"}, None, {}),
    ],
)
def test_a_fault_is_for_what_requests_say(
    wire, ask: Ask, requests: dict[str, Any], hit: dict[str, Any] | None, spared: dict[str, Any] | None
) -> None:
    hitting(wire, **requests)
    assert hit is None or ask(**hit) == 503
    assert spared is None or ask(**spared) == 200


def test_all_requests_of_a_connection_share_their_lot(wire, clients, kit) -> None:
    hitting(wire, per="connection", share_ratio=0.5)
    seen = []
    for _ in range(16):
        client = clients(wire.tap())
        for times in (1, 2, 3):
            client.say(kit.post())
            client.hear(b"HTTP/1.1 ", times=times)
            client.hear(b"}}", times=times)
        seen.append({part[:3] for part in client.heard.split(b"HTTP/1.1 ")[1:]})
    assert all(len(statuses) == 1 for statuses in seen)
    assert {status for statuses in seen for status in statuses} == {b"200", b"503"}


def test_a_share_hits_the_same_requests_one_at_a_time_and_forty_at_once(new_wire, provider, clients, kit) -> None:
    def hit(at_once: int) -> list[int]:
        wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
        hitting(wire, share_ratio=0.3)
        asking = [clients(wire.tap()) for _ in range(at_once)]
        for first in range(0, 240, at_once):
            for number, client in enumerate(asking):
                client.say(kit.post(body(first + number)))
            for client in asking:
                client.hear(b"HTTP/1.1 ", times=1 + first // at_once)
                client.hear(b"}}", times=1 + first // at_once)
        kit.eventually(lambda: len(wire.arrivals()) == 240)
        return sorted(index(row.nonce) for row in wire.arrivals() if row.hit_by)

    one_by_one, together = hit(1), hit(40)
    assert one_by_one == together
    # Within the 99.9 % interval of a binomial share.
    assert abs(len(together) - 72) <= 3.29 * (240 * 0.3 * 0.7) ** 0.5


def test_what_hits_a_share_is_told_apart_from_what_only_came_to_it(wire, ask: Ask) -> None:
    hitting(wire, share_ratio=0.5)
    statuses = [ask(index) for index in range(24)]
    rows = wire.arrivals()
    assert {row.came_to for row in rows} == {"f"}
    assert [row.hit_by for row in rows] == ["f" if status == 503 else "" for status in statuses]
    assert set(statuses) == {200, 503}


def test_an_error_after_a_delay_comes_late_and_both_have_hit_the_attempt(wire, provider, ask: Ask) -> None:
    wire.stage.inject("slow", EdgeRule("east", Delay(0.2)))
    hitting(wire)
    assert ask() == 503
    (row,) = wire.arrivals()
    assert (row.fault, row.came_to, row.hit_by, row.outcome) == ("f", "slow f", "slow f", "answered_by_fault")
    assert row.end_s - row.start_s >= 0.2
    assert provider.accepted == []
    assert wire.stage.counts()["east"].by_fault == {"slow": 1, "f": 1}


def test_a_client_that_leaves_while_its_request_waits_is_none_that_the_provider_was_asked_for(
    wire, provider, clients, kit
) -> None:
    wire.stage.inject("slow", EdgeRule("east", Delay(60.0)))
    client = clients(wire.tap())
    client.say(kit.post())
    kit.eventually(lambda: wire.stage.counts()["east"].by_fault)
    client.leave()
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["client_left"])
    assert provider.accepted == []
