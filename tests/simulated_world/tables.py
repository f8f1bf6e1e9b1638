"""Rows of a run as a table whose columns are made of them when they are asked for: most of what is judged asks for a few."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np

from harness.record.columns import Column, Table, Words
from harness.record.rows import AnyRow
from harness.record.tables import TYPES, table

_NUMBERS = {"int64": np.int64, "bool": np.bool_}
"""All others are told with NaN for what is missing."""


def tabled(rows: Iterable[AnyRow], kind: type[AnyRow], clock_zero_s: float = 0.0) -> Table:
    """The same table as ``Table.of(table(rows, kind, clock_zero_s))``: of the rows as they are now, whatever becomes of them."""
    mine = [*map(msgspec.structs.replace, rows)]
    fields = msgspec.structs.fields(kind)
    values = [*zip(*map(msgspec.structs.astuple, mine), strict=True)] or [()] * len(fields)
    made = {
        field.name: _column(of, TYPES.get(field.type, "str"), clock_zero_s if field.name.endswith("_s") else 0.0)
        for field, of in zip(fields, values, strict=True)
    }
    return Table(len(mine), made, lambda: table(mine, kind, clock_zero_s))


def _column(values: Sequence[object], kind: str, zero_s: float) -> Callable[[], Column]:
    if kind == "str":
        return lambda: Words.of(values)
    if kind in _NUMBERS:
        return lambda: np.array(values, _NUMBERS[kind])
    return lambda: np.array([np.nan if value is None else value for value in values], np.float64) - zero_s
