"""What a metric promises: a sample in, an interval out, and whether a plan can ever settle an expectation on it.

A new metric is one file beside this one and one line in `harness/judging/metrics/__init__.py`; third parties register theirs through the
entry-point group ``harness``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import inf, isfinite
from typing import TYPE_CHECKING, ClassVar

from harness.interval import Interval
from harness.judging.metrics.telling import Telling
from harness.judging.sample import Sample, pick, planned, values_of
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Selection, Verdict
from harness.reading.scenario import Known, Load
from harness.registry import Registry

if TYPE_CHECKING:
    # The models of the result take a moment to build, and a plan needs none of them.
    from harness.judging import result
    from harness.judging.evidence import Evidence
    from harness.judging.grounds import Ground
    from harness.judging.result import Breakdown, Measured


class Metric(Telling, ABC):
    """One score. The first line of a metric's docstring is its documentation."""

    name: ClassVar[str]
    unit: ClassVar[str] = ""
    phased: ClassVar[bool] = True
    """Whether it can be asked for one phase; else it belongs to the run."""
    windowed: ClassVar[bool] = False
    """Whether it can be asked for the window of one fault."""
    labels: ClassVar[tuple[str, ...]] = ()
    """By what its rows can be told apart: names of `sample.LABELS`."""
    among_exposed: ClassVar[bool] = False
    """Whether its value among the exposed stands beside it, since what outlives a fault says too little of it."""
    parts: ClassVar[tuple[str, ...]] = ()
    """What can stand behind a dot; one of them has to when there are any and *needs_part*."""
    needs_part: ClassVar[bool] = True
    reads_answers: ClassVar[bool] = False
    """Whether it tells answers that say what they should from others, whoever is told them, and not only whether and when they came."""
    of_requests: ClassVar[bool] = True
    """Whether it is a number of single requests, so that some of those of a phase can be picked."""
    asks_who: ClassVar[bool] = False
    """Whether questions have to say who asks."""
    asks_where: ClassVar[bool] = False
    """Whether questions have to say in which region they are to stay."""
    needs: ClassVar[Known] = "joined"
    """What has to be known of the traffic of a run for it, which hangs on who makes that (`Load.known`)."""
    probes_least_per_s: ClassVar[float] = 0.0
    """Beside a load of the service's own: how many probe requests a second it needs at the least."""
    not_of_users: ClassVar[str] = ""
    """Why it says nothing of a load that the users of a locustfile make; empty where it does."""
    foreseen: ClassVar[bool] = False
    """Whether a fault by itself makes it worse, however well the service bears it, so that nobody has to be told that it did."""
    rests_on: ClassVar[tuple[Ground, ...]] = ()
    """What it is told from that has to be there, so that who says nothing keeps within no limit."""
    bounds: ClassVar[tuple[float, float]] = (0.0, inf)
    """The least and the greatest value that it can have."""
    followed: ClassVar[bool] = False
    """Whether it can be followed while a run goes on, so that the run can be ended for it."""

    @abstractmethod
    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        """The metric over the rows of *sample*; its *part*, where there are parts."""

    def unsaid(self, load: Load) -> str:
        """Why it says nothing of a run under *load*; empty where it does."""
        if load.closed and self.not_of_users:
            return self.not_of_users
        if self.needs not in load.known:
            return _UNKNOWN[self.needs]
        if load.watched and self.needs == "requests" and load.usual_per_s < self.probes_least_per_s:
            return (
                f"it needs {self.probes_least_per_s:g} probe request a second, and probe_per_s is {load.usual_per_s:g}"
            )
        return ""

    def of_load(self, plan: Plan) -> bool:
        """Whether it says anything of the load of *plan*."""
        return not self.unsaid(plan.scenario.load)

    def there(self, plan: Plan) -> bool:
        """Whether a run of *plan* has it at all; the result of one that has not does not name it."""
        return True

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """What has to be known beside the number wherever it is told, in a few words; empty where there is nothing."""
        return ""

    def grounds(self, part: str | None) -> tuple[Ground, ...]:
        """What its *part* is told from."""
        return self.rests_on

    def about_usual(self, part: str | None) -> bool:
        """Whether who limits its *part* has asked about its usual part, too."""
        return True

    def follows(self, part: str | None) -> bool:
        """Whether its *part* can be followed while a run goes on, where it can at all."""
        return True

    def so_far(self, outcomes: Sequence[tuple[bool, float]], part: str | None = None) -> float:
        """What it comes to over requests of which each was answered well or not, and took so many seconds (infinite: never whole)."""
        raise NotImplementedError

    def known_after_s(self, limit: float, within_s: float) -> float:
        """So long after a request was due it is known on which side of *limit* it is, where good ones are answered *within_s*."""
        return within_s

    def where(self, sample: Sample) -> str | None:
        """Name of the window that was the worst of several; None where there is but one, or nothing was bad in any."""
        return None

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        """Why *plan* can never settle *expectation*, however the run goes; None when it can."""
        return None

    def unsure(self, plan: Plan, expectation: Expectation) -> str | None:
        """Why *plan* may well leave *expectation* open, though it can be settled; None where nothing of it is known to do that."""
        return None

    def unbreakable(self, plan: Plan, expectation: Expectation) -> str | None:
        """Why no run of *plan* could break *expectation*, however badly it goes, though one may leave it open; None where one could."""
        return None

    def at_best(self, sample: Sample) -> Verdict:
        """The best verdict on a limit from above that is left by what the interval does not say, and `remark` does."""
        return "pass"

    def document(self, evidence: Evidence) -> result.Metric:
        """The metric as it stands in the result, with its breakdown."""
        from harness.judging import result

        whole = pick(evidence)
        return result.Metric(
            **measured(self.measure(whole)).model_dump(),
            unit=self.unit,
            by=self.by(evidence),
            parts=self.also(whole),
            unseen=self.unseen(evidence.plan),
        )

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        def each(selections: Iterable[tuple[str, Selection]]) -> dict[str, Measured]:
            return {name: measured(self.measure(pick(evidence, selection))) for name, selection in selections}

        phases = [phase.name for phase in evidence.plan.phases] if self.phased else []
        labels = {name: values_of(evidence.plan, name) for name in self.labels}
        among = [("exposed", Selection(among="exposed"))] if self.among_exposed else []
        return Breakdown(
            phase=each((name, Selection(phase=name)) for name in phases),
            among=each(among),
            window={name: measured(interval) for name, interval in self.in_windows(pick(evidence))},
            **{
                name: each((value, Selection(labels=((name, value),))) for value in values)
                for name, values in labels.items()
            },
        )

    def range_of(self, part: str | None, labels: Iterable[str] = ()) -> tuple[float, float]:
        """The least and the greatest value that its *part* can have of rows that are picked by *labels*."""
        return self.bounds

    def in_windows(self, sample: Sample) -> list[tuple[str, Interval]]:
        """The metric in each window of *sample* by the window's name, where it belongs to windows; the worst is what `measure` says."""
        return []

    def unseen(self, plan: Plan) -> list[str]:
        """Names of the links of *plan* on which it sees nothing of what it counts."""
        return []

    def also(self, whole: Sample) -> dict[str, Measured]:
        """Further numbers that belong to it, over all that is scored."""
        return {}


