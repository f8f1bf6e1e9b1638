"""What a link's clients meet while effects are in force and after they have ended, on real servers and sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing

import pytest
import requests

from harness.faults.effects import Cut, Toxic
from harness.problems import HarnessError
from harness.running.toxiproxy import ToxiproxyApi, ToxiproxyError, ToxiproxyStage, ToxiproxyWedged, injector
from harness.running.toxiproxy.version import parse

FOR_EVER_MS = 60_000
SHORT_S, LONG_S = 0.25, 30.0
SLOW_UP = Toxic("store", "latency", "upstream", {"latency": FOR_EVER_MS})
SLOW_DOWN = Toxic("store", "latency", "downstream", {"latency": FOR_EVER_MS})
HOLE_UP = Toxic("store", "timeout", "upstream", {"timeout": 0})
HOLE_DOWN = Toxic("store", "timeout", "downstream", {"timeout": 0})
RESET = Toxic("store", "reset_peer", "downstream", {"timeout": 0})
CUT = Cut("store")


@pytest.fixture
def address(stage: ToxiproxyStage, echo) -> tuple[str, int]:
    """Of the link ``store``, which leads to an echo."""
    return stage.open_link("store", echo.address)


def seen(stage: ToxiproxyStage, timeout_s: float) -> str:
    return stage.probe("store", "redis", timeout_s).outcome


def somebody_says(api: ToxiproxyApi, place: str, what: dict[str, object]) -> None:
    """Somebody else changes the proxy of the link ``store``."""
    requests.patch(api.proxy_url("run7-store") + place, json=what, timeout=LONG_S).raise_for_status()


def echoes(client: socket.socket) -> bool:
    """Whether what is sent comes back."""
    try:
        client.settimeout(LONG_S)
        client.sendall(b"hello")
        return client.recv(5) != b""
    except ConnectionError:
        return False


def test_an_opened_link_passes_everything_on(address: tuple[str, int], echo) -> None:
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
    assert bytes(echo.received) == b"hello"


def test_latency_delays_and_its_end_keeps_connections(stage: ToxiproxyStage, address: tuple[str, int]) -> None:
    slow = Toxic("store", "latency", "upstream", {"latency": 200, "jitter": 0})
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
        stage.inject("latency-1", slow)
        probe = stage.probe("store", "redis", LONG_S)
        assert probe.outcome == "answered"
        assert probe.elapsed_s >= 0.2
        stage.revert("latency-1", slow)
        stage.inject("latency-2", SLOW_UP)
        assert seen(stage, SHORT_S) == "silent"
        stage.revert("latency-2", SLOW_UP)
        assert seen(stage, LONG_S) == "answered"
        assert echoes(client)


@pytest.mark.parametrize(("hole", "arrives"), [(HOLE_UP, b""), (HOLE_DOWN, b"*1\r\n$4\r\nPING\r\n")])
def test_a_black_hole_is_silent_and_its_side_decides_what_arrives(
    stage: ToxiproxyStage, address: tuple[str, int], echo, hole: Toxic, arrives: bytes
) -> None:
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
        echo.received.clear()
        stage.inject("hole-1", hole)
        assert seen(stage, SHORT_S) == "silent"
        assert bytes(echo.received) == arrives
        stage.revert("hole-1", hole)
        assert seen(stage, LONG_S) == "answered"
        assert not echoes(client)  # a timeout's end closes all connections of the proxy


def test_reset_peer_resets(stage: ToxiproxyStage, address: tuple[str, int]) -> None:
    stage.inject("reset-1", RESET)
    with socket.create_connection(address, LONG_S) as client:
        client.sendall(b"hello")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    assert seen(stage, LONG_S) == "closed"
    stage.revert("reset-1", RESET)
    assert seen(stage, LONG_S) == "answered"


def test_a_cut_closes_connections_and_refuses_new_ones(stage: ToxiproxyStage, address: tuple[str, int]) -> None:
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
        stage.inject("loss-1", CUT)
        assert not echoes(client)
    assert seen(stage, LONG_S) == "refused"
    stage.revert("loss-1", CUT)
    assert seen(stage, LONG_S) == "answered"


def test_one_fault_may_have_several_effects_on_a_link(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    for effect in (HOLE_UP, HOLE_DOWN, CUT):
        stage.inject("loss-1", effect)
    assert [toxic.stream for toxic in api.proxy("run7-store").toxics] == ["upstream", "downstream"]
    for effect in (CUT, HOLE_DOWN, HOLE_UP):
        stage.revert("loss-1", effect)
    assert api.proxy("run7-store").toxics == ()
    assert seen(stage, LONG_S) == "answered"


def test_reverting_again_and_reverting_what_is_gone_change_nothing(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    stage.revert("never-1", HOLE_UP)
    stage.inject("hole-1", HOLE_UP)
    api.remove_toxic("run7-store", "hole-1.timeout.upstream")
    for _ in range(2):
        stage.revert("hole-1", HOLE_UP)
    stage.inject("loss-1", CUT)
    for _ in range(2):
        stage.revert("loss-1", CUT)
    assert seen(stage, LONG_S) == "answered"


def test_a_link_stays_cut_until_its_last_cut_ends(stage: ToxiproxyStage, address: tuple[str, int]) -> None:
    stage.inject("loss-1", CUT)
    stage.inject("loss-2", CUT)
    stage.revert("loss-1", CUT)
    assert seen(stage, LONG_S) == "refused"
    stage.revert("loss-2", CUT)
    assert seen(stage, LONG_S) == "answered"


@pytest.mark.parametrize(("version", "survives"), [("2.12.0", False), ("2.13.0", True), ("git", False)])
def test_the_end_of_a_downstream_latency_costs_connections_only_where_it_has_to(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int], version: str, survives: bool
) -> None:
    api._version = parse(version)
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
        stage.inject("latency-1", SLOW_DOWN)
        stage.revert("latency-1", SLOW_DOWN)
        assert echoes(client) is survives
    assert seen(stage, LONG_S) == "answered"


def test_a_proxy_made_anew_keeps_its_port_and_every_other_effect(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    api._version = parse("2.12.0")
    for fault, effect in (("hole-1", HOLE_UP), ("latency-2", SLOW_DOWN), ("loss-3", CUT)):
        stage.inject(fault, effect)
    stage.revert("latency-2", SLOW_DOWN)
    assert seen(stage, LONG_S) == "refused"
    stage.revert("loss-3", CUT)
    assert seen(stage, SHORT_S) == "silent"
    proxy = api.proxy("run7-store")
    assert (proxy.listen_host, proxy.listen_port) == address
    assert [toxic.name for toxic in proxy.toxics] == ["hole-1.timeout.upstream"]


@pytest.fixture
def abandoned(stage: ToxiproxyStage, api: ToxiproxyApi, upstream) -> Toxic:
    """A downstream latency in force on ``store``, a link to streams that their clients have left."""
    started, left = threading.Event(), threading.Event()

    def stream(connection: socket.socket) -> None:
        connection.recv(4096)
        for _ in range(1_000):
            connection.sendall(b"data: token\n\n")
            started.set()
            left.wait(0.005)

    address = stage.open_link("store", upstream(stream).address)
    slow = Toxic("store", "latency", "downstream", {"latency": 300})
    stage.inject("latency-1", slow)
    with ExitStack() as leaving:
        clients = [leaving.enter_context(closing(socket.create_connection(address, LONG_S))) for _ in range(12)]
        for client in clients:
            client.sendall(b"go")
        assert started.wait(LONG_S)
        assert all(client.recv(1) for client in clients)
    return slow


def test_a_stream_that_its_client_left_does_not_hang_the_revert(
    stage: ToxiproxyStage, api: ToxiproxyApi, abandoned: Toxic
) -> None:
    stage.revert("latency-1", abandoned)
    assert stage.looked_over(LONG_S) == ""
    assert api.proxy("run7-store").toxics == ()


def test_undo_requests_are_known_before_and_put_everything_back(stage: ToxiproxyStage, api: ToxiproxyApi, echo) -> None:
    undo = stage.undo_requests("store")
    stage.open_link("store", echo.address)
    stage.inject("hole-1", HOLE_UP)
    stage.inject("loss-1", CUT)
    for request in undo:
        assert requests.request(request["method"], request["url"], timeout=30).status_code == 204
    assert api.proxies() == {}
    stage.close()  # what is gone already is as good


@pytest.mark.parametrize("version", ["2.12.0", "2.13.0"])
@pytest.mark.parametrize("effect", [CUT, HOLE_UP, SLOW_UP, SLOW_DOWN], ids=lambda effect: str(effect)[:40])
def test_who_takes_back_a_fault_in_the_harnesss_place_leaves_the_link_whole(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int], effect: Toxic | Cut, version: str
) -> None:
    # Which of the two ways it goes hangs on the version that the server says it has.
    api._version = parse(version)
    undo = stage.undo_effect_requests("fault-1", effect)
    stage.inject("fault-1", effect)
    for _ in range(2):  # twice does no harm
        for request in undo:
            answer = requests.request(request["method"], request["url"], data=request.get("body"), timeout=30)
            assert answer.status_code in (200, 201, 204, 404)
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)
    assert (api.proxy("run7-store").toxics, api.proxy("run7-store").enabled) == ((), True)
    stage.revert("fault-1", effect)  # the harness, when it comes to itself
    with socket.create_connection(address, LONG_S) as client:
        assert echoes(client)


def test_closing_deletes_this_runs_proxies_and_no_others(stage: ToxiproxyStage, api: ToxiproxyApi, echo) -> None:
    foreign = api.create_proxy("run8-store", echo.address)
    named_alike = api.create_proxy("run7-theirs", echo.address)
    cut = api.disable(api.create_proxy("cut", echo.address).name)
    stage.open_link("store", echo.address)
    stage.inject("hole-1", HOLE_UP)
    with pytest.raises(ToxiproxyError, match="proxy already exists"):
        stage.open_link("theirs", echo.address)
    stage.close()
    assert api.proxies() == {"run8-store": foreign, "run7-theirs": named_alike, "cut": cut}
    stage.revert("hole-1", HOLE_UP)  # nothing is left of it


class FailsToDelete(ToxiproxyApi):
    """A server that hangs when it is to delete one proxy."""

    victim = ""

    def delete_proxy(self, name: str) -> None:
        if name == self.victim:
            raise ToxiproxyWedged(f"no answer about {name}")
        super().delete_proxy(name)


def test_closing_tries_every_proxy_and_can_be_tried_again(api: ToxiproxyApi, echo) -> None:
    failing = FailsToDelete(api.url)
    stage = ToxiproxyStage(failing, "run7-")
    for link in ("first", "second"):
        stage.open_link(link, echo.address)
    failing.victim = "run7-first"
    with pytest.raises(ToxiproxyWedged, match="run7-first"):
        stage.close()
    assert list(api.proxies()) == ["run7-first"]
    failing.victim = ""
    stage.close()
    assert api.proxies() == {}


class TakesItsTime(ToxiproxyApi):
    """A server that hangs when it is to disable a proxy, until it is let go."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked, self.let_go = threading.Event(), threading.Event()

    def disable(self, name: str):
        self.asked.set()
        self.let_go.wait(LONG_S)
        return super().disable(name)


