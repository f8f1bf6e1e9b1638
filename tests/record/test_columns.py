"""Tables by column: what they hold is what the whole table holds, and nothing but what is asked for is read."""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import stored
from harness.judging.marks import NO_MARK, index_of, marks
from harness.problems import UsageProblems
from harness.protocols.nonce import nonce
from harness.record import run_folder
from harness.record.columns import Table, Words, ordered, told_apart
from harness.record.run_folder import RunFolder

SAMPLE = Path(__file__).resolve().parents[1] / "compatibility" / "0.1.0"
TABLES = ("requests", "attempts", "arrivals")
TEXTS = st.lists(st.sampled_from(["", "b", "a", "ab", "é"]), max_size=12)


@given(TEXTS)
def test_words_are_the_texts_that_they_were_made_of(texts: list[str]) -> None:
    words = Words.of(texts)
    assert words.tolist() == words.to_numpy().tolist() == texts
    assert words.unique() == sorted(set(texts))
    assert words.counts() == {text: texts.count(text) for text in sorted(set(texts))}
    assert (words == "a").tolist() == [text == "a" for text in texts]
    assert (words != "a").tolist() == [text != "a" for text in texts]
    assert words.isin(["b", "ab", "not there"]).tolist() == [text in ("b", "ab") for text in texts]
    assert words.map(str.upper).tolist() == [text.upper() for text in texts]
    assert words.each(len, np.int64).tolist() == [len(text) for text in texts]
    assert (words == words.map(str.upper)).tolist() == [text == text.upper() for text in texts]
    assert words[np.arange(len(texts))[::-1]].tolist() == texts[::-1]


@pytest.mark.parametrize("values", [[], [3, -1, 3, 2], [5, 10**12, 5], [0.5, 0.25, 0.5], [7]])
def test_what_comes_is_told_apart_in_order(values: list[float]) -> None:
    found, of = told_apart(np.array(values))
    assert (found.tolist(), found[of].tolist() if values else []) == (sorted({*values}), values)


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 4))
def test_rows_are_put_in_order_as_if_all_were_by_each_key(seed: int, rows: int, keys: int) -> None:
    generator = np.random.default_rng(seed)
    by = [generator.choice([0.0, 1.5, np.nan, -2.0, np.inf], rows) for _ in range(keys)]
    by[0] = np.sort(generator.integers(0, 9, rows)) if seed % 2 else by[0]
    assert ordered(*by).tolist() == np.lexsort(by[::-1]).tolist()


@given(TEXTS)
def test_names_in_any_order_make_the_same_words(texts: list[str]) -> None:
    names = ["b", "a", "", "é", "ab", "b"]
    codes = np.array([names.index(text) for text in texts], np.int64)
    assert Words.numbered(codes, names).tolist() == texts


@pytest.mark.parametrize("name", TABLES)
def test_each_column_of_a_stored_table_is_that_of_the_whole_table(name: str) -> None:
    rows = getattr(run_folder.read_tables(RunFolder(SAMPLE), 0.0), name)
    whole = Table.of(rows.frame)
    places = np.arange(0, len(rows), 7)
    for column in set(rows.frame.columns) - {"phase", "good", "latency_ms", "ttft_ms", "attempts", "request", "layer"}:
        mine, its = rows.column(column), whole.column(column)
        assert mine.tolist() == its.tolist() or np.array_equal(mine, its, equal_nan=True), column
    assert rows.few("nonce", places) == whole.words("nonce")[places].tolist()
    assert rows.taken(places).raw("nonce").text(3) == whole.words("nonce")[21]
    few = ("link",) if name != "requests" else ("question", "due_s")
    assert (
        rows.records(places, few)
        == whole.records(places, few)
        == rows.taken(places).records(np.arange(places.size), few)
    )


def test_a_table_that_somebody_changed_is_read_whole(tmp_path: Path) -> None:
    copytree(SAMPLE, tmp_path / "run")
    path = tmp_path / "run" / "requests.parquet"
    frame = pd.read_parquet(path)
    frame.assign(status=frame["status"].astype(float), worker=None).drop(columns="worker").assign(worker=0).to_parquet(
        path
    )
    assert len(run_folder.read_tables(RunFolder(tmp_path / "run"), 0.0).requests) == len(frame)


