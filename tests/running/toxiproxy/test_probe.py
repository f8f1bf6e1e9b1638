"""What a probe sees of every kind of other side."""

from __future__ import annotations

import socket
import threading

import pytest

from harness.running.free_port import free_port
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.world.probe import look

LONG_S = 10.0


def parted(address: str) -> tuple[str, int]:
    host, port = address.split(":")
    return host, int(port)


@pytest.mark.parametrize(
    ("protocol", "begins"),
    [("http", b"GET /.harness/probe HTTP/1.1\r\n"), ("redis", b"*1\r\n$4\r\nPING\r\n")],
)
def test_any_first_byte_is_an_answer_to_the_protocols_question(upstream, protocol, begins: bytes) -> None:
    asked = bytearray()

    def serve(connection: socket.socket) -> None:
        asked.extend(connection.recv(4096))
        connection.sendall(b"-")
        connection.recv(1)

    probe = look("store", parted(upstream(serve).address), protocol, LONG_S)
    assert (probe.link, probe.outcome) == ("store", "answered")
    assert asked.startswith(begins)
    assert protocol == "redis" or b"\r\nx-harness-probe: 1\r\n" in asked


@pytest.mark.parametrize("protocol", ["http", "redis"])
def test_a_side_that_takes_everything_and_answers_nothing_is_silent(upstream, protocol) -> None:
    left = threading.Event()
    probe = look("store", parted(upstream(lambda _: left.wait(LONG_S) and None).address), protocol, 0.1)
    left.set()
    assert probe.outcome == "silent"
    assert probe.elapsed_s >= 0.1


@pytest.mark.parametrize("protocol", ["http", "redis", "tcp"])
def test_a_side_that_hangs_up_is_closed(upstream, protocol) -> None:
    assert look("store", parted(upstream(lambda _: None).address), protocol, LONG_S).outcome == "closed"


@pytest.mark.parametrize("protocol", ["http", "redis", "tcp"])
def test_a_side_that_does_not_listen_is_refused(protocol) -> None:
    assert look("store", ("127.0.0.1", free_port()), protocol, LONG_S).outcome == "refused"


def test_a_connection_that_stays_open_answers_a_plain_tcp_probe(upstream) -> None:
    other = upstream(lambda connection: connection.recv(1) and None)
    assert look("store", parted(other.address), "tcp", LONG_S).outcome == "answered"


@pytest.mark.parametrize("protocol", ["http", "redis", "tcp"])
def test_an_upstream_that_is_down_is_seen_through_the_proxy(stage: ToxiproxyStage, protocol) -> None:
    stage.open_link("store", f"127.0.0.1:{free_port()}")
    assert stage.probe("store", protocol, LONG_S).outcome == "closed"
