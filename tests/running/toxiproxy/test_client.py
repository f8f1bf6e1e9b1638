"""What the interface promises, against real servers, and against ones that fail in every way known."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from harness.running.free_port import free_port
from harness.running.toxiproxy import InstalledToxic, ToxiproxyApi, ToxiproxyError, ToxiproxyWedged

Answer = tuple[int, object]
Pretend = Callable[[Callable[[str, str], Answer]], ToxiproxyApi]


@pytest.fixture
def pretend() -> Iterator[Pretend]:
    """Start a server that only looks like Toxiproxy: each call is answered as told."""
    started: list[ThreadingHTTPServer] = []

    def start(answer: Callable[[str, str], Answer]) -> ToxiproxyApi:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _reply(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = answer(self.command, self.path)
                content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _reply  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return ToxiproxyApi(f"http://127.0.0.1:{server.server_port}")

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def test_a_proxy_is_created_found_disabled_enabled_and_deleted(api: ToxiproxyApi) -> None:
    created = api.create_proxy("one", "127.0.0.1:9")
    assert created.listen_host == "127.0.0.1"
    assert created.listen_port > 0
    assert api.proxy("one") == created
    assert api.proxies() == {"one": created}
    assert not api.disable("one").enabled
    assert api.enable("one").enabled
    api.delete_proxy("one")
    assert api.proxies() == {}


def test_a_proxy_made_disabled_does_not_listen_before_it_is_enabled(api: ToxiproxyApi) -> None:
    port = free_port()
    api.create_proxy("later", "127.0.0.1:9", f"127.0.0.1:{port}", enabled=False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=30)
    api.enable("later")
    socket.create_connection(("127.0.0.1", port), timeout=30).close()


def test_a_toxic_is_added_and_removed(api: ToxiproxyApi) -> None:
    api.create_proxy("one", "127.0.0.1:9")
    added = api.add_toxic("one", "slow", "latency", "upstream", {"latency": 100, "jitter": 20})
    assert added == InstalledToxic("slow", "latency", "upstream", {"latency": 100, "jitter": 20}, 1.0)
    assert api.proxy("one").toxics == (added,)
    api.remove_toxic("one", "slow")
    assert api.proxy("one").toxics == ()


def test_what_the_server_refuses_is_told_in_its_own_words(api: ToxiproxyApi) -> None:
    api.create_proxy("one", "127.0.0.1:9")
    with pytest.raises(ToxiproxyError, match="proxy already exists") as refused:
        api.create_proxy("one", "127.0.0.1:9")
    assert refused.value.status == 409
    with pytest.raises(ToxiproxyError, match="proxy not found"):
        api.proxy("two")
    with pytest.raises(ToxiproxyError, match="toxic not found"):
        api.remove_toxic("one", "slow")


def test_a_port_that_is_taken_is_an_error(api: ToxiproxyApi) -> None:
    taken = api.create_proxy("one", "127.0.0.1:9").listen_port
    with pytest.raises(ToxiproxyError, match="address already in use") as refused:
        api.create_proxy("two", "127.0.0.1:9", f"127.0.0.1:{taken}")
    assert refused.value.status == 500
    assert list(api.proxies()) == ["one"]


def test_a_proxy_whose_port_was_stolen_is_not_taken_for_enabled(api: ToxiproxyApi) -> None:
    port = free_port()
    api.create_proxy("one", "127.0.0.1:9", f"127.0.0.1:{port}")
    api.disable("one")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        with pytest.raises(ToxiproxyError, match="address already in use"):
            api.enable("one")
    assert not api.proxy("one").enabled


def test_listening_on_all_interfaces_has_to_be_asked_for(api: ToxiproxyApi) -> None:
    with pytest.raises(ToxiproxyError, match="write host:port"):
        api.create_proxy("one", "127.0.0.1:9", listen=":0")


def test_proxies_of_others_with_odd_names_can_be_addressed(api: ToxiproxyApi) -> None:
    requests.post(f"{api.url}/proxies", json={"name": "a b?c", "upstream": "h:1", "listen": "127.0.0.1:0"}, timeout=30)
    assert api.proxy("a b?c").name == "a b?c"
    api.delete_proxy("a b?c")
    assert api.proxies() == {}


def test_two_servers_in_one_process_are_two(toxiproxies) -> None:
    first, second = toxiproxies.start(), toxiproxies.start()
    first.create_proxy("one", "127.0.0.1:9")
    second.create_proxy("two", "127.0.0.1:9")
    assert (list(first.proxies()), list(second.proxies())) == (["one"], ["two"])


def test_a_proxy_in_the_environment_is_not_asked(api: ToxiproxyApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(f"{api.url}/version", timeout=30)
    assert api.version().supported


def test_calls_share_a_connection(upstream) -> None:
    def serve(connection: socket.socket) -> None:
        while connection.recv(4096):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n2.12.0")

    server = upstream(serve)
    api = ToxiproxyApi(f"http://{server.address}")
    for _ in range(3):
        assert api.version().text == "2.12.0"
    assert server.connections == 1


def test_a_server_that_was_started_again_is_asked_anew(toxiproxies, api: ToxiproxyApi) -> None:
    api.create_proxy("one", "127.0.0.1:9")
    again = ToxiproxyApi(api.url)
    assert list(again.proxies()) == ["one"]
    toxiproxies.end(api)
    with pytest.raises(ToxiproxyWedged, match="no answer"):
        again.proxies()
    toxiproxies.start(port=int(api.url.rpartition(":")[2]))
    assert again.proxies() == {}


def test_a_server_that_never_answers_is_wedged(upstream) -> None:
    left = threading.Event()

    def serve(connection: socket.socket) -> None:
        connection.recv(4096)
        left.wait(10)

    api = ToxiproxyApi(f"http://{upstream(serve).address}", timeout_s=0.1)
    with pytest.raises(ToxiproxyWedged, match=r"no answer from Toxiproxy within 0\.1 s"):
        api.delete_proxy("one")
    left.set()


def test_a_server_that_was_given_up_is_asked_nothing_more(upstream) -> None:
    silent = upstream(lambda connection: connection.recv(100))
    api = ToxiproxyApi(f"http://{silent.address}")
    api.give_up("it had not answered before")
    with pytest.raises(ToxiproxyWedged, match=r"GET .*/version: not tried: it had not answered before"):
        api.version()
    assert silent.connections == 0


def test_a_server_that_hangs_up_is_wedged(upstream) -> None:
    gone = upstream(lambda connection: connection.recv(4096) and None)
    with pytest.raises(ToxiproxyWedged, match="no answer"):
        ToxiproxyApi(f"http://{gone.address}").version()


def test_a_server_that_waits_for_itself_is_wedged(pretend: Pretend) -> None:
    with pytest.raises(ToxiproxyWedged, match="503"):
        pretend(lambda *_: (503, None)).delete_proxy("one")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((400, {"error": "bad request body: x", "status": 400}), "400: bad request body: x"),
        ((403, b"User agent not allowed"), "403: User agent not allowed"),
        ((405, None), "405: Method Not Allowed"),
        ((302, None), "302: Found"),
    ],
)
def test_every_other_status_is_a_refusal(pretend: Pretend, answer: Answer, told: str) -> None:
    with pytest.raises(ToxiproxyError, match=told) as refused:
        pretend(lambda *_: answer).delete_proxy("one")
    assert refused.value.status == answer[0]


def test_a_server_that_is_too_old_is_not_changed(pretend: Pretend) -> None:
    asked: list[str] = []

    def answer(method: str, _: str) -> Answer:
        asked.append(method)
        return 200, {"version": "2.5.0"}

    with pytest.raises(ToxiproxyError, match=r"2\.5\.0 .* is too old"):
        pretend(answer).disable("one")
    assert asked == ["GET"]


@pytest.mark.parametrize("body", [b"<html>", ["a"], {"name": "one"}])
def test_a_server_that_is_no_toxiproxy_is_told_from_one(pretend: Pretend, body: object) -> None:
    api = pretend(lambda *_: (200, body))
    with pytest.raises(ToxiproxyError, match=r"not how Toxiproxy|as Toxiproxy does"):
        api.proxy("one")
    with pytest.raises(ToxiproxyError, match="names no version"):
        api.version()


def test_an_enable_that_the_server_ignored_is_an_error(pretend: Pretend) -> None:
    ignored = {"name": "one", "upstream": "h:1", "listen": "127.0.0.1:1", "enabled": False, "version": "2.12.0"}
    with pytest.raises(ToxiproxyError, match="asked for enabled True, but the server has False"):
        pretend(lambda *_: (200, ignored)).enable("one")


def test_a_toxic_that_the_server_took_otherwise_is_an_error(pretend: Pretend) -> None:
    other = {"name": "slow", "type": "latency", "stream": "upstream", "toxicity": 1, "attributes": {"latency": 0}}
    with pytest.raises(ToxiproxyError, match="but the server has"):
        pretend(lambda *_: (200, other)).add_toxic("one", "slow", "latency", "upstream", {"latency": 100})


@pytest.mark.parametrize("url", ["127.0.0.1:8474", "https://h:1", "http://", "http://h:1/api"])
def test_an_address_that_is_no_server_is_refused(url: str) -> None:
    assert ToxiproxyApi("http://127.0.0.1").url == "http://127.0.0.1:8474"
    with pytest.raises(ValueError, match="write http://host:port"):
        ToxiproxyApi(url)
