"""A table of a run by its columns: each is read when it is first asked for, and a text that comes often is a number in a vocabulary.

A run may have ten million rows. Judging needs a few columns of them as arrays, and a person a whole table; both are had from here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from harness.record.kept import DEAR, USUAL, Room, kept

if TYPE_CHECKING:
    import pandas as pd

Bools = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]
_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of text: for each row the place of its text in the *vocabulary*, whose texts are different ones, and in order."""

    codes: npt.NDArray[np.integer[Any]]
    vocabulary: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[object]) -> Words:
        """The column of these *texts*; one that is missing is empty."""
        held = ["" if text is None or text != text else str(text) for text in texts]
        places = {text: place for place, text in enumerate(sorted(set(held)))}
        codes = np.fromiter((places[text] for text in held), np.int64, len(held))
        return cls(narrow(codes, len(places)), tuple(places))

    @classmethod
    def numbered(cls, codes: npt.NDArray[np.integer[Any]], names: Iterable[str]) -> Words:
        """The column in which *codes* are places in *names*, which may be in any order and come twice."""
        given = list(names)
        vocabulary = tuple(sorted(set(given)))
        places = {text: place for place, text in enumerate(vocabulary)}
        ranks = narrow(np.array([places[name] for name in given], np.int64), len(places))
        return cls(ranks[codes] if given else narrow(codes, 0), vocabulary)

    def __len__(self) -> int:
        return int(self.codes.size)

    @property
    def size(self) -> int:
        return int(self.codes.size)

    def __eq__(self, other: object) -> Bools:  # type: ignore[override] # of each row, as arrays have it
        if isinstance(other, Words):
            same: Bools = self.codes == other.codes_in(self.vocabulary)
            return same
        return self.isin((str(other),))

    def __ne__(self, other: object) -> Bools:  # type: ignore[override] # as above
        return ~(self == other)

    __hash__ = None  # type: ignore[assignment] # nor can arrays be hashed

    @overload
    def __getitem__(self, rows: int) -> str: ...
    @overload
    def __getitem__(self, rows: Array | slice) -> Words: ...
    def __getitem__(self, rows: int | Array | slice) -> str | Words:
        if isinstance(rows, int | np.integer):
            return self.vocabulary[int(self.codes[rows])]
        return Words(self.codes[rows], self.vocabulary)

    def isin(self, texts: Iterable[str]) -> Bools:
        """Which rows have one of *texts*."""
        wanted = {*texts}
        places = [place for place, text in enumerate(self.vocabulary) if text in wanted]
        if len(places) == 1:
            found: Bools = self.codes == places[0]
            return found
        return self.each(lambda text: text in wanted, np.bool_)

    def each(self, of: Callable[[str], object], kind: npt.DTypeLike) -> Array:
        """What *of* says of each row's text, as an array of this *kind*; it is asked once of every text."""
        said = np.empty(len(self.vocabulary), kind)
        for place in self.places.tolist():
            said[place] = of(self.vocabulary[place])
        return said[self.codes] if said.size else np.empty(self.size, kind)

    def map(self, of: Callable[[str], str]) -> Words:
        """The column of what *of* makes of each text."""
        there = self.places
        names = [""] * len(self.vocabulary)
        for place in there.tolist():
            names[place] = of(self.vocabulary[place])
        return Words.numbered(self.codes, names)

    @property
    def places(self) -> npt.NDArray[np.intp]:
        """The places of the vocabulary that come in any row."""
        return np.flatnonzero(self._times())

    def _times(self) -> npt.NDArray[np.intp]:
        """How many rows have each text of the vocabulary; codes are counted in pieces, as to be counted they take many more bytes."""
        many = len(self.vocabulary)
        times, at_once = np.zeros(many, np.intp), max(_AT_ONCE, 4 * many)
        for first in range(0, self.size, at_once):
            times += np.bincount(self.codes[first : first + at_once], minlength=many)
        return times

    def unique(self) -> list[str]:
        """The texts that come in any row, in order."""
        return [self.vocabulary[place] for place in self.places.tolist()]

    def counts(self) -> dict[str, int]:
        """How many rows have each text that comes at all."""
        counts = self._times()
        return {self.vocabulary[place]: int(counts[place]) for place in np.flatnonzero(counts).tolist()}

    def places_of(self, rows: Bools) -> dict[str, npt.NDArray[np.intp]]:
        """Of each text that any of *rows* has, in order, where those are."""
        there = np.flatnonzero(rows)
        mine = self[there]
        return {text: there[mine == text] for text in mine.unique()}

    def codes_in(self, vocabulary: tuple[str, ...]) -> npt.NDArray[np.integer[Any]]:
        """The place of each row's text in another *vocabulary*; -1 where it is not there."""
        if vocabulary == self.vocabulary:
            return self.codes
        places = {text: place for place, text in enumerate(vocabulary)}
        found: npt.NDArray[np.int64] = self.each(lambda text: places.get(text, -1), np.int64)
        return found

    def tolist(self) -> list[str]:
        return list(map(self.vocabulary.__getitem__, self.codes.tolist()))

    def to_numpy(self) -> npt.NDArray[np.object_]:
        """The texts as objects; equal ones are one object."""
        texts = np.empty(len(self.vocabulary), object)
        texts[:] = self.vocabulary
        return texts[self.codes] if texts.size else np.empty(self.size, object)


