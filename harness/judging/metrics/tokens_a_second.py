"""How many tokens pass on links a second, and what a minute costs, whoever asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import Ground
from harness.judging.metrics.base import measured_parts
from harness.judging.metrics.on_links import Rate, of_rows
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.tokens_and_cost import (
    COUNTED,
    PARTS,
    best_of_known,
    costs_of,
    priceless_in,
    tokens_of,
    uncounted,
    unpriced,
    unread,
)
from harness.judging.on_links import began
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict

if TYPE_CHECKING:
    from harness.judging.result import Measured

_MINUTE_S = 60.0


class TokensPerS(Rate):
    """Tokens a second that providers read and said, as they count them; .in and .out: of the prompts, of the answers.

    What a fault answered took none, and what never arrived neither. An answer counts when its request arrived.
    """

    name: ClassVar[str] = "tokens_per_s"
    rests_on: ClassVar[tuple[Ground, ...]] = (COUNTED,)
    unit: ClassVar[str] = "tokens per second"
    parts: ClassVar[tuple[str, ...]] = PARTS
    needs_part: ClassVar[bool] = False
    title: ClassVar[str] = "Rate of tokens"
    about: ClassVar[str] = "tokens at the providers a second"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"in": "tokens of prompts at the providers a second", "out": "tokens of answers at the providers a second"}
    )
    broken_first: ClassVar[int] = 46
    held_first: ClassVar[int] = 66

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        run = sample.run
        if not run.once("tokens of any", lambda: any(tokens_of(run, each).any() for each in PARTS)):
            return UNMEASURED
        worth = reduce(add, (tokens_of(run, each) for each in ((part,) if part else PARTS)))
        interval: Interval = sample.once(f"{self.name} {part}", lambda: of_rows(sample, "arrivals", worth))
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        told = [super().remark(sample, part), unread(sample.run, began(sample, "arrivals"))]
        return "; ".join(what for what in told if what)

    def at_best(self, sample: Sample) -> Verdict:
        """What some answers took says nothing of those that nobody could count."""
        known = best_of_known(uncounted(sample.run), sample.run, began(sample, "arrivals"))
        return super().at_best(sample) if known == "pass" else known

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return no_http(plan) or self._too_short(plan, expectation)

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)


class CostPerMin(Rate):
    """What attempts cost a minute by the target file's `prices`, in their currency, whoever they are made for."""

    name: ClassVar[str] = "cost_per_min"
    rests_on: ClassVar[tuple[Ground, ...]] = (COUNTED,)
    least: ClassVar[float] = 0.0
    unit: ClassVar[str] = "cost per minute"
    title: ClassVar[str] = "Cost a minute"
    about: ClassVar[str] = "what attempts cost a minute"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    broken_first: ClassVar[int] = 47
    held_first: ClassVar[int] = 67

    def there(self, plan: Plan) -> bool:
        return bool(plan.target.prices) and super().there(plan)

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        run = sample.run
        if not run.plan.target.prices:
            return UNMEASURED
        costs = run.once("cost of each", lambda: costs_of(run))
        if not costs.any():
            return UNMEASURED
        interval: Interval = sample.once(self.name, lambda: of_rows(sample, "arrivals", _MINUTE_S * costs))
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """That something was not counted, or that there is no price for it."""
        priceless = sorted(priceless_in(sample.run)) if sample.run.plan.target.prices else []
        told = [super().remark(sample, part)]
        told += [f"there is no price for {', '.join(priceless)}" if priceless else ""]
        told += [unread(sample.run, began(sample, "arrivals"))]
        return "; ".join(what for what in told if what)

    def at_best(self, sample: Sample) -> Verdict:
        """What some answers cost says nothing of those of which nobody knows it."""
        known = best_of_known(unpriced(sample.run), sample.run, began(sample, "arrivals"))
        return super().at_best(sample) if known == "pass" else known

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not plan.target.prices:
            return f"target {plan.target.name!r} has no prices, so nothing is known of what an answer costs"
        return no_http(plan)
