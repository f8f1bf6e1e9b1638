"""The workers of a load as their master hears of them: who could begin, who is done, who is lost, and how their clocks stand.

Only the load child imports this. A worker says ``prepared`` (who it is), ``pong`` (when it was asked, and when it answered on its own
clock), ``done`` (why it did not go on to the end, empty where it did, what it wrote, and what its users began), and where it is on another
machine ``rows`` and ``lateness`` (where they stand in what it writes, and the bytes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

import gevent
from gevent import Greenlet
from gevent.event import Event
from locust.runners import STATE_MISSING, MasterRunner

from harness.record.clocks import Look
from harness.record.workers import Seal
from harness.running.load import crew
from harness.running.load.crew import Member
from harness.running.load.receiving import Received

LEFT_WITHIN_S = 1.2
"""So soon the workers have left that are told to."""
_PING_GAP_S, _LOOK_S = 0.01, 0.005
_PINGS_AGAIN, _PING_EVERY_S = 5, 1.0


class Leader:
    """What a master knows of its workers, by Locust's ids; *crew_path* and *instrument_path* are of its plan, once that is there.

    *receives*: where the rows of a worker of another machine go, which has this id and number; None for one of this machine. *before*
    stands before the name of each message, where somebody else's may be on their way, too.
    """

    # Any: what Locust passes around has no public types.

    def __init__(
        self,
        crew_path: Callable[[], str],
        instrument_path: Callable[[], str],
        receives: Callable[[str, int], Received | None] = lambda _worker, _number: None,
        before: str = "",
    ) -> None:
        self._before = before
        self._crew_path, self._instrument_path, self._receives = crew_path, instrument_path, receives
        self.members: dict[str, Member] = {}
        self.prepared: set[str] = set()
        self.done: set[str] = set()
        self.lost: set[str] = set()
        self.received: dict[str, Received] = {}
        self.begun: dict[str, Received] = {}
        """Likewise what the users of those have begun."""

    def lead(self, workers: Iterable[str]) -> None:
        """These *workers* and no others, in the order of their numbers, of whom nothing is known yet."""
        for known in (self.members, self.prepared, self.done, self.lost):
            known.clear()
        self.members.update({worker: Member(number) for number, worker in enumerate(workers)})

    def hear(self, runner: Any) -> None:
        """Have Locust's *runner* pass on what workers say."""
        for kind, heard in (
            ("prepared", self._is_prepared),
            ("pong", self._has_answered),
            ("done", self._is_done),
            ("rows", self._has_written),
            ("lateness", self._was_late),
        ):
            runner.register_message(f"{self._before}{kind}", heard)

    @property
    def missed(self) -> bool:
        """Whether one of them was lost."""
        return bool(self.lost)

    def could_begin(self) -> bool:
        """Whether each of them could, or never will."""
        return self.prepared | self.lost >= self.members.keys()

    def over(self) -> bool:
        """Whether each of them is done or lost."""
        return bool(self.members) and self.done | self.lost >= self.members.keys()

    def misses(self, worker_node: Any) -> None:
        """Locust takes one of them for gone."""
        worker = worker_node.id
        if worker in self.members and worker not in self.done | self.lost:
            self._lose(worker, "was not heard of for 4 s" if worker_node.state == STATE_MISSING else "left")
            self.tell()

    def tell(self) -> None:
        """Say so to the harness."""
        if path := self._crew_path():
            crew.write(Path(path), sorted(self.members.values(), key=lambda member: member.number))

    def ping(self, runner: Any, times: int = _PINGS_AGAIN) -> None:
        """Look so many times at the clock of each worker that is there."""
        for _ in range(times):
            for worker in self.members.keys() - self.lost:
                runner.send_message(f"{self._before}ping", monotonic(), client_id=worker)
            gevent.sleep(_PING_GAP_S)

    def settle(self) -> None:
        """Say by how much the clock of each is ahead."""
        for member in self.members.values():
            member.settle(crew.own_clock())

    def watch_clocks(self, runner: Any) -> None:
        """Look at the clocks of all again and again, for ever."""
        while True:
            gevent.sleep(_PING_EVERY_S)
            self.ping(runner)
            self.tell()

    def _is_prepared(self, msg: Any, **_: Any) -> None:
        member = self.members[msg.node_id]
        member.host, member.pid, member.clock = msg.data
        if (received := self._receives(msg.node_id, member.number)) is not None:
            self.received[msg.node_id] = received
        self.prepared.add(msg.node_id)

    def _has_answered(self, msg: Any, **_: Any) -> None:
        sent_s, theirs_s = msg.data
        member = self.members[msg.node_id]
        member.saw(Look(sent_s, theirs_s - member.ahead_s, monotonic()))

    def _is_done(self, msg: Any, **_: Any) -> None:
        why, *seals = msg.data
        member = self.members[msg.node_id]
        member.seal, member.begun = (Seal(*one) if one else None for one in (seals[:3], seals[3:]))
        if member.seal and (here := self.received.get(msg.node_id)):
            member.torn, member.seal = here.differs(member.seal), here.seal
        if member.begun and (here := self.begun.get(msg.node_id)):
            member.torn = member.torn or here.differs(member.begun, "begun rows")
            member.begun = here.seal
        if not why:
            self.done.add(msg.node_id)
        elif msg.node_id not in self.lost:
            self._lose(msg.node_id, why)
        self.tell()

    def _has_written(self, msg: Any, **_: Any) -> None:
        self.received[msg.node_id].take(*msg.data)

    def _was_late(self, msg: Any, **_: Any) -> None:
        _, lines = msg.data
        with suppress(OSError), Path(self._instrument_path()).open("ab", buffering=0) as file:
            file.write(lines)

    def _lose(self, worker: str, how: str) -> None:
        self.lost.add(worker)
        self.members[worker].lost, self.members[worker].lost_s = how, monotonic()


def let_go_soon(runner: MasterRunner) -> None:
    """Have the master in *runner* end as soon as its workers have left; by itself it sleeps for half a second, twice."""
    told: list[Greenlet] = []
    left = Event()

    def leave() -> None:
        here = gevent.getcurrent()
        if told:
            if here not in told:  # Locust hears a signal, too, and ends this process behind its own call.
                left.wait(timeout=2 * LEFT_WITHIN_S)
            return
        told.append(here)
        try:
            have_them_leave()
        finally:
            left.set()

    def have_them_leave() -> None:
        runner.stop(send_stop_to_client=False)
        for worker in list(runner.clients):
            runner.send_message("quit", client_id=worker)
        until_s = monotonic() + LEFT_WITHIN_S
        while any(node.state != STATE_MISSING for node in runner.clients.all) and monotonic() < until_s:
            gevent.sleep(_LOOK_S)
        runner.greenlet.kill(block=True)

    runner.quit = leave  # type: ignore[method-assign]  # to end sooner