Column = Array | Words


def narrow(codes: Array, many: int) -> npt.NDArray[np.integer[Any]]:
    """*codes* below *many* in as few bytes as hold them, and -1."""
    kind = next(kind for kind in (np.int8, np.int16, np.int32, np.int64) if many <= np.iinfo(kind).max)
    return codes.astype(kind, copy=False)


def told_apart(values: Array) -> tuple[Array, npt.NDArray[np.intp]]:
    """The different *values* in order, and of each row the place of its own: numbers that lie close together need not be put in order."""
    low, high = (int(values.min()), int(values.max())) if values.size and values.dtype.kind == "i" else (0, values.size)
    if high - low >= values.size:
        found, of = np.unique(values, return_inverse=True)
        return found, of
    places = np.subtract(values, low, dtype=np.intp)
    there = np.bincount(places) > 0
    return np.flatnonzero(there) + low, (np.cumsum(there) - 1)[places]


def ordered(*keys: Array) -> npt.NDArray[np.intp]:
    """The places of rows in the order of the first of *keys*, then of the next one, and so on; what is missing (NaN) comes last.

    As `numpy.lexsort`, which puts all rows in order by each key: here those alone are looked at again of which a key leaves it open.
    """
    order = np.argsort(keys[0], kind="stable")
    left, group = _undecided(np.zeros(order.size, np.bool_), keys[0][order])
    places = np.flatnonzero(left)
    for key in keys[1:]:
        values = key[order[places]]
        if not values.size or (values == values[0]).all():
            continue
        if ((group[1:] == group[:-1]) & ~(values[1:] >= values[:-1])).any():
            by = np.lexsort((values, group))
            order[places], values = order[places[by]], values[by]
        left, group = _undecided(group, values)
        places = places[left]
    return order


def _undecided(group: Array, values: Array) -> tuple[Bools, npt.NDArray[np.integer[Any]]]:
    """Which rows, one *group* of equal ones behind the other, have the *values* of another one of their group, and a number for each such
    group, of those rows."""
    first = np.ones(values.size, np.bool_)
    first[1:] = values[1:] != values[:-1]
    if values.dtype.kind == "f":
        missing = np.isnan(values)
        first[1:] &= ~(missing[1:] & missing[:-1])
    first[1:] |= group[1:] != group[:-1]
    left = ~first
    left[:-1] |= ~first[1:]
    return left, np.cumsum(first[left], dtype=np.int32 if first.size <= np.iinfo(np.int32).max else np.int64)


