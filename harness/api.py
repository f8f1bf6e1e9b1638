"""The harness from Python: run scenarios, judge stored runs again, render their reports.

::

    import harness

    run = harness.run("scenarios/region-loss.yaml", target="my-service.yaml")
    assert run.verdict == "pass", run.result.reason
    run.requests.groupby("phase")["good"].mean()
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from shlex import quote
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from harness import __version__, store
from harness.history import Begun, Ended, History
from harness.loop import Progress
from harness.plan import Plan
from harness.prepare import Asked, Prepared, prepare
from harness.problems import HarnessError, Problem, UsageProblems
from harness.result import Outcome, Result
from harness.settings import Settings, settings
from harness.store import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from harness.evidence import Evidence
    from harness.world.real import Proxy


class Panel(AbstractContextManager["Panel"], Protocol):
    """Where a person is shown how a run goes."""

    def show(self, progress: Progress) -> None: ...


@dataclass(frozen=True)
class Run:
    """A run that has ended and is stored at *path*."""

    path: Path
    result: Result

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


def run(
    scenario: str | Path,
    *,
    target: str | Path | None = None,
    seed: int | None = None,
    overrides: Sequence[str] = (),
    expect: Sequence[str] = (),
    with_faults: bool = True,
    allowed_hosts: Sequence[str] = (),
    out: str | Path = "reports",
    toxiproxy_url: str | None = None,
    baseline: str | Path | None = None,
) -> Run:
    """Break what *scenario* says, for real, and return the judged and stored run, however it ended.

    The report says what changed since *baseline*, the folder of another run. Raises UsageProblems before anything is touched when a
    file is wrong, and HarnessError when the world cannot be started.
    """
    asked = Asked(seed, tuple(overrides), tuple(expect), with_faults, tuple(allowed_hosts))
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

    Raises UsageProblems before anything is touched when no Toxiproxy server can be at *toxiproxy_url*.
    """
    from harness import loop
    from harness.world.interruptions import Interruptions
    from harness.world.real import find_proxy, real_world, shared_proxy_url

    proxy_url = shared_proxy_url(environment, toxiproxy_url)
    started_at = datetime.now(UTC)
    folder = store.create(out, prepared.plan.scenario.name, f"{started_at:%Y%m%d-%H%M%S}-{prepared.plan.target.name}")
    _store_texts(folder, prepared)
    record, signals, begun = (
        store.HistoryFile(folder.history),
        Interruptions(),
        _Beginning(prepared, folder.path.name, started_at),
    )
    questions = {question.id: question.text for question in prepared.questions.value.questions}
    try:
        with signals.installed():
            begun.proxy = find_proxy(environment, proxy_url, say)
            with real_world(prepared.plan, questions, folder, environment, begun.proxy, signals, say) as real:
                # What the judging needs takes a second to import; the load is in a process of its own meanwhile.
                Thread(target=_import_what_judging_needs, name="imports", daemon=True).start()
                record.write(begun.at(real.set_off()))
                with panel(prepared.plan, folder.rows) if panel else nullcontext() as shown:
                    begun.came_to(loop.run(prepared.plan, real.world, record, shown.show if shown else _unwatched))
                # Of a run that was cut short a process may be missing, and that has been told.
                with signals.held(), suppress(HarnessError) if begun.cut_short else nullcontext():
                    real.finish()
    except OSError as error:
        # The history could not be written to its end; what is there can still be judged.
        raise HarnessError(
            f"the run's files cannot be written: {error}; what there is stands in {folder.path}"
        ) from error
    except (HarnessError, KeyboardInterrupt) as error:
        # It did not come to a run, or what it left could not be gathered; the history says so, and can be judged.
        if not begun.written:
            record.write(begun.at(time.monotonic()))
        ended_s = begun.ended.at_s if begun.ended else 0.0
        interrupted = isinstance(error, KeyboardInterrupt)
        record.write(Ended(ended_s, "interrupted") if interrupted else Ended(ended_s, "crashed", str(error)))
    finally:
        record.close()
    return _judged(folder, baseline)


