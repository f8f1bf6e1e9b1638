"""Rows of a run as tables on the run's clock."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from harness.record.rows import AnyRow

if TYPE_CHECKING:
    import pandas as pd

# By the type of a row's field, so that a table without rows has the types of one with rows; all others are text. Any: the stubs of pandas
# know the names of types, and no text that holds one.
TYPES: dict[object, Any] = {int: "int64", int | None: "Int64", bool: "bool", float: "float64", float | None: "float64"}


def table(rows: Iterable[AnyRow], kind: type[AnyRow], clock_zero_s: float) -> pd.DataFrame:
    """*rows* of one *kind* as a frame, every instant moved to the run's clock; a column that has no value is NaN or NA."""
    import pandas as pd

    held = list(rows)
    columns = {
        field.name: pd.array([*map(attrgetter(field.name), held)], dtype=TYPES.get(field.type, "str"))
        for field in msgspec.structs.fields(kind)
    }
    return pd.DataFrame(
        {name: values - clock_zero_s if name.endswith("_s") else values for name, values in columns.items()}
    )


def defaults(kind: type[AnyRow]) -> dict[str, object]:
    """The value of each field of *kind* that a row may leave out."""
    found = {field.name: field.default for field in msgspec.structs.fields(kind)}
    return {name: value for name, value in found.items() if value is not msgspec.NODEFAULT}


def column_of(value: object, like: pd.Series, length: int) -> pd.Series:
    """*value* *length* times, as a column of the type of *like*."""
    import pandas as pd

    return pd.Series([value] * length, dtype=like.dtype)
