"""What stays between runs: real processes with a keeper of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.problems import HarnessError
from harness.running.keeper import temporary
from harness.running.keeper.keeper import Child
from harness.running.keeper.processes import everyone
from harness.running.world.kept import Kept

WAITING = (sys.executable, "-c", "import signal; signal.pause()")


def child(folder: Path) -> Child:
    return Child("target", WAITING, {}, folder / "target.log")


def test_it_is_started_once_and_ends_with_what_is_kept(tmp_path: Path) -> None:
    kept = Kept()
    try:
        pid = kept.spawn(child(tmp_path))
        assert kept.spawn(child(tmp_path)) == pid
        assert kept.whole
        assert kept.alive("target")
        assert (kept.port("target"), kept.tap("openai")) == (kept.port("target"), kept.tap("openai"))
    finally:
        kept.close()
    assert not kept.whole
    assert pid not in {process.pid for process in everyone()}
    assert not kept.temp.parent.exists()
    kept.close()


def test_nothing_that_was_never_started_is_whole() -> None:
    kept = Kept()
    try:
        assert not kept.whole
    finally:
        kept.close()


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ("pathlib.Path.mkdir", OSError(28, "No space left on device")),
        ("tempfile.gettempdir", FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")),
    ],
)
def test_where_no_temporary_folder_can_be_made_that_is_said_with_what_would_help(
    monkeypatch: pytest.MonkeyPatch, broken: str, error: OSError
) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(broken, full)
    with pytest.raises(HarnessError, match=f"name one that can be written to with TMPDIR: .*{error.strerror[:20]}"):
        temporary.make(temporary.named())