def judge(path: str | Path, *, baseline: str | Path | None = None) -> Run:
    """Judge a stored run again and render its report, with nothing running; the same files give the same bytes.

    With *baseline*, the folder of another run, the report also says what changed since. Raises UsageProblems for a folder that holds
    no run, or one that still goes on; then nothing was written.
    """
    before = judged_again(baseline) if baseline is not None else None
    folder = store.find(Path(path))
    _refuse_while_it_goes_on(folder)
    return _judged(folder, before)


def judged_again(path: str | Path) -> Result:
    """What a stored run comes to, judged by this version and with nothing written; raises UsageProblems where that cannot be told."""
    from harness import verdict

    folder = store.find(Path(path))
    _refuse_while_it_goes_on(folder)
    if not folder.table("arrivals").exists() and not folder.rows.is_dir():
        raise UsageProblems(Problem("holds no tables, so there is nothing to compare with", file=str(folder.path)))
    try:
        return verdict.judge(load_evidence(folder, keep=False))
    except (OSError, ValueError, KeyError) as error:
        raise UsageProblems(
            Problem(f"cannot be read as a run to compare with: {error}", file=str(folder.path))
        ) from error


def _judged(folder: RunFolder, baseline: Result | None = None) -> Run:
    from harness import verdict

    evidence = load_evidence(folder)
    result = verdict.judge(evidence)
    render(folder, result, evidence, baseline)
    return Run(folder.path, result)


def _refuse_while_it_goes_on(folder: RunFolder) -> None:
    """Its processes still write the rows that the tables are made of."""
    from harness.adapters.keeper.undo import owner_alive

    if folder.undo.exists() and owner_alive(folder.undo):
        raise UsageProblems(Problem("this run still goes on; judge it when it has ended", file=str(folder.path)))


def render(folder: RunFolder, result: Result, evidence: Evidence, baseline: Result | None = None) -> None:
    """Write the result, the report, JUnit XML and the Markdown summary into the run's folder."""
    from harness.report.junit import junit
    from harness.report.page import page
    from harness.report.summary import summary

    store.write(folder.result, result.to_json())
    store.write(folder.report, page(result, evidence, baseline))
    store.write(folder.path / "junit.xml", junit(result))
    store.write(folder.path / "summary.md", summary(result, baseline))


def load_evidence(folder: RunFolder, *, keep: bool = True) -> Evidence:
    """All that a stored run holds; the tables are made of the rows the first time, and stored unless told not to *keep* them."""
    from harness.evidence import Evidence
    from harness.tables import derive_attempts, derive_requests

    begun, history = store.read_history(folder)
    asked = Asked(begun.seed, tuple(begun.overrides), tuple(begun.expectations), begun.with_faults)
    prepared = prepare(folder.scenario, folder.target, asked, None, questions_path=folder.questions)
    fresh = not folder.table("arrivals").exists()
    requests, attempts, arrivals = store.read_tables(folder, begun.clock_zero_s)
    attempts = derive_attempts(prepared.plan, attempts, requests)
    requests = derive_requests(prepared.plan, requests, attempts)
    if fresh and keep:
        store.keep_tables(folder, requests=requests, attempts=attempts, arrivals=arrivals)
    texts = {question.id: question.text for question in prepared.questions.value.questions}
    return Evidence(prepared.plan, begun, history, requests, attempts, arrivals, store.read_counts(folder), texts)


class _Beginning:
    """The first line of a history, once all that it says is known, and how the run that it begins ended."""

    def __init__(self, prepared: Prepared, run_id: str, started_at: datetime) -> None:
        self._prepared, self._run_id, self._started_at = prepared, run_id, started_at
        self.proxy: Proxy | None = None
        self.written = False
        self.ended: Ended | None = None

    def came_to(self, history: History) -> None:
        """How the run ended is known."""
        self.ended = next((event for event in reversed(history) if isinstance(event, Ended)), None)

    @property
    def cut_short(self) -> bool:
        return self.ended is not None and self.ended.reason != "completed"

    def at(self, zero_s: float) -> Begun:
        self.written = True
        prepared, asked = self._prepared, self._prepared.asked
        return Begun(
            run_id=self._run_id,
            started_at=self._started_at.isoformat(timespec="seconds"),
            clock_zero_s=zero_s,
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
            proxy_version=self.proxy.version if self.proxy else "",
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
