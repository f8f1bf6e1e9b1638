"""Whether one thing is better or worse than another, or the same within a margin, by runs of both in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb, floor, hypot, inf, isfinite, log
from typing import Literal

from harness.judging.comparison import BETWEEN_RUNS_LEAST, BETWEEN_RUNS_RATIO, COUNTS
from harness.judging.trials.claims import PRIOR_TRIALS, Estimate, Side, estimate, most
from harness.judging.trials.family import Adjusted, Asserted, adjusted, foreseen
from harness.judging.trials.outlook import POWER, chance_to_come
from harness.judging.trials.policy import LEAST, MISSING_MOST, SHOWING, Because, Policy, Showing
from harness.judging.trials.scale import Scale
from harness.judging.trials.trial import Trial, Value, limited
from harness.reading.expectation import Expectation, Verdict

Better = Literal["lower", "higher"]
State = Literal["better", "same", "worse", "unknown"]
Claim = Literal["worse", "not worse", "better", "not better"]
_BOTH_WAYS: tuple[Claim, Claim] = ("worse", "better")
Pair = tuple[Trial, Trial]
"""A run of the base, and one of the head with the same seed."""
_NEAR_NOTHING = 2.0  # times what is small in a unit: below that a ratio says nothing


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One number of both things.

    *change* is head / base where *as_ratio*, else head - base, and lies in [*low*, *high*]; None where that is open.

    *margin* is the change from which on it counts as worse. *p* is the chance of such runs if it were no worse than that, adjusted for all
    metrics and looks. *not_worse*: it is shown that it is no worse than the margin allows (non-inferiority), be it the same or better.
    *detectable* is the change for the worse that would have been told four times of five. *appeared*: runs of the head in which something
    happened that did in no run of the base, so that it is not the same, however small its number.
    """

    metric: str
    unit: str
    better: Better
    base: float | None
    head: float | None
    as_ratio: bool
    change: float | None
    low: float | None
    high: float | None
    margin: float | None
    state: State
    not_worse: bool
    n: int
    missing: int
    p: float
    detectable: float | None
    appeared: int = 0


@dataclass(frozen=True, slots=True)
class PairsStanding:
    """What *n* pairs that count came to, of at most *most*: fail where a metric is worse, pass where each is shown not to be.

    *decided*: no further pair is needed, and *because* says why. *not_counted*: runs of pairs of which one says nothing of its service.
    """

    verdict: Verdict
    decided: bool
    because: Because
    n: int
    most: int
    each: tuple[ComparedMetric, ...]
    not_counted: tuple[str, ...] = ()


def compared(pairs: Sequence[Pair], metrics: Mapping[str, Better], policy: Policy | None = None) -> PairsStanding:
    """*pairs* of one run of the base and one of the head, by *metrics* with the way in which each is better.

    A metric is worse where it is shown to be worse than by the margin, over all metrics (`adjusted`) and looks (`Policy.level`) wrong no
    more often than the error rate; better likewise; the same where both are shown not to be (two one-sided tests, Schuirmann 1987). Else it
    is unknown. The two things may differ in how much their runs differ (Welch 1947). Raises ValueError where there is no metric.
    """
    policy = policy or Policy()
    if not metrics:
        raise ValueError("nothing to compare; name a metric, such as recovery_time_s")
    every = [pair for pair in pairs if all(one.counts for one in pair)]
    both = [_Both(name, way, tuple(every), policy) for name, way in metrics.items()]
    red, green = (policy.level(len(every), showing) for showing in SHOWING)
    worse, better = (adjusted([one.asserted(claim) for one in both], red) for claim in _BOTH_WAYS)
    each = tuple(one.told(p, q, (red, green)) for one, p, q in zip(both, worse, better, strict=True))
    states = [one.state for one in each]
    verdict: Verdict = "fail" if "worse" in states else "pass" if all(one.not_worse for one in each) else "inconclusive"
    because = policy.because(verdict, len(every), lambda: _chance_to_come(both, policy, len(every)))
    return PairsStanding(
        verdict=verdict,
        decided=bool(because),
        because=because,
        n=len(every),
        most=policy.most,
        each=each,
        not_counted=tuple(one.run_id for pair in pairs for one in pair if pair not in every),
    )


