"""A game day whose process is killed after any of its lines goes on where its file ends, with nothing left in force and nothing lost."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from day_in_memory import Killed, Outside, day_of, lived

from harness.gameday.events import Began, WentOn, decode
from harness.gameday.standing import told

DAY = day_of()
BEGUN = 7
"""So many lines are there when the first step has begun and a note was taken in it."""


def whole(folder: Path) -> bytes:
    lived(folder / "whole.jsonl", DAY, Outside())
    return (folder / "whole.jsonl").read_bytes()


def test_a_day_of_five_steps_comes_to_its_end(tmp_path: Path) -> None:
    standing = told(decode(whole(tmp_path)))
    assert [step.outcome for step in standing.steps] == ["held", "done", "done", "done", "held"]
    assert standing.closed is not None
    assert len(standing.notes) == len(standing.marks) == 5


def test_killed_after_any_of_its_lines_a_day_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    for lines in range(1, whole(tmp_path).count(b"\n")):
        file, outside = tmp_path / f"{lines}.jsonl", Outside()
        with suppress(Killed):
            lived(file, DAY, outside, lines=lines)
        written = file.read_bytes()
        standing = lived(file, DAY, outside)
        assert file.read_bytes().startswith(written), lines
        assert outside.in_force == set()
        assert standing.closed is not None
        assert all(step.ended for step in standing.steps), lines
        events = decode(file.read_bytes())
        assert standing == told(events), lines
        over_before = {step.id for step in told(decode(written)).steps if step.ended}
        assert not [one for one in events[lines:] if isinstance(one, Began) and one.step in over_before], lines
        assert isinstance(events[lines], WentOn)


def test_killed_twice_in_the_same_step_it_still_goes_on(tmp_path: Path) -> None:
    file, outside = tmp_path / "day.jsonl", Outside()
    for lines in (8, 11, 13):
        with suppress(Killed):
            lived(file, DAY, outside, lines=lines)
    assert lived(file, DAY, outside).closed is not None
    assert sum(isinstance(event, WentOn) for event in decode(file.read_bytes())) == 3


def test_what_was_in_force_is_put_back_and_said_and_its_step_is_interrupted(tmp_path: Path) -> None:
    file, outside = tmp_path / "day.jsonl", Outside()
    with suppress(Killed):
        lived(file, DAY, outside, lines=BEGUN)
    assert outside.in_force == {"known"}
    standing = lived(file, DAY, outside)
    went_on = next(event for event in decode(file.read_bytes()) if isinstance(event, WentOn))
    assert went_on.healed == "known: put back"
    known = standing.step("known")
    assert known is not None
    assert known.outcome == "interrupted"


def test_nothing_begins_by_itself_after_a_step_that_was_interrupted(tmp_path: Path) -> None:
    """The talk begins as soon as the step before it is over, but here people see first where they are."""
    file, outside = tmp_path / "day.jsonl", Outside()
    with suppress(Killed):
        lived(file, DAY, outside, lines=BEGUN)
    with pytest.raises(AssertionError, match="waits for nobody"):
        lived(file, DAY, outside, people=lambda _: None)
    with suppress(Killed):
        lived(tmp_path / "whole.jsonl", DAY, Outside(), lines=BEGUN + 4)
    events = decode((tmp_path / "whole.jsonl").read_bytes())
    assert [event.step for event in events if isinstance(event, Began)] == ["known", "talk"]


def test_a_line_that_was_cut_short_is_no_line(tmp_path: Path) -> None:
    file, outside = tmp_path / "day.jsonl", Outside()
    with suppress(Killed):
        lived(file, DAY, outside, lines=9)
    written = file.read_bytes()
    file.write_bytes(written + b'{"type":"noted","te')
    lived(file, DAY, outside)
    assert file.read_bytes().startswith(written)
    assert b'"te{' not in file.read_bytes()
