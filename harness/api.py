"""The harness from Python: run scenarios, judge stored runs again, render their reports.

::

    import harness

    run = harness.run("scenarios/region-loss.yaml", target="my-service.yaml")
    assert run.verdict == "pass", run.result.reason
    run.requests.groupby("phase")["good"].mean()
"""

from __future__ import annotations

import json
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib import import_module
from pathlib import Path
from shlex import quote
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import msgspec

from harness import __version__, store
from harness.documents import Document
from harness.history import Begun, Ended, Event, Reason
from harness.loop import Progress
from harness.plan import Plan
from harness.prepare import Asked, Prepared, prepare
from harness.problems import HarnessError, Problem, UsageProblems
from harness.result import Outcome, Result
from harness.scenario import Scenario
from harness.settings import Settings, settings
from harness.store import RunFolder
from harness.target import Target

if TYPE_CHECKING:
    import pandas as pd

    from harness.evidence import Evidence
    from harness.world.interruptions import Interruptions
    from harness.world.real import Proxy


class Panel(AbstractContextManager["Panel"], Protocol):
    """Where a person is shown how a run goes."""

    def show(self, progress: Progress) -> None: ...


@dataclass(frozen=True, repr=False)
class Run:
    """A run that has ended and is stored at *path*."""

    path: Path
    result: Result

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.result.scenario.name} on {self.result.target.name}, {self.verdict}>"

    @property
    def verdict(self) -> Outcome:
        return self.result.verdict

    @cached_property
    def requests(self) -> pd.DataFrame:
        """One row a logical request; the columns are described in ``docs/tables.md``."""
        return store.read_table(RunFolder(self.path).table("requests"))

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """One row an attempt of the target's at a provider."""
        return store.read_table(RunFolder(self.path).table("attempts"))

    @cached_property
    def arrivals(self) -> pd.DataFrame:
        """One row an attempt that came through Toxiproxy."""
        return store.read_table(RunFolder(self.path).table("arrivals"))


def run(
    scenario: str | Path,
    *,
    target: str | Path | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | Sequence[str] = (),
    expect: str | Sequence[str] = (),
    with_faults: bool = True,
    allowed_hosts: str | Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    baseline: str | Path | None = None,
) -> Run:
    """Break what *scenario* says, for real, and return the judged and stored run, however it ended.

    *overrides* are settings of the scenario by key, such as ``{"load.rate_per_s": 40}``, or texts such as ``load.rate_per_s=40``. The
    report says what changed since *baseline*, the folder of another run. Raises UsageProblems before anything is touched when a file is
    wrong, and HarnessError when the world cannot be started.
    """
    asked = Asked(seed, _written(overrides), _each(expect), with_faults, _each(allowed_hosts))
    environment = settings()
    prepared = prepare(Path(scenario), Path(target) if target else None, asked, environment.environment)
    before = judged_again(baseline) if baseline is not None else None
    return conduct(prepared, environment, Path(out), toxiproxy_url=toxiproxy_url, baseline=before)


def conduct(
    prepared: Prepared,
    environment: Settings,
    out: Path,
    *,
    toxiproxy_url: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    panel: Callable[[Plan, Path], Panel] | None = None,
    baseline: Result | None = None,
) -> Run:
    """Carry out what was prepared in the real world, store it, judge it and render its report, beside the *baseline* if there is one.

    Whatever breaks on the way ends in a stored run that says so. Raises UsageProblems before anything is touched when no Toxiproxy
    server answers at *toxiproxy_url*, and HarnessError when there is none to be started or the run's files cannot be written.
    """
    from harness.world.real import find_proxy

    proxy = find_proxy(environment, toxiproxy_url, say)
    started_at = datetime.now(UTC)
    folder = store.create(out, prepared.plan.scenario.name, f"{started_at:%Y%m%d-%H%M%S}-{prepared.plan.target.name}")
    first = _first_line(prepared, proxy, folder.path.name, started_at)
    with _writing(folder):
        _store_texts(folder, prepared)
        with closing(_Record(folder, first)) as record:
            try:
                _live_through(prepared, environment, folder, proxy, record, say, panel)
            except KeyboardInterrupt:
                record.end("interrupted")
            except HarnessError as error:
                # It did not come to a run, or what it left could not be gathered.
                record.end("crashed", str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the world was put back, and the run can be judged
                record.end("crashed", _unforeseen(folder, error))
    return _judged_at_once(folder, baseline)


def _live_through(
    prepared: Prepared,
    environment: Settings,
    folder: RunFolder,
    proxy: Proxy,
    record: _Record,
    say: Callable[[str], None],
    panel: Callable[[Plan, Path], Panel] | None,
) -> None:
    """Start the world, break in it what is planned, and put it back, whatever happens."""
    from harness import loop
    from harness.world.interruptions import Interruptions
    from harness.world.real import real_world

    plan, signals = prepared.plan, Interruptions()
    questions = {question.id: question.text for question in prepared.questions.value.questions}
    with signals.installed(), real_world(plan, questions, folder, environment, proxy, signals, say) as real:
        # What the judging needs takes a second to import; the load is in a process of its own meanwhile.
        Thread(target=_import_what_judging_needs, name="imports", daemon=True).start()
        record.begin(real.set_off())
        with panel(plan, folder.rows) if panel else nullcontext() as shown:
            unforeseen = partial(_unforeseen, folder)
            loop.run(plan, real.world, record, shown.show if shown else _unwatched, unforeseen)
        _gather(real.finish, signals, record)


def _gather(finish: Callable[[], None], signals: Interruptions, record: _Record) -> None:
    # Of a run that was cut short a process may be missing, and that has been told.
    with signals.held(), suppress(HarnessError) if record.cut_short else nullcontext():
        finish()


def _unforeseen(folder: RunFolder, error: Exception) -> str:
    """One line about an *error* that nobody foresaw; its traceback is added to the run's log."""
    from traceback import format_exception

    log = folder.logs / "harness.log"
    with suppress(OSError), log.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(format_exception(error))
    return f"{type(error).__name__}: {' '.join(str(error).split())}; its traceback is in {log}"


@contextmanager
def _writing(folder: RunFolder) -> Iterator[None]:
    """Raises HarnessError where one of the files of a run cannot be written; what is there can still be judged."""
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"the run's files cannot be written: {error}; what there is stands in {folder.path}"
        ) from error