@dataclass(frozen=True, slots=True)
class Raw:
    """A column of text as it lies in a file: the UTF-8 *data* of all rows, one behind the other, and where each ends, behind a 0."""

    ends: npt.NDArray[np.int64]
    data: npt.NDArray[np.uint8]

    @classmethod
    def joined(cls, pieces: Iterable[Raw]) -> Raw:
        """The rows of all *pieces*, one behind the other."""
        each = [*pieces]
        if len(each) == 1:
            return each[0]
        begins = np.cumsum([0, *(piece.ends[-1] - piece.ends[0] for piece in each)])
        ends = [piece.ends[1:] - piece.ends[0] + begin for piece, begin in zip(each, begins.tolist(), strict=False)]
        data = [piece.data[piece.ends[0] : piece.ends[-1]] for piece in each]
        return cls(np.concatenate([begins[:1], *ends]), np.concatenate([np.zeros(0, np.uint8), *data]))

    def text(self, row: int) -> str:
        return self.data[self.ends[row] : self.ends[row + 1]].tobytes().decode("utf-8", "surrogatepass")

    def taken(self, places: npt.NDArray[np.intp]) -> Raw:
        """Those of the rows at *places*."""
        length = np.diff(self.ends)[places]
        ends = np.append(0, np.cumsum(length))
        within = np.arange(ends[-1]) - np.repeat(ends[:-1], length)
        return Raw(ends, self.data[np.repeat(self.ends[places], length) + within])


