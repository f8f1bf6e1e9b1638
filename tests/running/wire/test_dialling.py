"""How the edge comes to a provider: through a proxy by CONNECT, with an authority of the link's own, and what it says where it does not."""

from __future__ import annotations

import asyncio
import base64

import pytest

from harness.running.free_port import free_port

PROXY_AUTH = "Basic " + base64.b64encode(b"me:p@ss").decode()


_LED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_LED_IN_LF = _LED.replace(b"\r", b"")


class Proxy:
    """A proxy that leads to *port*, whatever name it is asked for; *answers* a CONNECT."""

    def __init__(self, new_provider, port: int, answer: bytes = _LED) -> None:
        self.asked: list[bytes] = []
        self._answer, self._to = answer, port
        self._listening = new_provider()
        self._listening.on_bytes = self._hear
        self._beyond: dict[int, object] = {}
        self.port = self._listening.port

    def _hear(self, line, data: bytes) -> None:
        if line.number in self._beyond:
            self._beyond[line.number].put_nowait(data)
            return
        self.asked.append(data)
        line.write(self._answer)
        if self._answer in (_LED, _LED_IN_LF):
            self._beyond[line.number] = waiting = asyncio.Queue()
            task = asyncio.get_running_loop().create_task(self._lead_on(line, waiting))
            self._listening.tasks.add(task)

    async def _lead_on(self, line, waiting) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._to)

        async def back() -> None:
            while data := await reader.read(65536):
                line.write(data)
            line.close()

        backwards = asyncio.get_running_loop().create_task(back())
        try:
            while True:
                writer.write(await waiting.get())
        finally:
            backwards.cancel()
            writer.close()


@pytest.fixture
def through(new_wire, clients, kit):
    """The wire of a link that has *upstream* behind *proxy*, and what came of one request over it."""

    def make(upstream: str, proxy: str, **link: str):
        wire = new_wire({"east": upstream}, proxy=proxy, **link)
        client = clients(wire.tap())
        client.say(kit.post(headers=b"Connection: close\r\n"))
        return wire, client.hear_all()

    return make


def test_a_provider_is_reached_through_a_proxy_that_is_told_no_more_than_where_to(
    through, new_provider, provider, kit
) -> None:
    proxy = Proxy(new_provider, provider.port)
    wire, heard = through("http://api.example", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
    assert heard.endswith(kit.WHOLE)
    (asked,) = proxy.asked
    assert asked.split(b"\r\n\r\n")[0].decode().splitlines() == [
        "CONNECT api.example:80 HTTP/1.1",
        "Host: api.example:80",
        f"Proxy-Authorization: {PROXY_AUTH}",
    ]
    (received,) = provider.accepted
    assert ("Host", "api.example") in received.headers
    assert not [name for name, _ in received.headers if name.lower().startswith("proxy")]
    assert [(row.outcome, row.detail) for row in wire.arrivals()] == [("complete", "")]


def test_tls_goes_from_end_to_end_through_a_proxy_and_the_links_own_authority_vouches(
    through, new_provider, new_authority, kit
) -> None:
    authority, context = new_authority("api.example")
    provider = new_provider(tls=context)
    proxy = Proxy(new_provider, provider.port, _LED_IN_LF)
    _, heard = through("https://api.example.", f"http://127.0.0.1:{proxy.port}", ca=str(authority))
    assert heard.endswith(kit.WHOLE)
    assert proxy.asked[0].startswith(b"CONNECT api.example.:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization" not in proxy.asked[0]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (
            b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            "refused: 407 Proxy Authentication Required",
        ),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n<html>", "refused: 403 Forbidden"),
        (b"HTTP/1.1 403 no " + b"sk-0123456789" * 20 + b"\r\n\r\n", "refused: 403"),
        (b"SSH-2.0-x\r\n", "answered with what is no HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "said something before it was asked"),
    ],
)
def test_a_proxy_that_does_not_lead_on_is_named_with_what_it_said(
    through, new_provider, provider, answer, told
) -> None:
    proxy = Proxy(new_provider, provider.port, answer)
    wire, heard = through("https://api.example", f"http://me:secret@127.0.0.1:{proxy.port}")
    assert heard == b""
    (row,) = wire.arrivals()
    assert (row.outcome, row.forwarded_s) == ("closed", None)
    assert row.detail == f"api.example:443: the proxy 127.0.0.1:{proxy.port} {told}"
    assert "secret" not in row.detail


def test_a_proxy_that_is_not_there_is_named(through) -> None:
    port = free_port()
    wire, _ = through("https://api.example", f"http://127.0.0.1:{port}")
    assert [row.detail for row in wire.arrivals()] == [
        f"api.example:443: the proxy 127.0.0.1:{port} was not reached: the connection was refused"
    ]


def test_why_a_provider_was_not_reached_stands_in_its_row(through, new_provider, new_authority) -> None:
    port = free_port()
    assert (
        through(f"http://127.0.0.1:{port}", "")[0].arrivals()[0].detail
        == f"127.0.0.1:{port}: the connection was refused"
    )
    _, context = new_authority("localhost")
    provider = new_provider(tls=context)
    untrusted = through(f"https://localhost:{provider.port}", "")[0].arrivals()[0].detail
    assert untrusted.startswith(f"localhost:{provider.port}: TLS failed, its certificate is not trusted: ")
    plain = new_provider()
    plain.on_bytes = lambda line, data: line.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    spoken = through(f"https://localhost:{plain.port}", "")[0].arrivals()[0].detail
    assert spoken.startswith(f"localhost:{plain.port}: TLS failed: ")


def test_an_authority_of_the_links_own_stands_beside_those_of_the_machine(
    through, new_provider, new_authority, monkeypatch, kit
) -> None:
    authority, context = new_authority("localhost")
    other, _ = new_authority("other.example")
    provider = new_provider(tls=context)
    upstream = f"https://localhost:{provider.port}"
    assert through(upstream, "", ca=str(authority))[1].endswith(kit.WHOLE)
    assert through(upstream, "", ca=str(other))[1] == b""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    assert through(upstream, "", ca=str(other))[1].endswith(kit.WHOLE)


def test_a_websocket_passes_by_tls_and_through_a_proxy(new_wire, new_provider, new_authority, clients) -> None:
    authority, context = new_authority("api.example")
    provider = new_provider(tls=context)
    agreed = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    provider.on_bytes = lambda line, data: line.write(agreed if data.startswith(b"GET ") else data)
    proxy = Proxy(new_provider, provider.port)
    wire = new_wire({"east": "https://api.example"}, proxy=f"http://127.0.0.1:{proxy.port}", ca=str(authority))
    client = clients(wire.tap())
    client.say(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    heard = client.hear(b"\r\n\r\n")
    frames = b"\x82" * 300_000
    client.say(frames)
    assert client.hear_whole(len(heard) + len(frames)).endswith(frames)
    client.leave()
