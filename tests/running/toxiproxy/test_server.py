"""Our own server: where it listens, and when it counts as ready."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.problems import HarnessError
from harness.running.free_port import free_port
from harness.running.toxiproxy import ToxiproxyApi, command, wait_ready


def test_the_command_listens_on_this_machine_only() -> None:
    assert command(Path("/x/toxiproxy-server"), 8474)[-5:] == [
        "/x/toxiproxy-server",
        "-host",
        "127.0.0.1",
        "-port",
        "8474",
    ]


def test_it_goes_before_others_where_that_is_allowed_and_is_started_all_the_same_where_it_is_not() -> None:
    asked = subprocess.run([sys.executable, "-c", "import os; os.nice(-10)"], capture_output=True)
    told = [*command(Path(sys.executable), 8474)[:-4], "-c", "import os; print(os.nice(0))"]
    said = subprocess.run(told, capture_output=True, text=True, check=True)
    assert int(said.stdout) == (max(-20, os.nice(0) - 10) if asked.returncode == 0 else os.nice(0))


def test_a_server_is_ready_when_it_tells_its_version(toxiproxies) -> None:
    api = toxiproxies.start()
    assert wait_ready(api, time.monotonic(), lambda: True).supported


def test_a_server_that_ended_is_not_waited_for() -> None:
    with pytest.raises(HarnessError, match="ended before it answered"):
        wait_ready(ToxiproxyApi(f"http://127.0.0.1:{free_port()}"), time.monotonic() + 60, lambda: False)


def test_a_server_that_runs_but_does_not_answer_is_waited_for_only_so_long() -> None:
    with pytest.raises(HarnessError, match="did not answer in time"):
        wait_ready(ToxiproxyApi(f"http://127.0.0.1:{free_port()}"), time.monotonic() + 0.1, lambda: True)
