"""The files of a run: whole or not at all, and readable whatever happened."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import history, store
from harness.history import Ended, Injecting
from harness.problems import UsageProblems
from harness.records import Attempt
from harness.rowfile import RowFile, read_rows


@contextmanager
def _disk_that_holds(size: int) -> Iterator[None]:
    """No file can grow beyond *size* bytes inside, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_history_that_a_full_disk_cut_short_can_still_be_read_and_written_on(tmp_path: Path) -> None:
    first, second, last = Injecting(1.0, "latency-1"), Injecting(2.0, "latency-2"), Ended(3.0, "completed")
    file = store.HistoryFile(tmp_path / "history.jsonl")
    file.write(first)
    with _disk_that_holds(len(history.encode(first)) + 10), pytest.raises(OSError, match="No space left"):
        file.write(second)
    file.write(last)
    file.close()
    assert history.decode((tmp_path / "history.jsonl").read_bytes()) == (first, last)


def test_rows_before_a_full_disk_are_kept_and_the_writer_is_told(tmp_path: Path) -> None:
    file = RowFile(tmp_path / "attempts.rows")
    file.add(Attempt("east", 1.0))
    with (
        _disk_that_holds((tmp_path / "attempts.rows").stat().st_size + 5),
        pytest.raises(OSError, match="No space left"),
    ):
        file.add(Attempt("west", 2.0))
    file.close()
    assert [row.link for row in read_rows(tmp_path / "attempts.rows", Attempt)] == ["east"]


def test_two_runs_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    names = [store.create(tmp_path, "region-loss", "20261121").path.name for _ in range(3)]
    assert names == ["20261121", "20261121-2", "20261121-3"]


def test_where_no_folder_can_be_made_that_is_said_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageProblems, match="name another with --out"):
        store.create(tmp_path / "file", "region-loss", "20261121")


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    store.write(path, "old")
    with _disk_that_holds(100), pytest.raises(OSError, match="File too large"):
        store.write(path, "new" * 1000)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_without_a_history_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match="is not a run"):
        store.find(tmp_path)
