"""A recorded curve is read whole or refused with its line and what would be right, and a scenario that names one is checked with it."""

from __future__ import annotations

from math import isnan
from pathlib import Path

import numpy as np
import pytest

from harness.problems import UsageProblems
from harness.reading import recorded_curves
from harness.reading.recorded_curves import quantiles, read_curve


def written(tmp_path: Path, text: str | bytes, name: str = "i.recorded.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_of_a_curve_only_seconds_counts_and_failures_have_to_be_known(tmp_path: Path) -> None:
    curve = read_curve(written(tmp_path, "second,requests,failed\n3,10,1\n\n5,0,0\n"))
    assert (curve.of, curve.end_s) == ("requests", 6)
    assert [(one.second, one.came, one.failed, one.per_s) for one in curve.seconds] == [
        (3, 10, 1, 10.0),
        (5, 0, 0, 0.0),
    ]
    assert isnan(curve.seconds[0].p50_ms)


def test_columns_stand_in_any_order_and_say_what_is_counted(tmp_path: Path) -> None:
    curve = read_curve(written(tmp_path, "\ufefffailed,per_s,calls,second,p95_ms,p50_ms\r\n2,1.5,90,0,900,600\r\n"))
    (one,) = curve.seconds
    assert (curve.of, one) == ("calls", (0, 90, 2, 600.0, 900.0, 1.5))


def test_quantiles_of_all_seconds_at_once_are_those_of_each() -> None:
    rng = np.random.default_rng(1)
    second, took_ms = rng.integers(0, 9, 80), rng.lognormal(6, 0.5, 80)
    second[second == 4] = 3
    found = np.array(quantiles(second, took_ms, 11))
    assert np.isnan(found[:, [4, 9, 10]]).all()
    for place in set(second.tolist()):
        assert found[:, place] == pytest.approx(np.quantile(took_ms[second == place], [0.5, 0.95]))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty; its first line is second,requests,failed"),
        ("second,requests,failed\n", "has no row"),
        ("second,requests,fialed\n0,1,0\n", ":1: unknown column 'fialed'; did you mean 'failed'?"),
        ("second,failed\n0,0\n", "says neither requests nor calls"),
        ("second,requests,calls,failed\n0,1,1,0\n", "has both requests and calls"),
        ("second,requests,failed,failed\n0,1,0,0\n", "has the column 'failed' twice"),
        ("second,requests,failed\n0,1\n", ":2: has 2 values, and there are 3 columns"),
        ("second,requests,failed\n0,1,0\n0,1,0\n", ":3 second: 0 comes after 0; seconds rise"),
        ("second,requests,failed\n-1,1,0\n", ":2 second: '-1' is no whole number from 0 on"),
        ("second,requests,failed\n1.5,1,0\n", ":2 second: '1.5' is no whole number"),
        ("second,requests,failed\n0,,0\n", ":2 requests: nothing is no whole number"),
        ("second,requests,failed\n0,1,2\n", ":2 failed: 2 of 1 requests cannot have failed"),
        ("second,requests,failed,p50_ms\n0,1,0,-3\n", ":2 p50_ms: '-3' is not a time in milliseconds; leave it empty"),
        ("second,requests,failed,p50_ms\n0,1,0,nan\n", ":2 p50_ms: 'nan' is not a time"),
        ("second,requests,failed,per_s\n0,1,0,inf\n", ":2 per_s: 'inf' is not a rate"),
        ("second,requests,failed,p50_ms,p95_ms\n0,1,0,30,20\n", ":2 p95_ms: 20 is below the median of 30"),
        (b"second,requests,failed\n0,\xff,0\n", "is not UTF-8"),
        (b"\x1f\x8b\x08\x00", "is not UTF-8"),
        ('second,requests,failed\n0,"' + "1" * 200_000 + '",0\n', "is no"),
    ],
)
def test_what_is_no_curve_is_refused_with_its_line_and_what_would_be_right(
    tmp_path: Path, text: str | bytes, told: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageProblems) as raised:
        read_curve(path)
    assert told in str(raised.value).replace(f"{path} ", f"{path}:").replace(str(path), "")
    assert len(str(raised.value)) < 400


def test_every_wrong_row_is_told_up_to_a_few(tmp_path: Path) -> None:
    rows = "".join(f"{second},1,9\n" for second in range(30))
    with pytest.raises(UsageProblems) as raised:
        read_curve(written(tmp_path, f"second,requests,failed\n{rows}"))
    assert [problem.line for problem in raised.value.problems] == [2, 3, 4, 5, 6]


def test_what_is_too_large_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded_curves, "BYTES_MOST", 10)
    with pytest.raises(UsageProblems, match="a recorded curve at most 10; it has one row a second"):
        read_curve(written(tmp_path, "second,requests,failed\n0,1,0\n"))
    monkeypatch.undo()
    monkeypatch.setattr(recorded_curves, "SECONDS_MOST", 1)
    with pytest.raises(UsageProblems, match="has more than 1 rows"):
        read_curve(written(tmp_path, "second,requests,failed\n0,1,0\n1,1,0\n"))


def test_what_is_no_file_or_not_there_or_called_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, told in (
        ("folder.csv", "is no file"),
        ("none.csv", "there is no such file"),
        ("x.json", "it ends in .csv"),
    ):
        with pytest.raises(UsageProblems, match=told):
            read_curve(tmp_path / name)
