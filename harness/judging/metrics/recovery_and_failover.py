"""How long it took until answers were good again: after the fault had ended, and while it lasted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.metrics.base import Metric, measured
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample, planned, rate_per_s
from harness.judging.scoring.band import band, hold, shown
from harness.planning.plan import Plan
from harness.planning.windows import Window, merged
from harness.reading import quantities
from harness.reading.expectation import Expectation, Selection, Verdict
from harness.reading.scenario import Known
from harness.record.kept import CHEAP

if TYPE_CHECKING:
    from harness.judging.result import Measured
    from harness.judging.scoring.clumps import Clumps
    from harness.judging.scoring.distributions import Bools, Floats
    from harness.judging.scoring.recovery import Recovery, Relapse


class Settling(Metric):
    """A time that each window has; the worst one counts."""

    unit: ClassVar[str] = "s"
    phased: ClassVar[bool] = False
    windowed: ClassVar[bool] = True
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        return worst([interval for _, interval in self.judged(sample)])

    @abstractmethod
    def estimates(self, sample: Sample) -> list[tuple[Window, Recovery | None]]:
        """The whole estimate of each window, or trouble; None where nothing was observed."""

    def judged(self, sample: Sample) -> list[tuple[Window, Interval]]:
        """What is held against a limit: a time for each window, or trouble."""
        return [(window, found.interval if found else UNMEASURED) for window, found in self.estimates(sample)]

    def in_windows(self, sample: Sample) -> list[tuple[str, Interval]]:
        return [(window.name, interval) for window, interval in self.judged(sample) if window.name]

    def remark(self, sample: Sample, part: str | None = None) -> str:
        found = self.estimates(sample)
        told = [(window.name, _story(one, self.settled)) for window, one in found]
        stories = [f"{name}: {story}" if len(found) > 1 else story for name, story in told if story]
        return "; ".join([*stories, *_of_the_baseline(sample, [one for _, one in found])])

    def at_best(self, sample: Sample) -> Verdict:
        return _worst_at_best([found for _, found in self.estimates(sample)])

    def unsure(self, plan: Plan, expectation: Expectation) -> str | None:
        return short_baseline(plan, expectation)

    def where(self, sample: Sample) -> str | None:
        judged = [(window, interval) for window, interval in self.judged(sample) if interval.value is not None]
        if len(judged) < 2 or not any(interval.value for _, interval in judged):
            return None
        return max(judged, key=lambda pair: (pair[1].value or 0.0, pair[1].high))[0].name


class RecoveryTime(Settling):
    """Seconds from the end of a trouble until answers were good again and stayed so; censored when the run ended first.

    Windows that follow one another too fast for answers to be held good between them are one trouble, which ends with the last.
    """

    name: ClassVar[str] = "recovery_time_s"
    needs: ClassVar[Known] = "requests"
    probes_least_per_s: ClassVar[float] = 1.0
    title: ClassVar[str] = "Recovery time"
    about: ClassVar[str] = "from the end of the fault until answers were good again and stayed so"
    broken_first: ClassVar[int] = 10
    held_first: ClassVar[int] = 60
    settled: ClassVar[str] = "recovered"

    def estimates(self, sample: Sample) -> list[tuple[Window, Recovery | None]]:
        return recoveries(sample)

    def in_windows(self, sample: Sample) -> list[tuple[str, Interval]]:
        told = dict(super().in_windows(sample))
        for window in sample.windows:
            if window.name and window.name not in told:
                recovery = _recovery(sample, window)
                told[window.name] = recovery.interval if recovery else UNMEASURED
        return list(told.items())

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return too_little_after(plan, expectation)

    def also(self, whole: Sample) -> dict[str, Measured]:
        found = [recovery for _, recovery in self.estimates(whole) if recovery is not None]
        if not found:
            return {}
        return {
            "relapses": measured(counted(found)),
            # Good requests lost after the fault, in seconds of full outage.
            "lost_s": measured(Interval(sum(one.area_s for one in found), n=sum(one.interval.n for one in found))),
        }

    def broken(self, said: Said) -> str:
        if said.censored:
            return f"{said.value} after {said.fault} had ended, answers{said.where} had still not recovered; the limit is {said.limit}"
        return (
            f"after {said.fault} had ended, answers{said.where} took {said.value} to recover; the limit is {said.limit}"
        )

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"answers{said.where} were good from the moment {said.fault} had ended"
        return f"answers{said.where} were good again {said.value} after {said.fault} had ended"


class FailoverTime(Settling):
    """Seconds from the start of a fault until answers were good while it lasted; censored when it ended first."""

    name: ClassVar[str] = "failover_time_s"
    needs: ClassVar[Known] = "requests"
    probes_least_per_s: ClassVar[float] = 1.0
    title: ClassVar[str] = "Failover time"
    about: ClassVar[str] = "from the start of the fault until answers were good while it lasted"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    broken_first: ClassVar[int] = 60
    held_first: ClassVar[int] = 20
    settled: ClassVar[str] = "failed over"
    counted_from: ClassVar[Literal["start", "end"]] = "start"

    def estimates(self, sample: Sample) -> list[tuple[Window, Recovery | None]]:
        found: list[tuple[Window, Recovery | None]] = sample.once(
            self.name, lambda: [(window, _failover(sample, window)) for window in sample.windows]
        )
        return found

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        found = windows(plan, expectation.selection)
        if not found:
            return _NO_WINDOW
        if len(found) > 1:
            # In one that is too short for the limit, to have stayed good settles it.
            return _too_seldom(plan, expectation)
        where = f"of {found[0].name}" if expectation.selection.after else "of fault (phases.fault)"
        return _too_seldom(plan, expectation) or _too_short(
            expectation, found[0].lasted_s, _hold_of(plan, expectation), where
        )

    def broken(self, said: Said) -> str:
        if said.censored:
            told = f"in the {said.value} that {said.fault} lasted, answers{said.where} did not become good again"
        else:
            told = f"it took {said.value} until answers{said.where} were good again while {said.fault} lasted"
        return f"{told}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        if said.number == 0:
            return f"answers{said.where} stayed good when {said.fault} began"
        return f"answers{said.where} were good again {said.value} into {said.fault}"


class Relapses(Metric):
    """How often answers went bad once more after they had recovered, for longer than the baseline explains."""

    name: ClassVar[str] = "relapses"
    needs: ClassVar[Known] = "requests"
    probes_least_per_s: ClassVar[float] = 1.0
    unit: ClassVar[str] = "times"
    phased: ClassVar[bool] = False
    windowed: ClassVar[bool] = True
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Relapses"
    about: ClassVar[str] = "times that answers went bad again after they had recovered"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    broken_first: ClassVar[int] = 15
    held_first: ClassVar[int] = 70

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        found = [recovery for _, recovery in recoveries(sample)]
        known = [recovery for recovery in found if recovery is not None]
        return counted(known) if known and len(known) == len(found) else UNMEASURED

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        last = next(reversed(windows(plan, expectation.selection)), None)
        if last is None:
            return _NO_WINDOW
        after_s, hold_s = min(last.next_s, plan.total_s) - last.end_s, _hold_of(plan, expectation)
        if after_s > hold_s:
            return None
        return f"{after_s:g} s after the fault (phases.recovery) can never settle it: only what is good for {hold_s:g} s can relapse"

    def unsure(self, plan: Plan, expectation: Expectation) -> str | None:
        return short_baseline(plan, expectation)

    def remark(self, sample: Sample, part: str | None = None) -> str:
        return RecoveryTime().remark(sample)

    def broken(self, said: Said) -> str:
        may = "they should stay good" if said.bound == 0 else f"the limit is {said.limit}"
        return f"after they had recovered, answers{said.where} went bad again {_times(said.number)}; {may}"

    def held(self, said: Said) -> str:
        again = f"went bad again {_times(said.number)}" if said.number else "stayed good"
        return f"after they had recovered, answers{said.where} {again}"


def _times(number: float) -> str:
    return "once" if number == 1 else f"{number:g} times"


def too_little_after(plan: Plan, expectation: Expectation) -> str | None:
    """Why *plan* watches too little after the end of a fault for *expectation* on a time from there; None where it watches enough."""
    last = next(reversed(windows(plan, expectation.selection)), None)
    if last is None:
        return _NO_WINDOW
    within = last.next_s < plan.total_s
    where = f"after {last.name}, until the next fault begins," if within else "after the fault (phases.recovery)"
    available_s = min(last.next_s, plan.total_s) - last.end_s
    return _too_seldom(plan, expectation) or _too_short(expectation, available_s, _hold_of(plan, expectation), where)


def recoveries(sample: Sample) -> list[tuple[Window, Recovery | None]]:
    """The whole estimate of each trouble; None where nothing was observed after it."""
    found: list[tuple[Window, Recovery | None]] = sample.once(
        "recoveries", lambda: [(trouble, _recovery(sample, trouble)) for trouble in troubles(sample)]
    )
    return found


def counted(found: Sequence[Recovery]) -> Interval:
    """How many relapses there were: at least those that are certain. Before a recovery there is none to be counted."""
    if any(one.state != "recovered" for one in found):
        return UNMEASURED
    weights = [relapse.weight for one in found for relapse in one.relapses]
    certain, possible = weights.count("certain"), weights.count("possible")
    n = sum(one.interval.n for one in found)
    return Interval(float(certain + possible), float(certain), float(certain + possible), n)


def _worst_at_best(found: Sequence[Recovery | None]) -> Verdict:
    """A relapse spoils a pass, one that may be the service's own leaves it open, and a blip is only told."""
    weights = {relapse.weight for one in found if one for relapse in one.relapses}
    return "fail" if "certain" in weights else "inconclusive" if "possible" in weights else "pass"


