"""A request as an edge shows it to rules: nothing of it is worked out that none of them asks for, and nothing twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.faults.effects import Delay, Throttle
from harness.faults.requests import ALL, Lots, Requests, draw
from harness.http1.request import Request
from harness.protocols.nonce import ANY_RUN, nonce, unpressed
from harness.record.rows import Arrival
from harness.running.wire.config import Config, LinkConfig
from harness.running.wire.edge.account import Account
from harness.running.wire.edge.prompt import Prompt, PromptReading
from harness.running.wire.edge.rules.in_force import Ruling
from harness.running.wire.edge.seen import Seen, SeenAttempt
from harness.running.wire.ledger import Ledger

PATH = "/v1/chat/completions"
BODY = b'{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"Why? %b"}]}' % nonce("", 5).encode()


class Edge:
    """The edge of link east, which counts how often the body of a request is read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = Account(
            LinkConfig("east", "http://127.0.0.1:1"), 1, Config([], "", 1, ""), Ledger(folder / "rows")
        )
        self.read: list[str] = []

        def prompt(reading: PromptReading) -> Prompt:
            self.read.append("body")
            return Prompt(reading.body)

        def digest(_: Prompt) -> str:
            self.read.append("digest")
            return "of the messages"

        monkeypatch.setattr(PromptReading, "prompt", property(prompt))
        monkeypatch.setattr(Prompt, "messages_sha256", property(digest))

    def judge(self, *selections: dict[str, Any]) -> Ruling:
        """What becomes of a request for which there is a rule for each of *selections*."""
        for number, said in enumerate(selections):
            self.account.rules.put(f"late-{number}", Delay(1.0), Requests(**said), 0.0)
        return self.account.rules.judge(self.seen())

    def seen(self) -> Seen:
        reading = PromptReading(ANY_RUN, PATH.encode(), [])
        reading.feed(BODY)
        request = Request(b"POST", PATH.encode(), [], False, True)
        arrival = self.account.arrivals.begin(
            Arrival("east", 1.0, nonce=unpressed(reading.mark), path=PATH, connection=3)
        )
        return Seen(self.account, SeenAttempt(self.account, request, arrival, reading), [])


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edge:
    return Edge(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "selection",
    [{}, {"share_ratio": 0.5}, {"path": "/v1/*"}, {"method": "POST"}, {"share_ratio": 0.5, "per": "connection"}],
)
def test_no_body_is_read_for_rules_that_do_not_ask_what_is_in_it(edge: Edge, selection: dict[str, Any]) -> None:
    assert edge.judge(*[selection] * 3).came_to == ("late-0", "late-1", "late-2")
    edge.account.rules.put("ample", Throttle(60.0, 10), ALL, 0.0)
    edge.account.rules.judge(edge.seen())
    assert edge.read == []


def test_a_body_is_read_once_for_all_who_ask_what_is_in_it(edge: Edge) -> None:
    ruling = edge.judge(
        {"model": "gpt-*"}, {"stream": True}, {"last_role": "user"}, {"model": "claude-*"}, {"attempt_max": 1}
    )
    assert ruling.came_to == ("late-0", "late-1", "late-2", "late-4")
    assert edge.read == ["body", "digest"]


def test_what_does_not_match_by_its_head_is_not_read_on(edge: Edge) -> None:
    assert (
        edge.judge(
            {"method": "GET", "model": "gpt-*", "attempt_max": 1}, {"path": "/v1/embeddings", "stream": True}
        ).came_to
        == ()
    )
    assert edge.read == []


def test_tries_of_a_call_are_counted_once_each(edge: Edge) -> None:
    first, second = edge.seen().attempt, edge.seen().attempt
    assert [first.number, first.number, second.number, first.number] == [1, 1, 2, 1]


def test_what_a_seed_draws_is_the_same_in_every_version() -> None:
    lots = Lots(7, "east", "http_error-1")
    assert [lots.next("00000b"), lots.next("00000a"), lots.next("00000a")][2] == 0.9333614292838238
    assert draw(7, "east", "http_error-1", "00000a", 2) == 0.9333614292838238


@pytest.mark.parametrize(("more", "held"), [(0, True), (1, False)])
def test_a_body_is_held_and_digested_up_to_512_kib_and_of_a_longer_one_the_nonce_alone_is_known(
    more: int, held: bool
) -> None:
    size = (512 << 10) + more
    body = BODY.replace(b"Why?", b"Why?" + b"a" * (size - len(BODY)))
    reading = PromptReading(ANY_RUN, PATH.encode(), [])
    for at in range(0, size, 1 << 16):
        reading.feed(body[at : at + (1 << 16)])
    assert len(reading.body) == (size if held else 0)
    assert bool(reading.prompt.messages_sha256) == held
    assert reading.mark == nonce("", 5)
