"""How often what is broken is still asked while it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.by_time import started
from harness.judging.grounds import GOOD_UNDER_FAULTS, Ground
from harness.judging.metrics.base import Metric, measured
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, pick
from harness.planning.plan import Plan
from harness.planning.windows import Window
from harness.reading.expectation import Expectation
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Breakdown


class ProbesPerS(Metric):
    """Attempts a second on the links that a fault lies on, from `good.within` after it began until it ends, whoever they are made for.

    A service needs a moment to notice, and that is not counted. What asks a link that is down in order to find out whether it is back is a
    probe; so is every request that is still sent there.
    """

    name: ClassVar[str] = "probes_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (GOOD_UNDER_FAULTS,)
    needs: ClassVar[Known] = "attempts"
    unit: ClassVar[str] = "attempts per second"
    phased: ClassVar[bool] = False
    windowed: ClassVar[bool] = True
    of_requests: ClassVar[bool] = False
    title: ClassVar[str] = "Probes"
    about: ClassVar[str] = "attempts a second on what was broken, while it was"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    broken_first: ClassVar[int] = 40
    held_first: ClassVar[int] = 45

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _rate(sample.run, sample.windows))
        return interval

    def in_windows(self, sample: Sample) -> list[tuple[str, Interval]]:
        return [(window.name, _rate(sample.run, [window])) for window in sample.windows if window.name]

    def by(self, evidence: Evidence) -> Breakdown:
        from harness.judging.result import Breakdown

        windows = pick(evidence).windows
        links = {link for window in windows for link in _broken(evidence.plan, window)}
        ordered = [name for name in evidence.plan.target.links if name in links]
        return Breakdown(
            window=super().by(evidence).window,
            link={name: measured(_rate(evidence, windows, {name})) for name in ordered},
        )

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        after = expectation.selection.after
        windows = plan.windows_of(after) if after else plan.windows
        if (why := no_http(plan)) is not None:
            return why
        if not any(_broken(plan, window) for window in windows):
            return "no fault lies on a link that carries HTTP, so there is nothing that could still be asked"
        if names := [d.id for d in plan.hiding]:
            return f"{', '.join(names)} leaves nobody listening, and an attempt that is refused leaves no trace: it would be unmeasured"
        if not any(window.lasted_s > plan.scenario.good.within for window in windows):
            return f"no fault lasts longer than the {plan.scenario.good.within:g} s (good.within) that a service has to notice it"
        return None

    def broken(self, said: Said) -> str:
        return f"what was broken was still asked {said.value}{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"what was broken was not asked while it was{said.where}"
        return f"what was broken was asked {said.value} while it was{said.where}"


def _broken(plan: Plan, window: Window) -> set[str]:
    """Names of the HTTP links on which a fault of *window* lies."""
    links = {link for d in plan.disturbances if d.id in window.faults for link in d.broken}
    return {link for link in links if plan.target.links[link].carries == "http"}


def _rate(run: Evidence, windows: Sequence[Window], only: set[str] | None = None) -> Interval:
    """Attempts a second on what is broken in *windows*, each from when a service had time to notice; of *only* these links, if said."""
    import numpy as np

    from harness.judging.scoring.counts import rate_a_run

    watched = [(start_s, end_s, links) for start_s, end_s, links in _watched(run, windows, only) if links]
    lasted_s = sum(end_s - start_s for start_s, end_s, _ in watched)
    if not lasted_s or run.plan.hiding or not len(run.attempt_table):
        return UNMEASURED
    asked = np.unique(np.concatenate([_asked(run, start_s, end_s, links) for start_s, end_s, links in watched]))
    request = run.column("attempts", "request")[asked]
    # Those for one request come together, and those for none by themselves.
    together = np.r_[np.unique(request[request >= 0], return_counts=True)[1], np.ones(int((request < 0).sum()))]
    counted = rate_a_run(together, ceil(lasted_s))
    value = counted.value or 0.0
    return Interval(value / lasted_s, counted.low / lasted_s, counted.high / lasted_s, counted.n)


def _watched(
    run: Evidence, windows: Sequence[Window], only: set[str] | None
) -> Iterator[tuple[float, float, set[str]]]:
    """From when to when each of *windows* is watched, and on which links."""
    for window in windows:
        links = _broken(run.plan, window)
        start_s = window.start_s + run.plan.scenario.good.within
        if start_s < window.end_s:
            yield start_s, window.end_s, links if only is None else links & only


def _asked(run: Evidence, start_s: float, end_s: float, links: set[str]) -> npt.NDArray[np.intp]:
    """The attempts on *links* that began from *start_s* to *end_s*."""
    places = started(run).places(start_s, end_s)
    return places[run.words("attempts", "link")[places].isin(links)]
