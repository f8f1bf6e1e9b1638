"""The load of a real run: the Locust child, told what to send by one file, and when to begin by another."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path

from harness.planning.plan import Plan
from harness.problems import HarnessError
from harness.protocols.asking import ResolvedAsk, resolved
from harness.reading.questions import Question
from harness.reading.target import Target
from harness.reading.templates import fill, fill_for_later
from harness.record.run_folder import RunFolder
from harness.running.free_port import free_port
from harness.running.load import child
from harness.running.load.plan import Limits, LoadPlan, planned
from harness.running.load.users import plan as users_plan
from harness.running.load.users.plan import UsersPlan
from harness.running.world.clock import RunClock
from harness.running.world.load_hosts import Hosts
from harness.running.world.load_workers import LoadWorkers
from harness.running.world.processes import Processes
from harness.running.world.readiness import NotLoadedError

NAME = "load"
_READY_S = 60.0  # of its own: on a busy machine it takes its time
# The child looks for its start file every 5 ms.
_START_IN_S = 0.2
_GRACE_S = 2.0
LATE_S_MAX = 1.0
DRAIN_S = 0.5


def plan_path(temp: Path) -> Path:
    """Where the plan of the load is, in the run's temporary folder."""
    return temp / "load.json"


class LoadChild:
    """Clients in a process of their own; see `ports.Load`."""

    def __init__(
        self,
        processes: Processes,
        plan: Plan,
        questions: Mapping[str, Question],
        run_id: str,
        folder: RunFolder,
        temp: Path,
        hosts: Hosts | None = None,
    ) -> None:
        self.clock = RunClock()
        self._processes, self._temp = processes, temp
        rows, instrument = folder.rows.absolute(), folder.instrument.absolute()
        self._plan = (
            _users_plan(plan, run_id, rows, instrument, temp, processes)
            if plan.closed
            else _load_plan(plan, questions, run_id, rows, instrument, temp, processes)
        )
        many = plan.scenario.load.workers
        self._workers = LoadWorkers(processes, self._plan, many, NAME, hosts) if many > 1 or hosts is not None else None
        self._ready_by_s = 0.0

    def spawn(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Start the child, which sends nothing yet, and *say* where it can be watched."""
        path = plan_path(self._temp)
        # A master that was there before its plan finds it whole.
        new = path.with_suffix(".new")
        if isinstance(self._plan, UsersPlan):
            users_plan.write(self._plan, new)
        else:
            child.write_plan(self._plan, new)
        new.rename(path)
        if self._workers is None:
            self._processes.spawn(NAME, child.command(path, module=self._plan.MODULE), may_end=True)
        else:
            self._workers.spawn(path)
        self._ready_by_s = time.monotonic() + _READY_S
        if isinstance(self._plan, UsersPlan) and self._plan.web_port is not None:
            say(f"Locust shows its users at http://127.0.0.1:{self._plan.web_port}")

    def ready(self) -> bool:
        """Whether it could begin at once. Raises HarnessError when it takes too long, or never will."""
        said = child.ready(self._plan)
        if said is not None and said.refused:
            raise NotLoadedError(f"the locustfile cannot be loaded: {said.refused}")
        if self._workers is not None:
            self._workers.check_starting()
        if said is not None:
            return True
        if time.monotonic() > self._ready_by_s:
            raise HarnessError(f"the load generator was not ready within {_READY_S:g} s; see load.log")
        return False

    def set_off(self) -> float:
        """Sets the run's clock going: it reads 0 a moment from now. Returns that moment on the monotonic clock."""
        zero_s = time.monotonic() + _START_IN_S
        self.clock.start(zero_s)
        return zero_s

    def start(self) -> None:
        assert self.clock.zero_s is not None, "the clock is set going before the load is"
        child.start_at(self._plan, self.clock.zero_s)

    def check(self) -> None:
        """Raises UntrustworthyError where one of several workers will not send its share to the end."""
        if self._workers is not None and self.clock.zero_s is not None:
            self._workers.check(self.clock.zero_s)

    def ended(self) -> bool:
        return self._workers.ended() if self._workers is not None else not self._processes.alive(NAME)

    def stop(self) -> None:
        if self._workers is not None:
            self._workers.stop(_GRACE_S)
        else:
            self._processes.stop(NAME, _GRACE_S)

    def account(self, folder: RunFolder) -> None:
        """Store in *folder* what is known of each of several workers, and a row for each request that one of them left over."""
        if self._workers is not None and self.clock.zero_s is not None:
            self._workers.account(folder, self.clock.zero_s)


def client_limits(deadline_s: float, stall_s: float | None = None) -> Limits:
    """When a client gives up: the deadline is the limit, unless the scenario says how long an answer may be silent."""
    return Limits(stall_s=min(stall_s or deadline_s, deadline_s), deadline_s=deadline_s)


def _load_plan(
    plan: Plan,
    questions: Mapping[str, Question],
    run_id: str,
    rows: Path,
    instrument: Path,
    temp: Path,
    processes: Processes,
) -> LoadPlan:
    load = plan.scenario.load
    return LoadPlan(
        run_id=run_id,
        schedule=plan.schedule,
        entries=addressed(plan.target, processes),
        questions=tuple(map(planned, questions.values())),
        ask=worded(plan.target, processes),
        in_flight_max=load.in_flight_max or int(4 * plan.schedule.most_per_s * load.deadline) + 1,
        rows_dir=str(rows),
        instrument_path=str(instrument),
        ready_path=str(temp / "load-ready.json"),
        start_path=str(temp / "load-start.json"),
        crew_path=str(temp / "load-crew.json"),
        limits=client_limits(load.deadline, load.stall),
        drain_s=load.deadline + DRAIN_S,
        # A request that a busy machine sends a moment late is still sent; that many were late is what makes a run invalid.
        late_s_max=LATE_S_MAX,
        requests_max=None if plan.limits.requests == inf else int(plan.limits.requests),
        secrets=dict(processes.secrets),
        pressing=plan.pressing,
        headers_elsewhere=unfilled(plan.target, processes),
    )


def _users_plan(plan: Plan, run_id: str, rows: Path, instrument: Path, temp: Path, processes: Processes) -> UsersPlan:
    load, nonce = plan.scenario.load, plan.target.ask.nonce
    assert load.locustfile is not None
    return UsersPlan(
        run_id=run_id,
        locustfile=load.locustfile,
        users=load.users,
        spawn_rate=load.spawn_per_s,
        entries=addressed(plan.target, processes),
        total_s=plan.total_s,
        rows_dir=str(rows),
        instrument_path=str(instrument),
        ready_path=str(temp / "load-ready.json"),
        start_path=str(temp / "load-start.json"),
        seed=plan.seed,
        nonce_header=(nonce.name or "") if nonce.place == "header" else "",
        drain_s=load.deadline,
        requests_max=None if plan.limits.requests == inf else int(plan.limits.requests),
        host=load.host or "",
        tags=list(load.tags),
        exclude_tags=list(load.exclude_tags),
        web_port=(free_port() if load.web is True else load.web) if load.web else None,
        otel=load.otel,
        reaches=list(load.reaches),
        secrets=dict(processes.secrets),
        workers=load.workers,
        crew_path=str(temp / "load-crew.json"),
    )


def addressed(target: Target, processes: Processes) -> dict[str, str]:
    """Where *target* is asked, with every address filled in."""
    return {name: fill(entry.url, processes.outside) for name, entry in target.entries_by_name.items()}


def unfilled(target: Target, processes: Processes) -> dict[str, str]:
    """The headers with which *target* is asked, without its secrets: who sends them fills those in."""
    return {name: fill_for_later(text, processes.values, None) for name, text in target.ask.headers.items()}


def worded(target: Target, processes: Processes) -> ResolvedAsk:
    """How *target* is asked, with every secret filled in; what is known of a question is filled in when it is asked."""
    headers = target.ask.headers.items()
    return resolved(
        target.ask, {name: fill_for_later(text, processes.values, processes.environment) for name, text in headers}
    )
