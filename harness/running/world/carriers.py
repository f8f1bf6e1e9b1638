"""The lives of the processes that carry a run's faults: Toxiproxy, the run's own or one that others use too, and the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock

from harness.problems import HarnessError
from harness.running.ports import ProxyWedgedError
from harness.running.toxiproxy import ToxiproxyWedged
from harness.running.wire.client import WireSilentError
from harness.running.world.processes import Processes

TOXIPROXY, WIRE = "toxiproxy", "wire"


class Carriers:
    """With a process of our own goes every fault that it carried; *own_proxy*: Toxiproxy is one.

    *give_up* is told why when Toxiproxy is not to be waited for any more.
    """

    def __init__(self, processes: Processes, *, own_proxy: bool, give_up: Callable[[str], None]) -> None:
        self._processes, self._own_proxy, self._give_up = processes, own_proxy, give_up
        self._given_up, self._ending = False, Lock()
        self._killed: set[str] = set()

    @property
    def proxy_gone(self) -> bool:
        """Whether Toxiproxy has ended. One that others use is none of ours, and is taken to be there."""
        return self._own_proxy and self._gone(TOXIPROXY)

    @property
    def wire_gone(self) -> bool:
        return self._gone(WIRE)

    def wedged(self, why: str) -> ProxyWedgedError:
        """What to raise when Toxiproxy no longer answers. One of our own is ended first: nothing else frees what it holds.

        One that others use is asked nothing more. Raises HarnessError instead when it does not answer because it had died.
        """
        told = f"Toxiproxy no longer answered, so nobody knows which faults were in force: {why}"
        # Whoever comes second waits until it is ended: what it held is gone then, and not before.
        with self._ending:
            if not self._given_up:
                self._given_up = True
                self._give_up("it had not answered before")
                if self._own_proxy:
                    self._kill(TOXIPROXY)
        return ProxyWedgedError(f"{told}; its process was killed" if self._own_proxy else told)

    def silent(self, why: str) -> ProxyWedgedError:
        """What to raise when the wire no longer answers; it is ended first, and with it all that it held up.

        Raises HarnessError instead when it does not answer because it had died.
        """
        with self._ending:
            if not self.wire_gone:
                self._kill(WIRE)
        told = "the wire no longer answered, so nobody knows what passed and which faults were in force"
        return ProxyWedgedError(f"{told}: {why}; its process was killed")

    def kill_wedged(self) -> bool:
        """End a Toxiproxy of our own that no longer answers, from any thread and at once; False where it is not ours, or has ended."""
        with self._ending:
            if not self._own_proxy or self._given_up or self._gone(TOXIPROXY):
                return False
            self._given_up = True
            self._give_up("it had not answered before")
            return self._killed_at_once(TOXIPROXY)

    def kill_silent(self) -> bool:
        """End a wire that no longer answers, likewise."""
        with self._ending:
            return not self.wire_gone and self._killed_at_once(WIRE)

    def _killed_at_once(self, name: str) -> bool:
        """Who comes from another thread hears of no death and of no order: those are for the run's own."""
        with suppress(HarnessError):  # the keeper is gone, and with it all that it had started
            self._processes.stop(name, 0.0)
        self._killed.add(name)
        return True

    def _kill(self, name: str) -> None:
        """Raises HarnessError when it had died before."""
        self._processes.check_soon()
        self._processes.stop(name, 0.0)
        # That it ended is heard of a moment later.
        self._killed.add(name)

    def _gone(self, name: str) -> bool:
        return name in self._killed or not self._processes.alive(name)

    @contextmanager
    def answering(self) -> Iterator[None]:
        """What is asked of them inside fails with the cause: `wedged`, `silent`, or the death of a process, not the call that missed it."""
        with self._processes.blamed():
            try:
                yield
            except ToxiproxyWedged as error:
                raise self.wedged(str(error)) from error
            except WireSilentError as error:
                raise self.silent(str(error)) from error
