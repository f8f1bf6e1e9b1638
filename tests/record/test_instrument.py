"""How late a loop ran is counted for all the time that passed, kept line by line, and read back on the run's clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.record.instrument import (
    EDGES_MS,
    PERIOD_S,
    InstrumentFile,
    Lateness,
    Machine,
    OwnLateness,
    quantile_ms,
    read,
)


def counted(path: Path, *ran_s: float) -> list[Lateness]:
    """What a loop that began at 100 s and ran at those times has counted."""
    file = InstrumentFile(path)
    own = OwnLateness(file, "wire", 100.0)
    for now_s in ran_s:
        own.ran(now_s)
    own.write(ran_s[-1])
    file.close()
    return [sample for sample in read(path, 100.0) if isinstance(sample, Lateness)]


def test_a_loop_that_runs_when_it_is_due_is_not_late(tmp_path: Path) -> None:
    (sample,) = counted(tmp_path / "file", *(100.0 + PERIOD_S * n for n in range(1, 11)))
    assert (sample.counts[0], sum(sample.counts)) == (10, 10)
    assert sample.ms_max < EDGES_MS[0]


def test_times_that_passed_while_it_could_not_run_count_each(tmp_path: Path) -> None:
    # 0.4 s of silence are twenty times at which it was due: half of them were more than 0.2 s late.
    (sample,) = counted(tmp_path / "file", 100.0 + PERIOD_S * 20.5)
    assert sum(sample.counts) == 20
    assert sample.ms_max == pytest.approx(1000 * PERIOD_S * 19.5)
    assert sum(sample.counts[8:]) == pytest.approx(10, abs=1)


def test_a_line_is_written_about_once_a_second(tmp_path: Path) -> None:
    samples = counted(tmp_path / "file", *(100.0 + PERIOD_S * n for n in range(1, 126)))
    assert [round(sample.at_s) for sample in samples] == [0, 1, 2]
    assert [sum(sample.counts) for sample in samples] == [50, 50, 25]


def test_several_processes_add_to_one_file_and_a_line_that_a_crash_cut_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "file"
    one, other = InstrumentFile(path), InstrumentFile(path)
    one.add(Machine(105.0, 1.0, 2, busy=0.5))
    other.add(Lateness(106.0, 1.0, "load", [1], 0.1))
    with path.open("ab") as file:
        file.write(b'{"type": "machine", "at_')
    assert [sample.at_s for sample in read(path, 100.0)] == [5.0, 6.0]


def test_of_a_run_that_has_no_such_file_nothing_is_read(tmp_path: Path) -> None:
    assert read(tmp_path / "file", 0.0) == []


def test_a_quantile_is_the_edge_that_is_above_it() -> None:
    counts = [98, 0, 1, 1, *[0] * (len(EDGES_MS) - 3)]
    assert [quantile_ms(counts, q) for q in (0.5, 0.99, 1.0)] == [EDGES_MS[0], EDGES_MS[2], EDGES_MS[3]]
    assert quantile_ms([*[0] * len(EDGES_MS), 1], 0.5) == float("inf")
    assert quantile_ms([0] * (len(EDGES_MS) + 1), 0.5) is None
