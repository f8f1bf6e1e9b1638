"""Which run comes when: trials of several things interleaved, two things in pairs; each trial with its own seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from harness.planning.plan import plan
from harness.prepare import Prepared

_SEED_BYTES = 4


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that is tried so many times: a scenario on a target, with *settings* of a suite by their name; empty where it has none."""

    prepared: Prepared
    settings: str = ""
    trials: int = 1

    @property
    def situation(self) -> str:
        scenario = self.prepared.plan.scenario.name
        return f"{scenario} ({self.settings})" if self.settings else scenario

    @property
    def system(self) -> str:
        return self.prepared.plan.target.name

    @property
    def name(self) -> str:
        return f"{self.situation} on {self.system}"


@dataclass(frozen=True, slots=True)
class Turn:
    """A run that is due: the *trial* of that number of a *cell*; the first is 1. *given* is its seed where that is not to be drawn."""

    cell: Cell
    trial: int
    given: int | None = None

    @property
    def seed(self) -> int:
        return salted(self.cell.prepared.plan.seed, self.trial) if self.given is None else self.given

    @property
    def prepared(self) -> Prepared:
        return with_seed(self.cell.prepared, self.seed)


def interleaved(cells: Sequence[Cell], wanted: Callable[[Cell], bool] = lambda _: True) -> Iterator[Turn]:
    """Every cell once, then every cell again, so that what drifts while they are run drifts for all; only who is still *wanted*."""
    for trial in range(1, max(cell.trials for cell in cells) + 1):
        yield from (Turn(cell, trial) for cell in cells if trial <= cell.trials and wanted(cell))


def in_pairs(base: Cell, head: Cell, wanted: Callable[[], bool] = lambda: True) -> Iterator[Turn]:
    """Base, head, head, base, and so on, as long as another pair is *wanted*: what drifts evenly meets both alike.

    Both of a pair have the seed of their trial.
    """
    for trial in range(1, base.trials + 1):
        if not wanted():
            return
        pair = (base, head) if trial % 2 else (head, base)
        yield from (Turn(cell, trial) for cell in pair)


def salted(seed: int, trial: int) -> int:
    """The seed of a trial: of the first *seed* itself, of each other one that is drawn from both, the same everywhere."""
    if trial == 1:
        return seed
    return int.from_bytes(blake2b(f"{seed} trial {trial}".encode(), digest_size=_SEED_BYTES).digest(), "big")


def with_seed(prepared: Prepared, seed: int) -> Prepared:
    """What was *prepared*, with another seed and all else as it was."""
    if seed == prepared.plan.seed:
        return prepared
    scenario = prepared.scenario.value.model_copy(update={"seed": seed})
    before = prepared.plan
    made, _ = plan(
        scenario,
        before.target,
        before.expectations,
        with_faults=prepared.asked.with_faults,
        recorded=before.recorded,
        logged=before.logged,
    )
    asked = replace(prepared.asked, seed=seed)
    return replace(prepared, plan=made, scenario=replace(prepared.scenario, value=scenario), asked=asked)
