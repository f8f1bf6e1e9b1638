"""Looks after a run: processes that die, and a fault proxy that no longer answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from harness.running.ports import UntrustworthyError
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.world.carriers import Carriers
from harness.running.world.processes import Processes

_EVERY_S = 1.0
_MISSED_MAX = 2
_SUSPENDED_S = 0.5


def asleep_s() -> float:
    """For how long this machine has been suspended since it was started; 0 where the system does not tell.

    Linux's monotonic clock stands still meanwhile, and its boot-time clock does not.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class Watchdog:
    """Asks the fault proxy once a second, in a thread of its own, whether it still answers and is as the run made it."""

    def __init__(
        self,
        processes: Processes,
        proxies: ToxiproxyStage,
        carriers: Carriers,
        asleep_s: Callable[[], float] = asleep_s,
    ) -> None:
        self._processes, self._proxies, self._carriers = processes, proxies, carriers
        self._asleep_s, self._asleep_before_s = asleep_s, asleep_s()
        self._wedged, self._over = threading.Event(), threading.Event()
        self._meddled = ""
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises HarnessError for a process that died, and UntrustworthyError for what spoils the measurement.

        That is a proxy that answered neither of two calls in a row or with which somebody meddled, a harness that was stopped for so long
        that the keeper took its faults back, and a machine that was suspended.
        """
        self._processes.check()
        if (quiet_s := self._processes.took_back_after_s) is not None:
            raise UntrustworthyError(
                f"nothing was heard of the harness for {quiet_s:.1f} s, as when it is stopped, so its keeper took the faults back"
            )
        if self._meddled:
            raise UntrustworthyError(f"somebody else was at the proxies of this run: {self._meddled}")
        if (asleep_s := self._asleep_s() - self._asleep_before_s) > _SUSPENDED_S:
            raise UntrustworthyError(f"this machine was suspended for {asleep_s:.1f} s")
        if self._wedged.is_set():
            raise self._carriers.wedged(f"{_MISSED_MAX} calls in a row had no answer")

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _look(self) -> None:
        missed = 0
        while not self._over.wait(_EVERY_S):
            found = self._proxies.looked_over()
            missed = 0 if found is not None else missed + 1
            if found:
                self._meddled = found
                return
            if missed == _MISSED_MAX:
                self._wedged.set()
                return
