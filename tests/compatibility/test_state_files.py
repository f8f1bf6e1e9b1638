"""State that another version wrote is understood by this one: several of them may share a target."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.reading.state_file import FILES, Freeze, Lease, Stop, parse

HERE = Path(__file__).parent / "state"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_what_the_first_version_wrote_says_what_it_said() -> None:
    lease = parse(Lease, (HERE / "lease.json").read_text())
    assert lease.held(NOON) == (
        "held by run 20260101-120000-shop-0000 of ann@host (process 4711) since 2026-01-01 12:00:00 UTC, until 2026-01-01 12:01:00 UTC "
        "unless renewed, planned to end at 2026-01-01 12:00:50 UTC; it is 2026-01-01 12:00:00 UTC now"
    )
    stop, freeze = parse(Stop, (HERE / "stop.json").read_text()), parse(Freeze, (HERE / "freeze.json").read_text())
    assert str(stop) == "stopped by bob@host at 2026-01-01 12:00:10 UTC: tickets come in"
    assert str(freeze) == "frozen by bob@host since 2026-01-01 12:00:10 UTC: incident 4711"


@pytest.mark.parametrize("kind", FILES)
def test_what_a_later_version_adds_is_no_reason_to_run_into_it(kind: type[Lease | Stop | Freeze]) -> None:
    written = (HERE / FILES[kind]).read_text()
    more = json.dumps({**json.loads(written), "colour": "red"})
    assert kind.model_validate_json(more) == kind.model_validate_json(written)
    # And this version writes all of it alike, with what it has added since.
    assert json.loads(written).items() <= json.loads(kind.model_validate_json(written).to_json()).items()


@pytest.mark.parametrize("kind", FILES)
def test_of_another_kind_nothing_is_understood(kind: type[Lease | Stop | Freeze]) -> None:
    other = (HERE / FILES[kind]).read_text().replace("/1", "/2")
    with pytest.raises(ValueError, match="this version can read: schema"):
        parse(kind, other)
