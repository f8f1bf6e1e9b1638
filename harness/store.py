"""The layout of ``reports/<scenario>/<run>/``: the only module that writes and reads the files of a run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness import history
from harness.history import Begun, Event, History
from harness.problems import Problem, UsageProblems
from harness.records import Arrival, Attempt, Request
from harness.rowfile import read_rows
from harness.tables import table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run, by name."""

    path: Path

    @property
    def history(self) -> Path:
        return self.path / "history.jsonl"

    @property
    def rows(self) -> Path:
        """The folder of row files, as the processes of the run wrote them."""
        return self.path / "rows"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def undo(self) -> Path:
        """What puts the world back; gone once a run has ended well."""
        return self.path / "undo.jsonl"

    @property
    def counts(self) -> Path:
        """What the simulated providers counted themselves."""
        return self.path / "counts.json"

    @property
    def scenario(self) -> Path:
        return self.path / "scenario.yaml"

    @property
    def target(self) -> Path:
        return self.path / "target.yaml"

    @property
    def questions(self) -> Path:
        return self.path / "questions.yaml"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    def table(self, name: str) -> Path:
        """The Parquet file of *name*: requests, attempts or arrivals."""
        return self.path / f"{name}.parquet"


def create(out: Path, scenario: str, run_id: str) -> RunFolder:
    """An empty folder for a run; *run_id* gets a number behind it when it is taken. Raises UsageProblems where none can be made."""
    try:
        (out / scenario).mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            path = out / scenario / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            for folder in ("rows", "logs"):
                (path / folder).mkdir()
            return RunFolder(path)
    except OSError as error:
        raise UsageProblems(
            Problem(f"no run folder can be made there: {error.strerror}; name another with --out", file=str(out))
        ) from error
    raise UsageProblems(Problem(f"a thousand runs are called {run_id}", file=str(out)))


def find(path: Path) -> RunFolder:
    """The run folder at *path*; raises UsageProblems when there is none."""
    folder = RunFolder(path.parent if path.is_file() else path)
    if not folder.history.is_file():
        raise UsageProblems(Problem("is not a run; name a folder that holds a history.jsonl", file=str(path)))
    return folder


def write(path: Path, content: str | bytes) -> None:
    """*content* at *path*, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


class HistoryFile:
    """A history on disk; each line is there when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, event: Event) -> None:
        """Raises OSError, and leaves nothing of the line, where the disk is full."""
        line, size = history.encode(event), os.fstat(self._fd).st_size
        if os.write(self._fd, line) < len(line):
            # Half a line would make the next one unreadable too.
            os.ftruncate(self._fd, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._fd)


def read_history(folder: RunFolder) -> tuple[Begun, History]:
    """The first line and all that follow; raises UsageProblems when the first is not there."""
    events = history.decode(folder.history.read_bytes())
    if not events or not isinstance(events[0], Begun):
        raise UsageProblems(
            Problem("does not begin with the line that says how to repeat the run", file=str(folder.history))
        )
    return events[0], events[1:]


def read_tables(folder: RunFolder, clock_zero_s: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Requests, attempts and arrivals: from the tables where they were kept, else from the rows of the run's processes."""
    if folder.table("arrivals").exists():
        return (
            read_table(folder.table("requests")),
            read_table(folder.table("attempts")),
            read_table(folder.table("arrivals")),
        )
    requests = (row for path in sorted(folder.rows.glob("requests*.rows")) for row in read_rows(path, Request))
    attempts = (row for path in sorted(folder.rows.glob("attempts*.rows")) for row in read_rows(path, Attempt))
    arrivals = (row for path in sorted(folder.rows.glob("arrivals*.rows")) for row in read_rows(path, Arrival))
    return (
        table(requests, Request, clock_zero_s),
        table(attempts, Attempt, clock_zero_s),
        table(arrivals, Arrival, clock_zero_s),
    )


def keep_tables(folder: RunFolder, *, requests: pd.DataFrame, attempts: pd.DataFrame, arrivals: pd.DataFrame) -> None:
    """Store the tables as Parquet; the rows they were made of are then no longer needed."""
    for name, frame in (("requests", requests), ("attempts", attempts), ("arrivals", arrivals)):
        temporary = folder.path / f".{name}.parquet"
        frame.to_parquet(temporary, index=False, compression="zstd")
        temporary.replace(folder.table(name))
    shutil.rmtree(folder.rows, ignore_errors=True)


def read_table(path: Path) -> pd.DataFrame:
    """One table of a run."""
    import pandas as pd

    return pd.read_parquet(path)


def read_counts(folder: RunFolder) -> dict[str, int]:
    """What each simulated provider counted itself, by link; nothing where there was none."""
    return (
        {str(name): int(count) for name, count in json.loads(folder.counts.read_text()).items()}
        if folder.counts.exists()
        else {}
    )
