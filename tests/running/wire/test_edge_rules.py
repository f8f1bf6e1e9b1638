"""A rule of an edge sees a request and every piece of its answer, and can let it pass, answer, put it off, change it or cut it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from harness.faults.effects import EdgeRule, Rule, Throttle
from harness.http1.headers import Headers
from harness.running.wire.edge.connection import Connection
from harness.running.wire.edge.rules import edge_rules, in_force
from harness.running.wire.edge.rules.base import Asked, Cut, Decision, Deed, EdgeRuleKind, Following, Pass, Wait

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = [b"data: %d\n\n" % number for number in range(6)]


class Meddle(Rule, frozen=True, tag="meddle"):
    """A rule of a test: what to do to requests, and to answers from their *after*-th event on."""

    request: str = "pass"
    answer: str = "pass"
    after: int = 3
    wait_s: float = 0.15


class Meddling(EdgeRuleKind[Meddle]):
    spec: ClassVar[type[Rule]] = Meddle

    def judge(self, asked: Asked) -> Decision:
        match self.told.request:
            case "cut":
                return Cut()
            case "reset":
                return Cut(reset=True)
            case "wait":
                return Wait(self.told.wait_s)
            case _:
                return Pass()

    def follow(self, asked: Asked) -> Following | None:
        return None if self.told.answer == "pass" else _Events(self.told)


class _Events(Following):
    reframes = True

    def __init__(self, told: Meddle) -> None:
        self._told, self._rest, self._seen = told, b"", 0

    def head(self, status: int, headers: Headers) -> Headers:
        return [*headers, (b"X-Meddled", b"yes")]

    def piece(self, piece: bytes, *, whole: bool) -> list[Deed]:
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        deeds: list[Deed] = []
        for event in events:
            deeds += self._deeds(event + b"\n\n")
            self._seen += 1
        return deeds

    def _deeds(self, event: bytes) -> list[Deed]:
        if self._seen < self._told.after:
            return [event]
        self.touched = True
        match self._told.answer:
            case "cut":
                return [Cut()]
            case "wait" if self._seen == self._told.after:
                return [Wait(self._told.wait_s), event]
            case "change":
                return [event.replace(b"data", b"changed data")]
            case "drop":
                return []
            case _:
                return [event]


@pytest.fixture(autouse=True)
def meddling() -> Iterator[None]:
    """A kind of rule of somebody else's, for one test."""
    edge_rules.add("meddle", Meddling)
    in_force._decoder.cache_clear()
    yield
    del edge_rules._things["meddle"]
    in_force._decoder.cache_clear()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@pytest.fixture
def streaming(provider):
    """A provider that streams six events; as many to a chunk as *size* bytes of them are. Where it does not *end*, more may come."""

    def start(size: int = 10**6, *, chunked: bool = True, end: bytes = b"0\r\n\r\n") -> None:
        async def script(request, line) -> None:
            text = b"".join(EVENTS)
            if chunked:
                pieces = [text[start : start + size] for start in range(0, len(text), size)]
                line.write(HEAD + b"".join(map(_chunk, pieces)) + end)
            else:
                line.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)

        provider.script = script

    return start


def _told(heard: bytes) -> bytes:
    """The body of a chunked answer."""
    body, rest = b"", heard.partition(b"\r\n\r\n")[2]
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_a_stream_is_cut_after_so_many_events_wherever_its_pieces_end(
    wire, provider, clients, kit, streaming, size: int
) -> None:
    streaming(size, end=b"")
    wire.stage.inject("f", EdgeRule("east", Meddle(answer="cut")))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear_all()
    assert client.end == "close"
    assert _told(client.heard) == b"".join(EVENTS[:3])
    assert not client.heard.endswith(b"0\r\n\r\n")
    kit.eventually(lambda: [(row.outcome, row.fault) for row in wire.arrivals()] == [("cut_by_fault", "f")])
    assert wire.stage.counts()["east"].by_fault == {"f": 1}
    kit.eventually(lambda: provider.gone == 1)


def test_an_event_is_put_off_with_all_that_follows_and_nothing_is_lost(wire, clients, kit, streaming) -> None:
    streaming()
    wire.stage.inject("f", EdgeRule("east", Meddle(answer="wait", wait_s=0.5)))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear(b"data: 2\n\n")
    assert client.silent_for(0.1)
    client.hear(b"0\r\n\r\n")
    assert _told(client.heard) == b"".join(EVENTS)
    kit.eventually(lambda: [(row.outcome, row.fault) for row in wire.arrivals()] == [("complete", "f")])


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_that_comes_out_at_another_length_is_framed_anew(wire, clients, kit, streaming, chunked: bool) -> None:
    streaming(chunked=chunked)
    wire.stage.inject("f", EdgeRule("east", Meddle(answer="change")))
    client = clients(wire.edge())
    for times in (1, 2):
        client.say(kit.post())
        client.hear(b"0\r\n\r\n", times=times)
    assert b"content-length" not in client.heard.lower()
    assert client.heard.count(b"X-Meddled: yes") == 2
    assert client.heard.count(b"changed data: 5") == 2
    assert wire.stage.counts()["east"].by_fault == {"f": 2}


