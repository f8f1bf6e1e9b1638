"""What the load child runs: Locust drives an open load, in which each request is sent when it is due.

Runs with ``locust -f locustfile.py --headless``, also with ``--processes`` or ``--master``/``--worker``; LOAD_PLAN
names the plan's file. Worker k of n sends the requests whose index leaves k when divided by n, and writes
``requests-<k>.rows``.

One user a worker does it all: it spawns a greenlet a request. These messages go between the process that hands out the
work (alone: the same one) and each worker::

    plan     ─▶   to a worker of another machine: a piece of the plan; the last one is empty
    share    ─▶   number k of n
          ◀─ prepared           who it is; the ready file appears when all are
    ping     ─▶   when it was sent
          ◀─ pong               that, and when it was answered on the worker's clock
    begin    ─▶   clock_zero_s, out of the start file, and how far the worker's clock is ahead
          ◀─ rows, lateness     of a worker of another machine: where they stand in what it writes, and the bytes
          ◀─ done               why it did not go on to the end, empty where it did, and what it wrote

Who comes from another machine is let in first (`door.py`): join ─▶ the master, welcome or refused ◀─ it.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import gevent
import locust.runners
import msgspec
from gevent.queue import Queue
from locust import LoadTestShape, User, events, task
from locust.dispatch import UsersDispatcher
from locust.exception import RPCError
from locust.runners import MasterRunner, WorkerRunner

from harness.planning.schedule import Share
from harness.record.masking import Mask
from harness.running.load import admission, child, crew, elsewhere, handshake, word
from harness.running.load import plan as load_plan
from harness.running.load.away import Away, UnreachedError
from harness.running.load.door import AWAITED, Awaited, Door, is_local
from harness.running.load.leader import LEFT_WITHIN_S, Leader, let_go_soon
from harness.running.load.plan import LoadPlan
from harness.running.load.receiving import Received
from harness.running.load.sending import Sender

_PATH = Path(os.environ["LOAD_PLAN"])
_LOOK_S = 0.005

# Of this process as a worker.
_shares: Queue = Queue()
_begins: Queue = Queue()
_signals: list[str] = []  # that told it to end
_away = Away(_PATH.parent, dict(os.environ)) if child.CLIENT in os.environ else None  # from its master


@cache
def _plan() -> LoadPlan:
    return load_plan.read(_PATH)


# A worker whose master is gone would go on for a minute, though nobody counts any more what it sends.
locust.runners.MASTER_HEARTBEAT_TIMEOUT = 10
if _NUMBER := os.environ.get(child.NUMBER):
    admission.be_called(UUID(int=int(_NUMBER)))  # shares are given out in the order of ids
elif _away is not None:
    admission.be_called(UUID(hex=os.environ[child.CLIENT]))
    admission.heed_refusal()
if _WORD := os.environ.get(word.WORD):
    admission.lock(_WORD)
_door = None  # to which workers of other machines come
if _AWAITED := os.environ.get(AWAITED):
    _door = Door(msgspec.json.decode(Path(_AWAITED).read_bytes(), type=Awaited), lambda *_: None)
    admission.keep(_door)
elif _away is None:
    _plan()  # one that cannot be read is told at once


class Pinned(UsersDispatcher):
    """Users stay where they started: a late worker gets none, and a lost worker's are not moved."""

    dispatch_in_progress = True  # so that the master does not start anew: a "spawn" message stops a worker for 0.12 s

    def add_worker(self, worker_node: Any) -> None:  # Any: Locust's own type is not public
        """One that was silent and is heard of again stays lost: nobody knows what it sent meanwhile, and when."""

    def remove_worker(self, worker_node: Any) -> None:
        _leader.misses(worker_node)


def wire(environment: Any, runner: Any, **_: Any) -> None:
    """Have Locust pass our messages on, and end well when it is asked to."""
    environment.dispatcher_class = Pinned
    _leader.hear(runner)
    runner.register_message("share", lambda msg, **_: _shares.put(Share(*msg.data)))
    runner.register_message("ping", lambda msg, **_: runner.send_message("pong", [msg.data, monotonic()]))
    runner.register_message("begin", lambda msg, **_: _begins.put(msg.data))
    # Who comes last is told first, and so before Locust tells the master.
    environment.events.quitting.add_listener(end_first)
    if _away is not None:
        runner.register_message("plan", lambda msg, **_: _away.take(msg.data))
        events.heartbeat_received.add_listener(_away.heard)  # type: ignore[no-untyped-call]  # Locust's own
        gevent.spawn(_away.watch, runner)
        # Whoever started it ends of that, which `Away.watch` sees, and says so to the run.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    # A headless test with a shape has no SIGTERM handler of its own; a worker has one.
    for number in (signal.SIGINT, *([] if isinstance(runner, WorkerRunner) else [signal.SIGTERM])):
        gevent.signal_handler(number, _stop, number)
    if isinstance(runner, MasterRunner):
        let_go_soon(runner)


def _is_away(worker: str) -> bool:
    """Whether it is on another machine."""
    return _door is not None and not is_local(worker)


def _receives(worker: str, number: int) -> Received | None:
    """Where the rows of a worker of another machine go."""
    path = Path(_plan().rows_dir) / f"requests-{number}.rows"
    return Received(path, Mask(_plan().secrets)) if _is_away(worker) else None


_leader = Leader(
    lambda: _plan().crew_path if _PATH.exists() else "", lambda: _plan().instrument_path, _receives
)  # of the process that hands out the work