def of_expectations(expectations: Sequence[Expectation]) -> dict[str, Better]:
    """What *expectations* limit, as what to compare, with the way in which each is better."""
    return {limited(one): "lower" if one.wants_low else "higher" for one in expectations}


def _chance_to_come(both: Sequence[_Both], policy: Policy, n: int) -> float:
    """That of a verdict by the last pair: green takes all metrics, red one."""
    worse = [one.asserted("worse") for one in both]
    family = foreseen(worse, n, policy.most, policy.level(policy.most, "red"))
    green = min(one.chance_to_come("not worse", "green") for one in both)
    return green + max(one.chance_to_come("worse", "red", family) for one in both)


@dataclass(frozen=True)
class _Both:
    """One metric and what all pairs say of it; on the scale of its unit, head less base."""

    metric: str
    better: Better
    pairs: tuple[Pair, ...]
    policy: Policy

    @cached_property
    def values(self) -> tuple[list[Value], list[Value]]:
        """Of the pairs in which both measured it."""
        found = [(base.values.get(self.metric), head.values.get(self.metric)) for base, head in self.pairs]
        whole = [(b, h) for b, h in found if b and h and b.value is not None and h.value is not None]
        return [base for base, _ in whole], [head for _, head in whole]

    @property
    def n(self) -> int:
        return len(self.values[0])

    @property
    def unit(self) -> str:
        return self.values[0][0].unit if self.n else ""

    @cached_property
    def scale(self) -> Scale:
        return Scale(self.unit, max((one.value or 0.0 for of in self.values for one in of), default=1.0))

    @property
    def margin(self) -> float:
        """On the scale."""
        return log(self.policy.margin) / BETWEEN_RUNS_RATIO

    def towards(self, side: Side) -> Estimate:
        """Head less base, for a claim that this is on *side* of something (Welch 1947, Satterthwaite 1946)."""
        other: Side = "above" if side == "below" else "below"
        # What is known of how runs differ is known once, and not once for each of the two.
        base, head = (
            estimate(of, self.scale, way, PRIOR_TRIALS / 2) for of, way in zip(self.values, (other, side), strict=True)
        )
        off = hypot(base.off, head.off)
        if not isfinite(off) or self.n < LEAST:
            return Estimate(head.mean - base.mean, inf, 0.0, self.n)
        freedom = off**4 / (base.off**4 / base.freedom + head.off**4 / head.freedom)
        # To the careful side, so that few of them are reckoned with.
        return Estimate(head.mean - base.mean, off, floor(freedom * 10) / 10, self.n)

    @cached_property
    def _estimates(self) -> dict[Side, Estimate]:
        return {"below": self.towards("below"), "above": self.towards("above")}

    def _claim(self, claim: Claim) -> tuple[Estimate, Side, float]:
        """What is known for *claim*, and on which side of what head less base has to be shown to be."""
        up = (claim in ("worse", "not better")) == (self.better == "lower")
        side: Side = "above" if up else "below"
        worse_is_up = self.better == "lower"
        about_worse = claim in ("worse", "not worse")
        return self._estimates[side], side, self.margin if about_worse == worse_is_up else -self.margin

    def chance_of_error(self, claim: Claim) -> float:
        """How often runs would say as much for *claim* if it were wrong."""
        found, side, limit = self._claim(claim)
        by_number = found.chance_of_error(side, limit)
        if not self.appeared:
            return by_number
        if claim == "not worse":
            return 1.0
        if claim == "worse":
            # That all of them fall to the head, if each could as well have been the base's (Fisher 1935).
            return min(1.0, 2 * min(by_number, comb(self.n, self.appeared) / comb(2 * self.n, self.appeared)))
        return by_number

    def asserted(self, claim: Claim) -> Asserted:
        """*claim* as one among others."""
        found, side, limit = self._claim(claim)
        other: Side = "below" if side == "above" else "above"
        wrong = [one.away(other, limit) for one in self._estimates.values()]
        chance = self.chance_of_error(claim)
        if self.appeared or None in wrong:
            return Asserted(chance)
        return Asserted(chance, min(away for away in wrong if away is not None), found.freedom)

    @cached_property
    def appeared(self) -> int:
        """Runs of the head in which something happened that did in none of the base: one of what is counted, or a relapse."""
        base, head = (sum(map(self._happened, of)) for of in self.values)
        return 0 if base else head

    def _happened(self, value: Value) -> bool:
        counted = self.better == "lower" and value.unit in COUNTS and value.exact and value.value != 0
        return counted or value.at_best == "fail"

    def chance_to_come(self, claim: Claim, showing: Showing, family: float = 1.0) -> float:
        """The chance that *claim* is shown by the last pair."""
        if self.appeared:
            return float(claim == "worse")
        found, side, limit = self._claim(claim)
        return chance_to_come(found, side, limit, self.policy, showing, family)

    def told(self, worse: Adjusted, better: Adjusted, levels: tuple[float, float]) -> ComparedMetric:
        """What came of it, at the *levels* of red and of green; *worse* and *better* are chances of error among all metrics."""
        red, green = levels
        enough = green > 0 and self.missing <= MISSING_MOST * len(self.pairs)
        is_worse, is_better = red > 0 and worse.chance <= red, red > 0 and better.chance <= red
        not_worse = enough and self.chance_of_error("not worse") <= green
        same = not_worse and self.chance_of_error("not better") <= green
        strict = red / worse.size
        ends = (strict, green) if self.better == "lower" else (green, strict)
        return ComparedMetric(
            metric=self.metric,
            unit=self.unit,
            better=self.better,
            base=self.base,
            head=self.scale.value(self._head_at) if self.n else None,
            as_ratio=self.as_ratio,
            **self._changes(*ends),
            state="worse" if is_worse else "better" if is_better else "same" if same else "unknown",
            not_worse=not_worse,
            n=self.n,
            missing=self.missing,
            p=min(1.0, worse.chance * self.policy.error_rate / red) if red else 1.0,
            detectable=self._change(self._detectable(strict)),
            appeared=self.appeared,
        )

    @property
    def missing(self) -> int:
        return len(self.pairs) - self.n

    @cached_property
    def base(self) -> float | None:
        """The typical value of the base."""
        return self.scale.value(self._base_at) if self.n else None

    @cached_property
    def as_ratio(self) -> bool:
        """Whether a ratio says something: not of shares and counts, nor of what is next to nothing."""
        small = _NEAR_NOTHING * BETWEEN_RUNS_LEAST.get(self.unit, 0.0)
        return self.unit != "ratio" and self.unit not in COUNTS and self.base is not None and self.base > small

    @cached_property
    def _base_at(self) -> float:
        return estimate(self.values[0], self.scale, "below").mean

    @property
    def _head_at(self) -> float:
        return self._base_at + self._estimates["below"].mean

    def _detectable(self, level: float) -> float:
        """On the scale, as head less base."""
        found, side, limit = self._claim("worse")
        away = found.reach(level) + found.reach(1 - POWER)
        return limit + (away if side == "above" else -away)

    def _changes(self, low: float, high: float) -> dict[str, float | None]:
        """The change with the ends of its interval, each with its chance of error, and the margin."""
        above, below = self._estimates["above"], self._estimates["below"]
        margin = self.margin if self.better == "lower" else -self.margin
        return {
            "change": self._change(above.mean),
            "low": self._change(above.mean - above.reach(low)),
            "high": self._change(below.mean + below.reach(high)),
            "margin": self._change(margin),
        }

    def _change(self, difference: float) -> float | None:
        """What *difference* on the scale is to a person; None where it is endless."""
        if not self.n or self.base is None or not isfinite(difference):
            return None
        least = self.values[0][0].least
        head = min(most(self.unit), max(least, self.scale.value(self._base_at + difference)))
        return head / self.base if self.as_ratio else head - self.base
