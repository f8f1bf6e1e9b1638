"""A stored table read column by column: only those that somebody asks for, and never all of a column as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.problems import Problem, UsageProblems
from harness.record.columns import Array, Bools, Column, Raw, Table, Words, narrow
from harness.record.kept import Room
from harness.record.rows import AnyRow
from harness.record.tables import TYPES, defaults

if TYPE_CHECKING:
    import pandas as pd

_ROWS_AT_ONCE = 1 << 17
_FEW_AT_ONCE = 1 << 13
_CALLED = {"double": "float64", "float": "float32", "halffloat": "float16"}
"""Numbers that Arrow calls otherwise than numpy."""
FOREVER_S = 1e9
"""No instant of a run lies further from its beginning."""


def by_column(path: Path, kind: type[AnyRow], frame: Callable[[], pd.DataFrame], room: Room) -> Table | None:
    """The table at *path*, of rows of this *kind*; None unless each of its columns that has to say something does, and is of its type.

    Where a row says nothing it says what is usual. A page that is damaged is told when its column is read.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, length, told = file.schema_arrow, file.metadata.num_rows, _without_nulls(file.metadata)
        types = {field.name: field.type for field in msgspec.structs.fields(kind)}
        usual = defaults(kind)
        sound = all(
            _fits(types[name], schema.field(name).type) if name in schema.names else name in usual for name in types
        )
        asked = [name for name in types if name not in usual]
        if not sound or not all(_says(path, name) for name in asked if name not in told and types[name] is not float):
            return None
        instants = {name: _read(path, name, float, None, length) for name in asked if types[name] is float}
        if not all(map(_can_be, instants.values())):
            return None
    except (OSError, ValueError, pa.ArrowException):
        return None

    def column(name: str) -> Callable[[], Column]:
        if name not in schema.names:
            return lambda: _always(usual[name], types[name], length)
        if types[name] not in TYPES:
            return lambda: _words(path, name, str(usual.get(name) or ""), length)
        if name in instants:
            return lambda: instants.pop(name) if name in instants else _numbers(path, name, float, None, length)
        return lambda: _numbers(path, name, types[name], usual.get(name), length)

    def raw(name: str) -> Iterator[Raw]:
        if name not in schema.names:
            return iter([Raw(np.zeros(length + 1, np.int64), np.zeros(0, np.uint8))])
        return _raw(path, name)

    def few(names: Sequence[str], rows: Array) -> dict[str, list[Any]]:
        found = _few(path, names, rows)
        return {name: _as_read(found[name], types[name], usual.get(name)) for name in names}

    text = [name for name in types if types[name] not in TYPES]
    there = [name for name in types if name in schema.names]
    room.grow(length)
    table = Table(length, {name: column(name) for name in types}, frame, raw, text, few, there, room)
    for name in [*instants]:
        table.column(name)  # which was read already: from now on it is kept as any other
    return table


def _fits(wanted: object, found: pa.DataType) -> bool:
    if wanted not in TYPES:
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if wanted is bool:
        return bool(pa.types.is_boolean(found))
    return bool(pa.types.is_integer(found) or (pa.types.is_floating(found) and wanted is not int))


def _without_nulls(metadata: pq.FileMetaData) -> set[str]:
    """The columns of which the file itself says that every row says something, so that they need not be looked through."""
    told = [
        {column.path_in_schema for place in range(group.num_columns) if _has_no_null(column := group.column(place))}
        for group in map(metadata.row_group, range(metadata.num_row_groups))
    ]
    return set.intersection(*told) if told else set()


def _has_no_null(column: pq.ColumnChunkMetaData) -> bool:
    told = column.statistics
    return told is not None and told.has_null_count and told.null_count == 0


def _says(path: Path, name: str) -> bool:
    """Whether every row says something there."""
    return not any(piece.null_count for piece in _pieces(path, name))


def _can_be(instants: Array) -> bool:
    """Whether there is one in every row, and it can be."""
    return bool(instants.min(initial=0.0) >= -FOREVER_S and instants.max(initial=0.0) <= FOREVER_S)


def _pieces(path: Path, name: str, *, as_codes: bool = False) -> Iterator[pa.Array]:
    """One column piece by piece. Raises UsageProblems where the file is damaged."""
    with _opened(path, [name] if as_codes else None) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name], use_threads=False):
            yield batch.column(0)


@contextmanager
def _opened(path: Path, as_codes: Sequence[str] | None = None) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(path, read_dictionary=as_codes, page_checksum_verification=True, pre_buffer=False) as file:
            yield file
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UsageProblems(Problem("is not a whole Parquet file", file=str(path))) from error


def _few(path: Path, names: Sequence[str], rows: Array) -> dict[str, pa.ChunkedArray]:
    """Some *rows* of columns, in the order in which they are asked for; of the others as few are read as the file allows."""
    order = np.argsort(rows, kind="stable")
    wanted, found = rows[order], []
    with _opened(path) as file:
        ends = np.cumsum([file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)])
        for group in np.unique(np.searchsorted(ends, wanted, side="right")).tolist():
            at, last = int(ends[group - 1]) if group else 0, wanted[np.searchsorted(wanted, ends[group]) - 1]
            for batch in file.iter_batches(_FEW_AT_ONCE, row_groups=[group], columns=[*names], use_threads=False):
                mine = wanted[slice(*np.searchsorted(wanted, (at, at + len(batch))))]
                if mine.size:
                    found.append(batch.take(_places(mine - at)))
                at += len(batch)
                if at > last:
                    break
        read = pa.Table.from_batches(found, None if found else file.schema_arrow)
    back = np.empty(order.size, np.int64)
    back[order] = np.arange(order.size)
    return {name: read.column(name).take(_places(back)) for name in names}


