"""What the first game days came to is read as it was written."""

from __future__ import annotations

from pathlib import Path

from harness.gameday import document

HERE = Path(__file__).parent / "gameday"


def test_the_first_result_of_a_game_day_is_read_as_it_was_stored() -> None:
    stored = document.read(HERE)
    first, second = stored.steps[:2]
    assert (stored.day, stored.held, first.outcome, second.outcome) == ("20261127-140000", False, "failed", "done")
    assert first.times is not None
    assert (first.times.since, first.times.recovery and first.times.recovery.censored) == ("fault", True)
    assert stored.last is not None
    assert (stored.last.day, [item.text for item in stored.last.open]) == (
        "20261002-140000",
        ["Raise the failover time-out", "Write a runbook"],
    )
    assert stored.to_json() == (HERE / document.JSON).read_text()