def _story(found: Recovery | None, verb: str) -> str:
    """``recovered after 1.0 s, relapsed at 11.0 s for 4.0 s``; nothing where the number says it all."""
    if found is None or found.interval.value is None or found.state == "not_recovered":
        return ""
    again = [_told(relapse) for relapse in found.relapses]
    if found.state == "unclear":
        return ", ".join([_why_unclear(found), *again])
    began = f"{verb} after {found.interval.value:.1f} s" if found.interval.value else f"{verb} at once"
    return ", ".join([began, *again]) if again else ""


def _why_unclear(found: Recovery) -> str:
    if found.interval.censored:
        return f"answers may have been good again from {found.interval.low:.1f} s on, and were not seen to stay so"
    return "answers were hardly as good as the band asks for"


def _told(relapse: Relapse) -> str:
    when = f"at {relapse.at_s:.1f} s for {relapse.length_s:.1f} s"
    match relapse.weight:
        case "certain":
            return f"relapsed {when}"
        case "possible":
            return f"bad again {when}, which the service may be of itself"
        case _:
            return f"a blip {when}"


_NO_WINDOW = "there is no phase between baseline and recovery, so nothing is broken that it could be counted from"


def worst(intervals: Sequence[Interval]) -> Interval:
    """What is known of the greatest of several times; nothing where one of them was not measured."""
    if not intervals or any(interval.value is None for interval in intervals):
        return UNMEASURED
    last = max(intervals, key=lambda interval: (interval.value or 0.0, interval.high))
    low, high = max(interval.low for interval in intervals), max(interval.high for interval in intervals)
    return Interval(last.value, low, high, sum(interval.n for interval in intervals), last.censored)


