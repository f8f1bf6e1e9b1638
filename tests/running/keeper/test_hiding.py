"""What children print is in their logs without the secrets that they were given, however they print it and however they end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.running.keeper.keeper import Child, Keeper

Shell = Callable[[str, str], Child]
CANARY = "sk-canary-7f3a9b2c"


@pytest.fixture
def hiding(keeper: Keeper) -> Keeper:
    keeper.hide({"API_KEY": CANARY})
    return keeper


def test_a_log_has_the_name_of_a_secret_in_its_place_though_it_was_printed_in_pieces(
    hiding: Keeper, shell: Shell, eventually: Any, tmp_path: Path
) -> None:
    hiding.spawn(
        shell(
            "prints",
            f"printf 'key sk-can'; printf 'ary-7f3a9b2c, bytes '; printf '\\377'; echo {CANARY} >&2; printf sk-ca",
        )
    )
    eventually(lambda: hiding.exited() == {"prints": 0})
    assert (tmp_path / "prints.log").read_bytes() == b"key ${API_KEY}, bytes \xff${API_KEY}\nsk-ca"


def test_the_last_words_of_a_child_are_there_when_its_end_is_told_and_hold_no_secret(
    hiding: Keeper, shell: Shell, eventually: Any
) -> None:
    hiding.spawn(shell("dies", f"echo no such key: {CANARY}; exit 7"))
    eventually(lambda: hiding.exited() == {"dies": 7})
    assert hiding.how_it_ended("dies") == "'dies' ended with status 7; its log ends:\nno such key: ${API_KEY}"


def test_a_child_that_says_more_than_a_pipe_holds_is_not_held_up_and_all_of_it_is_there(
    hiding: Keeper, shell: Shell, eventually: Any, tmp_path: Path
) -> None:
    hiding.spawn(shell("long", f"seq 400000; echo {CANARY}"))
    eventually(lambda: hiding.exited() == {"long": 0})
    lines = (tmp_path / "long.log").read_text().splitlines()
    assert lines == [*map(str, range(1, 400_001)), "${API_KEY}"]


def test_what_a_child_says_while_it_is_ended_is_there_too(
    hiding: Keeper, shell: Shell, eventually: Any, tmp_path: Path
) -> None:
    hiding.spawn(shell("stays", f"trap 'seq 400000; echo {CANARY}; exit' TERM; echo up; while :; do sleep 0.01; done"))
    log = tmp_path / "stays.log"
    eventually(lambda: log.read_text() == "up\n")
    hiding.close(20.0)
    assert log.read_text().endswith("\n400000\n${API_KEY}\n")


def test_nothing_of_a_secret_is_on_the_disk_when_the_keeper_is_killed(
    hiding: Keeper, shell: Shell, eventually: Any, tmp_path: Path
) -> None:
    hiding.spawn(shell("prints", f"while :; do echo {CANARY}; done"))
    log = tmp_path / "prints.log"
    eventually(lambda: log.exists() and log.stat().st_size > 10_000)
    os.kill(hiding.pid, signal.SIGKILL)
    eventually(lambda: not hiding.alive("prints"))
    assert CANARY not in log.read_text()
    assert set(log.read_text().splitlines()[:-1]) == {"${API_KEY}"}


def test_the_command_line_of_the_keeper_tells_no_secret(hiding: Keeper) -> None:
    assert (
        CANARY
        not in subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(hiding.pid)], capture_output=True, text=True
        ).stdout
    )


def test_where_there_is_nothing_to_hide_a_child_writes_its_log_itself(
    keeper: Keeper, shell: Shell, eventually: Any, tmp_path: Path
) -> None:
    keeper.spawn(shell("plain", f"readlink /proc/self/fd/1; echo {CANARY}"))
    eventually(lambda: keeper.exited() == {"plain": 0})
    assert (tmp_path / "plain.log").read_text() == f"{tmp_path / 'plain.log'}\n{CANARY}\n"


def test_logs_are_for_their_owner_alone(hiding: Keeper, shell: Shell, eventually: Any, tmp_path: Path) -> None:
    hiding.spawn(shell("prints", "echo"))
    eventually(lambda: hiding.exited() == {"prints": 0})
    files = [tmp_path / name for name in ("prints.log", "keeper.log", "undo.jsonl")]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3
