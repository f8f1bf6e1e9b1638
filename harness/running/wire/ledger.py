"""The rows of one kind that this process is writing: begun, and on disk the moment they end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Generic, TypeVar

from harness.record.masking import NOTHING, Mask
from harness.record.rowfile import RowFile
from harness.record.rows import Arrival, Attempt

Row = TypeVar("Row", Attempt, Arrival)


class Ledger(Generic[Row]):
    """Appends rows to the file at *path*, without what *mask* hides, each exactly once: as it ends, or unfinished as this process does."""

    def __init__(self, path: Path, mask: Mask = NOTHING) -> None:
        self._file = RowFile(path, mask)
        self._open: dict[int, Row] = {}
        self._finished = False
        self.begun: Counter[str] = Counter()
        """Rows by link, ended or not."""
        self.problem = ""
        """Why a row could not be written; empty while all is well."""

    def begin(self, row: Row) -> Row:
        self.begun[row.link] += 1
        self._open[id(row)] = row
        return row

    def end(self, row: Row) -> None:
        """Write *row*, unless that has been done."""
        if self._open.pop(id(row), None) is not None and not self._finished:
            self._write(row)

    def finish(self) -> None:
        """Write what is still open as unfinished, and close the file; what ends later is not written again."""
        if self._finished:
            return
        for row in self._open.values():
            row.outcome = "unfinished"
            self._write(row)
        self._finished = True
        self._file.close()

    def _write(self, row: Row) -> None:
        try:
            self._file.add(row)
        except OSError as error:
            # Said at the next count: raised here it would break a connection of the target's, which is not at fault.
            self.problem = self.problem or f"rows of attempts and arrivals cannot be written: {error}"