def troubles(sample: Sample) -> tuple[Window, ...]:
    """The windows of *sample*, those as one between which answers cannot be held good for the hold."""
    return merged(sample.windows, _hold(sample)) if len(sample.windows) > 1 else sample.windows


def windows(plan: Plan, selection: Selection) -> tuple[Window, ...]:
    """The windows of *plan*, or the one of the fault that *selection* names."""
    return plan.windows_of(selection.after) if selection.after else plan.windows


def _recovery(sample: Sample, window: Window) -> Recovery | None:
    from harness.judging.scoring.recovery import recovery_time

    until_s = min(sample.run.observed_until_s, window.next_s)
    due_s, good = _in_order(sample)
    if not due_s.size or due_s[0] >= window.next_s or until_s <= window.end_s:
        return None
    rows = slice(*due_s.searchsorted((window.start_s, window.next_s)).tolist())
    return _read(
        sample,
        lambda least: recovery_time(
            due_s[rows],
            good[rows],
            fault_start_s=window.start_s,
            fault_end_s=window.end_s,
            observed_until_s=until_s,
            band=least,
            hold_s=_hold(sample),
            own=_own(sample),
            end_uncertainty_s=window.end_uncertainty_s,
        ),
    )


def _failover(sample: Sample, window: Window) -> Recovery | None:
    from harness.judging.scoring.recovery import failover_time

    hold_s = _hold(sample)
    due_s, good = _in_order(sample)
    if not due_s.size:
        return None
    rows = slice(*due_s.searchsorted((window.start_s, window.end_s)).tolist())
    return _read(
        sample,
        lambda least: failover_time(
            due_s[rows],
            good[rows],
            fault_start_s=window.start_s,
            fault_end_s=window.end_s,
            band=least,
            # A window that is over before the hold is can show no more than that answers are good for half of it.
            hold_s=hold_s if window.lasted_s > hold_s else window.lasted_s / 2,
            own=_own(sample),
        ),
    )


