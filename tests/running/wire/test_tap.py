"""The tap alone: its far side is not Toxiproxy but a provider that does what the test says."""

from __future__ import annotations

import gc
import socket
import weakref

import pytest

from harness.faults.effects import EdgeRule, Fail, Late, TapMode, TapShape
from harness.running.free_port import free_port
from harness.running.wire import WireError
from harness.running.wire.edge.connection import Connection
from harness.running.wire.edge.upstream_connection import UpstreamConnection
from harness.running.wire.tap.connection import Far, Near

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

REFUSE = TapMode("east", "refuse")
SILENCE = TapMode("east", "silence")
LATE = TapShape("east", Late(0.02))


@pytest.fixture
def tapped(wire, provider):
    """A wire whose tap dials the provider itself."""
    wire.stage.connect_link("east", provider.port)
    return wire


@pytest.fixture
def silence(provider):
    async def silent(request, line):
        pass

    provider.script = silent
    return provider


def _rows(wire) -> list[tuple[str, str]]:
    return [(row.nonce, row.outcome) for row in wire.attempts()]


def test_requests_and_answers_pass_untouched_and_are_counted(tapped, provider, clients, kit) -> None:
    client = clients(tapped.tap())
    client.say(kit.post())
    assert client.hear(b"}}") == kit.answer()
    kit.eventually(lambda: _rows(tapped) == [(kit.NONCE, "complete")])
    assert provider.accepted[0].body == kit.BODY


