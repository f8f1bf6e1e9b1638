"""Whether a thing holds what is expected of it, by several runs of it: pass, fail or not known, and whether further runs could tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.interval import Interval
from harness.judging.comparison import COUNTS
from harness.judging.metrics import metrics
from harness.judging.trials.claims import Estimate, Side, by_chance, ends, estimate
from harness.judging.trials.family import Adjusted, Asserted, adjusted, foreseen, least_size
from harness.judging.trials.outlook import Detectable, chance_to_come, detectable, least, seen_once
from harness.judging.trials.policy import LEAST, MISSING_MOST, SHOWING, Because, Policy, Showing
from harness.judging.trials.scale import Scale
from harness.judging.trials.trial import Trial, Value, counted
from harness.reading.expectation import Expectation, Verdict

RUN_WRONG = 0.025
"""Of the runs of a service that nobody touches, the share that may be said to relapse (``docs/operating-characteristics.md``)."""


@dataclass(frozen=True, slots=True)
class Held:
    """One expectation over all trials.

    *value* is the typical one, and lies in [*low*, *high*]; None where there is none, or an end is open. *n* trials measured it, *missing*
    did not. *p* is the chance of such trials if it held, adjusted for all expectations and looks: at most the error rate is a fail.
    *against*: trials that broke it though their number kept it, as by a relapse; two of three are a fail, too.
    *certain*: it is limited to nothing and counted (``credential_leaks <= 0``), so that once is enough, and no chance is in it.
    """

    expectation: str
    unit: str
    limit: float
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    n: int
    missing: int
    p: float
    detectable: Detectable
    against: int = 0
    certain: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """What a gate came to after *n* trials that count; it makes *most* of them.

    *decided*: no further trial is needed, and *because* says why. *least_red*, *least_green*: the least number of trials after which it
    could ever be red or green, however clear they are; None where *most* are too few. *detectable*: of the expectation that it is worst at.
    *died*: how the service ended in a trial, of each in which it did. *not_counted*: runs that say nothing of the service.
    """

    verdict: Verdict
    decided: bool
    because: Because
    n: int
    most: int
    each: tuple[Held, ...]
    least_red: int | None
    least_green: int | None
    detectable: Detectable
    died: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()


def over_trials(expectations: Sequence[Expectation], trials: Sequence[Trial], policy: Policy | None = None) -> Standing:
    """What *trials* of one thing say of *expectations* at one look; in which order they came does not matter.

    Red: of some expectation it is shown that the typical run breaks it. Over all expectations (`adjusted`) and looks (`Policy.level`) a
    gate of a thing that holds them all is red no more often than the error rate. Green: of each it is shown that the typical run holds
    it. A gate of a thing that breaks one is green no more often; all have to be shown, so each may use all of the rate (Berger 1982).
    Where the service died of what was broken, or something happened that never may, one trial is enough. Runs that say nothing of the
    service are no trials. The caller looks after each trial, or less often, and stops where it is decided. Raises ValueError where
    nothing is expected.
    """
    policy = policy or Policy()
    if not expectations:
        raise ValueError(
            "nothing is expected, so no trial can tell anything; name an expectation, such as good_ratio >= 0.9"
        )
    every = counted(trials)
    asked = [_Asked(expectation, tuple(every), policy) for expectation in expectations]
    asserted = [one.asserted for one in asked if not one.certain]
    left = iter(adjusted(asserted, policy.level(len(every), "red")))
    each = tuple(one.counted() if one.certain else one.held(next(left)) for one in asked)
    died = tuple(one.died for one in every if one.died)
    verdict = "fail" if died else _verdict(each)
    because = policy.because(verdict, len(every), lambda: _chance_to_come(asked, asserted, policy, len(every)))
    greens = [one.least_green for one in asked]
    return Standing(
        verdict=verdict,
        decided=bool(because),
        because=because,
        n=len(every),
        most=policy.most,
        each=each,
        least_red=min(
            (n for one in asked if (n := one.least_red(least_size(len(asserted)))) is not None), default=None
        ),
        least_green=None if None in greens else max(n for n in greens if n is not None),
        detectable=max((one.detectable for one in each), key=lambda found: found.away),
        died=died,
        not_counted=tuple(one.run_id for one in trials if not one.counts),
    )


def _verdict(each: Sequence[Held]) -> Verdict:
    verdicts = {held.verdict for held in each}
    return "fail" if "fail" in verdicts else "pass" if verdicts == {"pass"} else "inconclusive"


def _chance_to_come(asked: Sequence[_Asked], asserted: Sequence[Asserted], policy: Policy, n: int) -> float:
    """That of a verdict by the last trial: green takes all of them, red one."""
    family = foreseen(asserted, n, policy.most, policy.level(policy.most, "red"))
    green = min(one.chance_to_come("green") for one in asked)
    return green + max(one.chance_to_come("red", family) for one in asked)


@dataclass(frozen=True)
class _Asked:
    """One expectation and what all trials say of it."""

    expectation: Expectation
    trials: tuple[Trial, ...]
    policy: Policy

    @cached_property
    def values(self) -> list[Value]:
        """Of the trials that measured it."""
        found = (one.values.get(str(self.expectation)) for one in self.trials)
        return [value for value in found if value is not None and value.value is not None]

    @property
    def unit(self) -> str:
        if self.values:
            return self.values[0].unit
        return metrics[self.expectation.metric].unit if self.expectation.metric in metrics else ""

    @property
    def least(self) -> float:
        """The least value that there can be."""
        return self.values[0].least if self.values else 0.0

    @property
    def missing(self) -> int:
        return len(self.trials) - len(self.values)

    @cached_property
    def scale(self) -> Scale:
        return Scale(self.unit, self.expectation.limit)

    @property
    def limit(self) -> float:
        """On the scale."""
        return self.scale.at(self.expectation.limit)

    @property
    def sides(self) -> tuple[Side, Side]:
        """On which side of the limit the number is where the expectation holds, and where it is broken."""
        return ("below", "above") if self.expectation.wants_low else ("above", "below")

    @cached_property
    def holding(self) -> Estimate:
        return estimate(self.values, self.scale, self.sides[0])

    @cached_property
    def breaking(self) -> Estimate:
        return estimate(self.values, self.scale, self.sides[1])

    @property
    def certain(self) -> bool:
        """Whether the number is a count of what never may happen."""
        nothing = self.expectation.wants_low and self._keeps(0.0) and not self._keeps(1.0)
        return nothing and self.unit in COUNTS and all(value.exact for value in self.values)

    def _keeps(self, value: float) -> bool:
        return self.expectation.judge(Interval(value, value, value)) == "pass"

    @property
    def against(self) -> int:
        """Trials that broke it though their number kept it, as those do that recover and relapse."""
        return sum(value.at_best == "fail" for value in self.values)

    @property
    def chance_if_held(self) -> float:
        """How often trials would say as much against it if it held: by their numbers, or by how many of them broke it all the same."""
        by_number = self.breaking.chance_of_error(self.sides[1], self.limit)
        if not self.against:
            return by_number
        return min(1.0, 2 * min(by_number, by_chance(self.against, len(self.values), RUN_WRONG)))

    @property
    def asserted(self) -> Asserted:
        """That it is broken, as one claim among others."""
        kept = [found.away(self.sides[0], self.limit) for found in (self.holding, self.breaking)]
        if self.against or None in kept:
            return Asserted(self.chance_if_held)
        away = min(found for found in kept if found is not None)
        return Asserted(self.chance_if_held, away, self.breaking.freedom)

    @property
    def clear_enough(self) -> bool:
        open_ones = self.missing + sum(value.at_best == "inconclusive" for value in self.values)
        return open_ones <= MISSING_MOST * len(self.trials) and not self.against

    def held(self, found: Adjusted) -> Held:
        """Its verdict where chance is in it; *found* is what its own chance is among all of them."""
        red, green = (self.policy.level(len(self.trials), showing) for showing in SHOWING)
        shown = self.holding.chance_of_error(self.sides[0], self.limit) <= green and self.clear_enough
        fails = red > 0 and found.chance <= red
        # The end towards a fail is as far out as all of them ask, so that an interval wholly beyond the limit is a fail and no other is.
        strict = red / found.size
        levels = (strict, green) if self.expectation.wants_low else (green, strict)
        above, below = (self.breaking, self.holding) if self.expectation.wants_low else (self.holding, self.breaking)
        low, value, high = ends(above, below, self.scale, levels, self.least)
        return Held(
            expectation=str(self.expectation),
            unit=self.unit,
            limit=self.expectation.limit,
            value=value,
            low=low,
            high=high,
            verdict="fail" if fails else "pass" if green > 0 and shown else "inconclusive",
            n=len(self.values),
            missing=self.missing,
            p=min(1.0, found.chance * self.policy.error_rate / red) if red else 1.0,
            detectable=detectable(self.breaking, self.sides[1], self.expectation.limit, self.scale, strict),
            against=self.against,
        )

    def counted(self) -> Held:
        """Its verdict where no chance is in it: broken once is broken, and never yet is held, as far as `seen_once` says."""
        worst = max((value.value or 0.0 for value in self.values), default=None)
        broken = worst is not None and not self._keeps(worst)
        return Held(
            expectation=str(self.expectation),
            unit=self.unit,
            limit=self.expectation.limit,
            value=worst,
            low=worst,
            high=worst,
            verdict="fail" if broken else "pass" if len(self.trials) >= LEAST and self.clear_enough else "inconclusive",
            n=len(self.values),
            missing=self.missing,
            p=0.0 if broken else 1.0,
            detectable=seen_once(len(self.values), self.policy.error_rate),
            certain=True,
        )

    def least_red(self, family: float) -> int | None:
        """After how many trials it could first be shown to be broken."""
        if self.certain:
            return 1
        return least(self.sides[1], self.expectation.limit, self.scale, self.policy, "red", family)

    @property
    def least_green(self) -> int | None:
        """After how many trials it could first be shown to hold."""
        return LEAST if self.certain else least(self.sides[0], self.expectation.limit, self.scale, self.policy, "green")

    def chance_to_come(self, showing: Showing, family: float = 1.0) -> float:
        """The chance that it is shown to hold, or to be broken, by the last trial."""
        if self.certain:
            return float(showing == "green")
        found, side = (self.holding, self.sides[0]) if showing == "green" else (self.breaking, self.sides[1])
        if self.against:
            # What further trials will do beside their numbers is not foreseen; it can only become clearer against it.
            return float(showing == "red")
        return chance_to_come(found, side, self.limit, self.policy, showing, family)
