"""How people are told of a metric: its title, its card and its place among others, and a sentence for what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class Said:
    """A finding as people read it; what is a share of 0 to 1 stands in per cent, too.

    *where* says of what it was measured (`` during the fault``), and is empty for all of the run. *fault* names what is meant by the
    fault: ``the fault``, or of several the one whose window it was worst in. *exposed* is the value among the requests that lived wholly
    inside a fault; None where nobody measured it, or where it says the same of the limit.
    """

    title: str
    value: str
    share: str
    limit: str
    limit_share: str
    should: str
    where: str
    fault: str
    number: float
    bound: float
    wants_low: bool
    censored: bool
    exposed: str | None = None

    @property
    def single(self) -> bool:
        """Whether it is one of what is counted, and not ``1.02`` or none."""
        return self.value == "1"

    def counted(self, thing: str, several: str = "") -> str:
        """The value and what there are so many of, a *thing* or *several*: ``1 job``, ``3 jobs``, ``1.02 jobs``."""
        return f"{self.value} {thing if self.single else several or f'{thing}s'}"

    @property
    def were(self) -> str:
        return "was" if self.single else "were"

    @property
    def their(self) -> str:
        return "its" if self.single else "their"


class Telling:
    """What the report needs to know of a metric. As it is, it does for any: a metric says more where it can be said better."""

    title: ClassVar[str] = ""
    """For people; by default its name in words."""
    part_titles: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Of each part that has a title of its own; another one is called by the metric's and its name."""
    about: ClassVar[str] = ""
    """What its card says under the value; by default the first line of its documentation."""
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Likewise of each part that is a number of something else."""
    better: ClassVar[Literal["lower", "higher"] | None] = None
    """Which way is better, where nobody set a limit."""
    card: ClassVar[Literal["always", "not zero", "expected"]] = "always"
    """Whether it has a card where nothing was expected of it."""
    shown_in_fault: ClassVar[bool] = False
    """Whether that card shows it while something was broken, and not over the whole run."""
    broken_first: ClassVar[int] = 100
    """How soon users feel it when it is broken: the least is told of first."""
    held_first: ClassVar[int] = 100
    """How much it reassures when it held: the least is told of first."""
    chart: ClassVar[str] = ""
    """Key of the chart that it is read from: its limits are drawn there."""
    usual_part: ClassVar[str] = ""
    """Which of its parts is meant where none is named."""
    settled: ClassVar[str] = ""
    """What has happened when its time is over (``recovered``), where it is a time that is drawn over the run's clock."""
    counted_from: ClassVar[Literal["start", "end"]] = "end"
    """From which end of a fault's window that time counts."""
    counts_attempts: ClassVar[bool] = False
    """Whether it is wrong where attempts cannot be joined to requests."""
    in_tables: ClassVar[bool] = False
    """Whether the report's tables by entry and by link say already where it was bad."""

    def includes(self, parts: Mapping[str, float | None]) -> str:
        """What its value has in it that a reader may not think of, by the further numbers of it over the whole run; empty: nothing."""
        return ""

    def broken(self, said: Said) -> str:
        """What went wrong, in words that need no knowledge of the harness; it begins small and has no full stop."""
        return f"{said.title}{said.where} was {said.value}; it should be {said.should}"

    def held(self, said: Said) -> str:
        """What held, likewise."""
        return f"{said.title}{said.where} was {said.value}"
