"""What is told of this project beside others follows from the rounds, and from nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import beside_others
from benchmarks.others import missing


def _round(part: str, **found: float) -> dict[str, object]:
    return {"commit": "c", "part": part, "found": {name.replace("_", " "): value for name, value in found.items()}}


def test_the_lag_of_an_arrival_is_counted_from_the_most_punctual_one() -> None:
    assert beside_others.lags_ms([7.002, 7.0, 7.001], 1000) == pytest.approx([0.0, 0.0, 0.0])
    assert beside_others.lags_ms([7.0, 7.0035, 7.002], 1000) == pytest.approx([0.0, 1.0, 1.5])


@pytest.mark.parametrize(
    ("lag_ms", "dropped", "held"), [(1.5, 0, [True, True]), (1.6, 0, [False, True]), (1.0, 1, [True, False])]
)
def test_what_holds_is_the_middle_of_the_ratios_within_each_round(
    lag_ms: float, dropped: int, held: list[bool]
) -> None:
    quiet = _round("arrivals", ours_p99_ms=lag_ms, k6_p99_ms=1.0, ours_dropped=dropped)
    # A round in which the machine did something else counts no more than any other.
    busy = _round("arrivals", ours_p99_ms=90.0, k6_p99_ms=10.0, ours_dropped=0)
    assert [holds for _, holds in beside_others.table([quiet, busy, quiet])] == held


def test_every_ratio_is_of_a_part_that_is_measured() -> None:
    assert {part for part, *_ in beside_others.RATIOS} == set(beside_others.PARTS)


def test_a_tool_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert missing("envoy", "k6", folder=tmp_path) == ["envoy", "k6"]
    monkeypatch.setattr(beside_others, "missing", lambda *tools: list(tools))
    for words, status in ((["--if-there"], 0), ([], 1)):
        monkeypatch.setattr("sys.argv", ["beside_others.py", str(tmp_path / "rounds.jsonl"), *words])
        with pytest.raises(SystemExit) as ended:
            beside_others.main()
        assert ended.value.code == status
        assert "small: not measured, for want of envoy and mitmdump in" in capsys.readouterr().out or not words
