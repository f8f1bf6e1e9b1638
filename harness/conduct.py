"""One real run: the world is started, broken as planned and put back, and what happened is stored, judged and rendered."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Protocol

import msgspec

from harness.judging.following import counting, followed, price_list
from harness.judging.preflight import obstacles
from harness.planning.plan import Plan
from harness.prepare import Prepared
from harness.problems import HarnessError, UsageProblems, cannot
from harness.reading.abort import FEWEST
from harness.reading.load_hosts import LoadHosts
from harness.reading.placeholders import told_secrets
from harness.record import run_folder
from harness.record.as_run import written_down
from harness.record.history import Alarm, Begun, Ended, Event, Preflight, Reason
from harness.record.masking import NOTHING, Mask
from harness.record.quoting import masked
from harness.record.run_folder import RunFolder
from harness.record.trace_file import write_due
from harness.running import systems
from harness.running.loop import Progress
from harness.running.machine_class import machine_class
from harness.running.ports import AbortedError
from harness.running.working_tree import commit_of
from harness.settings import Settings
from harness.stored import Run, judged, writing

if TYPE_CHECKING:
    from harness.judging.baseline import Baseline
    from harness.running.guard import Guard
    from harness.running.world.haste import TakenBack
    from harness.running.world.interruptions import Interruptions
    from harness.running.world.kept import Kept
    from harness.running.world.load_hosts import Gathering
    from harness.running.world.real import ProxyServer


class Panel(AbstractContextManager["Panel"], Protocol):
    """Where a person is shown how a run goes."""

    def show(self, progress: Progress) -> None: ...


@dataclass(frozen=True, slots=True)
class _Given:
    """What one run is carried out with."""

    prepared: Prepared
    environment: Settings
    mask: Mask
    folder: RunFolder
    proxy: ProxyServer
    signals: Interruptions
    say: Callable[[str], None]
    panel: Callable[[Plan, Path], Panel] | None
    kept: Kept | None
    hosts: LoadHosts
    taken_back: Callable[[TakenBack], object] | None
    warned: Callable[[str], object] | None


def conduct(
    prepared: Prepared,
    environment: Settings,
    out: Path,
    *,
    toxiproxy_url: str | None = None,
    say: Callable[[str], object] = lambda _: None,
    panel: Callable[[Plan, Path], Panel] | None = None,
    baseline: Baseline | None = None,
    stop: threading.Event | None = None,
    kept: Kept | None = None,
    gathering: Gathering | None = None,
    taken_back: Callable[[TakenBack], object] | None = None,
    warned: Callable[[str], object] | None = None,
) -> Run:
    """Carry out what was prepared in the real world, store it, judge it and render its report, beside the *baseline* if there is one.

    Setting *stop* interrupts the run as Ctrl-C does; *taken_back* hears once nothing is in force then, and within a second what is left;
    *warned*, that a shared Toxiproxy does not answer; else *say* does. The target's processes are those that are *kept* of a run before,
    and stay, as do workers of other machines by the *gathering*. Whatever breaks on the way ends in a stored run that says so. Raises
    UsageProblems before anything is touched where nothing answers at *toxiproxy_url*, RefusedError where the target is held or frozen,
    HarnessError where Toxiproxy or a file cannot be had.
    """
    systems.here()
    from harness.running.holding import held
    from harness.running.orders import VETO_EVERY_S, Asked, Orders, vetoed
    from harness.running.state.place import state_of
    from harness.running.world.interruptions import Interruptions
    from harness.running.world.real import find_proxy

    mask = Mask(told_secrets(prepared.plan.target, environment.environment))
    say = _harmless(say, mask)
    started_at = datetime.now(UTC)
    signals = Interruptions(say, stop)
    with signals.installed():
        # A run that has a folder has a history in it, with an end: whoever stops it before that stops it then.
        signals.hold()
        plan, run_id = prepared.plan, run_folder.new_id(prepared.plan.target.name, started_at)
        state = state_of(plan.target.name, plan.target.state, environment)
        vetoes = [Asked(url, partial(vetoed, url, environment.environment), VETO_EVERY_S) for url in plan.limits.urls]
        ends = started_at + timedelta(seconds=plan.ends_s)
        with (
            held(state, run_id, out / plan.scenario.name / run_id, ends) as holding,
            closing(Orders([holding, *vetoes])) as orders,
        ):
            signals.obey(orders.why)
            proxy = find_proxy(environment, toxiproxy_url, say)
            hosts = _place(prepared.asked.hosts, gathering)
            folder = run_folder.create(out, plan.scenario.name, run_id)
            first = _first_line(prepared, proxy, folder.path.name, started_at)
            with writing(folder):
                _store_texts(folder, prepared)
                with closing(_Record(folder, first, mask)) as record:
                    asked = panel, kept, hosts, taken_back, warned
                    _lived_through(_Given(prepared, environment, mask, folder, proxy, signals, say, *asked), record)
        # A Ctrl-C from here on is remembered: the files of this run are to be whole, and nothing is in force.
        signals.hold()
        run = _judged_at_once(folder, baseline)
        signals.heed()
    return replace(run, stopped=signals.received > 0 or signals.ordered)


def _place(asked: LoadHosts, gathering: Gathering | None) -> LoadHosts:
    """Where workers of other machines come that were *asked* for. Raises UsageProblems where nobody can listen there."""
    from harness.running.world.load_hosts import Gathering

    return (gathering or Gathering()).place(asked)


def _lived_through(given: _Given, record: _Record) -> None:
    """The run from its start to its end, which is on *record* whatever it was."""
    from harness.running.world.readiness import NotLoadedError, NotReadyError

    try:
        given.signals.let()
        _live_through(given, record)
    except KeyboardInterrupt:
        record.end("interrupted")
    except AbortedError as order:
        record.end("aborted", str(order))
    except NotReadyError as late:
        record.end("crashed", str(late.placed(given.prepared.target)))
    except NotLoadedError as refused:
        record.end("crashed", str(refused))
        raise refused.placed(given.prepared.scenario) from None
    except HarnessError as error:
        # It did not come to a run, or what it left could not be gathered.
        record.end("crashed", str(error))
    except OSError as error:
        _unforeseen(given.folder, given.mask, error)
        record.end("crashed", cannot(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the world was put back, and the run can be judged
        record.end("crashed", _unforeseen(given.folder, given.mask, error))


def _live_through(given: _Given, record: _Record) -> None:
    """Start the world, break in it what is planned, and put it back, whatever happens."""
    from harness.running import loop
    from harness.running.joining import Joining
    from harness.running.world.real import real_world

    plan, folder, signals = given.prepared.plan, given.folder, given.signals
    requests = plan.schedule.requests
    questions = {question.id: question for question in given.prepared.questions.value.questions}
    with real_world(
        plan,
        questions,
        folder,
        given.environment,
        given.proxy,
        signals,
        given.say,
        _guard(plan),
        price_list(plan.target),
        given.kept,
        given.hosts,
        Joining(plan, counting(plan)),
        given.taken_back or partial(_said_if_amiss, given.say),
        given.warned or (lambda what: given.say(f"warning: {what}")),
    ) as real:
        # What the judging needs takes a second to import; the load is in a process of its own meanwhile.
        threading.Thread(target=_import_what_judging_needs, name="imports", daemon=True).start()
        given.say("asking one question before the load" if questions else "watching what the service does by itself")
        asked = [masked(entry, given.mask) for entry in real.preflight()]
        if reasons := list(obstacles(plan, asked)):
            record.refuse(asked, f"{'; '.join(reasons)}; the logs are in {folder.logs}")
            return
        record.begin(real.set_off(), requests, asked)
        with _displayed(given.panel, plan, folder) as show:
            loop.run(plan, real.world, record, show, partial(_unforeseen, folder, given.mask))
            signals.hold()
        # Of a run that was cut short a process may be missing, and that has been told.
        with suppress(HarnessError) if record.cut_short else nullcontext():
            real.finish()


def _said_if_amiss(say: Callable[[str], None], found: TakenBack) -> None:
    """That somebody waits for faults to be gone in vain, or who had to be killed to have them gone."""
    left = f", so these may be in force still: {'; '.join(found.left)}; it is tried again" if found.left else ""
    if found.why:
        say(found.why + left)


def _guard(plan: Plan) -> Guard | None:
    """What ends the run where it goes worse than its scenario allows; None where that says nothing."""
    from harness.running.guard import Guard

    conditions = followed(plan)
    if not conditions and not plan.limits.counted:
        return None
    due_s = None if plan.closed else list(plan.schedule.due_times())
    users = plan.scenario.load.users if plan.closed else FEWEST
    return Guard(conditions, due_s, plan.scenario.good.within, plan.limits, users, plan.scenario.load.workers)


def _harmless(say: Callable[[str], object], mask: Mask = NOTHING) -> Callable[[str], None]:
    """*say*, without what *mask* hides; but where it fails nothing is said: a pipe that nobody reads any more must not end a run."""

    def said(text: str) -> None:
        with suppress(Exception, SystemExit):
            say(mask.text(text))

    return said


@contextmanager
def _displayed(
    panel: Callable[[Plan, Path], Panel] | None, plan: Plan, folder: RunFolder
) -> Iterator[Callable[[Progress], None]]:
    """What shows the run's progress on a *panel*; where that cannot be opened or closed, nothing is shown, and nothing is raised."""
    with ExitStack() as closing_harmlessly:
        shown: Callable[[Progress], None] = _unwatched
        if panel is not None:
            with suppress(Exception, SystemExit):
                opened = panel(plan, folder.rows)
                shown = opened.__enter__().show
                closing_harmlessly.callback(_harmless(lambda _: opened.__exit__(None, None, None)), "")
        yield shown