def test_what_a_rule_drops_is_not_told_and_the_answer_is_whole(wire, clients, kit, streaming) -> None:
    streaming()
    wire.stage.inject("f", EdgeRule("east", Meddle(answer="drop")))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear(b"0\r\n\r\n")
    assert _told(client.heard) == b"".join(EVENTS[:3])


def test_two_rules_work_on_what_the_one_before_them_made(wire, clients, kit, streaming) -> None:
    streaming()
    wire.stage.inject("a", EdgeRule("east", Meddle(answer="change", after=1)))
    wire.stage.inject("b", EdgeRule("east", Meddle(answer="cut", after=2)))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear_all()
    assert _told(client.heard) == b"data: 0\n\nchanged data: 1\n\n"


@pytest.mark.parametrize("how", ["cut", "reset"])
def test_a_request_is_cut_before_the_provider_is_asked(wire, provider, clients, kit, how: str) -> None:
    wire.stage.inject("f", EdgeRule("east", Meddle(request=how)))
    client = clients(wire.tap())
    client.say(kit.post())
    assert (client.hear_all(), client.end) == (b"", "close" if how == "cut" else "reset")
    assert provider.accepted == []
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["cut_by_fault"])


def test_a_request_is_put_off_and_then_goes_on(wire, provider, clients, kit) -> None:
    wire.stage.inject("f", EdgeRule("east", Meddle(request="wait", wait_s=0.3)))
    client = clients(wire.edge())
    client.say(kit.post())
    assert client.silent_for(0.1)
    assert provider.accepted == []
    client.hear(kit.WHOLE)
    kit.eventually(lambda: [(row.outcome, row.fault) for row in wire.arrivals()] == [("complete", "f")])


def test_a_client_that_leaves_while_its_request_is_put_off_has_it_forgotten(wire, provider, clients, kit) -> None:
    wire.stage.inject("f", EdgeRule("east", Meddle(request="wait", wait_s=0.2)))
    client = clients(wire.edge())
    client.say(kit.post())
    kit.eventually(lambda: wire.stage.counts()["east"].arrivals == 1)
    client.leave()
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["client_left"])
    other = clients(wire.edge())
    wire.stage.revert("f", EdgeRule("east", Meddle()))
    other.say(kit.post())
    other.hear(kit.WHOLE)
    assert len(provider.accepted) == 1


def test_a_rule_that_lets_all_pass_leaves_every_byte_as_it_is(wire, clients, kit, streaming) -> None:
    streaming(7)
    plain, ruled = clients(wire.edge()), clients(wire.edge())
    plain.say(kit.post())
    plain.hear(b"0\r\n\r\n")
    wire.stage.inject("f", EdgeRule("east", Meddle()))
    ruled.say(kit.post())
    assert ruled.hear(b"0\r\n\r\n") == plain.heard
    assert wire.stage.counts()["east"].by_fault == {}


def test_the_head_of_an_answer_goes_with_what_came_with_it_also_where_a_rule_goes_along(
    wire, clients, kit, streaming, monkeypatch
) -> None:
    written: list[bytes] = []
    write = Connection.write

    def noted(self: Connection, data: bytes) -> None:
        written.append(data)
        write(self, data)

    monkeypatch.setattr(Connection, "write", noted)
    streaming()
    for _ in range(2):
        client = clients(wire.edge())
        client.say(kit.post())
        client.hear(b"0\r\n\r\n")
        wire.stage.inject("f", EdgeRule("east", Throttle(1e9)))
    assert [data.startswith(b"HTTP/1.1 200") and data.endswith(b"0\r\n\r\n") for data in written] == [True, True]


def test_an_edge_rule_on_a_link_without_an_edge_is_refused(new_wire) -> None:
    from harness.running.wire import WireError

    wire = new_wire({}, others={"store": "redis"})
    with pytest.raises(WireError, match="carries no HTTP, so it has no edge"):
        wire.stage.inject("f", EdgeRule("store", Meddle()))


def test_a_rule_that_breaks_where_the_provider_leaves_in_mid_answer_holds_no_client_up(
    wire, provider, clients, kit, monkeypatch
) -> None:
    def broken(self: Following) -> bytes:
        raise LookupError("a defect of a rule")

    async def script(request, line) -> None:
        line.write(HEAD + _chunk(EVENTS[0]))
        line.transport.abort()

    monkeypatch.setattr(_Events, "release", broken)
    provider.script = script
    wire.stage.inject("f", EdgeRule("east", Meddle(answer="change")))
    client = clients(wire.edge())
    client.say(kit.post())
    client.hear_all()
    kit.eventually(lambda: [row.outcome for row in wire.arrivals()] == ["broken"])
