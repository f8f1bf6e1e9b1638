"""Looks after a run: processes that die, a fault proxy or a wire that answers no more, and clients who are told worse than they may be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from harness.record.rowfile import Tail
from harness.record.rows import Arrival, Attempt, Request, Sent
from harness.running.guard import Guard
from harness.running.joining import Joining
from harness.running.ports import Clock, UntrustworthyError, Watch
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.wire.client import WireError, WireSilentError, WireStage
from harness.running.world.carriers import Carriers
from harness.running.world.processes import Processes

_EVERY_S = 1.0
_ANSWERED_WITHIN_S = 1.0
_MISSED_MAX = 2
_MISSED = f"{_MISSED_MAX} calls in a row had no answer"
_SUSPENDED_S = 0.5
_LOOK_S = 0.3


def asleep_s() -> float:
    """For how long this machine has been suspended since it was started; 0 where the system does not tell.

    Linux's monotonic clock stands still meanwhile, and its boot-time clock does not.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class Guarded:
    """*watch*, and a look at what has ended so far, held against *guard*, several times a second; see `ports.Watch`."""

    def __init__(
        self, watch: Watch, guard: Guard, rows: Path, clock: Clock, cost: Callable[[Arrival], float] = lambda _: 0.0
    ) -> None:
        self._watch, self._guard, self._clock, self._cost = watch, guard, clock, cost
        self._arrivals = Tail(rows, "arrivals", Arrival)
        self._begun = Tail(rows, "begun", Sent)
        self._rows, self._attempts = Tail(rows, "requests", Request), Tail(rows, "attempts", Attempt)
        self._looked_s = -_LOOK_S

    def check(self) -> None:
        self._watch.check()
        now_s = self._clock.now()
        if now_s >= self._looked_s + _LOOK_S:
            self._looked_s = now_s
            zero_s = time.monotonic() - now_s
            self._guard.hear_begun(self._begun.rows(), zero_s)
            self._guard.hear(self._rows.rows(), zero_s)
            self._guard.hear_attempts(sum(1 for _ in self._attempts.rows()))
            self._guard.hear_cost(sum(map(self._cost, self._arrivals.rows())))
            self._guard.check(now_s)
        self._guard.check_limits(now_s)

    def close(self) -> None:
        self._rows.close()
        self._begun.close()
        self._attempts.close()
        self._arrivals.close()


class Joined:
    """*watch*, and a look at the attempts that have ended, several times a second until *joining* is settled; see `ports.Watch`."""

    def __init__(self, watch: Watch, joining: Joining, rows: Path, clock: Clock) -> None:
        self._watch, self._joining, self._clock = watch, joining, clock
        self._attempts = Tail(rows, "attempts", Attempt)
        self._looked_s = -_LOOK_S

    def check(self) -> None:
        self._watch.check()
        now_s = self._clock.now()
        if not self._joining.settled and now_s >= self._looked_s + _LOOK_S:
            self._looked_s = now_s
            self._joining.hear(self._attempts.rows(), time.monotonic() - now_s)
            self._joining.check(now_s)

    def close(self) -> None:
        self._attempts.close()


class Watchdog:
    """Asks the fault proxy and the wire once a second, each in a thread of its own, whether they still answer as the run made them.

    *shared* names a fault proxy that others use, too, and is empty where the run has one of its own: *warned* hears at once that it does
    not answer, since people may have to look after it.
    """

    def __init__(
        self,
        processes: Processes,
        proxies: ToxiproxyStage,
        carriers: Carriers,
        asleep_s: Callable[[], float] = asleep_s,
        *,
        wire: WireStage | None = None,
        load: Callable[[], None] = lambda: None,
        shared: str = "",
        warned: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._shared, self._warned = shared, warned
        self._processes, self._proxies, self._wire, self._carriers = processes, proxies, wire, carriers
        self._asleep_s, self._asleep_before_s = asleep_s, asleep_s()
        self._check_load = load
        self._wedged, self._silent, self._over = threading.Event(), threading.Event(), threading.Event()
        self._meddled = ""
        looks = (("proxies", self._look_at_proxies), ("wire", self._look_at_wire))
        self._threads = [threading.Thread(target=look, name=f"watch {name}", daemon=True) for name, look in looks]
        for thread in self._threads:
            thread.start()

    def check(self) -> None:
        """Raises HarnessError for a process that died, and UntrustworthyError for what spoils the measurement.

        That is a worker that was lost, a proxy or a wire that answered neither of two calls in a row, a proxy
        with which somebody meddled, a harness that was stopped for so long that the keeper took its faults back, and a machine that was
        suspended.
        """
        self._processes.check()
        self._check_load()
        if (quiet_s := self._processes.took_back_after_s) is not None:
            raise UntrustworthyError(
                f"nothing was heard of the harness for {quiet_s:.1f} s, as when it is stopped, so its keeper took the faults back"
            )
        if self._meddled:
            raise UntrustworthyError(f"somebody else was at the proxies of this run: {self._meddled}")
        if (asleep_s := self._asleep_s() - self._asleep_before_s) > _SUSPENDED_S:
            raise UntrustworthyError(f"this machine was suspended for {asleep_s:.1f} s")
        if self._wedged.is_set():
            raise self._carriers.wedged(_MISSED)
        if self._silent.is_set():
            raise self._carriers.silent(_MISSED)

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=5.0)

    def _look_at_proxies(self) -> None:
        missed = 0
        while not self._over.wait(_EVERY_S):
            found = self._proxies.looked_over()
            self._tell(missed, found)
            missed = 0 if found is not None else missed + 1
            if found:
                self._meddled = found
                return
            if missed == _MISSED_MAX:
                # Whoever waits for it at the moment waits no longer.
                self._proxies.give_up(_MISSED)
                self._wedged.set()
                return

    def _tell(self, missed: int, found: str | None) -> None:
        """Of a proxy that others use, that it does not answer any more, or answers again."""
        if self._shared and found is None and not missed:
            self._warned(
                f"{self._shared} does not answer; what it has in force can be neither changed nor taken back meanwhile"
            )
        elif self._shared and found is not None and missed:
            self._warned(f"{self._shared} answers again")

    def _look_at_wire(self) -> None:
        missed = 0
        while self._wire is not None and not self._over.wait(_EVERY_S):
            try:
                self._wire.counts(timeout_s=_ANSWERED_WITHIN_S)
                missed = 0
            except WireSilentError:
                missed += 1
            except WireError:
                return  # it has ended, or refuses: that is told by who sees it end, or needs it
            if missed == _MISSED_MAX:
                self._silent.set()
                return