_UNKNOWN: Mapping[Known, str] = {
    "attempts": "it is told from what passes on links",
    "requests": "it is told from requests, and the harness sends none",
    "joined": "it is told from attempts whose requests are known, and of the service's own traffic nobody knows those",
}
"""Why a metric says nothing where that is not known which it needs."""

metrics: Registry[Metric] = Registry("metric")


def telling(metric: str) -> Telling:
    """How to tell of *metric*, which may name a part; of one that is not installed, as of any."""
    name = metric.partition(".")[0]
    return metrics[name] if name in metrics else Telling()


def measured(interval: Interval) -> Measured:
    """*interval* as it stands in a document: an open end and what was not measured are null; what has no bound is beyond its low end."""
    from harness.judging.result import Measured

    low, high = (end if isfinite(end) else None for end in (interval.low, interval.high))
    endless = interval.value == inf
    value = interval.low if endless else interval.value
    return Measured(
        value=value if value is not None and isfinite(value) else None,
        low=low,
        high=high,
        censored=interval.censored or (endless and low is not None),
        n=interval.n,
    )


def measured_parts(metric: Metric, whole: Sample) -> dict[str, Measured]:
    """Each part of *metric* that could be measured, as it stands in a document."""
    found = {part: metric.measure(whole, part) for part in metric.parts}
    return {part: measured(interval) for part, interval in found.items() if interval.value is not None}


def best_case(plan: Plan, expectation: Expectation, best: Callable[[int], Interval]) -> str | None:
    """Why not even the *best* interval that n samples can give would pass; says how many would be needed."""
    n = planned(plan, expectation.selection)

    def settles(m: int) -> bool:
        return m > 0 and expectation.judge(best(m)) == "pass"

    if settles(n):
        return None
    if not n and expectation.selection.among:
        where = f"in {expectation.selection.phase}, " if expectation.selection.phase else ""
        if expectation.selection.among != "exposed":
            return f"{where}no request can be in flight when a fault begins or ends; leave out the phase: those were due before it"
        return f"nothing is exposed: no fault is in force {where}for long enough that a request could live inside it"
    enough = next((m for m in (max(n, 1) << doubled for doubled in range(1, 12)) if settles(m)), None)
    if plan.closed and not plan.seen:
        longer = (
            f"let it last {_least(n, enough, settles) / n:.1f} times as long" if enough else "no length of time could"
        )
        return f"all that its users may ask in that time can never settle it, even when all goes well; {longer}"
    needed = f"at least {_least(n, enough, settles)} are needed" if enough else "no number of them could"
    return f"{n} requests can never settle it, even when all go well; {needed}"


def _least(too_few: int, enough: int, settles: Callable[[int], bool]) -> int:
    """The least number that settles it: more samples never settle less."""
    return too_few + 1 + bisect_left(range(too_few + 1, enough), True, key=settles)