def _judged_at_once(folder: RunFolder, baseline: Result | None) -> Run:
    """The run that has just been made; raises HarnessError where it cannot be judged, since that is no fault of who asked for it."""
    try:
        return _judged(folder, baseline)
    except HarnessError:
        raise
    except UsageProblems as problems:
        raise HarnessError(f"the run cannot be judged: {problems}") from problems
    except Exception as error:
        raise HarnessError(f"the run cannot be judged: {_unforeseen(folder, error)}") from error


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def judge(path: str | Path, *, baseline: str | Path | None = None, say: Callable[[str], None] = _warn) -> Run:
    """Judge a stored run again and render its report, with nothing running; the same files give the same bytes.

    With *baseline*, the folder of another run, the report also says what changed since. What a reader should know, such as that a file
    was edited since the run, is *said*. Raises UsageProblems for a folder that holds no run, one that still goes on, or one with a file
    missing or damaged; then nothing was written.
    """
    before = judged_again(baseline, say=say) if baseline is not None else None
    folder = store.find(Path(path))
    _refuse_while_it_goes_on(folder)
    return _judged(folder, before, say)


def judged_again(path: str | Path, *, say: Callable[[str], None] = _warn) -> Result:
    """What a stored run comes to, judged by this version and with nothing written; raises UsageProblems where that cannot be told."""
    from harness import verdict

    folder = store.find(Path(path))
    _refuse_while_it_goes_on(folder)
    return verdict.judge(load_evidence(folder, keep=False, say=say))


def _judged(folder: RunFolder, baseline: Result | None = None, say: Callable[[str], None] = _warn) -> Run:
    from harness import verdict

    with _writing(folder):
        evidence = load_evidence(folder, say=say)
        result = verdict.judge(evidence)
        render(folder, result, evidence, baseline)
    return Run(folder.path, result)


def _refuse_while_it_goes_on(folder: RunFolder) -> None:
    """Its processes still write the rows that the tables are made of."""
    from harness.adapters.keeper.undo import owner_alive

    try:
        goes_on = owner_alive(folder.undo)
    except OSError as error:
        raise UsageProblems(Problem(f"cannot be read: {error.strerror}", file=str(folder.undo))) from error
    if goes_on:
        raise UsageProblems(Problem("this run still goes on; judge it when it has ended", file=str(folder.path)))


def render(folder: RunFolder, result: Result, evidence: Evidence, baseline: Result | None = None) -> None:
    """Write the result, the report, JUnit XML and the Markdown summary into the run's folder: all of them, or none that cannot be made."""
    from harness.report.junit import junit
    from harness.report.page import page
    from harness.report.summary import summary

    texts = {
        folder.result: result.to_json(),
        folder.report: page(result, evidence, baseline),
        folder.path / "junit.xml": junit(result),
        folder.path / "summary.md": summary(result, baseline),
    }
    for path, text in texts.items():
        store.write(path, text)


def load_evidence(folder: RunFolder, *, keep: bool = True, say: Callable[[str], None] = _warn) -> Evidence:
    """All that a stored run holds; the tables are made of the rows the first time, and stored unless told not to *keep* them.

    It stands on the files as they are now: where one was edited since the run, that is *said*, and the checksum is the new one's. Raises
    UsageProblems, with nothing stored, for a file that is missing or damaged.
    """
    from harness.evidence import Evidence
    from harness.tables import derive_attempts, derive_requests

    begun, history = store.read_history(folder)
    asked = Asked(begun.seed, tuple(begun.overrides), tuple(begun.expectations), begun.with_faults)
    prepared = prepare(folder.scenario, folder.target, asked, None, questions_path=folder.questions)
    tables, counts = store.read_tables(folder, begun.clock_zero_s), store.read_counts(folder)
    attempts = derive_attempts(prepared.plan, tables.attempts, tables.requests)
    requests = derive_requests(prepared.plan, tables.requests, attempts)
    if keep and not tables.kept:
        store.keep_tables(folder, requests=requests, attempts=attempts, arrivals=tables.arrivals)
    begun = msgspec.structs.replace(
        begun,
        scenario_sha256=_as_judged(prepared.scenario, begun.scenario_sha256, say),
        target_sha256=_as_judged(prepared.target, begun.target_sha256, say),
    )
    texts = {question.id: question.text for question in prepared.questions.value.questions}
    return Evidence(prepared.plan, begun, history, requests, attempts, tables.arrivals, counts, texts)


