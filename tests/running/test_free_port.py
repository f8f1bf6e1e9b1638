"""Ports that are one process's alone, before anybody listens on them."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys

import pytest

from harness.running import free_port as claims
from harness.running.free_port import first_outgoing_port, free_port

ASK_FROM = "import itertools; from harness.running import free_port; free_port._turns = itertools.count({}); print(free_port.free_port())"


@pytest.fixture(autouse=True)
def _same_start(monkeypatch):
    monkeypatch.setattr(claims, "_turns", itertools.count(next(claims._turns)))


def start_again_at(port: int) -> None:
    claims._turns = itertools.count(port - 10_240)


def test_free_ports_differ_are_free_and_are_given_to_no_outgoing_connection():
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert all(port < first_outgoing_port() for port in ports)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[0]))


def test_a_port_is_not_given_to_another_process_although_nobody_listens_there_yet():
    port = free_port()
    asked = subprocess.run(
        [sys.executable, "-c", ASK_FROM.format(port - 10_240)], capture_output=True, text=True, check=True
    )
    assert int(asked.stdout) != port


def test_a_port_is_given_again_once_its_process_has_ended():
    def asked() -> str:
        start = first + 1 - 10_240
        return subprocess.run(
            [sys.executable, "-c", ASK_FROM.format(start)], capture_output=True, text=True, check=True
        ).stdout

    first = free_port()
    # Another process of this machine may claim one between two questions, and give it back.
    assert any(asked() == asked() for _ in range(5))


def test_a_port_that_somebody_listens_on_is_passed_over():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port := free_port()))
        taken.listen()
        os.close(claims._claims.pop())
        start_again_at(port)
        assert free_port() != port


def test_a_port_on_which_a_connection_has_lately_been_closed_is_passed_over():
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port := free_port()))
        listening.listen()
        with socket.create_connection(("127.0.0.1", port)) as client:
            listening.accept()[0].close()
            assert client.recv(1) == b""
    os.close(claims._claims.pop())
    start_again_at(port)
    assert free_port() != port


def test_claims_do_not_use_up_the_descriptors_of_this_process():
    for _ in range(300):
        free_port()
    assert len(claims._claims) == 128
