"""A target held for one run: its lease is renewed while the run goes on, and whoever stops or freezes it is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from harness.problems import HarnessError, RefusedError
from harness.reading.state_file import Lease
from harness.running.leases import alive, empty_handed, goes_on, healed, started_here, what_then
from harness.running.orders import Asked
from harness.running.state.target_state import LEASE_S, HeldError, TargetState

LOOKED_EVERY_S = 0.2
RENEWED_EVERY_S = LEASE_S / 6


@contextmanager
def held(
    state: TargetState, run: str, folder: Path, ends: datetime | None, pause: Callable[[float], None] = time.sleep
) -> Iterator[Asked]:
    """The target is this run's inside. Raises RefusedError, which names who holds or froze it, and StateError where nobody can tell.

    A dead run that left nothing in force holds nothing: its lease is broken, and what else is left of it is healed. One that left something
    holds its target however long ago that was.
    """
    try:
        _left_alone(state, pause)
        lease = _taken(state, run, folder, ends)
    except HeldError as refused:
        raise RefusedError(f"{refused}; {what_then(refused.lease)}") from refused
    try:
        yield Asked("the state of the target", Held(state, lease), LOOKED_EVERY_S)
    finally:
        # What cannot be let go is nobody's after a minute.
        with suppress(HarnessError):
            state.release(lease)


def _left_alone(state: TargetState, pause: Callable[[float], None]) -> None:
    """Raises HeldError where a run elsewhere goes on whose lease has run out by the clock of this machine alone."""
    state.obey()
    if (found := state.holder()) is not None and goes_on(state, found, pause):
        told = f"it renews that, so that the clocks of {found.host} and of this machine differ; let them agree"
        raise HeldError(f"target {state.target!r} is {found.held(state.now)}; {told}", found)


def _taken(state: TargetState, run: str, folder: Path, ends: datetime | None) -> Lease:
    found = state.holder()
    if found is not None and alive(found) == "no":
        if not empty_handed(found):
            raise HeldError(f"target {state.target!r} is {found.held(state.now)}", found)
        healed(state)
    return state.take(run, folder, ends, started_here())


class Held:
    """Looks whether the run may go on: returns who stopped it. Raises RefusedError where it is frozen or no longer its holder, and
    StateError where nobody can tell."""

    def __init__(self, state: TargetState, lease: Lease, clock: Callable[[], float] = time.monotonic) -> None:
        self._state, self._lease, self._clock = state, lease, clock
        self._renewed_s = clock()

    def __call__(self) -> str:
        self._state.obey()
        if self._clock() - self._renewed_s >= RENEWED_EVERY_S:
            self._lease = self._state.renew(self._lease)
            self._renewed_s = self._clock()
        return self._state.stopped(self._lease.run)
