"""Users of a locustfile that several processes share, as Locust's master and workers do; only the load child imports this.

These messages go between the two, beside Locust's own::

          ◀─ here               its number, again and again until it is heard
    share    ─▶   that it was heard
          ◀─ prepared           who it is; the ready file appears when all are
    ping     ─▶   when it was sent
          ◀─ pong               that, and when it was answered on the worker's clock
    begin    ─▶   clock_zero_s, out of the start file, and how far the worker's clock is ahead
          ◀─ full               it has begun as many requests as were its part
    finish   ─▶   whether at once
          ◀─ done               why it did not go on to the end, empty where it did, and what it wrote

A worker gets users from Locust's dispatcher and not from here, and none before it was told when the load begins.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
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
from harness.running.load import crew
from harness.running.load.lateness import count_lateness
from harness.running.load.leader import LEFT_WITHIN_S, Leader, let_go_soon
from harness.running.load.users.plan import UsersPlan
from harness.running.load.users.recorder import LOOK_S, Course

_OURS = "harness: "
"""What stands before the name of each: a locustfile may have messages of its own."""
_SAY_AGAIN_S = 0.1
_AFTER_DRAIN_S = 3.0

# Any: what Locust passes around has no public types.


def course(plan: UsersPlan, number: str | None) -> Course:
    """The load of *plan* as the worker has it that has this *number*, or their master, who has none."""
    return Lead(plan) if number is None else Hand(plan, Share(int(number), plan.workers))


class Lead(Course):
    """The load of *plan*, as the master of its workers has it."""

    def __init__(self, plan: UsersPlan) -> None:
        super().__init__(plan, None)
        self._leader = Leader(lambda: plan.crew_path, lambda: plan.instrument_path, before=_OURS)
        self._came: dict[str, int] = {}
        self._at_once = False

    def await_start(self, environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
        """Wait until all workers are there, tell the harness that their users could begin, and wait until they may."""
        environment.dispatcher_class = _staying(self._leader.misses)
        self._leader.hear(runner)
        let_go_soon(runner)
        runner.register_message(_OURS + "here", self._comes)
        runner.register_message(_OURS + "full", lambda **_: self.over())
        events.test_stopping.add_listener(self._hear_the_last)  # type: ignore[no-untyped-call]  # Locust's own
        while len(self._came) < self.plan.workers:
            gevent.sleep(LOOK_S)
        self._leader.lead(sorted(self._came, key=self._came.__getitem__))
        for worker in self._leader.members:
            runner.send_message(_OURS + "share", client_id=worker)
        while not self._leader.could_begin():
            gevent.sleep(LOOK_S)
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
    """The load of *plan*, as one of its workers has it, whose share of the users this is."""

    def __init__(self, plan: UsersPlan, share: Share) -> None:
        super().__init__(plan, share)
        self._heard, self._is_done = Event(), False
        self._runner: Any = None
        # For each message that gives it users Locust's worker makes a parser for each option: a tenth of a second in which all stands.
        argument_parser.default_args_dict = cache(argument_parser.default_args_dict)

    def await_start(self, environment: Any, runner: Any, web_ui: Any = None, **_: Any) -> None:
        """Say that it is here; its users come when the load begins."""
        self._runner = runner
        runner.register_message(_OURS + "share", self._has_share)
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

    def end(self, environment: Any, **_: Any) -> None:
        """This process ends, whoever wants that."""
        super().end(environment)
        self._say_done("was ended before the load was, by a signal or by its locustfile")

    def _say_here(self) -> None:
        while not self._heard.is_set():
            with suppress(RPCError):
                self._runner.send_message(_OURS + "here", self.share.number)
            self._heard.wait(_SAY_AGAIN_S)

    def _has_share(self, **_: Any) -> None:
        if not self._heard.is_set():
            self._heard.set()
            self._runner.send_message(_OURS + "prepared", list(crew.here()))

    def _begins(self, msg: Any, **_: Any) -> None:
        zero_s, ahead_s = msg.data
        assert self.recording is not None
        self.zero_s, self.recording.ahead_s = zero_s + ahead_s, ahead_s
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
        self._say_done("")

    def _say_done(self, why: str) -> None:
        if not self._is_done:
            self._is_done = True
            with suppress(RPCError):
                self._runner.send_message(_OURS + "done", [why, *astuple(self.rows.seal)])


def _staying(misses: Callable[[Any], None]) -> type[UsersDispatcher]:
    """Locust's dispatcher, whose users stay where they began: a run that *misses* a worker is over, and nobody gets its users."""

    class Staying(UsersDispatcher):
        dispatch_in_progress = True  # so that the master does not start anew

        def add_worker(self, worker_node: Any) -> None:
            """One that was silent and is heard of again stays lost."""

        def remove_worker(self, worker_node: Any) -> None:
            misses(worker_node)

    return Staying
