"""What a process listens on can be told, and of one that listens on nothing, that it does not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from harness.running.world.listening import ports

LINUX = sys.platform == "linux"
# It says when it listens, and ends when nobody holds its input any more.
LISTENS = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_a_port_that_this_process_listens_on_is_found(family: socket.AddressFamily) -> None:
    with socket.socket(family) as listener:
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        before = ports(os.getpid())
        listener.listen()
        port = listener.getsockname()[1]
        assert port not in before
        assert (port in ports(os.getpid())) == LINUX


def test_what_a_process_started_listens_for_it() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LISTENS], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout
        port = int(child.stdout.readline())
        assert (port in ports(os.getpid())) == LINUX
        child.communicate()
    assert port not in ports(os.getpid())


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert ports(child.pid) == []
