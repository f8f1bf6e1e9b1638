"""Where a process listens can be told, and of one that listens on nothing, that it does not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from ipaddress import ip_address

import pytest

from harness.running.world.listening import Listener, elsewhere, listeners

LINUX = sys.platform == "linux"
# It says when it listens, and ends when nobody holds its input any more.
LISTENS = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"])
def test_where_this_process_listens_is_found(host: str) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as listener:
        listener.bind((host, 0))
        before = listeners(os.getpid())
        listener.listen()
        here = Listener(ip_address(host), listener.getsockname()[1])
        assert here not in before
        assert (here in listeners(os.getpid())) == LINUX


def test_what_a_process_started_listens_for_it() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", LISTENS], stdin=pipe, stdout=pipe, text=True) as child:
        assert child.stdout
        here = Listener(ip_address("127.0.0.1"), int(child.stdout.readline()))
        assert (here in listeners(os.getpid())) == LINUX
        child.communicate()
    assert here not in listeners(os.getpid())


def test_of_a_process_that_is_not_there_nothing_is_known() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert listeners(child.pid) == []


@pytest.mark.parametrize(
    ("listens", "refused", "told"),
    [
        ([], True, ""),
        (["127.0.0.1:8000"], True, ""),
        (["0.0.0.0:8000", "::1:9000"], True, ""),
        (["::ffff:127.0.0.1:8000"], True, ""),
        (["::ffff:0.0.0.0:8000"], True, ""),
        ([":::8000"], False, ""),
        ([":::8000"], True, "it listens on [::]:8000, and is looked for on 127.0.0.1:8000; have it listen on 127.0.0.1"),
        (["::1:8000"], True, "it listens on [::1]:8000, and is looked for on 127.0.0.1:8000; have it listen on 127.0.0.1"),
        (["10.0.0.7:8000", "127.0.0.1:9"], True, "it listens on 10.0.0.7:8000, 127.0.0.1:9, and is looked for on 127.0.0.1:8000; have"),
        (["127.0.0.1:5000"], True, "it listens on 127.0.0.1:5000, not on its {port}, which is 8000"),
        (["::1:5000"], True, "it listens on [::1]:5000, not on its {port}, which is 8000"),
    ],
)  # fmt: skip
def test_who_listens_elsewhere_than_where_it_is_looked_for_is_told_where(
    listens: list[str], refused: bool, told: str
) -> None:
    found = [Listener(ip_address(host), int(port)) for host, _, port in (one.rpartition(":") for one in listens)]
    said = elsewhere(found, 8000, refused=refused)
    assert said.startswith(told)
    assert bool(said) == bool(told)
