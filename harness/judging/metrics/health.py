"""Whether a health URL tells a hiccup from an outage: what it said while users were answered well, and while they were not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import GOOD, SENT, Ground
from harness.judging.metrics.base import Metric
from harness.judging.metrics.recovery_and_failover import worst
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, rate_per_s
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import pandas as pd

    from harness.judging.scoring.distributions import Bools, Floats

_LEAST_S, _FEWEST = 1.0, 5
"""Answers are looked at second by second, or so many at a time where fewer are due in one."""
_KNOWN_FOR = 2.0
"""So many times as long as until the next look was due, what a look said is taken to hold; nobody knows what was said after that."""


class _OfHealth(Metric):
    unit: ClassVar[str] = "s"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    of_requests: ClassVar[bool] = False
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    well: ClassVar[bool]
    failing: ClassVar[bool]

    def there(self, plan: Plan) -> bool:
        return plan.target.health is not None

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        return worst([interval for _, interval in self._of_urls(sample)]).wider(sample.run.clock_s)

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """Which entry's URL was the worst of several."""
        found = self._of_urls(sample)
        entry, longest = max(found, key=lambda one: one[1].value or 0.0, default=("", UNMEASURED))
        return f"at {entry}" if len(found) > 1 and longest.value else ""

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        health = plan.target.health
        if health is None:
            return f"target {plan.target.name!r} does not say which URL tells whether it is well (health)"
        if expectation.wants_low and expectation.limit < health.every:
            return f"a look every {health.every:g} s (health.every) can never settle it: nothing shorter than that can be seen"
        apart = health.of_each_entry and not {"entry", "region"} & {label for label, _ in expectation.selection.labels}
        per_s = rate_per_s(plan, expectation.selection) / (len(plan.target.entries_by_name) if apart else 1)
        window_s = max(_LEAST_S, _FEWEST / per_s)
        if expectation.wants_low and expectation.limit < window_s:
            return (
                f"answers are looked at {_FEWEST} at a time or more, here for {window_s:.1f} s, and nothing shorter can settle it; "
                "ask more often, or allow more"
            )
        return None

    def _of_urls(self, sample: Sample) -> list[tuple[str, Interval]]:
        """Of each health URL that was looked at of what was asked, by the name of its entry."""
        found: list[tuple[str, Interval]] = sample.once(
            self.name, lambda: [(entry, self._of(sample, looks, mine)) for entry, looks, mine in _urls(sample)]
        )
        return found

    def _of(self, sample: Sample, looks: pd.DataFrame, mine: Bools) -> Interval:
        """Over the *looks* at one URL, of what was asked the requests that are *mine*."""
        import numpy as np

        health = sample.run.plan.target.health
        if health is None:
            return UNMEASURED
        at_s, lasted_s = _lasted(sample, mine, failing=self.failing)
        start_s, said = looks["start_s"].to_numpy(), looks["healthy"].to_numpy(dtype=bool) == self.well
        # After the last look nobody knows what would have been said.
        next_s = np.append(start_s[1:], max(start_s[-1] + health.every, at_s[-1]))
        until_s = np.minimum(next_s, start_s + _KNOWN_FOR * health.every)
        begun_s, known_s, whole_s = (np.interp(times_s, at_s, lasted_s) for times_s in (start_s, until_s, next_s))
        again, unknown = np.append(said[1:], said[-1]), next_s > until_s
        value = (known_s - begun_s)[said].sum()
        low = (known_s - begun_s)[said & again & ~unknown].sum()
        high = (whole_s - begun_s)[said | again | unknown].sum()
        return Interval(float(value), float(low), float(high), said.size)