def _as_judged(document: Document[Scenario] | Document[Target], as_run: str, say: Callable[[str], None]) -> str:
    """The checksum of *document*, and a word about it where that of the run was another."""
    if document.sha256 != as_run:
        say(f"{document.file}: was edited since the run; it is judged by what it says now")
    return document.sha256


class _Record:
    """The history of one run on disk; it has its *first* line however early the run ends."""

    def __init__(self, folder: RunFolder, first: Begun) -> None:
        self._file, self._first = store.HistoryFile(folder.history), first
        self._ended: Ended | None = None

    @property
    def cut_short(self) -> bool:
        """Whether the run has ended before its time."""
        return self._ended is not None and self._ended.reason != "completed"

    def begin(self, zero_s: float) -> None:
        """Write the first line; the run's clock is 0 at *zero_s* of the machine's monotonic clock."""
        self._file.write(msgspec.structs.replace(self._first, clock_zero_s=zero_s))

    def write(self, event: Event) -> None:
        self._file.write(event)
        if isinstance(event, Ended):
            self._ended = event

    def end(self, reason: Reason, detail: str = "") -> None:
        """Write how it ended, whatever was written before."""
        if self._file.empty:
            self.begin(time.monotonic())
        self.write(Ended(self._ended.at_s if self._ended else 0.0, reason, detail))

    def close(self) -> None:
        self._file.close()


def _first_line(prepared: Prepared, proxy: Proxy, run_id: str, started_at: datetime) -> Begun:
    """All that is needed to repeat the run; its clock is not set yet."""
    asked = prepared.asked
    return Begun(
        run_id=run_id,
        started_at=started_at.isoformat(timespec="seconds"),
        clock_zero_s=0.0,
        seed=prepared.plan.seed,
        scenario_path=prepared.scenario.file,
        scenario_sha256=prepared.scenario.sha256,
        target_path=prepared.target.file,
        target_sha256=prepared.target.sha256,
        replay=replay(prepared),
        overrides=list(asked.overrides),
        expectations=list(asked.expectations),
        with_faults=asked.with_faults,
        versions=versions(),
        proxy_engine="toxiproxy",
        proxy_version=proxy.version,
    )


def replay(prepared: Prepared) -> str:
    """The command that repeats a run."""
    asked = prepared.asked
    words = [
        "harness",
        "run",
        prepared.scenario.file,
        "--target",
        prepared.target.file,
        "--seed",
        str(prepared.plan.seed),
    ]
    words += (
        _options("--set", asked.overrides)
        + _options("--expect", asked.expectations)
        + _options("--allow-host", asked.allowed_hosts)
    )
    words += [] if asked.with_faults else ["--without-faults"]
    return " ".join(map(quote, words))


def versions() -> dict[str, str]:
    """What a run was made with."""
    from importlib.metadata import version

    packages = ("locust", "aiohttp", "numpy", "pandas")
    return {
        "harness": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    } | {name: version(name) for name in packages}


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


def _each(texts: str | Sequence[str]) -> tuple[str, ...]:
    """*texts* one by one; a single one is not its letters."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


def _written(overrides: Mapping[str, object] | Sequence[str]) -> tuple[str, ...]:
    """*overrides* as on the command line; raises UsageProblems for a value that no file could hold."""
    if not isinstance(overrides, Mapping):
        return _each(overrides)
    written = []
    for key, value in overrides.items():
        try:
            written.append(f"{key}={json.dumps(value, allow_nan=False)}")  # JSON is YAML too
        except (TypeError, ValueError) as error:
            what = (
                f"{value!r} is no value of a file; give a number, a text, a truth value, or a list or mapping of them"
            )
            raise UsageProblems(Problem(what, path=f"overrides[{key!r}]")) from error
    return tuple(written)


def _store_texts(folder: RunFolder, prepared: Prepared) -> None:
    """The files as they were written, with no secret filled in."""
    store.write(folder.scenario, prepared.scenario.text)
    store.write(folder.target, prepared.target.text)
    store.write(folder.questions, prepared.questions.text)


def _import_what_judging_needs() -> None:
    for name in ("pandas", "pyarrow.parquet", "harness.verdict", "harness.report.page"):
        import_module(name)


def _unwatched(_progress: Progress) -> None:
    """Nobody watches."""
