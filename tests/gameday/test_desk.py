"""The desk of a game day: what nobody may say, and what nobody reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from day_in_memory import day_of, opened

from harness.gameday.desk import Desk, SayError
from harness.gameday.events import (
    HARNESS,
    Began,
    Called,
    Closed,
    Event,
    Looked,
    Noted,
    Opened,
    Over,
    Stopped,
    Warned,
    WentOn,
)
from harness.record.masking import Mask


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "day.jsonl", Mask({"KEY": "sk-very-secret-0001"}))
    made.write(opened(day_of()))
    yield made
    made.close()


@pytest.mark.parametrize(
    "event",
    [
        Opened(by="Ada", day="d", name="n", file="f", sha256="", steps=[], prerequisites=0, approvals=[]),
        WentOn(by="Ada"),
        Began(by="Ada", step="known"),
        Warned(by="Ada", what="x"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nobody_says_what_the_harness_did(desk: Desk, event: Event) -> None:
    with pytest.raises(SayError, match="is what the harness did"):
        desk.say(event)
    assert desk.standing.seen == 1


@pytest.mark.parametrize("by", ["", "  ", HARNESS, "x" * 81])
def test_nobody_speaks_without_a_name_or_in_that_of_the_harness(desk: Desk, by: str) -> None:
    with pytest.raises(SayError, match="name"):
        desk.say(Noted(by=by, text="x"))
    desk.say(Noted(by="Ada", text="x"))


def test_nobody_says_that_a_scenario_is_over_or_closes_the_day_while_it_goes_on(desk: Desk) -> None:
    desk.write(Began(step="known"))
    with pytest.raises(SayError, match="comes to its verdict by itself"):
        desk.say(Over(by="Ada", step="known", outcome="done"))
    with pytest.raises(SayError, match="known goes on"):
        desk.say(Closed(by="Ada"))
    desk.write(Over(step="known", outcome="held"))
    desk.say(Closed(by="Ada"))


def test_nobody_ticks_what_the_harness_finds_out(desk: Desk) -> None:
    with pytest.raises(SayError, match="finds out by itself"):
        desk.say(Looked(by="Ada", prerequisite=1, ok=True))
    desk.say(Looked(by="Ada", prerequisite=0, ok=True))


def test_what_is_longer_than_a_person_speaks_is_refused(desk: Desk) -> None:
    with pytest.raises(SayError, match="longer than 4,000"):
        desk.say(Noted(by="Ada", text="x" * 4_001))
    with pytest.raises(SayError, match="longer than 4,000"):
        desk.say(Stopped(by="Ada", why="x" * 4_001))


def test_no_secret_that_somebody_types_is_written_down(desk: Desk, tmp_path: Path) -> None:
    desk.say(Noted(by="Ada", text="the key is sk-very-secret-0001"))
    assert b"sk-very-secret" not in (tmp_path / "day.jsonl").read_bytes()
    assert desk.standing.notes[0].text == "the key is ${KEY}"


def test_a_step_that_was_called_before_the_process_ended_is_to_be_called_again(desk: Desk) -> None:
    for look in range(2):
        desk.write(Looked(prerequisite=look, ok=True))
    desk.write(Called(by="Grace", step="known"))
    assert desk.standing.called == "known"
    desk.write(WentOn())
    assert desk.standing.called == ""


def test_a_closed_desk_writes_into_no_file(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "day.jsonl")
    desk.close()
    with (tmp_path / "other").open("wb"), pytest.raises(OSError, match="descriptor"):
        desk.write(Warned(what="late"))
    assert (tmp_path / "other").read_bytes() == b""


@pytest.mark.parametrize("event", [Stopped(by="Ada"), Noted(by="Ada", text="the pager was late")])
def test_a_line_is_on_the_disk_before_anybody_is_told_of_it(
    desk: Desk, tmp_path: Path, event: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_then = list[tuple[int, int]]()

    def sync(_: int) -> None:
        known_then.append(((tmp_path / "day.jsonl").read_bytes().count(b"\n"), desk.standing.seen))

    monkeypatch.setattr("harness.gameday.desk.os.fsync", sync)
    desk.say(event)
    assert known_then == [(2, 1)]
    assert desk.standing.seen == 2


def test_a_full_disk_takes_no_note_and_stops_all_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda _, line: len(line) - 1)
    with pytest.raises(OSError, match="No space left"):
        desk.say(Noted(by="Ada", text="x"))
    assert desk.standing.seen == 1
    with pytest.raises(OSError, match="No space left"):
        desk.say(Stopped(by="Ada"))
    assert [type(event) for event in desk.since(1)] == [Stopped]
    assert desk.standing.stopped is not None


def test_what_the_harness_does_is_not_written_where_anything_else_happened_meanwhile(desk: Desk) -> None:
    seen = desk.standing.seen
    desk.say(Noted(by="Ada", text="wait"))
    assert not desk.write_unless_more(Began(step="known"), seen)
    assert desk.standing.in_hand is None
    assert desk.write_unless_more(Began(step="known"), seen + 1)
    assert desk.standing.in_hand is not None


def test_a_step_that_begins_again_has_no_run_of_the_time_before(desk: Desk) -> None:
    desk.write(Began(step="known", run="runs/r1"))
    desk.write(Over(step="known", outcome="failed", run="runs/r1"))
    desk.write(Began(step="known"))
    again = desk.standing.in_hand
    assert again is not None
    assert again.run == ""
    desk.write(Over(step="known", outcome="aborted", told="held by run r0"))
    after = desk.standing.step("known")
    assert after is not None
    assert (after.run, after.outcome) == ("", "aborted")