class Table:
    """Rows by column. *frame* makes all of it, for who wants that; *raw* reads a column of *text* that need not be held, in pieces.

    *few* reads some rows of those columns that are *stored*. Columns are kept as long as there is *room* for them.
    """

    def __init__(
        self,
        length: int,
        columns: Mapping[str, Callable[[], Column]],
        frame: Callable[[], pd.DataFrame],
        raw: Callable[[str], Iterator[Raw]] | None = None,
        text: Collection[str] = (),
        few: Callable[[Sequence[str], Array], dict[str, list[Any]]] | None = None,
        stored: Collection[str] = (),
        room: Room | None = None,
    ) -> None:
        self.room = room or Room()
        if room is None:
            self.room.grow(length)
        self._length, self._columns, self._make, self._raw = length, dict(columns), frame, raw
        self._text, self._stored_few, self._stored = frozenset(text), few, frozenset(stored)
        self._inner: set[str] = set()  # columns that are none of the rows' own
        self._dear: set[str] = set()
        self._held: dict[Hashable, Column] = {}
        self._given: dict[str, Table | None] = {}  # columns that are held elsewhere, by the table that reads them
        self._frame: pd.DataFrame | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Table:
        """The table that *frame* is."""

        def column(name: str) -> Callable[[], Column]:
            return lambda: _of_series(frame[name])

        return cls(len(frame), {str(name): column(str(name)) for name in frame.columns}, lambda: frame)

    def __len__(self) -> int:
        return self._length

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    @property
    def frame(self) -> pd.DataFrame:
        """All of it, made once."""
        if self._frame is None:
            self._frame = self._make()
        return self._frame

    def column(self, name: str) -> Column:
        """One column, which cannot be changed: all who measure read the same one. It is read anew where it was forgotten."""

        def made() -> Column:
            column = self._columns[name]()
            (column.codes if isinstance(column, Words) else column).flags.writeable = False
            return column

        if name in self._given:
            return made()
        column: Column = kept(self._held, name, made, self.room, DEAR if name in self._dear else USUAL)
        return column

    def _holds(self, name: str) -> bool:
        if name not in self._given:
            return name in self._held or self.room.lies_aside(self._held, name)
        reads = self._given[name]
        return reads is None or reads._holds(name)

    def numbers(self, name: str) -> Array:
        """A column of numbers, instants or marks; what is missing is NaN."""
        column = self.column(name)
        assert not isinstance(column, Words), f"{name} is text"
        return column

    def words(self, name: str) -> Words:
        """A column of text."""
        column = self.column(name)
        assert isinstance(column, Words), f"{name} is no text"
        return column

    def raw(self, name: str) -> Raw:
        """A column of text that is not held: of each row the bytes of its own."""
        return Raw.joined(self.raw_pieces(name))

    def raw_pieces(self, name: str) -> Iterator[Raw]:
        """The same, some rows behind the others."""
        if self._raw is not None and name in self._text:
            yield from self._raw(name)
            return
        texts = [text.encode("utf-8", "surrogatepass") for text in self.words(name).tolist()]
        yield Raw(np.cumsum([0, *map(len, texts)], dtype=np.int64), np.frombuffer(b"".join(texts), np.uint8))

    def records(self, rows: Array, names: Iterable[str] = ()) -> list[dict[str, Any]]:
        """A few rows, each as a dictionary with these columns, or with all but those that somebody made for himself."""
        columns = self.columns([*names] or [name for name in self._columns if name not in self._inner], rows)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def few(self, name: str, rows: Array) -> list[Any]:
        """A few rows of one column."""
        return self.columns([name], rows)[name]

    def columns(self, names: Sequence[str], rows: Array) -> dict[str, list[Any]]:
        """A few rows of these columns; of those that nobody had asked for no others are held, and as few read as can be."""
        there = [name for name in names if name in self._stored and not self._holds(name)]
        read = self._stored_few(there, rows) if there and self._stored_few else {}
        return {name: read[name] if name in read else self.column(name)[rows].tolist() for name in names}

    def hold(self, name: str, column: Column) -> None:
        """Keep a *column* that was made of others, so that nobody makes it again."""
        self.derive(name, lambda: column)
        self._given[name] = None

    def derive(self, name: str, make: Callable[[], Column], *, dear: bool = False) -> None:
        """Have a column that *make* makes of others, when it is asked for; anew where it was forgotten; later, where *dear*."""
        self._columns[name] = make
        self._inner.add(name)
        if dear:
            self._dear.add(name)

    def with_columns(self, **columns: Column | Callable[[], Column]) -> Table:
        """The same rows with *columns* more, or others; one that can be made when it is asked for need not be held."""

        def given(column: Column | Callable[[], Column]) -> Callable[[], Column]:
            return column if callable(column) else lambda: column

        def frame() -> pd.DataFrame:
            return self.frame.assign(**{name: _series(given(column)()) for name, column in columns.items()})

        def mine(name: str) -> Callable[[], Column]:
            return lambda: self.column(name)

        made = {name: mine(name) for name in self._columns} | {name: given(one) for name, one in columns.items()}
        table = Table(
            self._length,
            made,
            frame,
            self.raw_pieces,
            self._text - columns.keys(),
            self.columns,
            self._stored - columns.keys(),
            self.room,
        )
        table._inner.update(self._inner)
        # What this one keeps the other need not keep as well.
        table._given.update(
            {name: None if name in columns else self for name in made if not callable(columns.get(name))}
        )
        return table

    def taken(self, rows: Array, *, held: bool = False) -> Table:
        """The *rows* at these places, or those that are true, in a table of their own; *held*: columns are held of all rows instead."""
        places = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        follow = places.size > 0 and bool((np.diff(places) == 1).all())
        # Rows that follow one another are a part of the same columns, and take no room of their own.
        which = slice(int(places[0]), int(places[-1]) + 1) if follow else places

        def column(name: str) -> Callable[[], Column]:
            return lambda: (self.column(name) if follow or held else self._columns[name]())[which]

        def frame() -> pd.DataFrame:
            return self.frame.iloc[which].reset_index(drop=True)

        columns = {name: column(name) for name in self._columns}
        table = Table(
            places.size,
            columns,
            frame,
            lambda name: iter([self.raw(name).taken(places)]),
            self._text,
            lambda names, of_mine: self.columns(names, places[of_mine]),
            self._stored,
            self.room,
        )
        table._inner.update(self._inner)
        if follow:
            table._given.update(dict.fromkeys(columns, self))
        return table


def _of_series(series: pd.Series) -> Column:
    """One column of a frame: text as words, whole numbers of which some are missing as numbers with NaN."""
    from pandas.api.types import is_bool_dtype, is_extension_array_dtype, is_numeric_dtype

    if not is_numeric_dtype(series):
        codes, names = series.factorize(use_na_sentinel=False)
        return Words.numbered(codes, ["" if name is None or name != name else str(name) for name in names])
    if is_extension_array_dtype(series) and not is_bool_dtype(series):
        return series.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    return series.to_numpy().copy()


def _series(column: Column) -> Any:
    """A column as a person gets it: whole numbers are of one kind, in however few bytes they are held."""
    import pandas as pd

    if isinstance(column, Words):
        return pd.array(column.to_numpy(), dtype="str")
    return column.astype(np.int64) if column.dtype.kind == "i" else column
