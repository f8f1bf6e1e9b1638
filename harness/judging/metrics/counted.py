"""What metrics have in common that count what must not happen: exactly how often it did, and how often a run is to expect it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from math import log
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, measured
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.scoring.shares import TAIL, exact
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.result import Measured

RATE = "rate"


class MustNotHappen(Metric):
    """How often something happened that must not: exactly how often in this run; .rate: how often in runs like it.

    The count is about this run, and known. The rate is about runs like it, and none seen in one run leaves room for 3.7.
    """

    parts: ClassVar[tuple[str, ...]] = (RATE,)
    needs_part: ClassVar[bool] = False
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType({RATE: "how often it happens in runs like this one"})
    never: ClassVar[str]
    """What is said where it did not happen: ``no attempt left its region``."""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return out_of_reach(expectation)

    def also(self, whole: Sample) -> dict[str, Measured]:
        return {RATE: measured(self.measure(whole, RATE))}

    def held(self, said: Said) -> str:
        return super().held(said) if said.number else f"{self.never}{said.where}"


class Counted(MustNotHappen):
    """What is counted one by one, by whoever says what the `events` were."""

    @abstractmethod
    def events(self, sample: Sample) -> tuple[npt.NDArray[np.float64], int] | None:
        """How often it happened to each that it can happen to together, and how many chances there were; None where nobody can know."""

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        from harness.judging.scoring.counts import rate_a_run

        found = sample.once(self.name, lambda: self.events(sample))
        if found is None:
            return UNMEASURED
        together, chances = found
        return rate_a_run(together, chances) if part == RATE else exact(int(together.sum()), chances)

    def also(self, whole: Sample) -> dict[str, Measured]:
        rate = self.measure(whole, RATE)
        return {} if rate.value is None else {RATE: measured(rate)}


def out_of_reach(expectation: Expectation) -> str | None:
    """Why one run can never settle a limit on a rate; None where it can, and of a count."""
    none_seen = Interval(0.0, 0.0, -log(TAIL))
    if expectation.part != RATE or not expectation.wants_low or expectation.judge(none_seen) == "pass":
        return None
    return (
        f"one run without any leaves room for {none_seen.high:.1f} a run; "
        f"expect {none_seen.high:.1f} or more, or leave out .rate: that is the count of this run"
    )
