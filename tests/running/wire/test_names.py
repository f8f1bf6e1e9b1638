"""Who looks up the name of a link is told where its tap is, or what a fault has it told, by UDP and TCP; and each lookup is counted."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import get_args

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.resolver
import pytest
from written_faults import written_fault

from harness.faults.base import Fault, Looked
from harness.faults.effects import Late, LookupAnswer, NameAnswer, NameDelay
from harness.reading.target import Dns, Link
from harness.running.world.places import Reach
from harness.running.world.places.resolver import ResolverPlace

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

NAME = "api.provider.example"
PATIENCE_S = 60.0
"""So long a test waits for what should come at once."""


@pytest.fixture
def named(new_wire, provider):
    return new_wire({"east": f"http://127.0.0.1:{provider.port}"}, dns={"east": NAME})


@pytest.fixture
def ask(named):
    """What the resolver says to one question, by UDP; a *wait_s* that ends raises dns.exception.Timeout."""

    def asked(name: str = NAME, kind: str = "A", wait_s: float = PATIENCE_S, tcp: bool = False, probes: bool = False):
        query = dns.message.make_query(name, kind)
        resolver = named.ports.resolver
        by = dns.query.tcp if tcp else dns.query.udp
        return by(query, "127.0.0.1", wait_s, port=resolver.probe if probes else resolver.port)

    return asked


def told(reply: dns.message.Message) -> tuple[str, list[str]]:
    return dns.rcode.to_text(reply.rcode()), [record.to_text() for answer in reply.answer for record in answer]


def looked_up(wire) -> tuple[int, dict[str, int]]:
    counts = wire.stage.counts()["east"]
    return counts.lookups, counts.by_fault


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("name", [NAME, "API.Provider.Example."])
def test_a_name_leads_to_the_tap_of_its_link(named, ask, name: str, tcp: bool) -> None:
    reply = ask(name, tcp=tcp)
    assert told(reply) == ("NOERROR", ["127.0.0.1"])
    assert reply.answer[0].ttl == 7
    assert looked_up(named) == (1, {})


def test_what_a_name_has_not_got_is_said_and_no_other_name_is_asked_for_elsewhere(named, ask) -> None:
    assert told(ask(kind="AAAA")) == ("NOERROR", [])
    assert told(ask("elsewhere.example")) == ("REFUSED", [])
    assert told(ask("localhost")) == ("NOERROR", ["127.0.0.1"])
    assert looked_up(named) == (0, {})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("no_such_name", ("NXDOMAIN", [])),
        ("no_address", ("NOERROR", [])),
        ("server_failure", ("SERVFAIL", [])),
        ("nowhere", ("NOERROR", ["127.254.254.254"])),
    ],
)
def test_a_fault_has_another_answer_told_while_it_is_in_force(named, ask, answer: str, said) -> None:
    bad = NameAnswer("east", answer, ttl_s=30)
    named.stage.inject("bad", bad)
    for tcp in (False, True):
        assert told(ask(tcp=tcp)) == said
    assert told(ask(probes=True)) == said
    assert looked_up(named) == (2, {"bad": 2})
    named.stage.revert("bad", bad)
    assert told(ask()) == ("NOERROR", ["127.0.0.1"])
    named.stage.finish()
    assert [sum(each) for each in zip(*((r.lookups, r.lookups_hit) for r in named.traffic()), strict=True)] == [3, 2]


@pytest.mark.parametrize("answer", ["no_such_name", "no_address"])
def test_that_there_is_nothing_may_be_kept_for_as_long_as_is_said(named, ask, answer: str) -> None:
    named.stage.inject("bad", NameAnswer("east", answer, ttl_s=30))
    (soa,) = ask().authority
    assert (soa.ttl, soa[0].minimum) == (30, 30)


def test_a_place_where_nobody_listens_refuses_who_goes_there(named, ask) -> None:
    named.stage.inject("bad", NameAnswer("east", "nowhere"))
    _, (address,) = told(ask())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, named.tap()), PATIENCE_S)


def test_who_is_told_nothing_waits_and_is_counted(named, ask, kit) -> None:
    named.stage.inject("bad", NameAnswer("east", "nothing"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.sendto(dns.message.make_query(NAME, "A").to_wire(), ("127.0.0.1", named.ports.resolver.port))
        kit.eventually(lambda: looked_up(named) == (1, {"bad": 1}))
        asking.setblocking(False)
        with pytest.raises(BlockingIOError):
            asking.recv(512)


def test_an_answer_that_does_not_fit_is_whole_over_tcp(named, ask) -> None:
    named.stage.inject("bad", NameAnswer("east", "truncated"))
    assert (told(ask()), bool(ask().flags & dns.flags.TC)) == (("NOERROR", []), True)
    assert told(ask(tcp=True)) == ("NOERROR", ["127.0.0.1"])
    asking = dns.resolver.Resolver(configure=False)
    asking.nameservers, asking.port = ["127.0.0.1"], named.ports.resolver.port
    assert [record.address for record in asking.resolve(NAME, "A")] == ["127.0.0.1"]


def test_a_share_is_of_the_lookups_of_an_address(named, ask) -> None:
    named.stage.inject("bad", NameAnswer("east", "no_such_name", share_ratio=0.5))
    failed = sum(told(ask())[0] == "NXDOMAIN" for _ in range(20))
    assert told(ask(kind="AAAA")) == ("NOERROR", [])
    assert told(ask(probes=True))[0] == "NXDOMAIN"
    drawn = named.stage.counts()["east"].drawn["bad"]
    assert (drawn.came, drawn.picked) == (20, failed)
    assert 0 < failed < 20


@pytest.mark.parametrize("tcp", [False, True])
def test_an_answer_that_is_late_is_the_right_one_and_no_sooner(named, ask, tcp: bool) -> None:
    named.stage.inject("slow", NameDelay("east", Late(0.2)))
    asked_s = time.monotonic()
    assert told(ask(tcp=tcp)) == ("NOERROR", ["127.0.0.1"])
    assert time.monotonic() - asked_s >= 0.2
    assert looked_up(named) == (1, {"slow": 1})


def test_one_who_waits_holds_up_nobody_else(named, kit) -> None:
    named.stage.inject("slow", NameDelay("east", Late(3600.0)))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PATIENCE_S)
        for name in (NAME, "localhost"):
            asking.sendto(dns.message.make_query(name, "A").to_wire(), ("127.0.0.1", named.ports.resolver.port))
        assert dns.message.from_wire(asking.recv(512)).question[0].name.to_text() == "localhost."


def test_what_is_open_is_closed_where_that_is_asked_for(named, clients, kit) -> None:
    connection = clients(named.tap())
    connection.say(kit.post())
    connection.hear(kit.WHOLE)
    named.stage.inject("bad", NameAnswer("east", "no_such_name", closes_open=True))
    connection.hear_all()
    assert connection.end == "close"


def test_what_is_no_question_is_not_answered_and_breaks_nothing(named, ask) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for said in (b"", b"\x00", bytes(12), b"\xff" * 600, ask().to_wire()):
            stranger.sendto(said, ("127.0.0.1", named.ports.resolver.port))
    assert told(ask())[0] == "NOERROR"


def test_a_link_without_a_name_has_no_resolver_and_its_faults_are_refused(new_wire, provider) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"})
    assert wire.ports.resolver is None
    with pytest.raises(Exception, match="is not reached by a name"):
        wire.stage.inject("bad", NameAnswer("east", "no_such_name"))


@pytest.fixture
def place(named) -> ResolverPlace:
    """The resolver as a run's faults take hold of it."""

    class There:
        wire_gone = False

    link = Link(kind="provider", upstream="http://127.0.0.1:9", dns=Dns(name=NAME))
    reach = Reach(There(), None, named.stage, {"east": link}, {}, resolver_port=named.ports.resolver.probe)
    return ResolverPlace(reach)