def test_judging_asks_for_no_whole_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(Path(copytree(SAMPLE, tmp_path / "run")))
    read = run_folder.read_table

    def told(path: Path) -> pd.DataFrame:
        if path.stem in TABLES:
            raise AssertionError(f"all of {path.stem} is read")
        return read(path)

    monkeypatch.setattr(run_folder, "read_table", told)
    # Nor for anything else that takes half a second to load.
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert stored.judge(folder.path).verdict == "fail"
    with pytest.raises(AssertionError, match="all of requests is read"):
        _ = stored.load_evidence(folder, keep=False).requests


def test_a_column_that_is_damaged_is_told_before_anything_is_written(tmp_path: Path) -> None:
    folder = RunFolder(Path(copytree(SAMPLE, tmp_path / "run")))
    before = folder.result.read_bytes()
    whole = folder.table("requests").read_bytes()
    spoilt = bytearray(whole)
    for place in range(200, len(whole) // 2, 50):
        spoilt[place] ^= 1
    folder.table("requests").write_bytes(spoilt)
    with pytest.raises(UsageProblems, match=r"requests\.parquet: is not a whole Parquet file"):
        stored.judge(folder.path)
    assert folder.result.read_bytes() == before


def of_nonces(texts: list[str]) -> Table:
    return Table.of(pd.DataFrame({"nonce": pd.array(texts, dtype="str")}))


def test_a_nonce_is_a_number_that_tells_which_request_it_is_of() -> None:
    found = marks(of_nonces([nonce("run", 0), "", nonce("run", 70_000), nonce("run", -3)]))
    assert index_of(found[[0, 2, 3]]).tolist() == [0, 70_000, -3]
    assert found[1] == NO_MARK


@given(st.lists(st.sampled_from(["", "n-a", "n-b", "n-00000000a1", "n-00000000A1", "n-00000000a2", "n-00000000a1x"])))
def test_nonces_are_equal_numbers_where_they_are_equal_texts(texts: list[str]) -> None:
    found, whole = marks(of_nonces(texts)), marks(of_nonces([text for text in texts if text.startswith("n-0")]))
    assert [number == NO_MARK for number in found.tolist()] == [text == "" for text in texts]
    assert len(set(found.tolist())) == len(set(texts))
    assert [n for n, text in zip(found.tolist(), texts, strict=True) if text.startswith("n-0")] == whole.tolist()


@pytest.mark.parametrize(
    ("table", "column", "value", "right"),
    [
        ("requests", "end_s", np.inf, "an instant is in seconds on the run's clock"),
        ("requests", "first_token_s", -np.inf, "an instant is in seconds on the run's clock"),
        ("requests", "due_s", np.inf, "an instant is in seconds on the run's clock"),
        ("requests", "snapshot_version", np.inf, "it has to be a finite number"),
        ("requests", "status", np.inf, "it has to be a finite number"),
        ("attempts", "retry_count", np.inf, "it has to be a finite number"),
        ("arrivals", "forwarded_s", 1e12, "an instant is in seconds on the run's clock"),
    ],
)
def test_a_number_that_none_can_be_ends_judging_with_its_file_column_and_row(
    tmp_path: Path, table: str, column: str, value: float, right: str
) -> None:
    folder = RunFolder(Path(copytree(SAMPLE, tmp_path / "run")))
    path = folder.table(table)
    frame = pd.read_parquet(path)
    numbers = frame[column].astype("float64")
    numbers.iloc[[6, 9]] = value
    frame.assign(**{column: numbers}).to_parquet(path)
    with pytest.raises(UsageProblems) as raised:
        stored.judge(folder.path)
    assert str(raised.value) == (
        f"{path}: column {column!r} says {value:g} in row 7 and 1 more of {len(frame)}; "
        f"{right}, and nothing (null) where there is none"
    )


def test_an_instant_that_never_came_may_be_no_number(tmp_path: Path) -> None:
    folder = RunFolder(Path(copytree(SAMPLE, tmp_path / "run")))
    frame = pd.read_parquet(folder.table("attempts"))
    frame.assign(first_byte_s=frame["first_byte_s"].where(frame.index != 3)).to_parquet(folder.table("attempts"))
    stored.judge(folder.path)