def _in_order(sample: Sample) -> tuple[Floats, Bools]:
    """When each of the requests was due, and whether it was good, in that order: of many windows each has but its own rows to look at."""
    from harness.judging.scoring.settling import in_order

    rows: tuple[Floats, Bools] = sample.once(
        "in order", lambda: in_order(sample.read("due_s"), sample.read("good")), CHEAP
    )
    return rows


def _read(sample: Sample, by: Callable[[float], Recovery]) -> Recovery | None:
    """What the rows show *by* the least good ratio that counts as well; None where there is nothing that the service could return to."""
    good, ratio = sample.baseline.column("good"), sample.run.plan.scenario.good.ratio
    if _was_never_well(sample):
        return None
    return on_two_clocks(by_either(by, band(int(good.sum()), good.size, ratio), ratio, good.size, ratio), sample)


def by_either(by: Callable[[float], Recovery], least: float, strictest: float, n: int, ratio: float) -> Recovery:
    """What the rows show *by* the *least* share that counts as well.

    A baseline of *n* requests that is too short to show that the service is as good as *ratio* allows any share up to the *strictest*.
    """
    found = by(least)
    return found if shown(n, ratio) else found.or_as(by(strictest))


def on_two_clocks(found: Recovery, sample: Sample) -> Recovery:
    """*found*, of which the fault is on the clock of the run, and each request on that of its worker."""
    return replace(found, interval=found.interval.wider(sample.run.clock_s))


def _was_never_well(sample: Sample) -> bool:
    """Whether those that were picked were worse in the baseline than the scenario asks for: there is nothing that they could return to."""
    from harness.judging.scoring.good_ratio import good_ratio

    baseline = sample.baseline
    before: Interval = baseline.once("good", lambda: good_ratio(baseline.read("due_s"), baseline.read("good")))
    return before.value is not None and before.high < sample.run.plan.scenario.good.ratio


def short_baseline(plan: Plan, expectation: Expectation) -> str | None:
    """That the baseline of *plan* has too few requests of the kind that is expected of for showing how good the service is when well."""
    n, ratio = planned(plan, Selection("baseline", expectation.selection.labels)), plan.scenario.good.ratio
    if not n or shown(n, ratio):
        return None
    enough = next(number for number in range(n, 10**6) if shown(number, ratio))
    return (
        f"{n} requests are due in the baseline, and {enough} are needed to show how good the service is when it is well; "
        "where answers come back only in part the verdict will be inconclusive"
    )


def _of_the_baseline(sample: Sample, found: Sequence[Recovery | None]) -> Iterator[str]:
    """What the baseline does not show, where that keeps a time from being known."""
    good, ratio = sample.baseline.column("good"), sample.run.plan.scenario.good.ratio
    if _was_never_well(sample):
        was, asked = quantities.share(float(good.mean()), ratio), quantities.share(ratio)
        yield f"{was} were good in the baseline, and good.ratio asks for {asked}: nothing to return to"
    elif any(one and one.state == "unclear" for one in found) and not shown(good.size, ratio):
        many = f"{good.size} requests" if good.size > 1 else "one request"
        yield f"the baseline has {many}, too few to show how good the service is when it is well"


def _own(sample: Sample) -> Clumps:
    """The clumps in which the service fails when nothing is broken."""
    from harness.judging.scoring.recovery import own_clumps

    baseline = sample.baseline
    own: Clumps = baseline.once("own clumps", lambda: own_clumps(baseline.read("due_s"), baseline.read("good")))
    return own


def _hold(sample: Sample) -> float:
    return hold(sample.rate_per_s, sample.run.plan.scenario.good.within)


def _hold_of(plan: Plan, expectation: Expectation) -> float:
    return hold(rate_per_s(plan, expectation.selection), plan.scenario.good.within)


def _too_seldom(plan: Plan, expectation: Expectation) -> str | None:
    """Between two requests nobody can know that answers were good."""
    gap_s = 1 / rate_per_s(plan, expectation.selection)
    if not expectation.wants_low or expectation.limit > gap_s:
        return None
    return f"one request in {gap_s:g} s can never settle it: no time shorter than that can be seen"


def _too_short(expectation: Expectation, available_s: float, hold_s: float, where: str) -> str | None:
    if round(expectation.limit + hold_s - available_s, 9) <= 0:
        return None
    return f"{available_s:g} s {where} can never settle it: {expectation.limit:g} s and {hold_s:g} s in which answers stay good are needed"