def test_a_stage_cannot_be_looked_over_while_a_change_hangs(api: ToxiproxyApi, echo) -> None:
    slow = TakesItsTime(api.url)
    stage = ToxiproxyStage(slow, "run7-")
    stage.open_link("store", echo.address)
    assert stage.looked_over(LONG_S) == ""
    change = threading.Thread(target=stage.inject, args=("loss-1", CUT))
    change.start()
    assert slow.asked.wait(LONG_S)
    assert stage.looked_over(0.05) is None
    slow.let_go.set()
    change.join()
    assert stage.looked_over(LONG_S) == ""


class Hangs(ToxiproxyApi):
    """A server that does not answer for one proxy."""

    victim = ""

    def proxy(self, name: str, *, timeout_s: float | None = None):
        if name == self.victim:
            raise ToxiproxyWedged(f"no answer about {name}")
        return super().proxy(name, timeout_s=timeout_s)


def test_a_server_answers_where_it_does_for_each_proxy_also_for_one_that_is_gone(api: ToxiproxyApi, echo) -> None:
    hangs = Hangs(api.url)
    stage = ToxiproxyStage(hangs, "run7-")
    for link in ("first", "second"):
        stage.open_link(link, echo.address)
    api.delete_proxy("run7-first")
    assert stage.answers(LONG_S)
    hangs.victim = "run7-second"
    assert not stage.answers(LONG_S)


