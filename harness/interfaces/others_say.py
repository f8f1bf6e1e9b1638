"""What people say over runs on a target, of their own and of others: stop, freeze and unfreeze, and what is left of dead ones."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from harness.checks import load_target
from harness.interfaces.listing import listed_files
from harness.problems import Problem, UsageProblems
from harness.reading.state_file import Freeze, Lease
from harness.registry import nearest, suggestion
from harness.running.leases import Healed, all_healed
from harness.running.state.place import store_at
from harness.running.state.store import StateError, Store
from harness.running.state.target_state import TargetState
from harness.settings import Settings

_ENDED_WITHIN_S, _LOOK_S = 15.0, 0.05
# No deeper: who freezes has no time to have all of a home folder looked through.
_NEAR_BY = ("*.yaml", "*/*.yaml", "*/*/*.yaml")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A *run* on *target* that was told to stop, and after how many seconds it let go of the target; None: it has not yet."""

    target: str
    run: str
    by: str
    after_s: float | None


def stop(target: str | Path | None, why: str, settings: Settings) -> list[Stopped]:
    """Tell the run that holds *target* to end, or every run where that is None, and wait until each has let go of its target.

    Raises StateError where nobody can tell of one of them which run it is, once all were told.
    """
    states = [_state(target, settings)] if target is not None else _all(settings)
    told_s = time.monotonic()
    told = _told(states, why)
    after_s: dict[str, float] = {}
    while len(after_s) < len(told) and time.monotonic() < told_s + _ENDED_WITHIN_S:
        for state, lease in told:
            try:
                held = state.holder()
            except StateError:
                continue  # it was told, and whether it has let go is looked at again
            if lease.run not in after_s and (held is None or held.run != lease.run):
                after_s[lease.run] = time.monotonic() - told_s
        time.sleep(_LOOK_S)
    return [Stopped(state.target, lease.run, lease.by, after_s.get(lease.run)) for state, lease in told]


def _told(states: list[TargetState], why: str) -> list[tuple[TargetState, Lease]]:
    """Whom of those in *states* it was told; a state that cannot be read keeps nobody else from hearing it."""
    told, failed = list[tuple[TargetState, Lease]](), list[str]()
    for state in states:
        try:
            if (lease := state.stop(why)) is not None:
                told.append((state, lease))
        except StateError as error:
            failed.append(str(error))
    if failed:
        others = [f"run {lease.run} on target {state.target!r} was told to stop" for state, lease in told]
        raise StateError("; ".join([*failed, *others]))
    return told


def under_way(settings: Settings) -> list[str]:
    """Every target on which a run goes on, as far as that can be told."""
    try:
        return [state.target for state in _all(settings) if state.holder() is not None]
    except (StateError, UsageProblems):
        return []


def freeze(why: str, target: str | Path | None, settings: Settings) -> Freeze:
    """Let no run on *target*, or on all where that is None, go on or begin; the freeze that is in force, maybe an earlier one."""
    if not why.strip():
        raise UsageProblems(
            Problem("says nothing; say why nobody may break anything, such as 'incident 4711'", path="--why")
        )
    return _state(target, settings).freeze(why.strip())


def unfreeze(target: str | Path | None, settings: Settings) -> Freeze | None:
    """Lift a freeze and return it; None where there was none."""
    return _state(target, settings).unfreeze()


def heal(settings: Settings) -> list[Healed]:
    """Break the leases of dead runs. Of state at a URL nobody knows all targets, so there they run out by themselves."""
    try:
        return list(all_healed(store_at(settings.state, settings)))
    except StateError as error:
        return [Healed(str(error))]


def _state(target: str | Path | None, settings: Settings) -> TargetState:
    """Of the target whose file or name it is; of all together where it is None. Raises UsageProblems where it is neither."""
    if target is None:
        return TargetState(store_at(settings.state, settings))
    if Path(target).is_file():
        written = load_target(Path(target)).value
        return TargetState(store_at(written.state or settings.state, settings), written.name)
    if Path(target).name != str(target) or Path(target).suffix:
        raise UsageProblems(Problem("no such file; name a target file, or a target", path="--target", file=str(target)))
    store = store_at(settings.state, settings)
    _is_known(str(target), store)
    return TargetState(store, str(target))


def _is_known(target: str, store: Store) -> None:
    """Raises UsageProblems where no target is called so: neither in *store*, nor in a file near by.

    What a URL keeps, nobody can list; there a name is taken that is no slip of one near by.
    """
    try:
        stored = store.targets()
    except StateError:
        stored = None
    if target in (stored or ()):
        return
    known = [name for _, name in listed_files("target", Path(), "name", _NEAR_BY)]
    if target not in known and (stored is not None or nearest(target, known)):
        what = f"there is no target {target!r} in {store.where} or in a file near by"
        meant = f"{suggestion(target, [*known, *(stored or ())])} (one that is elsewhere is named by its file)"
        raise UsageProblems(Problem(f"{what}; {meant}", path="--target"))


def _all(settings: Settings) -> list[TargetState]:
    """Of every target. Raises UsageProblems where they cannot be told, as at a URL: then one has to be named."""
    store = store_at(settings.state, settings)
    try:
        return [TargetState(store, name) for name in store.targets()]
    except StateError as error:
        raise UsageProblems(Problem(str(error))) from error
