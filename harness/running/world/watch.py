"""Looks after a run: processes that die, and a fault proxy that no longer answers."""

from __future__ import annotations

import threading

from harness.running.toxiproxy import ToxiproxyStage
from harness.running.world.carriers import Carriers
from harness.running.world.processes import Processes

_EVERY_S = 1.0
_MISSED_MAX = 2


class Watchdog:
    """Asks the fault proxy once a second, in a thread of its own, whether it still answers."""

    def __init__(self, processes: Processes, proxies: ToxiproxyStage, carriers: Carriers) -> None:
        self._processes, self._proxies, self._carriers = processes, proxies, carriers
        self._wedged, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises HarnessError for a process that died, ProxyWedgedError when the proxy answered neither of two calls in a row."""
        self._processes.check()
        if self._wedged.is_set():
            raise self._carriers.wedged(f"{_MISSED_MAX} calls in a row had no answer")

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _look(self) -> None:
        missed = 0
        while not self._over.wait(_EVERY_S):
            missed = 0 if self._proxies.healthy() else missed + 1
            if missed == _MISSED_MAX:
                self._wedged.set()
                return