def test_a_server_that_has_ended_is_told_of_where_a_fault_is_to_be_reverted(
    toxiproxies, stage: ToxiproxyStage, api: ToxiproxyApi, echo
) -> None:
    stage.open_link("store", echo.address)
    stage.open_link("cache", echo.address)
    stage.inject("hole-1", HOLE_UP)
    stage.inject("loss-2", Cut("cache"))
    toxiproxies.end(api)
    assert stage.looked_over() is None
    with pytest.raises(ToxiproxyWedged):
        stage.revert("hole-1", HOLE_UP)


def test_a_cut_whose_port_was_taken_can_be_reverted_later(
    stage: ToxiproxyStage, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(injector, "_TAKE_BACK_S", 0.05)
    stage.inject("loss-1", CUT)
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(address)
        thief.listen()
        with pytest.raises(ToxiproxyError, match="address already in use"):
            stage.revert("loss-1", CUT)
    stage.revert("loss-1", CUT)
    assert seen(stage, LONG_S) == "answered"


def test_what_cannot_be_meant_is_refused_and_nothing_is_in_force(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    with pytest.raises(ToxiproxyError, match="write an integer from 1"):
        stage.inject("slow-1", Toxic("store", "bandwidth", "upstream", {"rate": 0}))
    with pytest.raises(ToxiproxyError, match="cannot be a name"):
        stage.inject("a/b", HOLE_UP)
    with pytest.raises(HarnessError, match="link 'cache' is not open; open: store"):
        stage.inject("hole-1", Toxic("cache", "timeout", "upstream", {"timeout": 0}))
    with pytest.raises(HarnessError, match="link 'store' is open already"):
        stage.open_link("store", "127.0.0.1:9")
    stage.inject("hole-1", HOLE_UP)
    with pytest.raises(HarnessError, match="in force already"):
        stage.inject("hole-1", HOLE_UP)
    assert len(api.proxy("run7-store").toxics) == 1


def test_an_unanswered_opening_is_cleared_up_by_closing(
    api: ToxiproxyApi, echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    create: Callable[..., object] = api.create_proxy

    def create_unheard(*arguments: object) -> None:
        create(*arguments)
        raise ToxiproxyWedged("no answer")

    monkeypatch.setattr(api, "create_proxy", create_unheard)
    stage = ToxiproxyStage(api, "run7-")
    with pytest.raises(ToxiproxyWedged):
        stage.open_link("store", echo.address)
    assert list(api.proxies()) == ["run7-store"]
    stage.close()
    assert api.proxies() == {}


def test_the_server_itself_says_whether_a_fault_is_there(stage: ToxiproxyStage, address: tuple[str, int]) -> None:
    assert stage.found("fault", "store") == (True, "")  # nothing of it was to be there
    stage.inject("fault", HOLE_UP)
    stage.inject("other", CUT)
    assert stage.found("fault", "store") == stage.found("other", "store") == (True, "")
    stage.revert("other", CUT)
    stage.revert("fault", HOLE_UP)
    assert stage.found("fault", "store") == (True, "")


def reset(api: ToxiproxyApi) -> None:
    """What anybody may send to a server that others use too."""
    requests.post(f"{api.url}/reset", timeout=LONG_S).raise_for_status()


MEDDLED: list[tuple[Toxic | Cut, Callable[[ToxiproxyApi], object], bool, str]] = [
    (SLOW_UP, reset, False, "the latency toxic is not there any more: somebody reset or changed its proxy"),
    (
        SLOW_UP,
        lambda api: api.remove_toxic("run7-store", "fault.latency.upstream"),
        False,
        "the latency toxic is not there any more: somebody reset or changed its proxy",
    ),
    (
        SLOW_UP,
        lambda api: somebody_says(api, "/toxics/fault.latency.upstream", {"attributes": {"latency": 1}}),
        False,
        "somebody changed the latency toxic to {'jitter': 0, 'latency': 1}",
    ),
    (
        SLOW_UP,
        lambda api: api.add_toxic("run7-store", "mine", "timeout", "upstream", {"timeout": 0}),
        True,
        "somebody added the timeout toxic 'mine'",
    ),
    (SLOW_UP, lambda api: api.disable("run7-store"), True, "somebody disabled its proxy"),
    (CUT, lambda api: api.enable("run7-store"), False, "somebody enabled its proxy"),
    (CUT, reset, False, "somebody enabled its proxy"),
    (SLOW_UP, lambda api: api.delete_proxy("run7-store"), False, "its proxy is not there any more: somebody deleted it"),
]  # fmt: skip


@pytest.mark.parametrize(("effect", "meddle", "stands", "said"), MEDDLED)
def test_whoever_meddles_with_a_proxy_while_a_fault_is_in_force_is_found_out(
    stage: ToxiproxyStage,
    api: ToxiproxyApi,
    address: tuple[str, int],
    effect: Toxic | Cut,
    meddle: Callable[[ToxiproxyApi], object],
    stands: bool,
    said: str,
) -> None:
    stage.inject("fault", effect)
    assert stage.found("fault", "store") == (True, "")
    meddle(api)
    assert stage.found("fault", "store") == (stands, said)


def test_a_proxy_that_leads_elsewhere_is_found_out(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    stage.inject("fault", SLOW_UP)
    somebody_says(api, "", {"upstream": "127.0.0.1:9"})
    stands, said = stage.found("fault", "store")
    assert stands
    assert said == f"somebody changed its proxy: it leads from port {address[1]} to 127.0.0.1:9"


def test_with_which_proxy_somebody_meddled_is_told_also_while_no_fault_is_in_force(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    assert stage.looked_over() == ""
    api.disable("run7-store")
    assert stage.looked_over() == "store: somebody disabled its proxy"
    api.enable("run7-store")
    stage.inject("fault", SLOW_UP)
    reset(api)
    assert stage.looked_over() == ""  # who looks at the fault says so
    stage.revert("fault", SLOW_UP)
    api.delete_proxy("run7-store")
    assert stage.looked_over() == "store: its proxy is not there any more: somebody deleted it"


def test_a_cut_whose_proxy_is_gone_is_as_good_as_lifted(
    stage: ToxiproxyStage, api: ToxiproxyApi, address: tuple[str, int]
) -> None:
    stage.inject("fault", CUT)
    api.delete_proxy("run7-store")
    stage.revert("fault", CUT)
    assert stage.found("fault", "store")[1] == "its proxy is not there any more: somebody deleted it"
