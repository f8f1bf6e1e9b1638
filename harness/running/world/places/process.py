"""The processes of the target that the harness started: where one is ended, and started again, stands still, or is held to less."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from threading import Thread

from harness.faults.effects import Effect, Killed, Limited, Paused, Sight
from harness.problems import HarnessError
from harness.running.keeper.means import Continue, Undo
from harness.running.keeper.processes import LINUX, is_stopped, look
from harness.running.world.places.base import Place, Reach
from harness.running.world.places.process_limits import ProcessLimits

ENDED_WITHIN_S = 10.0
"""One that was asked to end has so long to do it before it is started again; it is killed then, as a supervisor does."""
_STOPPED_WITHIN_S = 1.0
_LOOK_AGAIN_S = 0.005
_GOES_ON = "it does not stand still any more; somebody else has continued it"


class ProcessPlace(Place):
    """Makes `Killed`, `Paused` and `Limited` true, of a process and of all that it started."""

    def __init__(self, reach: Reach) -> None:
        super().__init__(reach)
        self._before: dict[tuple[str, str], int] = {}
        """The pid that each process had when a fault ended it, by fault and process."""
        self._restarts: dict[tuple[str, str], Restart] = {}
        self._limits = ProcessLimits(reach)

    def misfit(self, effect: Effect) -> str:
        if isinstance(effect, Paused) and not LINUX:
            return "whether a process stands still can be seen on Linux alone; pause a container, or break its links"
        return self._limits.misfit(effect) if isinstance(effect, Limited) else ""

    def undo(self, fault: str, effect: Effect) -> Sequence[Undo]:
        if isinstance(effect, Limited):
            return self._limits.undo(effect)
        found = look(self._pid(effect)) if isinstance(effect, Paused) else None
        # What was ended is started again by the run alone, with which all its processes end.
        return [Continue(found.pid, found.started)] if found else []

    def inject(self, fault: str, effect: Effect) -> None:
        processes, name = self._reach.the_processes, effect.aim
        if not processes.alive(name):
            raise HarnessError(
                f"process {name} has ended before, so nothing can be done to it; did an earlier kill say back: never?"
            )
        if isinstance(effect, Paused):
            processes.send(name, signal.SIGSTOP)
            _wait(lambda: self._stands(fault, effect))
            return
        if isinstance(effect, Limited):
            self._limits.inject((fault, name), effect)
            return
        assert isinstance(effect, Killed)
        at = fault, name
        self._before[at] = self._pid(effect)
        processes.fell(name, signal.Signals[f"SIG{effect.signal}"])
        if effect.back == "at_once":
            self._restarts[at] = Restart(lambda: processes.start_again(name, ENDED_WITHIN_S))

    def revert(self, fault: str, effect: Effect) -> None:
        processes, name = self._reach.the_processes, effect.aim
        if isinstance(effect, Paused):
            processes.send(name, signal.SIGCONT)
            return
        if isinstance(effect, Limited):
            self._limits.revert((fault, name))
            return
        assert isinstance(effect, Killed)
        at = fault, name
        if at not in self._before:
            return
        if at in self._restarts:
            self._restarts.pop(at).finish()
        elif effect.back == "at_end":
            processes.start_again(name, 0.0)
        del self._before[at]

    def ask(self, fault: str, effect: Effect) -> Sight:
        if isinstance(effect, Limited):
            return self._limits.ask((fault, effect.aim), effect)
        there = self._stands(fault, effect)
        # One that was asked to end may take its time; that one goes on again which stood still is no matter of time.
        stands = there if isinstance(effect, Paused) else there or None
        return Sight(effect.aim, answered=int(there), stands=stands, amiss="" if stands is not False else _GOES_ON)

    def _stands(self, fault: str, effect: Effect) -> bool:
        if isinstance(effect, Paused):
            return is_stopped(self._pid(effect))
        before = self._before.get((fault, effect.aim))
        return before is not None and look(before) is None

    def _pid(self, effect: Effect) -> int:
        return self._reach.the_processes.pids[effect.aim]


class Restart:
    """*again*, in a thread of its own: a run does not wait for a process that takes its time to end."""

    def __init__(self, again: Callable[[], None]) -> None:
        self._again, self._failed = again, ""
        self._thread = Thread(target=self._run, name="restart", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Wait for it. Raises HarnessError where it could not be started again."""
        self._thread.join(ENDED_WITHIN_S + 1.0)
        if self._failed or self._thread.is_alive():
            raise HarnessError(self._failed or "a process that was ended could not be started again in time")

    def _run(self) -> None:
        try:
            self._again()
        except Exception as error:  # noqa: BLE001 - whatever kept it from being started is told by who waits for it
            self._failed = str(error) or type(error).__name__


def _wait(done: Callable[[], bool]) -> None:
    """Until it is *done*: a signal is sent at once, and comes a moment later. What is not done in time, the looks will tell."""
    late_s = time.monotonic() + _STOPPED_WITHIN_S
    while not done() and time.monotonic() < late_s:
        time.sleep(_LOOK_AGAIN_S)
