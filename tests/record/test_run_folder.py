"""The files of a run: whole or not at all, and readable whatever happened."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from harness.problems import UsageProblems
from harness.record import history, run_folder
from harness.record.history import Ended, Injecting
from harness.record.instrument import InstrumentFile
from harness.record.masking import Mask
from harness.record.rowfile import RowFile, read_rows
from harness.record.rows import Arrival, Attempt, Request
from harness.record.run_folder import RunFolder


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
    file = run_folder.HistoryFile(tmp_path / "history.jsonl")
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


def test_a_secret_is_hidden_in_what_a_run_quotes_and_the_rest_of_it_is_left_alone(tmp_path: Path) -> None:
    mask = Mask({"KEY": "complete", "LINK": "east", "TOKEN": "sk-0123456789"})
    rows = [
        Request(1, 0, 1.0, outcome="complete", answer="the key sk-0123456789 of east", detail="it was complete"),
        Request(2, 0, 1.0, answer=f"{'x' * 150} sk-0123"),
    ]
    file = RowFile(tmp_path / "requests.rows", mask)
    for row in rows:
        file.add(row)
    file.close()
    one, other = read_rows(tmp_path / "requests.rows", Request)
    assert (one.outcome, one.answer, one.detail) == ("complete", "the key ${TOKEN} of ${LINK}", "it was ${KEY}")
    assert other.answer == f"{'x' * 150} ${{TOKEN}}"
    assert rows[0].answer == "the key sk-0123456789 of east"

    file = RowFile(tmp_path / "attempts.rows", mask)
    file.add(Attempt("east", 1.0, path="/v1/sk-0123456789/chat", outcome="complete"))
    file.close()
    assert next(read_rows(tmp_path / "attempts.rows", Attempt)) == Attempt(
        "east", 1.0, path="/v1/${TOKEN}/chat", outcome="complete"
    )

    told = run_folder.HistoryFile(tmp_path / "history.jsonl", mask)
    told.write(Ended(1.0, "completed", "its log ends: sk-0123456789"))
    told.close()
    assert history.decode((tmp_path / "history.jsonl").read_bytes()) == (
        Ended(1.0, "completed", "its log ends: ${TOKEN}"),
    )


def test_every_file_of_a_run_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = run_folder.create(tmp_path, "region-loss", "20261121")
    run_folder.write(folder.scenario, "text")
    run_folder.HistoryFile(folder.history).close()
    RowFile(folder.rows / "attempts.rows").close()
    InstrumentFile(folder.instrument).close()
    modes = {path: path.stat().st_mode & 0o777 for path in [folder.path, *folder.path.rglob("*")]}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert len(modes) == 7


def test_two_runs_of_one_name_get_folders_of_their_own(tmp_path: Path) -> None:
    names = [run_folder.create(tmp_path, "region-loss", "20261121").path.name for _ in range(3)]
    assert names == ["20261121", "20261121-2", "20261121-3"]


def test_two_runs_that_begin_in_one_second_have_ids_of_their_own_wherever_their_folders_are() -> None:
    began = datetime(2026, 11, 21, 5, 31, 2, tzinfo=UTC)
    ids = {run_folder.new_id("fragile", began) for _ in range(10)}
    assert len(ids) > 1
    assert {name[:23] for name in ids} == {"20261121-053102-fragile"}


def test_where_no_folder_can_be_made_that_is_said_with_what_would_help(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageProblems, match="name another with --out"):
        run_folder.create(tmp_path / "file", "region-loss", "20261121")


def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    run_folder.write(path, "old")
    with _disk_that_holds(100), pytest.raises(OSError, match="File too large"):
        run_folder.write(path, "new" * 1000)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_folder_without_a_history_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match="is not a run"):
        run_folder.find(tmp_path)


@pytest.fixture
def killed(tmp_path: Path) -> RunFolder:
    """What a run leaves that was killed before its tables were made: three requests, two attempts, one arrival."""
    folder = run_folder.create(tmp_path, "small", "run")
    rows: dict[str, Sequence[Request | Attempt | Arrival]] = {
        "requests-0": [Request(index, 0, 100.0 + index) for index in range(3)],
        "attempts": [Attempt("east", 100.5), Attempt("west", 101.5)],
        "arrivals": [Arrival("east", 100.6)],
    }
    for name, records in rows.items():
        file = RowFile(folder.rows / f"{name}.rows")
        for record in records:
            file.add(record)
        file.close()
    return folder


def kept(folder: RunFolder) -> run_folder.Tables:
    tables = run_folder.read_tables(folder, 100.0)
    run_folder.keep_tables(folder, requests=tables.requests, attempts=tables.attempts, arrivals=tables.arrivals)
    return run_folder.read_tables(folder, 100.0)


def lengths(tables: run_folder.Tables) -> tuple[int, int, int]:
    return len(tables.requests), len(tables.attempts), len(tables.arrivals)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def test_tables_are_made_of_the_rows_once_and_then_take_their_place(killed: RunFolder) -> None:
    before = run_folder.read_tables(killed, 100.0)
    assert (before.kept, lengths(before)) == (False, (3, 2, 1))
    after = kept(killed)
    assert (after.kept, lengths(after)) == (True, (3, 2, 1))
    assert after.requests.numbers("due_s").tolist() == [0.0, 1.0, 2.0]
    assert sorted(path.name for path in killed.path.iterdir()) == [
        "arrivals.parquet",
        "attempts.parquet",
        "logs",
        "requests.parquet",
    ]


@pytest.mark.parametrize("there", [("requests",), ("requests", "attempts"), ("requests", "attempts", "arrivals")])
def test_what_was_half_stored_is_stored_to_its_end_and_what_stands_stays(
    killed: RunFolder, there: tuple[str, ...]
) -> None:
    tables = run_folder.read_tables(killed, 100.0)
    for name in there:
        getattr(tables, name).frame.to_parquet(killed.table(name), index=False)
    stands = {name: killed.table(name).stat().st_ino for name in there}
    after = kept(killed)
    assert (after.kept, lengths(after)) == (True, (3, 2, 1))
    assert {name: killed.table(name).stat().st_ino for name in there} == stands
    assert not killed.rows.exists()


def test_a_table_that_is_not_whole_is_made_again_as_long_as_its_rows_are_there(killed: RunFolder) -> None:
    killed.table("requests").write_bytes(b"PAR1")
    assert lengths(kept(killed)) == (3, 2, 1)


def test_a_table_that_was_made_of_other_rows_than_are_there_is_left_alone(killed: RunFolder) -> None:
    run_folder.read_tables(killed, 100.0).requests.frame.to_parquet(killed.table("requests"), index=False)
    (killed.rows / "requests-0.rows").unlink()
    before = contents(killed.path)
    with pytest.raises(UsageProblems, match=r"requests\.parquet: holds 3 rows, but .*rows holds 0"):
        run_folder.read_tables(killed, 100.0)
    assert contents(killed.path) == before


def test_a_table_that_cannot_be_written_leaves_the_rows_and_no_part_of_itself(killed: RunFolder) -> None:
    tables = run_folder.read_tables(killed, 100.0)
    before = contents(killed.path)
    with _disk_that_holds(100), pytest.raises(OSError, match="File too large"):
        run_folder.keep_tables(killed, requests=tables.requests, attempts=tables.attempts, arrivals=tables.arrivals)
    assert contents(killed.path) == before


@pytest.mark.parametrize("name", ["requests", "attempts", "arrivals"])
def test_a_table_that_is_missing_without_its_rows_is_named(killed: RunFolder, name: str) -> None:
    kept(killed)
    killed.table(name).unlink()
    with pytest.raises(UsageProblems, match=rf"^{killed.path}/{name}\.parquet: is missing, and so are the rows"):
        run_folder.read_tables(killed, 100.0)


def test_a_run_without_tables_and_rows_holds_nothing_to_judge(killed: RunFolder) -> None:
    killed.rows.rename(killed.path / "elsewhere")
    with pytest.raises(UsageProblems, match=rf"^{killed.path}: holds neither tables nor the rows"):
        run_folder.read_tables(killed, 100.0)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: path.write_bytes(b""), "is not a whole Parquet file"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "is not a whole Parquet file"),
        (lambda path: path.write_bytes(b"x" * 2000), "is not a whole Parquet file"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
        (lambda path: pd.read_parquet(path).assign(status="ok").to_parquet(path), "column 'status' is of type str, not int64"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["requests", "attempts", "arrivals"])
def test_a_damaged_table_is_named_with_what_is_wrong(
    killed: RunFolder, name: str, spoil: Callable[[Path], object], said: str
) -> None:
    kept(killed)
    spoil(killed.table(name))
    with pytest.raises(UsageProblems) as raised:
        run_folder.read_tables(killed, 100.0)
    assert str(raised.value) == f"{killed.table(name)}: {said}"


@pytest.mark.parametrize(("name", "column"), [("requests", "due_s"), ("attempts", "link"), ("arrivals", "start_s")])
def test_a_column_that_every_row_has_to_have_is_named_when_it_is_missing(
    killed: RunFolder, name: str, column: str
) -> None:
    kept(killed)
    path = killed.table(name)
    pd.read_parquet(path).drop(columns=column).to_parquet(path)
    with pytest.raises(UsageProblems) as raised:
        run_folder.read_tables(killed, 100.0)
    assert str(raised.value) == f"{path}: has no column '{column}', and nothing can be taken in its place"


def test_a_table_in_which_a_bit_has_changed_is_refused_or_holds_what_it_held(killed: RunFolder) -> None:
    requests, path = kept(killed).requests.frame, killed.table("requests")
    whole = path.read_bytes()
    footer = 8 + int.from_bytes(whole[-8:-4], "little")
    refused = 0
    for place in range(4, len(whole) - footer, 31):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        try:
            assert run_folder.read_table(path).equals(requests), place
        except UsageProblems:
            refused += 1
    assert refused > 10


def test_a_row_that_no_process_wrote_is_told_with_its_file(killed: RunFolder) -> None:
    (killed.rows / "requests-1.rows").write_bytes(b"\x93\x01\x02\xa1x")
    with pytest.raises(UsageProblems, match=r"requests-1\.rows: holds a row that cannot be read"):
        run_folder.read_tables(killed, 100.0)


def test_a_row_that_a_crash_cut_short_is_left_out(killed: RunFolder) -> None:
    (killed.rows / "requests-1.rows").write_bytes(b"\x93\x01\x02")
    assert len(run_folder.read_tables(killed, 100.0).requests) == 3


@pytest.mark.parametrize("text", ["", '{"east": 1', "[1]", '{"east": "many"}', "\0"])
def test_counts_that_are_none_are_told(killed: RunFolder, text: str) -> None:
    killed.counts.write_text(text)
    with pytest.raises(UsageProblems, match=r"counts\.json: does not say how many requests were counted"):
        run_folder.read_counts(killed)


def test_counts_are_read_where_there_are_some(killed: RunFolder) -> None:
    assert run_folder.read_counts(killed) == {}
    killed.counts.write_text('{"east": 3}')
    assert run_folder.read_counts(killed) == {"east": 3}


SAMPLE = (Path(__file__).resolve().parents[2] / "reports" / "sample" / "history.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"garbage\n" + SAMPLE, ":1: is no event"),
        (SAMPLE.replace(b'"injected"', b'"injektet"', 1), ":3: is no event"),
        (SAMPLE + b"\xff\xfe\n", f":{SAMPLE.count(bytes([10])) + 1}: is no event"),
        (b"", ": does not begin with the line"),
        (SAMPLE[:100], ": does not begin with the line"),
        (SAMPLE.split(b"\n", 1)[1], ": does not begin with the line"),
    ],
)
def test_a_history_that_is_damaged_is_told_with_its_line(killed: RunFolder, content: bytes, line: str) -> None:
    killed.history.write_bytes(content)
    with pytest.raises(UsageProblems) as raised:
        run_folder.read_history(killed)
    assert str(raised.value).startswith(f"{killed.history}{line}")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("cut", [0, 1, 30])
def test_a_history_that_was_cut_short_in_its_last_line_is_read_up_to_it(killed: RunFolder, cut: int) -> None:
    killed.history.write_bytes(SAMPLE)
    whole = run_folder.read_history(killed)
    killed.history.write_bytes(SAMPLE[: len(SAMPLE) - cut])
    begun, events = run_folder.read_history(killed)
    assert (begun, events) == (whole[0], whole[1][: len(whole[1]) - (1 if cut else 0)])
