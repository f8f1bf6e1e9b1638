"""Who reaches a link by TLS is shown the certificate that is in force as its handshake begins, and finds all else as it is in clear."""

from __future__ import annotations

import asyncio
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from harness.faults.effects import TapCertificate, TapMode
from harness.reading.target import Tls
from harness.running import certificates

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

REFUSED_FOR = {
    "expired": ("certificate has expired", "certificate_expired"),
    "not_yet_valid": ("not yet valid", "bad_certificate"),
    "wrong_name": ("not valid for '127.0.0.1'", "bad_certificate"),
    "unknown_ca": ("unable to get local issuer certificate", "unknown_ca"),
    "self_signed": ("self-signed certificate", "unknown_ca"),
}
"""What OpenSSL tells its user of each flaw, and what it tells the server."""


@pytest.fixture(scope="module")
def trusted(tmp_path_factory) -> Path:
    """The file with the authority that vouches for link east; the certificates lie beside it."""
    return certificates.issue(tmp_path_factory.mktemp("run") / "tls", {"east": Tls(names=["api.internal"])}, [], None)


@pytest.fixture
def reached(new_wire, provider, trusted):
    return new_wire({"east": f"http://127.0.0.1:{provider.port}"}, tls=str(trusted.parent / "east"))


@pytest.fixture
def shake(reached, trusted):
    """Opens a connection, and gives its socket once both ends have shaken hands."""
    opened = []

    def made(name: str = "127.0.0.1", *, checks: bool = True, port: int = 0) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(trusted))
        if not checks:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", port or reached.tap()), 60)
        opened.append(context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


def ask(connection: ssl.SSLSocket, request: bytes, whole: bytes) -> bytes:
    connection.sendall(request)
    heard = b""
    while whole not in heard:
        said = connection.recv(65536)
        assert said, heard
        heard += said
    return heard


def seen(wire):
    counts = wire.stage.counts()["east"]
    return counts.by_fault, counts.refused


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "api.internal"])
def test_a_client_that_trusts_the_runs_authority_is_answered(shake, kit, reached, name: str) -> None:
    connection = shake(name)
    assert b"200 OK" in ask(connection, kit.post(), kit.WHOLE)
    assert b"200 OK" in ask(connection, kit.post(), kit.WHOLE)  # on the same connection
    kit.eventually(lambda: len(reached.attempts()) == 2)
    assert {row.outcome for row in reached.attempts()} == {"complete"}
    assert seen(reached) == ({}, {})