def _unforeseen(folder: RunFolder, mask: Mask, error: BaseException) -> str:
    """One line about an *error* that nobody foresaw; its traceback is added to the run's log."""
    from traceback import format_exception

    log = folder.logs / "harness.log"
    told = mask.text("".join(format_exception(error))).encode("utf-8", "backslashreplace")
    with suppress(OSError), open(log, "ab", opener=_for_its_owner) as file:
        file.write(told)
    return f"{type(error).__name__}: {' '.join(str(error).split())}; its traceback is in {log}"


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _judged_at_once(folder: RunFolder, baseline: Baseline | None) -> Run:
    """The run that has just been made; raises HarnessError where it cannot be judged, since that is no fault of who asked for it."""
    try:
        return judged(folder, baseline)
    except HarnessError:
        raise
    except UsageProblems as problems:
        raise HarnessError(f"the run cannot be judged: {problems}") from problems
    except Exception as error:
        raise HarnessError(f"the run cannot be judged: {_unforeseen(folder, NOTHING, error)}") from error


class _Record:
    """The history of one run on disk; it has its *first* line however early the run ends."""

    def __init__(self, folder: RunFolder, first: Begun, mask: Mask) -> None:
        self._file, self._first = run_folder.HistoryFile(folder.history, mask), first
        self._ended: Ended | None = None

    @property
    def cut_short(self) -> bool:
        """Whether the run has ended before its time."""
        return self._ended is not None and self._ended.reason != "completed"

    def begin(self, zero_s: float, requests: int = 0, asked: Iterable[Preflight] = ()) -> None:
        """Write the first line, and what was *asked* before the load, with instants of the machine's monotonic clock.

        The run's clock is 0 at *zero_s* of the machine's monotonic clock, and *requests* are planned.
        """
        zero_at = datetime.now(UTC) + timedelta(seconds=zero_s - time.monotonic())
        first = msgspec.structs.replace(
            self._first, clock_zero_s=zero_s, requests=requests, zero_at=zero_at.isoformat(timespec="milliseconds")
        )
        self._file.write(first)
        for event in asked:
            self._file.write(msgspec.structs.replace(event, at_s=round(event.at_s - zero_s, 4)))

    def refuse(self, asked: Iterable[Preflight], why: str) -> None:
        """Write that the run ended before its load began, since what was *asked* showed that it would come to nothing."""
        self.begin(time.monotonic(), asked=asked)
        self.write(Alarm(0.0, why))
        self.end("invalidated", why)

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


