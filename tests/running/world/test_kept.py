"""What stays between runs: real processes with a keeper of their own."""

from __future__ import annotations

import sys
from pathlib import Path

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
