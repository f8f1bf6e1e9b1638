"""Looks after a run: processes that die, and a fault proxy that no longer answers."""

from __future__ import annotations

import threading

from harness.adapters.toxiproxy import ToxiproxyStage
from harness.ports import ProxyWedgedError
from harness.world.processes import Processes

_EVERY_S = 1.0


class Watchdog:
    """Asks the fault proxy once a second, in a thread of its own, whether it still answers."""

    def __init__(self, processes: Processes, proxies: ToxiproxyStage, *, own: bool) -> None:
        self._processes, self._proxies, self._own = processes, proxies, own
        self._wedged, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises HarnessError for a process that died, ProxyWedgedError when the proxy answered neither of two calls in a row."""
        self._processes.check()
        if not self._wedged.is_set():
            return
        if self._own:
            # Only an end of the process frees the connections that a wedged server holds.
            self._processes.stop("toxiproxy", 0.0)
        raise ProxyWedgedError("Toxiproxy no longer answered, so nobody knows which faults were in force")

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _look(self) -> None:
        missed = 0
        while not self._over.wait(_EVERY_S):
            missed = 0 if self._proxies.healthy() else missed + 1
            if missed == 2:
                self._wedged.set()
                return