def _first_line(prepared: Prepared, proxy: ProxyServer, run_id: str, started_at: datetime) -> Begun:
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
        questions_sha256=prepared.questions.sha256,
        trace_sha256=prepared.trace_sha256,
        recorded_sha256=prepared.recorded_sha256,
        faults=written_down(prepared.plan),
        machine=machine_class(),
        commit=commit_of(Path(prepared.target.file)),
    )


def replay(first: Prepared, *others: Prepared) -> str:
    """The command that repeats a run, or a grid of them: every scenario on every target."""
    every, asked = (first, *others), first.asked
    scenarios = dict.fromkeys(one.scenario.file for one in every)
    targets = dict.fromkeys(one.target.file for one in every)
    seeds = {one.plan.seed for one in every}
    words = ["harness", "run", *scenarios, *_options("--target", targets)]
    # Where each scenario has its own seed, none was asked for.
    words += ["--seed", str(first.plan.seed)] if len(seeds) == 1 else []
    words += (
        _options("--set", asked.overrides)
        + _options("--expect", asked.expectations)
        + _options("--allow-host", asked.allowed_hosts)
    )
    words += [] if asked.with_faults else ["--without-faults"]
    words += asked.hosts.said
    return " ".join(map(quote, words))


def versions() -> dict[str, str]:
    """What a run was made with."""
    from importlib.metadata import version

    packages = ("locust", "aiohttp", "numpy", "pandas")
    return {
        "harness": version("resilience-harness"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    } | {name: version(name) for name in packages}


def _options(name: str, values: Iterable[str]) -> list[str]:
    return [word for value in values for word in (name, value)]


def _store_texts(folder: RunFolder, prepared: Prepared) -> None:
    """The files as they were written, with no secret filled in."""
    run_folder.write(folder.scenario, prepared.scenario.text)
    run_folder.write(folder.target, prepared.target.text)
    run_folder.write(folder.questions_named(prepared.questions.file), prepared.questions.text)
    if prepared.plan.logged is not None:
        run_folder.write(folder.recorded, prepared.plan.logged.text)
    if prepared.plan.recorded is not None:
        write_due(folder, prepared.plan.recorded)


def _import_what_judging_needs() -> None:
    for name in ("pandas", "pyarrow.parquet", "harness.judging.verdict", "harness.report.page"):
        import_module(name)


def _unwatched(_progress: Progress) -> None:
    """Nobody watches."""
