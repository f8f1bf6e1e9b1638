"""What is kept of what was read: as much as there is room for, and what was used last."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
import pandas as pd

from harness.record.columns import Table, Words
from harness.record.kept import LARGE, kept, size_of


def test_what_nobody_asked_for_the_longest_is_forgotten_first_and_made_again() -> None:
    made: list[str] = []
    values: dict[Hashable, object] = {}

    def large(name: str) -> np.ndarray:
        def make() -> np.ndarray:
            made.append(name)
            return np.zeros(LARGE, np.uint8)

        found: np.ndarray = kept(values, name, make, 2 * LARGE)
        return found

    for name in ("a", "b", "a", "c", "a", "b"):
        large(name)
    assert made == ["a", "b", "c", "b"]


def test_what_is_small_is_kept_however_much_is_asked_for() -> None:
    values: dict[Hashable, object] = {}
    few = kept(values, "few", lambda: [1, 2, 3], LARGE)
    for name in range(5):
        kept(values, name, lambda: np.zeros(LARGE, np.uint8), LARGE)
    assert kept(values, "few", lambda: [4], LARGE) is few


def test_a_value_is_as_large_as_the_arrays_in_it_and_those_that_they_are_parts_of() -> None:
    whole = np.zeros(1000)
    assert size_of((Words(whole.astype(np.int8), ("",)), whole[::2])) == 1000 + 8000
    assert size_of(np.broadcast_to(np.zeros(()), 10**9)) == 8


def test_a_column_that_was_forgotten_is_read_again_and_one_that_was_given_is_not() -> None:
    read: list[str] = []
    rows = 3 * LARGE

    def column(name: str) -> Callable[[], np.ndarray]:
        def reads() -> np.ndarray:
            read.append(name)
            return np.full(rows, ord(name))

        return reads

    names = "abcdefgh"
    table = Table(rows, {name: column(name) for name in names}, pd.DataFrame)
    wider = table.with_columns(given=np.arange(rows))
    for name in (*names, "h", "a"):
        assert wider.numbers(name)[-1] == ord(name)
        assert wider.taken(np.arange(5, 9)).numbers("given").tolist() == [5, 6, 7, 8]
    assert read == [*names, "a"]