def test_what_is_not_http_passes_both_ways(tapped, provider, clients) -> None:
    provider.on_bytes = lambda line, data: line.write(data[::-1])
    client = clients(tapped.tap())
    client.say(bytes(range(256)))
    assert client.hear(bytes(range(255, -1, -1)))


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_a_dial_that_is_refused_loses_no_attempt(tapped, clients, kit, parts: int) -> None:
    tapped.stage.connect_link("east", free_port())
    client, request = clients(tapped.tap()), kit.post()
    for start in range(0, len(request), len(request) // parts + 1):
        client.say(request[start : start + len(request) // parts + 1])

    assert client.hear_all() == b""
    assert client.end == "reset"
    assert _rows(tapped) == [(kit.NONCE, "reset")]


def test_a_link_that_leads_nowhere_yet_is_as_good_as_refused(new_wire, clients, kit) -> None:
    wire = new_wire({"east": "http://127.0.0.1:9"}, connected=False)
    client = clients(wire.tap())
    client.say(kit.post())
    assert (client.hear_all(), client.end) == (b"", "reset")
    assert _rows(wire) == [(kit.NONCE, "reset")]


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_far_side_that_dies_halfway_is_passed_on_once_the_request_is_whole(
    tapped, provider, clients, kit, end: str
) -> None:
    provider.on_bytes = lambda line, data: getattr(line, end)()
    client, request = clients(tapped.tap()), kit.post()
    client.say(request[:60])
    kit.eventually(lambda: provider.gone == 1)
    assert client.silent_for(0.01)
    client.say(request[60:])

    assert (client.hear_all(), client.end) == (b"", end)
    outcome = {"close": "closed", "reset": "reset"}[end]
    kit.eventually(lambda: _rows(tapped) == [(kit.NONCE, outcome)])


def test_a_request_that_never_becomes_whole_is_waited_for_only_so_long(tapped, provider, clients, kit) -> None:
    provider.on_bytes = lambda line, data: line.reset()
    client = clients(tapped.tap())
    client.say(kit.post()[:60])
    assert (client.hear_all(), client.end) == (b"", "reset")
    assert _rows(tapped) == [("", "reset")]


def test_a_client_that_only_connects_is_told_too(tapped, clients) -> None:
    tapped.stage.connect_link("east", free_port())
    client = clients(tapped.tap())
    assert (client.hear_all(), client.end) == (b"", "reset")
    assert _rows(tapped) == []


def test_a_request_sent_into_an_idle_connection_that_is_just_closed_is_counted(tapped, provider, clients, kit) -> None:
    client = clients(tapped.tap())
    client.say(kit.post())
    client.hear(b"}}")
    provider.call(provider.lines[0].close)
    assert client.hear_all().endswith(b"}}")
    client.say(kit.post())

    kit.eventually(lambda: _rows(tapped) == [(kit.NONCE, "complete"), (kit.NONCE, "closed")])


@pytest.mark.parametrize("end", ["close", "reset"])
def test_the_end_of_an_idle_connection_is_passed_on_as_it_was(tapped, provider, clients, kit, end: str) -> None:
    client = clients(tapped.tap())
    client.say(kit.post())
    client.hear(b"}}")
    provider.call(getattr(provider.lines[0], end))
    client.hear_all()
    assert client.end == end
    assert _rows(tapped) == [(kit.NONCE, "complete")]


@pytest.mark.parametrize(("end", "seen"), [("close", "close"), ("reset", "reset")])
def test_an_answer_cut_short_reaches_the_client_as_far_as_it_came(tapped, provider, clients, kit, end, seen) -> None:
    async def cut(request, line) -> None:
        line.write(kit.answer()[:-10])
        await line.flushed()
        getattr(line, end)()

    provider.script = cut
    client = clients(tapped.tap())
    client.say(kit.post())
    client.hear_all()
    assert client.end == seen
    if end == "close":
        assert client.heard == kit.answer()[:-10]
    kit.eventually(lambda: _rows(tapped) == [(kit.NONCE, "truncated")])


@pytest.mark.parametrize("leave", ["leave", "reset"])
def test_a_client_that_leaves_takes_the_far_side_with_it(tapped, silence, clients, kit, leave: str) -> None:
    client = clients(tapped.tap())
    client.say(kit.post())
    kit.eventually(lambda: silence.accepted)
    getattr(client, leave)()
    kit.eventually(lambda: silence.gone == 1)
    assert _rows(tapped) == [(kit.NONCE, "client_left")]


def test_what_is_owed_keeps_the_far_side_open_for_a_client_who_left(tapped, silence, clients, kit) -> None:
    tapped.stage.owe("east", 60)
    early = clients(tapped.tap())
    early.say(kit.post())
    kit.eventually(lambda: len(silence.accepted) == 1)
    early.leave()
    kit.eventually(lambda: len(tapped.attempts()) == 1)
    tapped.stage.owe("east", 0)
    late = clients(tapped.tap())
    late.say(kit.post())
    kit.eventually(lambda: len(silence.accepted) == 2)
    late.leave()

    kit.eventually(lambda: silence.lines[1].gone.is_set())
    assert not silence.lines[0].gone.is_set()


def test_what_is_owed_ends(tapped, silence, clients, kit) -> None:
    tapped.stage.owe("east", 0.05)
    client = clients(tapped.tap())
    client.say(kit.post())
    kit.eventually(lambda: silence.accepted)
    client.leave()
    kit.eventually(lambda: silence.gone == 1)


@pytest.mark.parametrize("said", [b"", b"half", b"some"])
def test_nothing_is_owed_to_half_a_request_or_one_that_is_being_answered(
    tapped, provider, clients, kit, said: bytes
) -> None:
    async def begin(request, line) -> None:
        line.write(kit.answer()[:20])

    provider.script = begin
    tapped.stage.owe("east", 60)
    client = clients(tapped.tap())
    if said == b"half":
        client.say(kit.post()[:-5])
        kit.eventually(lambda: provider.lines and provider.lines[0].bytes_in)
    elif said == b"some":
        client.say(kit.post())
        client.hear(kit.answer()[:20])
    else:
        kit.eventually(lambda: provider.lines)
    client.leave()
    kit.eventually(lambda: provider.gone == 1)


def test_a_request_whose_client_left_at_once_still_arrives(tapped, provider, clients, kit) -> None:
    for _ in range(50):
        client = clients(tapped.tap())
        client.say(kit.post())
        client.leave()
    kit.eventually(lambda: len(provider.accepted) == 50)
    kit.eventually(lambda: len(tapped.attempts()) == 50)
    assert {row.nonce for row in tapped.attempts()} == {kit.NONCE}


def test_refuse_resets_who_is_connected_and_refuses_who_comes(tapped, silence, clients, kit) -> None:
    busy, idle = clients(tapped.tap()), clients(tapped.tap())
    busy.say(kit.post())
    kit.eventually(lambda: silence.accepted and len(silence.lines) == 2)

    tapped.stage.inject("0", REFUSE)

    for client in (busy, idle):
        assert (client.hear_all(), client.end) == (b"", "reset")
    for _ in range(5):
        with pytest.raises(ConnectionRefusedError):
            clients(tapped.tap())
    assert _rows(tapped) == [(kit.NONCE, "reset")]
    kit.eventually(lambda: silence.gone == 2)


def test_after_refuse_the_same_port_listens_again(tapped, clients, kit) -> None:
    for _ in range(5):
        tapped.stage.inject("0", REFUSE)
        tapped.stage.inject("0", REFUSE)
        with pytest.raises(ConnectionRefusedError):
            clients(tapped.tap())
        tapped.stage.revert("0", REFUSE)
        tapped.stage.revert("0", REFUSE)
        client = clients(tapped.tap())
        client.say(kit.post())
        client.hear(b"}}")


def test_nobody_else_can_have_the_port_while_it_refuses(tapped) -> None:
    tapped.stage.inject("0", REFUSE)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", tapped.tap()))


def test_while_two_faults_refuse_the_end_of_one_changes_nothing(tapped, clients, kit) -> None:
    tapped.stage.inject("0", REFUSE)
    tapped.stage.inject("1", REFUSE)
    tapped.stage.revert("0", REFUSE)
    with pytest.raises(ConnectionRefusedError):
        clients(tapped.tap())
    tapped.stage.revert("1", REFUSE)
    client = clients(tapped.tap())
    client.say(kit.post())
    client.hear(b"}}")


def test_who_does_not_read_holds_the_far_side_up_and_loses_nothing(tapped, provider, clients, kit) -> None:
    body = bytes(kit.TOO_MUCH)
    written = []

    async def large(request, line) -> None:
        line.write(kit.answer(body))
        written.append(line)

    provider.script = large
    client = clients(tapped.tap())
    client.say(kit.post())
    kit.eventually(lambda: written)
    assert client.hear(b"\r\n\r\n")
    assert written[0].transport.get_write_buffer_size() > 0
    assert client.hear_whole(len(kit.answer(body))) == kit.answer(body)


def test_a_large_request_passes_whole_to_who_reads_slowly(tapped, provider, clients, kit) -> None:
    request = kit.post(bytes(kit.TOO_MUCH))
    provider.call(lambda: None)
    client = clients(tapped.tap())
    kit.eventually(lambda: provider.lines)
    provider.call(provider.lines[0].transport.pause_reading)
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.socket.sendall(request)
    provider.call(provider.lines[0].transport.resume_reading)
    client.leave()
    kit.eventually(lambda: provider.gone == 1)
    assert 0 < provider.lines[0].bytes_in < len(request)


def test_an_unknown_link_is_refused_and_named(tapped) -> None:
    with pytest.raises(WireError, match="no link is called 'west'; there are: east"):
        tapped.stage.connect_link("west", 1)


@pytest.mark.parametrize("port", [0, -1, 70_000])
def test_a_port_that_cannot_be_is_refused(tapped, port: int) -> None:
    with pytest.raises(WireError, match="port"):
        tapped.stage.connect_link("east", port)


def test_what_is_open_at_the_end_is_written_as_unfinished(tapped, silence, clients, kit) -> None:
    client = clients(tapped.tap())
    client.say(kit.post())
    kit.eventually(lambda: silence.accepted)
    tapped.stage.finish()
    assert _rows(tapped) == [(kit.NONCE, "unfinished")]


def test_what_a_fault_has_in_force_at_either_end_of_a_link_is_told_with_its_counts(wire) -> None:
    def in_force() -> tuple[str, ...]:
        return wire.stage.counts()["east"].in_force

    rule = EdgeRule("east", Fail(529))
    assert in_force() == ()
    wire.stage.inject("hole-1", SILENCE)
    wire.stage.inject("error-2", rule)
    assert in_force() == ("hole-1", "error-2")
    wire.stage.revert("hole-1", SILENCE)
    assert in_force() == ("error-2",)
    wire.stage.revert("error-2", rule)
    assert in_force() == ()


@pytest.fixture
def alive(monkeypatch):
    """What connections there are, and what reads them along, while garbage is not looked for."""
    found = weakref.WeakSet()
    for one in (Near, Far, Connection, UpstreamConnection):

        def made(self, transport, one=one, made=one.connection_made) -> None:
            read = {"_watched", "_up", "_reading"} if one is not UpstreamConnection else set()
            found.update([self, *(known for name, known in vars(self).items() if name in read)])
            made(self, transport)

        monkeypatch.setattr(one, "connection_made", made)
    gc.disable()
    yield found
    gc.enable()


@pytest.mark.parametrize(
    "end", ["the client closes", "the client resets", "the provider resets", "refused", "silent", "late"]
)
def test_nothing_of_a_connection_waits_for_garbage_to_be_looked_for(
    wire, provider, clients, kit, alive, end: str
) -> None:
    async def resets(request, line) -> None:
        line.reset()

    wire.stage.connect_link("east", free_port() if end == "refused" else wire.edge())
    if end in ("silent", "late"):
        wire.stage.inject("0", SILENCE if end == "silent" else LATE)
    provider.script = resets if end == "the provider resets" else provider.script
    client = clients(wire.tap())
    client.say(kit.post())
    if end.startswith("the client"):
        client.hear(b"}}")
    if end in ("refused", "the provider resets"):
        client.hear_all()
    client.reset() if end == "the client resets" else client.leave()
    kit.eventually(lambda: provider.accepted or end in ("refused", "silent"))
    wire.stage.finish()
    kit.eventually(lambda: not len(alive))
