"""What becomes of addresses in the head of an answer; and on the wire, who follows a redirect stays on the link."""

from __future__ import annotations

import pytest

from harness.running.wire.edge.addresses import Addresses

HERE = b"127.0.0.1:7000"


def _told(upstream: str, said: bytes, *, host: bytes = HERE, name: bytes = b"Location", kept: bool = False):
    ((_, told),), astray = Addresses(upstream, 7000).told(307, [(name, said)], host, kept=kept)
    return told, astray


@pytest.mark.parametrize(
    ("upstream", "said", "told"),
    [
        ("http://127.0.0.1:9000", b"http://127.0.0.1:9000/v1/chat/?a=b#c", b"http://127.0.0.1:7000/v1/chat/?a=b#c"),
        ("http://127.0.0.1:9000", b"HTTP://LOCALHOST:9000/v1", b"http://127.0.0.1:7000/v1"),
        ("http://127.0.0.1:9000", b"//127.0.0.1:9000/v1", b"http://127.0.0.1:7000/v1"),
        ("http://127.0.0.1:9000", b"http://0.0.0.0:9000/v1", b"http://127.0.0.1:7000/v1"),
        ("http://localhost:9000", b"http://[::]:9000/v1", b"http://127.0.0.1:7000/v1"),
        ("http://localhost:9000", b"http://127.0.1.1:9000/v1", b"http://127.0.0.1:7000/v1"),
        ("https://api.example", b"https://API.example:443/v1?q=http://x/", b"http://127.0.0.1:7000/v1?q=http://x/"),
        ("https://api.example.", b"https://api.example/v1", b"http://127.0.0.1:7000/v1"),
        ("https://api.example", b"https://api.example.:443/v1", b"http://127.0.0.1:7000/v1"),
        ("https://api.example/base", b"https://api.example/base/v1", b"http://127.0.0.1:7000/v1"),
        ("https://api.example/base/", b"/base/v1", b"/v1"),
        ("http://127.0.0.1:9000", b"/v1/", b"/v1/"),
        ("http://127.0.0.1:9000", b"?page=2", b"?page=2"),
        ("http://127.0.0.1:9000/base", b"next", b"next"),
        ("https://api.example", b"http://127.0.0.1:7000/v1", b"http://127.0.0.1:7000/v1"),
    ],
)
def test_an_address_of_the_providers_becomes_the_links(upstream: str, said: bytes, told: bytes) -> None:
    assert _told(upstream, said) == (told, "")


@pytest.mark.parametrize(
    ("upstream", "said", "astray"),
    [
        ("http://127.0.0.1:9000", b"http://127.0.0.1:9001/v1", "http://127.0.0.1:9001/v1"),
        ("http://api.example:9000", b"http://0.0.0.0:9000/v1", "http://0.0.0.0:9000/v1"),
        ("http://api.example", b"https://api.example/v1?key=secret", "https://api.example/v1"),
        ("https://api.example", b"https://api.example.evil/v1", "https://api.example.evil/v1"),
        ("https://api.example", b"https://me:secret@evil/v1", "https://evil/v1"),
        ("https://api.example", b"https://app.example/cb#access_token=secret", "https://app.example/cb"),
        ("https://api.example/base", b"https://api.example/basement", "https://api.example/basement"),
        ("https://api.example/base", b"/other", "/other"),
        ("https://api.example", b"https://[::1/v1", "https://[::1/v1"),
    ],
)
def test_another_servers_address_passes_as_it_is_and_is_said(upstream: str, said: bytes, astray: str) -> None:
    assert _told(upstream, said) == (said, astray)


def test_only_a_redirect_leads_anybody_anywhere() -> None:
    headers = [(b"Location", b"https://elsewhere.example/file/7")]
    assert Addresses("https://api.example", 7000).told(201, headers, HERE) == (headers, "")


def test_the_link_is_called_as_its_client_calls_it() -> None:
    assert (
        _told("https://api.example", b"https://api.example/v1", host=b"localhost:7000")[0]
        == b"http://localhost:7000/v1"
    )
    assert (
        _told("https://api.example", b"https://api.example/v1", host=b"gateway.internal")[0]
        == b"http://127.0.0.1:7000/v1"
    )


def test_a_provider_that_was_told_its_clients_host_is_known_by_that() -> None:
    signed = {"host": b"bedrock.example", "kept": True}
    assert _told("https://10.0.0.7", b"https://bedrock.example/v1", **signed) == (b"http://127.0.0.1:7000/v1", "")
    assert _told("https://10.0.0.7", b"https://bedrock.example/v1", host=b"bedrock.example")[1]


def test_a_list_of_links_is_rewritten_one_by_one() -> None:
    said = b'<https://api.example/v1?page=2>; rel="next", <https://docs.example/>; rel="help"'
    told = b'<http://127.0.0.1:7000/v1?page=2>; rel="next", <https://docs.example/>; rel="help"'
    assert _told("https://api.example", said, name=b"Link") == (told, "")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"0; url=https://api.example/v1", b"0; url=http://127.0.0.1:7000/v1"),
        (b"5;URL='https://api.example/v1'", b"5;URL='http://127.0.0.1:7000/v1'"),
        (b"0; url=https://docs.example/", b"0; url=https://docs.example/"),
        (b"5", b"5"),
    ],
)
def test_the_address_that_a_client_is_to_ask_next_is_rewritten_where_it_is_the_providers(
    said: bytes, told: bytes
) -> None:
    assert _told("https://api.example", said, name=b"Refresh") == (told, "")


def test_who_follows_a_redirect_stays_on_the_link(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        host = dict(request.headers)["Host"].encode()
        away = b"Location: http://" + host + b"/v1/chat/\r\n"
        line.write(kit.answer() if request.target.endswith("/") else kit.answer(b"", status=b"307 Moved", headers=away))

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post(path=b"/v1/chat"))
    heard = client.hear(b"\r\n\r\n")
    assert b"Location: http://127.0.0.1:%d/v1/chat/\r\n" % wire.tap() in heard
    client.say(kit.post(path=b"/v1/chat/"))
    client.hear(kit.WHOLE)
    kit.eventually(lambda: [row.path for row in wire.attempts()] == ["/v1/chat", "/v1/chat/"])
    assert [row.astray for row in wire.arrivals()] == ["", ""]


def test_a_redirect_to_another_server_passes_and_its_row_says_so(wire, provider, clients, kit) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer(b"", status=b"302 Found", headers=b"Location: https://cdn.example/x?sig=1\r\n"))

    provider.script = script
    client = clients(wire.tap())
    client.say(kit.post())
    assert b"Location: https://cdn.example/x?sig=1\r\n" in client.hear(b"\r\n\r\n")
    kit.eventually(lambda: [row.astray for row in wire.arrivals()] == ["https://cdn.example/x"])


@pytest.mark.parametrize(("host", "told"), [("keep", "signed.example"), ("upstream", "127.0.0.1:{port}")])
def test_a_link_sends_on_the_host_that_its_target_says(new_wire, provider, clients, kit, host: str, told: str) -> None:
    wire = new_wire({"east": f"http://127.0.0.1:{provider.port}"}, host=host)
    client = clients(wire.tap())
    client.say(kit.post().replace(b"Host: x", b"Host: signed.example"))
    client.hear(kit.WHOLE)
    (asked,) = provider.accepted
    assert [said for name, said in asked.headers if name == "Host"] == [told.format(port=provider.port)]
