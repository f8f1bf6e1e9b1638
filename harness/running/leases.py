"""Leases on targets, held against the processes of this machine: whether their runs live, and what is broken where they do not."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.reading.state_file import Lease
from harness.running.keeper.heal import heal
from harness.running.keeper.processes import LINUX, look
from harness.running.keeper.undo import not_understood, owner_alive, pending
from harness.running.state.store import StateError, Store
from harness.running.state.target_state import LEASE_S, Now, TargetState, these_processes, this_boot, utc_now

WATCHED_S = LEASE_S / 4
"""A run renews its lease in less: one elsewhere that does not do so for so long has ended, whatever its clock and ours say."""
_LOOK_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Healed:
    """What became of a lease: *left* is whether it still stands though its run is dead."""

    said: str
    left: bool = False


def started_here() -> int:
    """What tells this process from a later one of the same number; 0 where the system does not tell."""
    process = look(os.getpid())
    return process.started if process else 0


def alive(lease: Lease) -> Literal["yes", "no", "unknown"]:
    """Whether the run that *lease* names lives: its own process, or its keeper that is still putting things back."""
    if lease.host != socket.gethostname():
        return "unknown"
    if lease.boot != this_boot():
        # This machine was started again since, or it is another one of that name: what the run left is on its own.
        return "no" if Path(lease.folder).is_dir() else "unknown"
    if lease.pids not in ("", these_processes()):
        return "unknown"  # a container has processes of its own, and may have the name of its machine
    process = look(lease.pid)
    # Where it is not known when it began, whoever has its number is taken for it: a live one's is never broken.
    if process is not None and (not LINUX or not lease.started or process.started == lease.started):
        return "yes"
    return "yes" if owner_alive(Path(lease.folder) / "undo.jsonl") else "no"


def goes_on(state: TargetState, lease: Lease, pause: Callable[[float], None] = time.sleep) -> bool:
    """Whether the run elsewhere that *lease* names renews it though by the clock of this machine it has run out.

    Clocks of machines differ, and that a document changes hangs on none. Takes up to `WATCHED_S`. Raises StateError.
    """
    if state.now <= lease.until or alive(lease) != "unknown":
        return False
    for _ in range(round(WATCHED_S / _LOOK_EVERY_S)):
        pause(_LOOK_EVERY_S)
        now = state.holder()
        if now is None or now.run != lease.run:
            return False
        if now.until != lease.until:
            return True
    return False


def empty_handed(lease: Lease) -> bool:
    """Whether the run that *lease* names is dead, and all is put back that it had promised to."""
    undo_file = Path(lease.folder) / "undo.jsonl"
    try:
        return alive(lease) == "no" and not (pending(undo_file) or not_understood(undo_file))
    except OSError:
        return False


def what_then(lease: Lease) -> str:
    """What whoever is refused can do."""
    if alive(lease) == "no":
        return "that run is dead: `harness heal` puts back what it left and breaks its lease"
    own = "for a copy that is nobody else's, name a state of its own with HARNESS_STATE"
    return f"wait for it, or end it with `harness stop --target {lease.target}`; {own}"


def all_healed(store: Store, now: Now = utc_now) -> Iterator[Healed]:
    """What became of the leases of all targets in *store*."""
    for target in store.targets():
        if (one := healed(TargetState(store, target, now))) is not None:
            yield one


def healed(state: TargetState, pause: Callable[[float], None] = time.sleep) -> Healed | None:
    """Break the lease of a run that is dead, and never that of one that may live; None where there is none.

    What the run left in force is put back before, and the lease stays where that cannot be done.
    """
    try:
        found = state.holder()
        return _healed(state, found, pause) if found is not None else None
    except StateError as error:
        return Healed(str(error), left=True)


def _healed(state: TargetState, lease: Lease, pause: Callable[[float], None]) -> Healed:
    whose = f"target {state.target!r}: lease of run {lease.run} of {lease.by}"
    match alive(lease):
        case "yes":
            return Healed(f"{whose}: its process {lease.pid} goes on; left alone")
        case "unknown" if state.now <= lease.until:
            return Healed(f"{whose}: cannot be looked at from here; it is nobody's after {lease.until:%H:%M:%S} UTC")
        case "unknown" if goes_on(state, lease, pause):
            return Healed(f"{whose}: is renewed; its clock, on {lease.host}, and this machine's differ; left alone")
        case "no" if (run := heal(Path(lease.folder))).now != "nothing":
            what = f"{whose}: NOT broken: not all that it left is put back"
            return Healed("\n".join([*run.said, what]), left=True)
    return Healed(f"{whose}: {'broken' if state.broken(lease) else 'changed meanwhile; left alone'}")
