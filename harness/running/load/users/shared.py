"""Users of a locustfile that several processes share, as Locust's master and workers do; only the load child imports this.

These messages go between the two, beside Locust's own::

          ◀─ here               its number, again and again until it is heard
    share    ─▶   that it was heard
          ◀─ prepared           who it is; the ready file appears when all are
    ping     ─▶   when it was sent
          ◀─ pong               that, and when it was answered on the worker's clock
    begin    ─▶   clock_zero_s, out of the start file, and how far the worker's clock is ahead
          ◀─ begun, rows, lateness   of a worker of another machine: where they stand in what it writes, and the bytes
          ◀─ full               it has begun as many requests as were its part
    finish   ─▶   whether at once
          ◀─ done               why it did not go on to the end, empty where it did, what it wrote, and what its users began

Who comes from another machine was let in before Locust was there (`reception.py`). A worker gets users from Locust's dispatcher and not
from here, and none before it was told when the load begins.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent.event import Event
from locust import argument_parser, events
from locust.dispatch import UsersDispatcher
from locust.exception import RPCError
from locust.runners import STATE_INIT
from msgspec.structs import astuple

from harness.planning.schedule import Share
from harness.record.masking import Mask
from harness.record.rows import Sent
from harness.running.load import crew
from harness.running.load.away import Away, UnreachedError
from harness.running.load.door import Door, is_local
from harness.running.load.lateness import count_lateness
from harness.running.load.leader import LEFT_WITHIN_S, Leader, let_go_soon
from harness.running.load.receiving import Received
from harness.running.load.users.plan import UsersPlan
from harness.running.load.users.recorder import LOOK_S, Course

_OURS = "harness: "
"""What stands before the name of each: a locustfile may have messages of its own."""
_SAY_AGAIN_S = 0.1
_FILES = {"begun": "begun", "rows": "requests"}
"""Messages of a worker of another machine, and the names of the files that they tell of."""
_AFTER_DRAIN_S = 3.0

# Any: what Locust passes around has no public types.


def course(plan: UsersPlan, number: int | None, door: Door | None = None, away: Away | None = None) -> Course:
    """The load of *plan* as the worker has it that has this *number*, or their master, who has none.

    Workers of other machines came to the master through its *door*, and one of those is *away*.
    """
    return Lead(plan, door) if number is None else Hand(plan, Share(number, plan.workers), away)


def is_away(folder: Path, environment: Mapping[str, str]) -> Away:
    """This process as a worker of another machine than its master, with its files in *folder*."""
    return Away(folder, environment, _OURS, None)


class Lead(Course):
    """The load of *plan*, as the master of its workers has it."""

    def __init__(self, plan: UsersPlan, door: Door | None = None) -> None:
        super().__init__(plan, None)
        self._door = door
        self._leader = Leader(lambda: plan.crew_path, lambda: plan.instrument_path, self._receives, _OURS)
        self._came: dict[str, int] = {}
        self._at_once = False

    def await_start(self, environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
        """Wait until all workers are there, tell the harness that their users could begin, and wait until they may."""
        environment.dispatcher_class = _staying(self._leader.misses)
        self._leader.hear(runner)
        let_go_soon(runner)
        runner.register_message(_OURS + "here", self._comes)
        runner.register_message(_OURS + "full", lambda **_: self.over())
        runner.register_message(_OURS + "begun", lambda msg, **_: self._leader.begun[msg.node_id].take(*msg.data))
        events.test_stopping.add_listener(self._hear_the_last)  # type: ignore[no-untyped-call]  # Locust's own
        while len(self._came) < self.plan.workers:
            gevent.sleep(LOOK_S)
        self._leader.lead(sorted(self._came, key=self._came.__getitem__))
        for worker in self._leader.members:
            runner.send_message(_OURS + "share", client_id=worker)
        while not self._leader.could_begin() or self._leader.missed:
            gevent.sleep(LOOK_S)  # what one of them could not begin, the others do not
        self._leader.ping(runner, crew.LOOKS_FIRST)
        self._leader.tell()
        self._await_start(self.plan.workers)
        self._leader.settle()
        for worker, member in self._leader.members.items():
            runner.send_message(_OURS + "begin", [self.zero_s, member.ahead_s], client_id=worker)
        self._leader.tell()  # how their clocks stand, since rows say it from now on
        gevent.spawn(self._leader.watch_clocks, runner)
        self._begin(environment, runner, web_ui)

    def end(self, environment: Any, **_: Any) -> None:
        """All is over, or somebody asked this process to end."""
        self._at_once = True
        super().end(environment)

    def _comes(self, msg: Any, **_: Any) -> None:
        self._came[msg.node_id] = msg.data

    def _receives(self, worker: str, number: int) -> Received | None:
        """Where the rows of a worker of another machine go."""
        if self._door is None or is_local(worker):
            return None
        folder = Path(self.plan.rows_dir)
        self._leader.begun[worker] = Received(folder / f"begun-{number}.rows", kind=Sent)
        return Received(folder / f"requests-{number}.rows", Mask(self.plan.secrets))

    def _hear_the_last(self, environment: Any, **_: Any) -> None:
        """Have the users end before Locust says that the load has, while their workers are there to tell what they wrote."""
        runner, leader = environment.runner, self._leader
        runner.send_message(_OURS + "finish", self._at_once)
        hurried = self._at_once
        until_s = monotonic() + (LEFT_WITHIN_S if hurried else self.plan.drain_s + _AFTER_DRAIN_S)
        while not leader.over() and monotonic() < until_s:
            if self._at_once and not hurried:
                hurried, until_s = True, monotonic() + LEFT_WITHIN_S
                runner.send_message(_OURS + "finish", True)
            gevent.sleep(LOOK_S)
        leader.ping(runner, crew.LOOKS_FIRST)
        gevent.sleep(2 * LOOK_S)
        leader.tell()


class Hand(Course):
    """The load of *plan*, as one of its workers has it, whose share of the users this is; one of another machine is *away*."""

    def __init__(self, plan: UsersPlan, share: Share, away: Away | None = None) -> None:
        super().__init__(plan, share)
        self._away = away
        self._heard, self._is_done, self._lost = Event(), False, False
        self._runner: Any = None
        # For each message that gives it users Locust's worker makes a parser for each option: a tenth of a second in which all stands.
        argument_parser.default_args_dict = cache(argument_parser.default_args_dict)

    def await_start(self, environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
        """Say that it is here; its users come when the load begins."""
        self._runner = runner
        if self._away is not None:
            events.heartbeat_received.add_listener(self._away.heard)  # type: ignore[no-untyped-call]  # Locust's own
            gevent.spawn(self._away.watch, runner)
            # Whoever started it ends of that, which `Away.watch` sees, and says so to the run.
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        runner.register_message(_OURS + "share", self._has_share, concurrent=True)
        runner.register_message(
            _OURS + "ping", lambda msg, **_: runner.send_message(_OURS + "pong", [msg.data, monotonic()])
        )
        runner.register_message(_OURS + "begin", self._begins)
        runner.register_message(_OURS + "finish", self._finishes, concurrent=True)
        gevent.spawn(self._say_here)

    def over(self) -> None:
        """It has begun as many requests as were its part."""
        with suppress(RPCError):
            self._runner.send_message(_OURS + "full")

    @property
    def is_ready(self) -> bool:
        """Whether its master has heard that it is here."""
        return self._heard.is_set() if self._away is not None else super().is_ready

    def end(self, environment: Any, **_: Any) -> None:
        """This process ends, whoever wants that."""
        super().end(environment)
        why = self._away.left if self._away is not None else ""
        self._say_done(why or "was ended before the load was, by a signal or by its locustfile")
        if self._away is not None and self._lost:
            environment.process_exit_code = 1

    def _say_here(self) -> None:
        while not self._heard.is_set():
            with suppress(RPCError):
                self._runner.send_message(_OURS + "here", self.share.number)
            self._heard.wait(_SAY_AGAIN_S)

    def _has_share(self, **_: Any) -> None:
        if self._heard.is_set():
            return
        self._heard.set()
        try:
            if self._away is not None:
                files = {kind: f"{name}-{self.share.number}.rows" for kind, name in _FILES.items()}
                self._away.takes_up(self.plan.entries, files, self.plan.instrument_path)
        except UnreachedError as error:
            self._say_done(str(error))
        else:
            self._runner.send_message(
                _OURS + "prepared", list(crew.here(self._away.called if self._away is not None else ""))
            )

    def _begins(self, msg: Any, **_: Any) -> None:
        zero_s, ahead_s = msg.data
        assert self.recording is not None
        self.zero_s, self.recording.ahead_s = zero_s + ahead_s, ahead_s
        if self._away is not None:
            self._away.begin(self._runner)
        gevent.spawn(self.reach.go_on)
        if self.plan.instrument_path:
            gevent.spawn(count_lateness, self.plan.instrument_path, ahead_s)

    def _finishes(self, environment: Any, msg: Any, **_: Any) -> None:
        """The load is over for all; users finish what they are at for as long as the plan lets them, or nothing where it is *at_once*."""
        if msg.data and self.recording is not None:
            self.recording.give_up()
        environment.stop_timeout = 0 if msg.data else self.plan.drain_s
        if environment.runner.state != STATE_INIT:  # one that got no user has nothing to stop
            environment.runner.stop()
        super().end(environment)
        self._say_done("", cut_short=bool(msg.data))

    def _say_done(self, why: str, cut_short: bool = False) -> None:
        """Say once *why* it does not go on to the end of the load, where it does not."""
        if self._is_done:
            return
        self._is_done, self._lost = True, bool(why)
        with suppress(RPCError):
            if self._away is not None:
                self._away.end(self._runner, self.rows.seal, why, cut_short)
        with suppress(RPCError):
            self._runner.send_message(_OURS + "done", [why, *astuple(self.rows.seal), *astuple(self.begun.seal)])


def _staying(misses: Callable[[Any], None]) -> type[UsersDispatcher]:
    """Locust's dispatcher, whose users stay where they began: a run that *misses* a worker is over, and nobody gets its users."""

    class Staying(UsersDispatcher):
        dispatch_in_progress = True  # so that the master does not start anew

        def add_worker(self, worker_node: Any) -> None:
            """One that was silent and is heard of again stays lost."""

        def remove_worker(self, worker_node: Any) -> None:
            misses(worker_node)

    return Staying
