"""What another version kept of a file on a schedule is understood by this one: what was begun then never begins again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.reading.timetable import parse_timetable

WRITTEN = (Path(__file__).parent / "state" / "schedule.json").read_text()


def test_what_the_first_version_kept_says_what_it_said() -> None:
    table = parse_timetable(WRITTEN)
    assert table.until == datetime(2026, 1, 16, 13, tzinfo=UTC)
    assert [(one.missed, one.status) for one in table.occurrences] == [("holiday", None), ("", 0), ("", None)]
    assert table.going_on == table.occurrences[-1]


def test_what_a_later_version_adds_is_no_reason_to_run_into_it() -> None:
    more = json.dumps({**json.loads(WRITTEN), "colour": "red"})
    assert parse_timetable(more) == parse_timetable(WRITTEN)
    assert json.loads(parse_timetable(WRITTEN).to_json()) == json.loads(WRITTEN)


def test_of_another_kind_nothing_is_understood() -> None:
    with pytest.raises(ValueError, match="is no schedule that this version can read: schema"):
        parse_timetable(WRITTEN.replace("/1", "/2"))
