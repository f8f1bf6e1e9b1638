"""A run that is ended has its faults gone within a second, or says which are left: whoever no longer answers is not waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.planning.disturbance import Disturbance
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.wire.client import WireError, WireSilentError, WireStage
from harness.running.world.carriers import Carriers

_PATIENCE_S, _ANSWERS_WITHIN_S = 0.25, 0.25
"""So long the run's own thread has, and then whoever is asked for an answer: with the time to kill one, well below a second."""
_LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What became of the faults of a run that is ended: those that are *left*, as sentences, and *why*, or who had to be killed."""

    left: tuple[str, ...] = ()
    why: str = ""


class Ending(Protocol):
    """Whether somebody wants a run to end, and whether it knows that it does; see `interruptions.Interruptions`."""

    @property
    def asked(self) -> bool: ...

    @property
    def heard(self) -> bool: ...


class Haste:
    """Waits in a thread of its own until the run is to end; *told* hears once nothing is *in_force*, and before that what may be left.

    The run's own thread takes the faults back. It may wait for a process that hangs or was stopped: one of ours is killed then. *shared*
    names a Toxiproxy that others use, too, which is left alone; it is empty where the run has one of its own.
    """

    def __init__(
        self,
        ending: Ending,
        in_force: Callable[[], Sequence[Disturbance]],
        carriers: Carriers,
        proxies: ToxiproxyStage,
        wire: WireStage | None,
        shared: str,
        told: Callable[[TakenBack], object],
    ) -> None:
        self._ending, self._in_force, self._told = ending, in_force, told
        self._carriers, self._proxies, self._wire, self._shared = carriers, proxies, wire, shared
        self._over, self._left = threading.Event(), False
        self._thread = threading.Thread(target=self._watch, name="haste", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Nothing more is told; what is gone by now has been."""
        self._over.set()
        self._thread.join(timeout=2.0)

    def _watch(self) -> None:
        while not (self._ending.asked or self._ending.heard):
            if self._over.wait(_LOOK_S):
                return
        why = "" if self._gone_within(_PATIENCE_S) else self._hasten()
        gone = self._gone_within(float("inf"))
        # Of a run that ends by itself, with nobody in its way, nobody waits to hear.
        if gone and (why or self._left or self._ending.asked):
            self._told(TakenBack((), why))

    def _gone_within(self, limit_s: float) -> bool:
        """Whether nothing is in force *limit_s* from now at the latest, or once all is over.

        A run that has not heard yet that it is to end may still inject something.
        """
        late_s = time.monotonic() + limit_s
        while self._in_force() or not self._ending.heard:
            if time.monotonic() >= late_s or self._over.wait(_LOOK_S):
                return self._ending.heard and not self._in_force()
        return True

    def _hasten(self) -> str:
        """Who had to be killed; empty where all answer, or nothing is in force that somebody could hold up."""
        done = [hasten() for hasten in (self._hasten_toxiproxy, self._hasten_wire) if self._in_force()]
        return "; ".join(filter(None, done))

    def _hasten_toxiproxy(self) -> str:
        """Who of ours had to be killed; of one that others use it is told at once what it may have in force."""
        if self._proxies.answers(_ANSWERS_WITHIN_S):
            return ""
        if not self._shared:
            return _killed("Toxiproxy") if self._carriers.kill_wedged() else ""
        if left := tuple(one.summary for one in self._in_force()):
            self._left = True
            self._told(TakenBack(left, f"{self._shared} does not answer"))
        return ""

    def _hasten_wire(self) -> str:
        try:
            if self._wire is not None:
                self._wire.counts(timeout_s=_ANSWERS_WITHIN_S)
        except WireSilentError:
            return _killed("the wire") if self._carriers.kill_silent() else ""
        except WireError:  # it has ended, and all that it carried with it
            pass
        return ""


def _killed(name: str) -> str:
    return f"{name} did not answer, so it was killed, and what it had in force is gone with it"
