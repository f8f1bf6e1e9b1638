"""What is kept of what was read: as much as there is room for, and what was used last."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.record import shelf
from harness.record.columns import Table, Words
from harness.record.kept import CHEAP, DEAR, KEPT_A_ROW, LARGE, LEAST_KEPT, USUAL, Room, kept, kept_last, size_of
from harness.record.shelf import MAPPED, Shelf


@pytest.fixture
def asked() -> Asked:
    return Asked()


class Asked:
    """Values that take `LARGE` bytes each, in two places that share a room for two of them; *made* are those that were not there."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._room, self._places = Room(2 * LARGE), ({}, {})

    def __call__(self, name: str, *, place: int = 0, dear: float = USUAL) -> np.ndarray:
        def make() -> np.ndarray:
            self.made.append(name)
            return np.zeros(LARGE, np.uint8)

        found: np.ndarray = kept(self._places[place], name, make, self._room, dear)
        return found

    def last(self, name: str) -> None:
        kept_last(
            self._places[0], "a kind", name, lambda: self.made.append(name) or np.zeros(LARGE, np.uint8), self._room
        )


def test_what_nobody_asked_for_the_longest_is_forgotten_first_and_made_again(asked: Asked) -> None:
    for name in ("a", "b", "a", "c", "a", "b"):
        asked(name)
    assert asked.made == ["a", "b", "c", "b"]


def test_all_that_share_a_room_make_room_for_each_other(asked: Asked) -> None:
    for name, place in (("a", 0), ("b", 1), ("a", 0), ("c", 1), ("a", 0), ("b", 1)):
        asked(name, place=place)
    assert asked.made == ["a", "b", "c", "b"]


def test_what_is_dear_to_make_again_stays_longer_than_what_is_cheap_and_not_for_ever(asked: Asked) -> None:
    asked("dear", dear=DEAR)
    for name in "abc":
        asked(name, dear=CHEAP)
    asked("dear", dear=DEAR)
    assert asked.made == ["dear", *"abc"]
    for turn in range(2 * int(DEAR)):
        asked(f"usual {turn}")
    asked("dear", dear=DEAR)
    assert asked.made.count("dear") == 2


def test_of_one_kind_the_last_alone_is_kept_and_takes_room_as_all_else_does(asked: Asked) -> None:
    for name in ("a", "a", "b", "b", "a"):
        asked.last(name)
    asked("c")
    asked.last("a")
    assert asked.made == ["a", "b", "a", "c"]
    for name in "de":
        asked(name)
    asked.last("a")
    assert asked.made == ["a", "b", "a", "c", "d", "e", "a"]


def test_what_is_small_is_kept_however_much_is_asked_for() -> None:
    values: dict[Hashable, object] = {}
    room = Room(LARGE)
    few = kept(values, "few", lambda: [1, 2, 3], room)
    for name in range(5):
        kept(values, name, lambda: np.zeros(LARGE, np.uint8), room)
    assert kept(values, "few", lambda: [4], room) is few


def test_a_room_grows_with_the_rows_that_share_it() -> None:
    made: list[int] = []

    def large(place: int) -> object:
        return kept(values, place, lambda: made.append(place) or np.zeros(LARGE, np.uint8), room)

    room, values = Room(LARGE), dict[Hashable, object]()
    room.grow(LARGE)
    for place in (*range(KEPT_A_ROW), *range(KEPT_A_ROW)):
        large(place)
    assert made == [*range(KEPT_A_ROW)]
    large(KEPT_A_ROW)
    large(0)
    assert made == [*range(KEPT_A_ROW + 1), 0]


def test_a_value_is_as_large_as_the_arrays_in_it_and_those_that_they_are_parts_of() -> None:
    whole = np.zeros(1000)
    assert size_of((Words(whole.astype(np.int8), ("",)), whole[::2])) == 1000 + 8000
    assert size_of(np.broadcast_to(np.zeros(()), 10**9)) == 8


def test_a_column_that_was_forgotten_is_read_again_and_one_that_was_given_is_not() -> None:
    read: list[str] = []
    rows = LEAST_KEPT // 16

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


@dataclass(frozen=True, slots=True)
class _Several:
    words: Words
    counts: tuple[np.ndarray, ...]
    said: str


def _large_ones() -> dict[str, object]:
    chance = np.random.default_rng(5)
    still = chance.random(MAPPED // 4)
    still.flags.writeable = False
    return {
        "still": still,
        "square": chance.integers(0, 9, (300, 400)).astype(np.int16),
        "every other": chance.random(40_000)[::2],
        "several": _Several(Words(np.arange(LARGE, dtype=np.int8) % 3, ("a", "b", "c")), (still > 0.5, still), "said"),
    }


def _same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray):
        assert isinstance(other, np.ndarray)
        alike = (one.dtype, one.shape, one.flags.writeable) == (other.dtype, other.shape, other.flags.writeable)
        return alike and bool((one == other).all())
    if isinstance(one, Words):
        assert isinstance(other, Words)
        return one.vocabulary == other.vocabulary and _same(one.codes, other.codes)
    assert isinstance(one, _Several)
    assert isinstance(other, _Several)
    return one.said == other.said and _same(one.words, other.words) and all(map(_same, one.counts, other.counts))


def test_what_was_set_aside_is_had_back_as_it_was_and_not_made_again(tmp_path: Path) -> None:
    room, values, made = Room(LARGE, Shelf(tmp_path)), dict[Hashable, object](), []
    ones = _large_ones()
    for name in (*ones, *reversed(ones), *ones):
        found = kept(values, name, lambda name=name: made.append(name) or _large_ones()[name], room)
        assert _same(ones[name], found)
    assert made == [*ones]
    assert not [*tmp_path.iterdir()], "the file has no name"


def test_what_is_changed_of_what_was_had_back_is_not_changed_for_the_next_one(tmp_path: Path) -> None:
    room, values = Room(LARGE, Shelf(tmp_path)), dict[Hashable, np.ndarray]()

    def zeros() -> np.ndarray:
        kept(values, "other", lambda: np.ones(MAPPED), room)
        found: np.ndarray = kept(values, "zeros", lambda: np.zeros(MAPPED), room)
        return found

    assert not zeros().any()
    zeros()[:] = 7
    room.let_go(values, "zeros")
    assert not zeros().any()


def _set_aside(folder: Path, like: Callable[[np.ndarray], object] = np.array, dear: float = USUAL) -> bool:
    """Whether one of two values that are too large for both is had back, and not made again."""
    room, values, made = Room(LARGE, Shelf(folder)), dict[Hashable, object](), list[str]()
    for name in "ab" * 2:
        kept(values, name, lambda name=name: made.append(name) or (like(np.zeros(4)), np.zeros(LARGE)), room, dear)
    return made == ["a", "b"]


def test_what_is_cheap_or_no_array_is_made_again_and_so_is_what_the_disk_cannot_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _set_aside(tmp_path)
    assert not _set_aside(tmp_path, dear=CHEAP)
    assert not _set_aside(tmp_path, like=pd.Series)
    assert not _set_aside(tmp_path / "is not there")
    monkeypatch.setattr(shelf, "SHARE_OF_DISK", 0.0)
    assert not _set_aside(tmp_path)


def test_of_what_is_kept_as_the_last_of_its_kind_no_other_is_had_back(tmp_path: Path) -> None:
    room, values = Room(LARGE, Shelf(tmp_path)), dict[Hashable, object]()
    for place in (1, 2, 1):
        found = kept_last(values, "a kind", place, lambda place=place: np.full(LARGE, place), room)
        assert found[0] == place
        kept(values, "other", lambda: np.zeros(LARGE), room)
