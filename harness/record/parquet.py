"""A stored table read column by column: only those that somebody asks for, and never all of a column as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from harness.problems import Problem, UsageProblems
from harness.record.columns import Array, Column, Raw, Table, Words, narrow
from harness.record.rows import AnyRow
from harness.record.tables import TYPES, defaults

if TYPE_CHECKING:
    import pandas as pd

_ROWS_AT_ONCE = 1 << 17
FOREVER_S = 1e9
"""No instant of a run lies further from its beginning."""


def by_column(path: Path, kind: type[AnyRow], frame: Callable[[], pd.DataFrame]) -> Table | None:
    """The table at *path*, of rows of this *kind*; None unless each of its columns that has to say something does, and is of its type.

    Where a row says nothing it says what is usual. A page that is damaged is told when its column is read.
    """
    try:
        with pq.ParquetFile(path) as file:
            schema, length = file.schema_arrow, file.metadata.num_rows
        types = {field.name: field.type for field in msgspec.structs.fields(kind)}
        usual = defaults(kind)
        sound = all(
            _fits(types[name], schema.field(name).type) if name in schema.names else name in usual for name in types
        )
        if not sound or not all(_says(path, name, types[name]) for name in types if name not in usual):
            return None
    except (OSError, ValueError, pa.ArrowException):
        return None

    def column(name: str) -> Callable[[], Column]:
        if name not in schema.names:
            return lambda: _always(usual[name], types[name], length)
        if types[name] not in TYPES:
            return lambda: _words(path, name, str(usual.get(name) or ""), length)
        return lambda: _numbers(path, name, types[name], usual.get(name), length)

    def raw(name: str) -> Raw:
        if name not in schema.names:
            return Raw(np.zeros(length + 1, np.int64), np.zeros(0, np.uint8))
        return _raw(path, name)

    text = [name for name in types if types[name] not in TYPES]
    return Table(length, {name: column(name) for name in types}, frame, raw, text)


def _fits(wanted: object, found: pa.DataType) -> bool:
    if wanted not in TYPES:
        return bool(pa.types.is_string(found) or pa.types.is_large_string(found))
    if wanted is bool:
        return bool(pa.types.is_boolean(found))
    return bool(pa.types.is_integer(found) or (pa.types.is_floating(found) and wanted is not int))


def _says(path: Path, name: str, kind: object) -> bool:
    """Whether every row says something there, and an instant one that can be."""
    for piece in _pieces(path, name):
        if piece.null_count:
            return False
        if kind is float and not pc.all(pc.less_equal(pc.abs(piece), FOREVER_S)).as_py() and len(piece):
            return False
    return True


def _pieces(path: Path, name: str, *, as_codes: bool = False) -> Iterator[pa.Array]:
    """One column piece by piece. Raises UsageProblems where the file is damaged."""
    try:
        with pq.ParquetFile(
            path, read_dictionary=[name] if as_codes else None, page_checksum_verification=True, pre_buffer=False
        ) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name], use_threads=False):
                yield batch.column(0)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise UsageProblems(Problem("is not a whole Parquet file", file=str(path))) from error


def _kind(field: object) -> type[Any]:
    """Of what a column of numbers is an array: what may be missing is NaN."""
    return bool if field is bool else np.int64 if field is int else np.float64


def _always(value: Any, field: object, length: int) -> Column:
    if field not in TYPES:
        return Words(np.zeros(length, np.int8), (str(value or ""),))
    return np.broadcast_to(np.array(np.nan if value is None else value, _kind(field)), length)


def _numbers(path: Path, name: str, field: object, usual: Any, length: int) -> Array:
    """What is missing is *usual*, where there is such a thing."""
    values, at = np.empty(length, _kind(field)), 0
    for piece in _pieces(path, name):
        filled = piece.fill_null(usual) if usual is not None and piece.null_count else piece
        values[at : at + len(piece)] = filled.to_numpy(zero_copy_only=False)
        at += len(piece)
    if values.dtype == np.float64 and (what := impossible(name, values)):
        raise UsageProblems(Problem(what, file=str(path)))
    # What is the same in every row takes no room.
    alike = length > 1 and (values == values[0] if values[0] == values[0] else np.isnan(values)).all()
    return np.broadcast_to(values[0].copy(), length) if alike else values


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
        held = piece.cast(pa.large_string()).fill_null(usual) if piece.null_count else piece
        held = held if pa.types.is_dictionary(held.type) else held.dictionary_encode()
        here = np.array([places.setdefault(text, len(places)) for text in held.dictionary.to_pylist()], np.int32)
        codes[at : at + len(held)] = here[held.indices.to_numpy()]
        at += len(held)
    return Words.numbered(narrow(codes, len(places)), places)


def _raw(path: Path, name: str) -> Raw:
    ends, data, last = [np.zeros(1, np.int64)], [], 0
    for piece in _pieces(path, name):
        held = piece.fill_null("") if piece.null_count else piece
        whole = pc.cast(held, pa.large_string())
        _, offsets, text = whole.buffers()
        here = np.frombuffer(offsets, np.int64)[whole.offset : whole.offset + len(whole) + 1]
        data.append(np.frombuffer(text or b"", np.uint8)[here[0] : here[-1]].copy())
        ends.append(here[1:] - here[0] + last)
        last = int(ends[-1][-1]) if len(whole) else last
    return Raw(np.concatenate(ends), np.concatenate(data) if data else np.zeros(0, np.uint8))