def test_a_client_that_knows_nothing_of_the_authority_is_told_of_as_one_that_refuses_what_is_in_order(
    reached, clients, kit
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context(cadata=None, capath=str(reached.rows)).wrap_socket(
            clients(reached.tap()).socket, server_hostname="127.0.0.1"
        )
    kit.eventually(lambda: seen(reached) == ({}, {"": {"unknown_ca": 1}}))


@pytest.mark.parametrize("flaw", REFUSED_FOR)
def test_a_flaw_is_refused_by_who_checks_and_met_by_who_does_not(shake, kit, reached, flaw: str) -> None:
    told, alert = REFUSED_FOR[flaw]
    open_before = shake()
    reached.stage.inject("bad", TapCertificate("east", flaw))
    with pytest.raises(ssl.SSLCertVerificationError, match=told):
        shake()
    kit.eventually(lambda: seen(reached) == ({"bad": 1}, {"bad": {alert: 1}}))
    assert b"200 OK" in ask(open_before, kit.post(), kit.WHOLE)  # a certificate is looked at once
    assert b"200 OK" in ask(shake(checks=False), kit.post(), kit.WHOLE)
    reached.stage.revert("bad", TapCertificate("east", flaw))
    assert b"200 OK" in ask(shake(), kit.post(), kit.WHOLE)
    reached.stage.finish()
    counted = [
        (row.handshakes_refused, row.bad_certificates, row.bad_certificates_accepted) for row in reached.traffic()
    ]
    assert tuple(map(sum, zip(*counted, strict=True))) == (1, 2, 1)


def test_who_leaves_without_a_word_has_refused_a_flaw_and_nothing_that_is_in_order(shake, kit, reached) -> None:
    shake().close()
    reached.stage.inject("bad", TapCertificate("east", "wrong_name"))
    shake(checks=False).close()  # as clients do that look at the name when all is over
    kit.eventually(lambda: seen(reached) == ({"bad": 1}, {"bad": {"": 1}}))


def test_a_share_is_of_the_connections_that_are_opened(shake, kit, reached) -> None:
    reached.stage.inject("bad", TapCertificate("east", "expired", share_ratio=0.5))
    refused = 0
    for _ in range(20):
        try:
            ask(shake(), kit.post(), kit.WHOLE)
        except ssl.SSLCertVerificationError:
            refused += 1
    drawn = reached.stage.counts()["east"].drawn["bad"]
    assert (drawn.came, drawn.picked) == (20, refused)
    assert 0 < refused < 20


def test_what_is_open_is_closed_where_that_is_asked_for_once_it_is_answered(shake, kit, reached, provider) -> None:
    idle, busy, asked = shake(), shake(), asyncio.Event()

    async def late(request, line) -> None:
        await asked.wait()
        line.write(kit.answer())

    provider.script = late
    with ThreadPoolExecutor() as threads:
        answered = threads.submit(ask, busy, kit.post(), kit.WHOLE)
        kit.eventually(lambda: provider.accepted)
        reached.stage.inject("bad", TapCertificate("east", "expired", closes_open=True))
        assert idle.recv(1) == b""
        provider.call(asked.set)
        assert b"200 OK" in answered.result()
    assert busy.recv(1) == b""


def test_a_silence_holds_up_a_handshake_and_lets_it_go_on_when_it_ends(shake, kit, reached) -> None:
    silence = TapMode("east", "silence")
    reached.stage.inject("quiet", silence)
    with ThreadPoolExecutor() as threads:
        shaken = threads.submit(shake)
        kit.eventually(lambda: reached.stage.counts()["east"].connections == 1)
        assert not shaken.done()
        reached.stage.revert("quiet", silence)
        assert b"200 OK" in ask(shaken.result(), kit.post(), kit.WHOLE)


def test_a_reset_comes_once_something_was_asked_and_the_attempt_counts(shake, kit, reached) -> None:
    reached.stage.inject("reset", TapMode("east", "reset"))
    connection = shake()
    connection.sendall(kit.post())
    with pytest.raises((ConnectionResetError, ssl.SSLEOFError)):  # Python before 3.12 takes the one for the other
        connection.recv(1)
    kit.eventually(lambda: [(row.nonce, row.outcome) for row in reached.attempts()] == [(kit.NONCE, "reset")])


def test_who_speaks_in_clear_is_told_of_and_not_answered(reached, clients, kit) -> None:
    connection = clients(reached.tap())
    connection.say(kit.post())
    with suppress(ConnectionError):
        connection.hear_all()
    kit.eventually(lambda: seen(reached) == ({}, {"": {"http_request": 1}}))


def test_a_client_that_says_goodbye_is_told_the_same_at_once(shake, kit) -> None:
    connection = shake()
    ask(connection, kit.post(), kit.WHOLE)
    connection.unwrap().close()


def test_the_providers_end_is_told_as_an_end_and_not_as_something_cut_off(shake, kit, reached, provider) -> None:
    async def to_the_end(request, line) -> None:
        line.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + 300_000 * b"x")
        line.close()

    provider.script = to_the_end
    connection, heard = shake(), b""
    connection.sendall(kit.post(headers=b"Connection: close\r\n"))
    while said := connection.recv(65536):  # an end without a goodbye would raise
        heard += said
    assert heard.endswith(b"0\r\n\r\n")


def test_a_long_request_and_a_redirect_pass_as_in_clear(shake, kit, reached, provider) -> None:
    async def elsewhere(request, line) -> None:
        location = b"Location: http://127.0.0.1:%d/there\r\n" % provider.port
        line.write(kit.answer(status=b"307 Temporary Redirect", headers=location))

    provider.script = elsewhere
    heard = ask(shake(), kit.post(2_000_000 * b"x"), kit.WHOLE)
    assert b"https://127.0.0.1:%d/there" % reached.tap() in heard
    assert len(provider.accepted[0].body) == 2_000_000


@pytest.mark.parametrize("carries", ["redis", "tcp"])
def test_stores_and_bare_connections_are_reached_so_too(new_wire, provider, trusted, kit, shake, carries: str) -> None:
    wire = new_wire({}, others={"east": carries}, others_tls=str(trusted.parent / "east"))
    wire.stage.connect_link("east", provider.port)
    provider.on_bytes = lambda line, data: line.write(data)
    assert ask(shake(port=wire.tap()), b"*1\r\n$4\r\nPING\r\n", b"PING\r\n")
