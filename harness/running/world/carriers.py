"""The lives of the processes that carry a run's faults: Toxiproxy, the run's own or one that others use too, and the wire."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.running.ports import ProxyWedgedError
from harness.running.toxiproxy import ToxiproxyWedged
from harness.running.world.processes import Processes

TOXIPROXY, WIRE = "toxiproxy", "wire"


class Carriers:
    """With a process of our own goes every fault that it carried; *own_proxy*: Toxiproxy is one."""

    def __init__(self, processes: Processes, *, own_proxy: bool) -> None:
        self._processes, self._own_proxy = processes, own_proxy

    @property
    def proxy_gone(self) -> bool:
        """Whether Toxiproxy has ended. One that others use is none of ours, and is taken to be there."""
        return self._own_proxy and not self._processes.alive(TOXIPROXY)

    @property
    def wire_gone(self) -> bool:
        return not self._processes.alive(WIRE)

    def wedged(self, why: str) -> ProxyWedgedError:
        """What to raise when Toxiproxy no longer answers. One of our own is ended first: nothing else frees what it holds.

        Raises HarnessError instead when it does not answer because it had died.
        """
        told = f"Toxiproxy no longer answered, so nobody knows which faults were in force: {why}"
        if not self._own_proxy:
            return ProxyWedgedError(told)
        self._processes.check_soon()
        self._processes.stop(TOXIPROXY, 0.0)
        return ProxyWedgedError(f"{told}; its process was killed")

    @contextmanager
    def answering(self) -> Iterator[None]:
        """What is asked of them inside fails with the cause: `wedged`, or the death of a process and not the call that missed it."""
        with self._processes.blamed():
            try:
                yield
            except ToxiproxyWedged as error:
                raise self.wedged(str(error)) from error
