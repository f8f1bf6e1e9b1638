"""The layout of ``reports/<scenario>/<run>/``: the only module that writes and reads the files of a run."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from harness.problems import Problem, UsageProblems
from harness.reading.question_files import ROWS
from harness.record import history, workers
from harness.record.effects import Effects
from harness.record.history import Begun, Ended, Event, History
from harness.record.kept import Room
from harness.record.masking import NOTHING, Mask
from harness.record.quoting import masked
from harness.record.rowfile import Row, read_rows
from harness.record.rows import AnyRow, Arrival, Attempt, HealthCheck, Request, Traffic
from harness.record.shelf import Shelf
from harness.record.tables import column_of, defaults, table
from harness.record.workers import Worker

if TYPE_CHECKING:
    import pandas as pd

    from harness.record.columns import Table

_KINDS: Mapping[str, type[AnyRow]] = MappingProxyType(
    {"requests": Request, "attempts": Attempt, "arrivals": Arrival, "traffic": Traffic, "health_checks": HealthCheck}
)
_GROUP = 1 << 17
"""Rows of a table that lie together: who asks for a single one reads no others than these."""
_LATER = frozenset({"traffic", "health_checks"})
"""Tables that runs of earlier versions have not, or those in which there was nothing to write down."""


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
    def effects(self) -> Path:
        """What the service says that it has done for the requests of the run."""
        return self.path / "effects.json"

    @property
    def workers(self) -> Path:
        """What is known of each worker, where several shared the load."""
        return self.path / "workers.json"

    @property
    def instrument(self) -> Path:
        """How late the run's processes were, and what kept the machine busy."""
        return self.path / "instrument.jsonl"

    @property
    def scenario(self) -> Path:
        return self.path / "scenario.yaml"

    @property
    def target(self) -> Path:
        return self.path / "target.yaml"

    @property
    def questions(self) -> Path:
        """As they were written: YAML, or a question in each row or line."""
        there = (self.questions_named(f"questions{suffix}") for suffix in ROWS)
        return next((path for path in there if path.exists()), self.path / "questions.yaml")

    def questions_named(self, file: str) -> Path:
        """Where the questions of a *file* of that name are stored, which is as it is written."""
        suffix = Path(file).suffix.lower()
        return self.path / f"questions{suffix if suffix in ROWS else '.yaml'}"

    @property
    def trace(self) -> Path:
        """When requests were due, where a trace said it."""
        return self.path / "trace.parquet"

    @property
    def recorded(self) -> Path:
        """The recorded curve that the run is held against, as it was written."""
        return self.path / "recorded.csv"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def baseline(self) -> Path:
        """The run that this one is held against, once it is, with what that one came to."""
        return self.path / "baseline.json"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    def table(self, name: str) -> Path:
        """The Parquet file of *name*: requests, attempts, arrivals, traffic or health_checks."""
        return self.path / f"{name}.parquet"


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a run; *kept*: each stands in a file of its own, and the rows are gone.

    *traffic* and *health_checks* are None where none were recorded.
    """

    requests: Table
    attempts: Table
    arrivals: Table
    kept: bool
    traffic: Table | None = None
    health_checks: Table | None = None


def new_id(target: str, began: datetime) -> str:
    """The id of a run on *target*: its instant to the second, and four digits that keep it apart from one that began with it.

    By its id a run knows its own requests, conversations and proxies where others use the same service or Toxiproxy, and those may have
    folders elsewhere.
    """
    return f"{began:%Y%m%d-%H%M%S}-{target}-{secrets.token_hex(2)}"


def create(out: Path, scenario: str, run_id: str) -> RunFolder:
    """An empty folder for a run, for its owner alone; *run_id* gets a number behind it when it is taken.

    Raises UsageProblems where none can be made.
    """
    try:
        (out / scenario).mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            path = out / scenario / (run_id if number == 1 else f"{run_id}-{number}")
            try:
                path.mkdir(mode=0o700)
            except FileExistsError:
                continue
            for folder in ("rows", "logs"):
                (path / folder).mkdir(mode=0o700)
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
    # To read a pipe may take for ever, and a run makes none.
    if odd := [inner for inner in sorted(folder.path.rglob("*")) if not (inner.is_file() or inner.is_dir())]:
        raise UsageProblems(
            *(Problem("is no file and no folder; a run has nothing else", file=str(one)) for one in odd)
        )
    return folder


def below(out: Path, *names: str) -> list[Path]:
    """Every folder below *out* in which a run left a file of one of these *names*: alone, among trials, or on a side of a comparison."""
    depths = ("*/*", "*/*/*/*", "*/*/*/*/*")
    return sorted({path.parent for name in names for depth in depths for path in out.glob(f"{depth}/{name}")})


def write(path: Path, content: str | bytes) -> None:
    """*content* at *path*, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Where to write what is to stand at *path*, for its owner alone; it takes its place at the end, and is gone if that is not reached."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class HistoryFile:
    """A history on disk, without what *mask* hides; each line is there when `write` returns."""

    def __init__(self, path: Path, mask: Mask = NOTHING) -> None:
        self._fd, self._mask = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), mask

    @property
    def empty(self) -> bool:
        """Whether no line has been written yet."""
        return os.fstat(self._fd).st_size == 0

    def write(self, event: Event) -> None:
        """Raises OSError, and leaves nothing of the line, where the disk is full."""
        line, size = history.encode(masked(event, self._mask)), os.fstat(self._fd).st_size
        if os.write(self._fd, line) < len(line):
            # Half a line would make the next one unreadable too.
            os.ftruncate(self._fd, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        os.close(self._fd)


def read_history(folder: RunFolder) -> tuple[Begun, History]:
    """The first line and all that follow; raises UsageProblems when the first is not there, or a whole line is no event."""
    try:
        events = history.decode(_content(folder.history))
    except history.NoEventError as error:
        raise UsageProblems(Problem(f"is no event of a run: {error}", str(folder.history), error.line)) from error
    if not events or not isinstance(events[0], Begun):
        raise UsageProblems(
            Problem("does not begin with the line that says how to repeat the run", file=str(folder.history))
        )
    return events[0], events[1:]


def ended(run: Path) -> bool:
    """Whether the history of the run in the folder *run* has its end; of one that cannot be read nobody knows, so it has not."""
    try:
        return any(isinstance(event, Ended) for event in history.decode((run / "history.jsonl").read_bytes()))
    except (OSError, history.NoEventError):
        return False


def read_tables(folder: RunFolder, clock_zero_s: float) -> Tables:
    """The tables that were kept; before all of them were, those that the rows of the run's processes make.

    Raises UsageProblems with every file that is missing or damaged.
    """
    there = [name for name in _KINDS if folder.table(name).exists()]
    missing = [name for name in _KINDS if name not in {*there, *_LATER}]
    if len(there) < len(_KINDS) and folder.rows.is_dir():
        return _tables_of_rows(folder, clock_zero_s)
    if not there:
        raise UsageProblems(Problem("holds neither tables nor the rows that they are made of", file=str(folder.path)))
    if missing:
        what = "is missing, and so are the rows that it was made of"
        raise UsageProblems(*(Problem(what, file=str(folder.table(name))) for name in missing))
    tables: dict[str, Table] = {}
    room = Room(shelf=Shelf(folder.path))
    problems: list[Problem] = []
    for name in there:
        try:
            tables[name] = _stored(folder.table(name), _KINDS[name], room)
        except UsageProblems as found:
            problems += found.problems
    if problems:
        raise UsageProblems(*problems)
    return Tables(**tables, kept=not folder.rows.is_dir())


def _stored(path: Path, kind: type[AnyRow], room: Room) -> Table:
    """The table at *path*: by column where it is as a run leaves it, and whole where somebody changed it or another version made it."""
    from harness.record.columns import Table
    from harness.record.parquet import by_column

    def frame() -> pd.DataFrame:
        return _checked(read_table(path), kind, path)

    return by_column(path, kind, frame, room) or Table.of(frame())


def keep_tables(
    folder: RunFolder,
    *,
    requests: Table,
    attempts: Table,
    arrivals: Table,
    traffic: Table | None = None,
    health_checks: Table | None = None,
) -> None:
    """Store the tables that are not there yet as Parquet; the rows they were made of are then no longer needed."""
    tables = dict(zip(_KINDS, (requests, attempts, arrivals, traffic, health_checks), strict=True))
    for name, rows in tables.items():
        if rows is not None and _length(folder.table(name)) is None:
            with replacing(folder.table(name)) as temporary:
                rows.frame.to_parquet(
                    temporary, index=False, compression="zstd", write_page_checksum=True, row_group_size=_GROUP
                )
    # Under their own name the rows are there as long as all of them are: some of them would be taken for the whole run.
    gone = folder.path / ".rows"
    with suppress(OSError):
        shutil.rmtree(gone, ignore_errors=True)
        folder.rows.rename(gone)
        shutil.rmtree(gone)


def read_table(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """One table of a run, or these *columns* of it. Raises UsageProblems where there is none, or not a whole one."""
    import pandas as pd
    from pyarrow import ArrowException

    try:
        with path.open("rb") as file:
            return pd.read_parquet(file, columns=columns, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise UsageProblems(Problem("is missing", file=str(path))) from error
    except (PermissionError, IsADirectoryError) as error:
        raise UsageProblems(Problem(f"cannot be read: {error.strerror}", file=str(path))) from error
    except (OSError, ValueError, ArrowException) as error:
        raise UsageProblems(Problem("is not a whole Parquet file", file=str(path))) from error


def read_counts(folder: RunFolder) -> dict[str, int]:
    """What each simulated provider counted itself, by link; nothing where there was none. Raises UsageProblems for a damaged file."""
    if not folder.counts.exists():
        return {}
    try:
        return msgspec.json.decode(_content(folder.counts), type=dict[str, int])
    except ValueError as error:
        what = f"does not say how many requests were counted on each link: {error}"
        raise UsageProblems(Problem(what, file=str(folder.counts))) from error


def read_effects(folder: RunFolder) -> Effects | None:
    """What the service says that it has done; None where it was not asked. Raises UsageProblems for a damaged file."""
    if not folder.effects.exists():
        return None
    try:
        return msgspec.json.decode(_content(folder.effects), type=Effects)
    except ValueError as error:
        raise UsageProblems(Problem(f"does not say what was done: {error}", file=str(folder.effects))) from error


def read_workers(folder: RunFolder) -> list[Worker]:
    """What is known of each worker of the load; nothing where one process sent it all. Raises UsageProblems for a damaged file."""
    if not folder.workers.exists():
        return []
    try:
        return workers.decode(_content(folder.workers))
    except ValueError as error:
        raise UsageProblems(Problem(f"does not say who sent the load: {error}", file=str(folder.workers))) from error


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageProblems(Problem(f"cannot be read: {error.strerror}", file=str(path))) from error


def _tables_of_rows(folder: RunFolder, clock_zero_s: float) -> Tables:
    """Raises UsageProblems where a table was made of other rows than those that are there."""
    from harness.record.columns import Table

    tables = {
        "requests": Table.of(table(_rows(folder.rows, "requests", Request), Request, clock_zero_s)),
        "attempts": Table.of(table(_rows(folder.rows, "attempts", Attempt), Attempt, clock_zero_s)),
        "arrivals": Table.of(table(_rows(folder.rows, "arrivals", Arrival), Arrival, clock_zero_s)),
    }
    if any(folder.rows.glob("traffic*.rows")):
        tables["traffic"] = Table.of(table(_rows(folder.rows, "traffic", Traffic), Traffic, clock_zero_s))
    if any(folder.rows.glob("health_checks*.rows")):
        checks = _rows(folder.rows, "health_checks", HealthCheck)
        tables["health_checks"] = Table.of(table(checks, HealthCheck, clock_zero_s))
    lengths = {name: _length(folder.table(name)) for name in tables}
    problems = [
        Problem(f"holds {length} rows, but {folder.rows} holds {len(tables[name])}", file=str(folder.table(name)))
        for name, length in lengths.items()
        if length not in (None, len(tables[name]))
    ]
    if problems:
        raise UsageProblems(*problems)
    return Tables(**tables, kept=False)


def _rows(rows: Path, name: str, kind: type[Row]) -> Iterator[Row]:
    from msgpack import UnpackException

    for path in sorted(rows.glob(f"{name}*.rows")):
        try:
            yield from read_rows(path, kind)
        except (OSError, ValueError, UnpackException) as error:
            raise UsageProblems(Problem(f"holds a row that cannot be read: {error}", file=str(path))) from error


def _length(path: Path) -> int | None:
    """How many rows the table at *path* has; None where no whole one is there."""
    try:
        return len(read_table(path))
    except UsageProblems:
        return None


def _checked(frame: pd.DataFrame, kind: type[AnyRow], path: Path) -> pd.DataFrame:
    """*frame* with a column for each field of *kind*: one that it was stored without is filled with the field's default.

    Raises UsageProblems where there is no default, or where a column holds something else.
    """
    from pandas.api.types import is_numeric_dtype

    wanted = table((), kind, 0.0)
    missing = [name for name in wanted if name not in frame]
    filled = {name: value for name, value in defaults(kind).items() if name in missing}
    problems = [
        Problem(f"has no column {name!r}, and nothing can be taken in its place", file=str(path))
        for name in missing
        if name not in filled
    ]
    problems += [
        Problem(f"column {name!r} is of type {frame[name].dtype}, not {wanted[name].dtype}", file=str(path))
        for name in wanted
        if name in frame and is_numeric_dtype(frame[name]) != is_numeric_dtype(wanted[name])
    ]
    problems = problems or [*_unsaid(frame, kind, path)]
    if problems:
        raise UsageProblems(*problems)
    # Whoever took rows out of a table may have left it with the places that they had.
    rows = frame.reset_index(drop=True)
    said = {
        name: rows[name].fillna(value) for name, value in _usual(kind).items() if name in rows and rows[name].hasnans
    }
    return rows.assign(**said, **{name: column_of(value, wanted[name], len(rows)) for name, value in filled.items()})


def _usual(kind: type[AnyRow]) -> dict[str, Any]:
    """What each field of *kind* says of which a row always says something, where it is left out."""
    return {name: value for name, value in defaults(kind).items() if value is not None}


def _unsaid(frame: pd.DataFrame, kind: type[AnyRow], path: Path) -> Iterator[Problem]:
    """Each column of which some rows say nothing, or no number that can be one, though nothing can be taken in its place."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    from harness.record.parquet import impossible

    optional, wanted = defaults(kind), table((), kind, 0.0)
    for name in (name for name in wanted if name in frame):
        column = frame[name]
        if is_numeric_dtype(column) and not is_bool_dtype(column):
            numbers = column.to_numpy(dtype="float64", na_value=float("nan"))
            if what := impossible(str(name), numbers):
                yield Problem(what, file=str(path))
        if name not in optional and (n := int(column.isna().sum())):
            yield Problem(f"column {name!r} says nothing in {n} of {len(frame)} rows", file=str(path))
