"""What the first game days came to is read as it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
    assert (first.good_by_second, stored.shown) == ([], True)  # of which it said nothing yet
    assert _within(json.loads((HERE / document.JSON).read_text()), json.loads(stored.to_json()))


def _within(said: Any, now: Any) -> bool:
    """Whether all that was *said* is said *now*."""
    if isinstance(said, dict):
        return all(name in now and _within(value, now[name]) for name, value in said.items())
    if isinstance(said, list):
        return len(said) == len(now) and all(map(_within, said, now))
    return bool(said == now)
