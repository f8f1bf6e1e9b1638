"""Game days on disk, with files that are read as people write them."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from day_in_memory import SCENARIOS, Harness, Written, head

from harness.interfaces import cli
from harness.running.world import real

FILE = head(title="Slow answers", target=SCENARIOS / "targets" / "resilient.yaml")
AGENDA = f"""agenda:
  - {{id: slow, scenario: {SCENARIOS}/provider-latency.yaml}}
  - {{id: talk, discuss: "what was [bold]seen[/]?", start: next}}
"""


@pytest.fixture(autouse=True)
def _a_quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody pulls the plug here: that a line is written before what follows it does not hang on the platter."""
    monkeypatch.setattr("harness.gameday.desk.os.fsync", lambda _: None)


@pytest.fixture(autouse=True)
def _a_toxiproxy_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nothing has to be built."""
    monkeypatch.setattr(real, "find_proxy", lambda *_: real.ProxyServer("http://127.0.0.1:1", None, "2.12.0"))


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a game-day file: *more* lines, and an agenda of its own or a short one."""

    def write(more: str = "", agenda: str = AGENDA, name: str = "friday.yaml") -> Path:
        (tmp_path / name).write_text(FILE + more + agenda)
        return tmp_path / name

    return write


@pytest.fixture
def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Calls the command line with these words, and lines that are typed; returns the status. The terminal is the test's own."""
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("harness.interfaces.screen.harmless", lambda: None)
    monkeypatch.setattr("harness.interfaces.screen.may_close", lambda: None)
    monkeypatch.setattr("harness.interfaces.cli.signal.signal", lambda *_: None)

    def call(*words: object, typed: str = "") -> int:
        monkeypatch.setattr(sys, "argv", ["harness", "gameday", *map(str, words)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return int(ended.value.code or 0)

    return call
