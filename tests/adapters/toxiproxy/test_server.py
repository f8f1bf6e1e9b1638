"""Our own server: where it listens, and when it counts as ready."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from harness.adapters.toxiproxy import ToxiproxyApi, command, free_port, wait_ready
from harness.adapters.toxiproxy.server import _first_outgoing_port
from harness.problems import HarnessError


def test_the_command_listens_on_this_machine_only() -> None:
    assert command(Path("/x/toxiproxy-server"), 8474) == ["/x/toxiproxy-server", "-host", "127.0.0.1", "-port", "8474"]


def test_free_ports_differ_are_free_and_are_given_to_no_outgoing_connection() -> None:
    ports = [free_port() for _ in range(20)]
    assert len(set(ports)) == 20
    assert all(port < _first_outgoing_port() for port in ports)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[0]))


def test_a_server_is_ready_when_it_tells_its_version(toxiproxies) -> None:
    api = toxiproxies.start()
    assert wait_ready(api, time.monotonic(), lambda: True).supported


def test_a_server_that_ended_is_not_waited_for() -> None:
    with pytest.raises(HarnessError, match="ended before it answered"):
        wait_ready(ToxiproxyApi(f"http://127.0.0.1:{free_port()}"), time.monotonic() + 60, lambda: False)


def test_a_server_that_runs_but_does_not_answer_is_waited_for_only_so_long() -> None:
    with pytest.raises(HarnessError, match="did not answer in time"):
        wait_ready(ToxiproxyApi(f"http://127.0.0.1:{free_port()}"), time.monotonic() + 0.1, lambda: True)
