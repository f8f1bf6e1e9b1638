"""Where the state of a target is kept: where its file says, else where the environment says, else in a folder of the user's."""

from __future__ import annotations

from pathlib import Path

from harness.problems import Problem, UsageProblems
from harness.reading.state_place import is_url, misplaced
from harness.running.state.folder import FolderStore
from harness.running.state.store import Store
from harness.running.state.target_state import TargetState
from harness.running.state.url import UrlStore
from harness.settings import Settings


def state_of(target: str, place: str | None, settings: Settings) -> TargetState:
    """The state of the target called *target*, whose file names *place* for it or none."""
    return TargetState(store_at(place or settings.state, settings), target)


def store_at(place: str, settings: Settings) -> Store:
    """What keeps state at *place*, a path or URL. Raises UsageProblems where it is neither."""
    if wrong := misplaced(place):
        raise UsageProblems(Problem(f"what it says {wrong}", path="HARNESS_STATE"))
    return UrlStore(place, settings.environment) if is_url(place) else FolderStore(Path(place).expanduser())
