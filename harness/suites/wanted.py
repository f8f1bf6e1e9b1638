"""What was asked for: cells, each to be run so many times, under which policy and within which budget."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.problems import Problem
from harness.reading.suite import Budget, Policy
from harness.suites.inputs import checksum
from harness.suites.turns import Cell


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried: *cells*, each so many times as it says; *replay* is the command that makes it again.

    *as_one*: all of it has one verdict; else each run has its own.
    """

    name: str
    cells: tuple[Cell, ...]
    policy: Policy = field(default_factory=Policy)
    budget: Budget = field(default_factory=Budget)
    replay: str = ""
    as_one: bool = True
    noted: tuple[Problem, ...] = ()
    """What may not have been meant of the suite itself, though it can be run."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What may not have been meant, of the suite and of the files that it names; each once."""
        return tuple(dict.fromkeys([*self.noted, *(one for cell in self.cells for one in cell.prepared.warnings)]))

    @property
    def inputs(self) -> str:
        """A checksum of all that the runs are made from, but for how many there are."""
        return checksum([cell.prepared for cell in self.cells])
