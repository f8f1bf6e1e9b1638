"""What a person at a terminal sees of a game day, and how what they type gets there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from day_in_memory import Written, day_of, opened
from rich.console import Console

from harness.gameday.control import LiveFigures
from harness.gameday.day import With
from harness.gameday.day import opened as opened_day
from harness.gameday.desk import Desk
from harness.gameday.events import Agreed, Began, Looked, Over, PutBack, Stopped
from harness.gameday.files import day_files
from harness.gameday.shown import agenda
from harness.gameday.standing import told
from harness.interfaces.gameday_terminal import GamedayTerminal, Signals, line_of, waits_for, where
from harness.interfaces.typed_line import TypedLine
from harness.settings import Settings

FIGURES = LiveFigures("slow", 12.0, 50.0, "fault", 3.0, ("latency 1.5 s on openai",), (True,), 20.0, 18.4, 2.1, 1.25)
AT = "2026-11-27T14:00:00+00:00"


@pytest.mark.parametrize(
    ("keys", "lines", "left"),
    [
        (b"stop\r", ["stop"], ""),
        (b"no\x7f\x7fyes\n", ["yes"], ""),
        (b"note a b\x17c", [], "note a c"),
        (b"note\x15go\n", ["go"], ""),
        (b"a\x1b[A\x1b[1;5Cb\x1bOP\n", ["ab"], ""),
        ("größer\n".encode(), ["größer"], ""),
        (b"one\ntwo\nth", ["one", "two"], "th"),
        (b"\x04\x00\x07x\n", ["x"], ""),
    ],
)
def test_keys_become_lines(keys: bytes, lines: list[str], left: str) -> None:
    at_once, one_by_one = TypedLine(), TypedLine()
    assert at_once.feed(keys) == lines
    assert [ended for key in keys for ended in one_by_one.feed(bytes([key]))] == lines
    assert at_once.text == one_by_one.text == left


def test_the_figures_of_a_run_are_a_line() -> None:
    assert line_of(FIGURES) == (
        "slow  12 of 50 s  fault, 3 s left  offered 20.0/s  good 18.4/s  p95 2.10 s  attempts per request 1.25"
    )
    unasked = {"offered_per_s": None, "good_per_s": None, "p95_s": None, "attempts_per_request": None}
    own = replace(FIGURES, **unasked, attempts_per_s=8.0, answered_ratio=0.5)
    assert line_of(own) == "slow  12 of 50 s  fault, 3 s left  attempts 8.0/s  answered 50 %"


def test_what_the_day_waits_for_is_said(written: Written) -> None:
    files = day_files(written("approvals: [{by: Ada}]\n"), None)
    first = opened(files.day)
    ready = Agreed(by="Ada", of="Ada")

    def waits(*events: Any) -> str:
        now = told([first, *events])
        return waits_for(now, agenda(files, now))

    assert waits() == "not yet: Ada has not agreed"
    assert waits(ready).startswith("next is slow (scenario: provider-latency), which begins by hand: type go")
    assert waits(ready, Began(at=AT, step="slow")) == ""
    assert waits(ready, Began(at=AT, step="talk")) == "talk: type done, undone or stop"
    assert waits(ready, Began(at=AT, step="slow"), Over(at=AT, step="slow", outcome="held")) == ""
    interrupted = Over(at=AT, step="slow", outcome="interrupted")
    assert waits(ready, Began(at=AT, step="slow"), interrupted).startswith("next is talk")
    assert waits(ready, Stopped(by="Ada")).startswith(
        "stopped, and nothing is in force: type go to begin slow, or close"
    )
    both = [Over(at=AT, step=step, outcome="held") for step in ("slow", "talk")]
    assert waits(ready, *both) == "every step is over: type notes and items, and then close"
    assert waits(ready, *both, Stopped(by="Ada")).startswith(
        "stopped, and nothing is in force: type notes and items, and then close; leave"
    )
    left = PutBack(step="slow", left=["latency on openai"], told="no answer")
    assert waits(ready, Stopped(by="Ada"), left).startswith("stopped, and NOT all of slow is put back: type go")
    assert waits(ready, Stopped(by="Ada"), left, PutBack(step="slow")).startswith("stopped, and nothing is in force")
    assert "! slow: NOT put back: latency on openai" in where(told([first, left]), agenda(files, told([first])))
    over = told([first, ready, Over(at=AT, step="slow", outcome="held")])
    assert list(where(over, agenda(files, over))) == [
        "✓ slow  scenario: provider-latency: held",
        "  talk  discuss: what was [bold]seen[/]?",
    ]


def test_markup_in_names_and_notes_is_shown_and_not_obeyed(
    written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings({}, tmp_path / "cache", None, str(tmp_path / "state"))
    path = written(agenda='agenda: [{id: talk, discuss: "[red]x[/red] \\u001b[2J"}]\n')
    with opened_day(day_files(path, None), tmp_path / "out", With(settings, "[bold]Grace[/]"), tabletop=True) as going:
        going.desk.write(Looked(prerequisite=0, ok=True, told="[blink]y[/]"))
        terminal = GamedayTerminal(going, Console(force_terminal=True, width=200), "[bold]Grace[/]", keys=False)
        terminal._lines()
        Console(force_terminal=True, width=200).print(terminal._panel())
    said = capsys.readouterr().out
    assert "[blink]y[/]" in said
    assert "[red]x[/red]" in said
    assert "\x1b[2J" not in said


def going_of(desk: Desk) -> Any:
    return SimpleNamespace(desk=desk, world=SimpleNamespace(leaving=False))


def test_the_first_ctrl_c_stops_the_step_in_hand_and_one_between_steps_leaves(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "day.jsonl")
    desk.write(opened(day_of()))
    desk.write(Began(step="known"))
    going, said = going_of(desk), list[str]()
    signals = Signals(going, "Grace", said.append)
    with signals.installed():
        os.kill(os.getpid(), signal.SIGINT)
        signals.heed()
        stopped = desk.standing.stopped
        assert stopped is not None
        assert (stopped.by, stopped.why) == ("Grace", "Ctrl-C")
        os.kill(os.getpid(), signal.SIGINT)
        signals.heed()
        assert (said, going.world.leaving) == (["stopping: the faults are being taken back"], False)
        desk.write(Over(step="known", outcome="aborted"))
        os.kill(os.getpid(), signal.SIGINT)
        signals.heed()
    desk.close()
    assert going.world.leaving


@pytest.fixture
def hangup() -> Iterator[Callable[[Any], None]]:
    """Has a terminal that is closed do so much, until the test is over."""
    before = signal.getsignal(signal.SIGHUP)
    yield lambda does: signal.signal(signal.SIGHUP, does)
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize(("does", "leaves"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)], ids=["usual", "nohup"])
def test_a_terminal_that_is_closed_leaves_the_day_but_not_under_nohup(
    tmp_path: Path, hangup: Callable[[Any], None], does: Any, leaves: bool
) -> None:
    hangup(does)
    desk = Desk(tmp_path / "day.jsonl")
    going = going_of(desk)
    signals = Signals(going, "Grace", print)
    with signals.installed():
        os.kill(os.getpid(), signal.SIGHUP)
        signals.heed()
    desk.close()
    assert going.world.leaving == leaves
