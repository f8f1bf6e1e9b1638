"""Prerequisites that the harness finds out: commands without a shell and URLs, bounded in time and in what they say."""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from harness.gameday.looking import met
from harness.reading.gameday import Prerequisite
from harness.record.masking import Mask


def ran(command: list[str], beside: Path, within: str = "30s") -> tuple[bool, str]:
    return met(
        Prerequisite.model_validate({"command": command, "within": within}),
        beside,
        {"PATH": os.defpath, "WORD": "a word"},
    )


def test_a_command_that_ends_with_0_is_met_and_one_that_does_not_is_not(tmp_path: Path) -> None:
    assert ran(["true"], tmp_path) == (True, "ended with 0")
    assert ran(["sh", "-c", "echo no; exit 3"], tmp_path) == (False, "ended with 3: no")


def test_it_is_run_beside_the_file_with_the_environment_and_without_a_shell(tmp_path: Path) -> None:
    (tmp_path / "here").touch()
    assert ran(["ls"], tmp_path) == (True, "ended with 0: here")
    assert ran(["echo", "$WORD; rm here"], tmp_path) == (True, "ended with 0: $WORD; rm here")
    assert ran(["sh", "-c", "echo $WORD"], tmp_path)[1].endswith("a word")


def test_what_cannot_be_started_is_not_met(tmp_path: Path) -> None:
    ok, told = ran(["no-such-program"], tmp_path)
    assert not ok
    assert told == "cannot be started: no-such-program: No such file or directory"


@pytest.mark.parametrize("command", [["sleep", "600"], ["sh", "-c", "sleep 600 & exec sleep 600"], ["yes"]])
def test_what_takes_too_long_is_ended_with_all_that_it_started(command: list[str], tmp_path: Path) -> None:
    ok, told = ran(command, tmp_path, within="100ms")
    assert not ok
    assert told.startswith("did not end within 0.1 s, and was ended")
    assert len(told) < 400


def test_what_it_leaves_running_goes_with_it(tmp_path: Path) -> None:
    assert ran(["sh", "-c", "sleep 600 & echo $! > pid"], tmp_path)[0]
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int((tmp_path / "pid").read_text())).wait(10)


def test_a_url_that_gives_no_answer_is_not_met(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
    ok, told = met(Prerequisite.model_validate({"url": url}), tmp_path, {})
    assert not ok
    assert url in told


def test_a_command_is_ended_with_the_process_that_looks(tmp_path: Path) -> None:
    over = threading.Event()
    over.set()
    assert (
        met(Prerequisite.model_validate({"command": ["sleep", "600"]}), tmp_path, {"PATH": os.defpath}, over)[0]
        is False
    )


def test_a_secret_that_it_prints_is_hidden_before_the_middle_is_left_out(tmp_path: Path) -> None:
    secret = "sk-abcdefgh-ijklmnop-qrstuvwx-yzabcdef"
    one = Prerequisite.model_validate({"command": ["true"]})
    for before in range(90, 150, 7):
        printed = one.model_copy(update={"command": ["printf", "%s", "x" * before + secret + "y" * 600]})
        ok, told = met(printed, tmp_path, {"PATH": os.defpath}, mask=Mask({"KEY": secret}))
        assert ok
        assert "sk-" not in told
