"""The life of the Toxiproxy server of a run: the run's own, which it may end, or one that others use too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.adapters.toxiproxy import ToxiproxyWedged
from harness.ports import ProxyWedgedError
from harness.world.processes import Processes

NAME = "toxiproxy"
# A process is known to have ended a moment after it stops answering.
_LEARNT_WITHIN_S = 0.5


class FaultProxy:
    """A server that is *own* lives no longer than its run; with it go its proxies, and every fault on them."""

    def __init__(self, processes: Processes, *, own: bool) -> None:
        self._processes, self._own = processes, own

    @property
    def gone(self) -> bool:
        """Whether it has ended. One that others use is none of ours, and is taken to be there."""
        return self._own and not self._processes.alive(NAME)

    def wedged(self, why: str) -> ProxyWedgedError:
        """What to raise when it no longer answers. One of our own is ended first: nothing else frees what it holds.

        Raises HarnessError instead when it does not answer because its process had died.
        """
        told = f"Toxiproxy no longer answered, so nobody knows which faults were in force: {why}"
        if not self._own:
            return ProxyWedgedError(told)
        self._processes.check_soon(_LEARNT_WITHIN_S)
        self._processes.stop(NAME, 0.0)
        return ProxyWedgedError(f"{told}; its process was killed")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Turns an answer that did not come into `wedged`."""
        try:
            yield
        except ToxiproxyWedged as error:
            raise self.wedged(str(error)) from error