def _places(places: npt.NDArray[np.int64]) -> pa.Array:
    """As Arrow has them; not by `pyarrow.array`, which loads pandas to find out that an array is none of its own."""
    return pa.Array.from_buffers(pa.int64(), places.size, [None, pa.py_buffer(np.ascontiguousarray(places, np.int64))])


def _as_read(values: pa.ChunkedArray, field: object, usual: Any) -> list[Any]:
    """A few *values* as a column of this *field* has them; what is missing is *usual*, where there is such a thing."""
    if field not in TYPES:
        return [str(usual or "") if text is None else text for text in values.to_pylist()]
    return [value for piece in values.chunks for value in _filled(piece, field, usual).tolist()]


def _plain(piece: pa.Array) -> tuple[Array, Bools | None]:
    """The numbers of a column as they lie there, and which of them say something, where not all do.

    Not by Arrow's own ways to numpy, nor by what it does with a number of Python's: both load pandas, to find out that it is not needed.
    """
    first, size = piece.offset, len(piece)
    there, data = piece.buffers() if size else (None, None)
    if pa.types.is_boolean(piece.type):
        values: Array = _bits(data, first, size)
    else:
        kind = np.dtype(_CALLED.get(str(piece.type), str(piece.type)))
        values = np.frombuffer(data or b"", kind, size, first * kind.itemsize)
    return values, _bits(there, first, size) if piece.null_count else None


def _bits(data: pa.Buffer | None, first: int, size: int) -> Bools:
    return np.unpackbits(np.frombuffer(data or b"", np.uint8), bitorder="little")[first : first + size].astype(np.bool_)


def _filled(piece: pa.Array, field: object, usual: Any) -> Array:
    """The numbers of a column of this *field*; what is missing is *usual*, where there is such a thing."""
    values, known = _plain(piece)
    filled = values.astype(_kind(field))
    if known is not None:
        filled[~known] = np.nan if usual is None else usual
    return filled


def _kind(field: object) -> type[Any]:
    """Of what a column of numbers is an array: what may be missing is NaN."""
    return bool if field is bool else np.int64 if field is int else np.float64


def _always(value: Any, field: object, length: int) -> Column:
    if field not in TYPES:
        return Words(np.zeros(length, np.int8), (str(value or ""),))
    return np.broadcast_to(np.array(np.nan if value is None else value, _kind(field)), length)


def _numbers(path: Path, name: str, field: object, usual: Any, length: int) -> Array:
    """What is missing is *usual*, where there is such a thing."""
    values = _read(path, name, field, usual, length)
    if values.dtype == np.float64 and (what := impossible(name, values)):
        raise UsageProblems(Problem(what, file=str(path)))
    # What is the same in every row takes no room.
    alike = length > 1 and (values == values[0] if values[0] == values[0] else np.isnan(values)).all()
    return np.broadcast_to(values[0].copy(), length) if alike else values


def _read(path: Path, name: str, field: object, usual: Any, length: int) -> Array:
    values, at = np.empty(length, _kind(field)), 0
    for piece in _pieces(path, name):
        values[at : at + len(piece)] = _filled(piece, field, usual)
        at += len(piece)
    return values


def impossible(name: str, values: Array) -> str:
    """That a column holds *values* which no clock and no counter can say, and what would be right; empty where all of them can be."""
    of_clock = name.endswith("_s")
    most = FOREVER_S if of_clock else np.finfo(np.float64).max
    if np.fmax.reduce(values, initial=0.0) <= most and np.fmin.reduce(values, initial=0.0) >= -most:
        return ""
    beyond = np.flatnonzero(np.abs(values) > most)
    right = "an instant is in seconds on the run's clock" if of_clock else "it has to be a finite number"
    more = f" and {beyond.size - 1} more of {values.size}" if beyond.size > 1 else f" of {values.size}"
    return f"column {name!r} says {values[beyond[0]]:g} in row {beyond[0] + 1}{more}; {right}, and nothing (null) where there is none"


def _words(path: Path, name: str, usual: str, length: int) -> Words:
    places: dict[str, int] = {}
    codes, at = np.empty(length, np.int32), 0
    for piece in _pieces(path, name, as_codes=True):
        held = piece if pa.types.is_dictionary(piece.type) else piece.dictionary_encode()
        here = [places.setdefault(text, len(places)) for text in held.dictionary.to_pylist()]
        of, known = _plain(held.indices)
        if known is not None:
            here.append(places.setdefault(usual, len(places)))
            of = np.where(known, of, len(here) - 1)
        codes[at : at + len(held)] = np.array(here, np.int32)[of]
        at += len(held)
    return Words.numbered(narrow(codes, len(places)), places)


def _raw(path: Path, name: str) -> Iterator[Raw]:
    for piece in _pieces(path, name):
        # What says nothing is as long as what is empty.
        whole = pc.cast(piece, pa.large_string())
        _, offsets, text = whole.buffers()
        ends = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        yield Raw(ends, np.frombuffer(text or b"", np.uint8))