class HealthyWhileFailing(_OfHealth):
    """Seconds in which the health URL said healthy while less than half of the answers were good; of several URLs the worst.

    Answers belong to the second in which their request was due. What the URL says holds from one look to the next, as for a load balancer;
    the interval has room for when between two looks it changed its mind.
    """

    name: ClassVar[str] = "healthy_while_failing_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (SENT,)
    needs: ClassVar[Known] = "requests"
    title: ClassVar[str] = "Healthy while failing"
    about: ClassVar[str] = "in which the health URL said healthy while less than half of the answers were good"
    broken_first: ClassVar[int] = 30
    held_first: ClassVar[int] = 62
    well: ClassVar[bool] = True
    failing: ClassVar[bool] = True

    def broken(self, said: Said) -> str:
        told = f"the health URL said healthy for {said.value}{said.where} while less than half of the answers were good"
        return f"{told}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"the health URL never said healthy{said.where} while less than half of the answers were good"
        return f"the health URL said healthy for {said.value}{said.where} while less than half of the answers were good"


class UnhealthyWhileServing(_OfHealth):
    """Seconds in which the health URL did not say healthy while half of the answers or more were good; of several URLs the worst.

    Counted as `healthy_while_failing_s` is. A hiccup that is taken for an outage is some of it: a load balancer sends nobody there then.
    """

    name: ClassVar[str] = "unhealthy_while_serving_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (GOOD,)
    needs: ClassVar[Known] = "requests"
    title: ClassVar[str] = "Unhealthy while serving"
    about: ClassVar[str] = "in which the health URL did not say healthy while half of the answers or more were good"
    broken_first: ClassVar[int] = 31
    held_first: ClassVar[int] = 63
    well: ClassVar[bool] = False
    failing: ClassVar[bool] = False

    def broken(self, said: Said) -> str:
        told = f"the health URL did not say healthy for {said.value}{said.where} while half of the answers or more were good"
        return f"{told}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"the health URL said healthy{said.where} whenever half of the answers or more were good"
        return f"the health URL did not say healthy for {said.value}{said.where} while half of the answers or more were good"


def _urls(sample: Sample) -> Iterator[tuple[str, pd.DataFrame, Bools]]:
    """Each health URL of what was asked by its entry: the looks at it, and which of the sample's requests it is for."""
    import numpy as np

    every = sample.run.health_checks
    if every is None:
        return
    asked = sample.words("entry")
    for name, looks in every.sort_values("start_s").groupby("entry", sort=False):
        entry = str(name)
        mine: Bools = asked == entry if entry else np.ones(len(asked), np.bool_)
        if mine.any():
            yield entry, looks, mine


def _lasted(sample: Sample, mine: Bools, *, failing: bool) -> tuple[Floats, Floats]:
    """For how long, until each of several instants, less than half of the answers to *mine* were good; not *failing*: half or more."""
    import numpy as np

    order = np.flatnonzero(mine)[np.argsort(sample.column("due_s")[mine], kind="stable")]
    due_s, good, end_s = (sample.column(name)[order] for name in ("due_s", "good", "end_s"))
    end_s = np.where(np.isnan(end_s), due_s + sample.run.plan.scenario.load.deadline, end_s)
    open_until_s = np.append(-np.inf, np.maximum.accumulate(end_s))
    at_s, lasted_s = [np.zeros(1)], [np.zeros(1)]
    for span in sample.spans:
        inside = (span.start_s <= due_s) & (due_s < span.end_s)
        many = max(1, min(int((span.end_s - span.start_s) / _LEAST_S), int(inside.sum()) // _FEWEST))
        edges_s = np.linspace(span.start_s, span.end_s, many + 1)
        came, well = (np.histogram(due_s[which], edges_s)[0] for which in (inside, inside & good))
        # Users who wait for an answer ask nothing meanwhile: until it comes, they are served as those were who asked last.
        for place in np.flatnonzero((came == 0) & (open_until_s[np.searchsorted(due_s, edges_s[:-1])] > edges_s[:-1])):
            if place:
                came[place], well[place] = came[place - 1], well[place - 1]
        so = 2 * well < came if failing else (2 * well >= came) & (came > 0)
        at_s.append(edges_s)
        lasted_s.append(lasted_s[-1][-1] + np.append(0.0, np.cumsum(so * np.diff(edges_s))))
    return np.concatenate(at_s), np.concatenate(lasted_s)