def _stop(signum: int) -> None:
    """Locust stops its users on KeyboardInterrupt; a second one would interrupt the writing of what is still open.

    It comes in a turn of its own, and not where a client is at work: it would be lost there, or the row that is written.
    """
    _signals.append(signal.Signals(signum).name)
    if len(_signals) == 1:
        gevent.get_hub().handle_system_error(KeyboardInterrupt, KeyboardInterrupt())


def hand_out(environment: Any, **_: Any) -> None:
    """Say once who sends what. One share lets one user run once, so a second user on a worker has nothing to do."""
    if environment.parsed_options.worker:
        return
    runner = environment.runner
    several = isinstance(runner, MasterRunner)
    ids = sorted((worker.id for worker in runner.clients.ready), key=_order) if several else ["local"]
    _leader.lead(ids)
    gevent.spawn(_await_start, runner)


def _order(worker: str) -> tuple[int, str]:
    """Those of this machine come first."""
    return (1 + _door.order.index(worker) if _door and not is_local(worker) else 0), worker


def _share_out(runner: Any) -> None:
    """Tell each worker what its share is, and those of other machines the plan."""
    while not _PATH.exists():
        gevent.sleep(_LOOK_S)
    for number, worker in enumerate(_leader.members):
        if _is_away(worker):
            for piece in elsewhere.pieces(_plan()):
                runner.send_message("plan", piece, client_id=worker)
                gevent.sleep(0)
        runner.send_message("share", [number, len(_leader.members)], client_id=worker)


def _await_start(runner: Any) -> None:
    """Tell the harness once every worker could begin, and them when to."""
    _share_out(runner)
    while not _leader.could_begin():
        gevent.sleep(_LOOK_S)
    if _leader.missed:
        _leader.tell()
        return  # What one of them could not begin, the others do not.
    several = isinstance(runner, MasterRunner)
    if several:
        _leader.ping(runner, crew.LOOKS_FIRST)
    _leader.tell()
    handshake.say_ready(Path(_plan().ready_path), handshake.Ready(os.getpid(), len(_leader.members)))
    while not (start := handshake.start(Path(_plan().start_path))):
        gevent.sleep(_LOOK_S)
    if several:
        _leader.settle()
    for worker, member in _leader.members.items():
        runner.send_message("begin", [start.clock_zero_s, member.ahead_s], client_id=worker)
    _leader.tell()  # how their clocks stand, since rows say it from now on
    if several:
        _leader.watch_clocks(runner)


def end_first(environment: Any, **_: Any) -> None:
    """Have a worker that is told alone to end say so before Locust says that it has left; in one, SIGTERM is heard by Locust."""
    if environment.parsed_options.worker and environment.runner.user_count:
        _signals.append("SIGTERM")
        environment.runner.stop()


def hear_the_last(environment: Any, **_: Any) -> None:
    """Have workers of other machines end first, and send what they have written, while their master is still there to hear it."""
    if environment.parsed_options.worker:
        return  # It is told of a stop, too, and knows of nobody.
    for worker in _leader.received:
        environment.runner.send_message("quit", client_id=worker)
    until_s = monotonic() + LEFT_WITHIN_S
    while not _leader.done | _leader.lost >= _leader.received.keys() and monotonic() < until_s:
        gevent.sleep(_LOOK_S)
    _leader.tell()


events.init.add_listener(wire)  # type: ignore[no-untyped-call]  # Locust's own
events.test_start.add_listener(hand_out)  # type: ignore[no-untyped-call]  # Locust's own
events.test_stop.add_listener(hear_the_last)  # type: ignore[no-untyped-call]  # Locust's own


class OneUserAWorker(LoadTestShape):
    """Starts one user on each worker, and is over when each of them has sent its share."""

    def tick(self) -> tuple[int, float] | None:
        assert self.runner is not None
        if self.runner.shape_last_tick is None:
            return (len(self.runner.clients.ready) if isinstance(self.runner, MasterRunner) else 1), 100
        # Locust asks once a second; an answer that waits for the end makes the end come at once.
        while not _leader.over():
            gevent.sleep(4 * _LOOK_S)
        if isinstance(self.runner, MasterRunner):
            _leader.ping(self.runner, crew.LOOKS_FIRST)
            gevent.sleep(2 * _LOOK_S)
            _leader.tell()
        return None


class Clients(User):
    """All the clients of one worker."""

    @task
    def send_share(self) -> None:
        share = _shares.get()  # a late or second user waits here for ever
        runner, sender, why = self.environment.runner, None, ""
        try:
            plan = _away.plan(share) if _away is not None else _plan()
            sender = Sender(plan, share, self.environment.events.request.fire)
            runner.send_message("prepared", list(crew.here(os.environ.get(crew.NAME, ""))))
            begin = _begins.get()
            if _away is not None:
                _away.begin(runner)
            sender.send_all(*begin)
        except gevent.GreenletExit:
            # Its master tells it when all are to end; who is told alone has left its share to nobody.
            why = (_away.left if _away is not None else "") or (f"was ended by {_signals[0]}" if _signals else "")
            raise
        except Exception as error:
            why = (
                str(error) if isinstance(error, UnreachedError) else "could not go on, and the end of its log says why"
            )
            self.environment.process_exit_code = 1  # Locust goes on, and would end with 0
            raise
        finally:
            seal = sender.seal if sender else None
            if _away is not None:
                with suppress(RPCError):
                    _away.end(runner, seal, why)
            runner.send_message("done", [why, *(msgspec.structs.astuple(seal) if seal else ())])
