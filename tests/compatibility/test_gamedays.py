"""Game-day files and days of the first layout are read as they were meant."""

from __future__ import annotations

from pathlib import Path

from harness.gameday.events import decode
from harness.gameday.standing import told
from harness.reading.gameday import GameDay
from harness.reading.yaml import load

HERE = Path(__file__).parent / "gameday"


def test_the_first_game_day_file_is_read_as_it_was_meant() -> None:
    day = load(HERE / "gameday.yaml", GameDay).value
    assert day.ids == ["known", "step-2", "step-3", "step-4", "step-5"]
    assert [step.kind for step in day.agenda] == ["scenario", "manual", "wait", "discuss", "scenario"]
    assert [step.start for step in day.agenda] == ["hand", "next", "next", 3600.0, 5400.0]
    assert [one.said for one in day.prerequisites] == [
        "asked in #deploys",
        "make smoke",
        "http://127.0.0.1:9090/-/healthy",
    ]
    assert (day.budget.time, day.budget.money, len(day.abort), len(day.notify)) == (10_800.0, 20.0, 3, 2)
    assert day.notify[1].on == ["opened", "ended", "stopped", "closed"]
    assert day.schedule is not None
    assert (day.schedule.late, len(day.schedule.blackout)) == (600.0, 2)


def test_a_day_of_the_first_layout_stands_where_it_stood() -> None:
    now = told(decode((HERE / "day.jsonl").read_bytes()))
    assert [(step.id, step.kind, step.outcome, step.secret) for step in now.steps] == [
        ("known", "scenario", "held", True),
        ("step-2", "manual", "not_done", False),
    ]
    assert now.obstacles == []
    assert now.closed is not None
    assert (now.closed.held, len(now.marks), len(now.notes), now.items[0].due) == (True, 1, 1, "2027-01-15")


def test_a_day_written_before_steps_had_kinds_is_read_too() -> None:
    lines = (HERE / "day.jsonl").read_bytes().replace(b',"kinds":["scenario","manual"],"found_out":[1]', b"")
    now = told(decode(lines))
    assert [step.kind for step in now.steps] == ["", ""]
    assert now.closed is not None


def test_what_was_left_in_force_when_a_step_was_stopped_is_read() -> None:
    now = told(decode((HERE / "stopped.jsonl").read_bytes()))
    assert now.left == {"known": ("latency 1500 ms on kind provider",)}
