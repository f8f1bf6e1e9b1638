"""Whether a keeper took faults back while the harness was still is known before the harness concludes anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.running.keeper import keeper as keeper_module
from harness.running.keeper.keeper import Keeper

SLOW_TO_TELL = """
import json, sys
def tell(**words): print(json.dumps(words), flush=True)
tell(say="ready")
beats = 0
for line in sys.stdin:
    if json.loads(line)["ask"] == "close":
        break
    beats += 1
    if beats == 2:
        tell(say="took_back", quiet_s=4.5)
    tell(say="beats")
"""
"""A keeper that was about to say what it did when the harness went on."""


class SlowToTell(Keeper):
    def _launched(self) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-I", "-S", "-c", SLOW_TO_TELL]
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True)


@pytest.mark.parametrize(("still_s", "known"), [(0.0, 4.5), (3600.0, None)])
def test_who_was_still_waits_for_its_keepers_word_and_who_was_not_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, still_s: float, known: float | None
) -> None:
    monkeypatch.setattr(keeper_module, "STILL_S", still_s)
    monkeypatch.setattr(keeper_module, "_BEAT_S", 3600.0)  # the one beat of the start, and no more by itself
    with SlowToTell(tmp_path / "undo.jsonl", tmp_path / "temp", tmp_path / "keeper.log") as keeper:
        keeper.beat()
        assert keeper.took_back_after_s == known