def effect_of(fault: Fault) -> NameAnswer | NameDelay:
    (effect,) = fault.effects({"east": None})
    return effect


def held(fault: Fault, place: ResolverPlace) -> bool:
    """Whether a look at it shows it."""
    sight = place.look("one", effect_of(fault), fault.looks_for_s())
    return fault.took_hold(Looked.of([sight], {"east": place._reach.links["east"]}))


EAST = {"on": {"link": "east"}}
KINDS = [
    *({"kind": "bad_lookup", "answer": answer} | EAST for answer in get_args(LookupAnswer)),
    {"kind": "bad_lookup", "answer": "no_such_name", "share": 0.01} | EAST,
    {"kind": "slow_lookup", "base": "300ms"} | EAST,
    {"kind": "slow_lookup", "base": "300ms", "jitter": "300ms", "distribution": "pareto", "share": 0.01} | EAST,
]


@pytest.mark.parametrize("document", KINDS, ids=lambda document: "-".join(map(str, document.values())))
def test_a_look_at_the_resolver_shows_a_fault_and_its_undo_leaves_nothing(named, place, document) -> None:
    fault = written_fault(document)
    effect = effect_of(fault)
    assert not held(fault, place)
    undos = place.undo("one", effect)
    place.inject("one", effect)
    assert held(fault, place)
    assert place.ask("one", effect).stands
    assert looked_up(named) == (0, {})  # who looks is counted nowhere
    assert [undo.refusal() for undo in undos] == [""]
    assert all(undo.carry_out(PATIENCE_S)[0] for undo in undos)
    assert not held(fault, place)
    assert not place.ask("one", effect).stands
    place.revert("one", effect)  # one that is not in force is no error


def test_a_bad_answer_that_comes_late_is_waited_for_by_who_looks(place) -> None:
    slow, bad = (written_fault(KINDS[n]) for n in (-2, 0))
    late = written_fault(KINDS[-2] | {"base": "1s"})
    place.inject("slow", effect_of(late))
    place.inject("one", effect_of(bad))
    assert held(bad, place)
    assert held(slow, place)


def test_an_asyncio_client_with_a_resolver_of_its_own_reaches_the_provider(named) -> None:
    import aiohttp
    import dns.asyncresolver
    from aiohttp.abc import AbstractResolver

    asking = dns.asyncresolver.Resolver(configure=False)
    asking.nameservers, asking.port, asking.lifetime = ["127.0.0.1"], named.ports.resolver.port, PATIENCE_S

    class OfTheRun(AbstractResolver):
        async def resolve(self, host, port=0, family=socket.AF_INET):
            try:
                found = await asking.resolve(host, "A")
            except dns.exception.DNSException as error:
                raise OSError(str(error)) from error
            same = {"port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
            return [{"hostname": host, "host": one.address} | same for one in found]

        async def close(self) -> None:
            pass

    async def posted() -> str:
        connector = aiohttp.TCPConnector(resolver=OfTheRun(), use_dns_cache=False)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"http://{NAME}:{named.tap()}/v1/chat/completions"
            async with session.post(url, data=b"{}") as answer:
                return str(answer.status)

    assert asyncio.run(posted()) == "200"
    named.stage.inject("bad", NameAnswer("east", "no_such_name"))
    with pytest.raises(aiohttp.ClientConnectorDNSError):
        asyncio.run(posted())
