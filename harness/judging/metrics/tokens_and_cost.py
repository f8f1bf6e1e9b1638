"""How many tokens a request takes, and what a good answer costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import reduce
from math import inf
from operator import add
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import GOOD, Ground, tenths
from harness.judging.metrics.base import Metric, measured
from harness.judging.metrics.good_ratio import GoodRatio
from harness.judging.metrics.ratios import no_http
from harness.judging.metrics.telling import Said
from harness.judging.on_links import began, observed
from harness.judging.prices import MILLION, price_of
from harness.judging.sample import Sample
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Verdict
from harness.reading.quantities import counted

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from harness.judging.evidence import Evidence
    from harness.judging.result import Measured
    from harness.judging.scoring.distributions import Bools, Floats

PARTS = ("in", "out")
UNCOUNTED_MOST = 0.01
"""Of so many answers at the most it may be unknown what they took where a limit from above is to hold."""


def _counted(sample: Sample) -> tuple[int, int]:
    """How many answers of providers took tokens that are known, in how many tenths of a second."""
    mine = began(sample, "arrivals") & _taken(sample.run)
    return int(mine.sum()), tenths(observed(sample))


COUNTED = Ground(_counted, "answers of providers", merit=True, per_s=True)


class Tokens(Metric):
    """Tokens that a request took at the providers, in and out, over all of its attempts; .in and .out: of the prompts, of the answers.

    As the providers count them, else a token for four characters. What a fault answered took none.
    """

    name: ClassVar[str] = "tokens_per_request"
    rests_on: ClassVar[tuple[Ground, ...]] = (GOOD,)
    unit: ClassVar[str] = "tokens per request"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry", "link")
    parts: ClassVar[tuple[str, ...]] = PARTS
    needs_part: ClassVar[bool] = False
    title: ClassVar[str] = "Tokens"
    about: ClassVar[str] = "tokens at the providers for each request"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "in": "tokens of prompts at the providers for each request",
            "out": "tokens of answers at the providers for each request",
        }
    )
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 41
    held_first: ClassVar[int] = 61

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(f"{self.name} {part}", lambda: _tokens(sample, (part,) if part else PARTS))
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        return unread(sample.run, sample.arrived_mask())

    def at_best(self, sample: Sample) -> Verdict:
        """What some answers took says nothing of those that nobody could count."""
        return best_of_known(uncounted(sample.run), sample.run, sample.arrived_mask())

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        return no_http(plan)

    def also(self, whole: Sample) -> dict[str, Measured]:
        found = {part: self.measure(whole, part) for part in PARTS}
        return {part: measured(interval) for part, interval in found.items() if interval.value is not None}

    def broken(self, said: Said) -> str:
        return f"each request took {said.counted('token')} at the providers{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"a request took {said.counted('token')} at the providers{said.where}"


class CostPerGood(Metric):
    """What the attempts of all requests cost for each good answer, by the target file's `prices`; in their currency.

    Its interval holds every quotient of a mean cost and a share of good answers that their own intervals hold, so it is rather too wide.
    """

    name: ClassVar[str] = "cost_per_good"
    rests_on: ClassVar[tuple[Ground, ...]] = (GOOD,)
    unit: ClassVar[str] = "cost"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Cost of a good answer"
    about: ClassVar[str] = "what all attempts cost for each good answer"
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    shown_in_fault: ClassVar[bool] = True
    broken_first: ClassVar[int] = 42
    held_first: ClassVar[int] = 62

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        interval: Interval = sample.once(self.name, lambda: _cost(sample))
        return interval

    def remark(self, sample: Sample, part: str | None = None) -> str:
        """That all was for nothing, that something was not counted, or that there is no price for it."""
        priceless = sorted(priceless_in(sample.run)) if sample.run.plan.target.prices else []
        told = ["no answer was good, so all of it was for nothing"] if self.measure(sample).value == inf else []
        told += [f"there is no price for {', '.join(priceless)}" if priceless else ""]
        told += [unread(sample.run, sample.arrived_mask())]
        return "; ".join(what for what in told if what)

    def at_best(self, sample: Sample) -> Verdict:
        """What some answers cost says nothing of those of which nobody knows it."""
        return best_of_known(unpriced(sample.run), sample.run, sample.arrived_mask())

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if not plan.target.prices:
            return f"target {plan.target.name!r} has no prices, so nothing is known of what an answer costs"
        return no_http(plan)

    def broken(self, said: Said) -> str:
        return f"each good answer cost {said.value}{said.where}; the limit is {said.limit}"

    def held(self, said: Said) -> str:
        return f"a good answer cost {said.value}{said.where}"


def _tokens(sample: Sample, parts: tuple[str, ...]) -> Interval:
    def worth() -> Floats:
        return reduce(add, (tokens_of(sample.run, part) for part in parts))

    return _mean(sample, f"tokens {' '.join(parts)}", worth)


def _mean(sample: Sample, what: str, worth: Callable[[], Floats]) -> Interval:
    """The mean over the picked requests of what their arrivals are *worth*; nothing where none of them could be read."""
    if not sample.of_arrivals("took tokens", lambda: _taken(sample.run)).any():
        return UNMEASURED
    return mean_of_amounts(sample.of_arrivals(what, worth), sample.read("due_s"))


def mean_of_amounts(amounts: Floats, due_s: Floats) -> Interval:
    """The mean of *amounts*, one of each request that was due then."""
    from harness.judging.scoring.amplification import retry_amplification

    most = float(amounts.max())
    # In parts of the largest: what may have been missed is one more like it, and not one more token.
    found = retry_amplification(amounts / (most or 1.0), due_s)
    if found.value is None or not most:
        return found
    return replace(found, value=found.value * most, low=found.low * most, high=found.high * most)


def _cost(sample: Sample) -> Interval:
    target = sample.run.plan.target
    if not target.prices:
        return UNMEASURED
    spent = _mean(sample, "costs", lambda: costs_of(sample.run))
    good = GoodRatio().measure(sample)
    if spent.value is None or good.value is None:
        return UNMEASURED
    # Without one good answer all of it was for nothing.
    value, high = (spent.value / good.value if good.value else inf), (spent.high / good.low if good.low else inf)
    return Interval(value, spent.low / good.high if good.high else inf, high, spent.n)


def _taken(run: Evidence) -> Bools:
    """Which arrivals of *run* a provider answered, so that they took tokens which are known."""
    import numpy as np

    taken: Bools = run.once(
        "took tokens",
        lambda: (
            ~np.isnan(run.column("arrivals", "tokens_out")) & (run.words("arrivals", "outcome") != "answered_by_fault")
        ),
    )
    return taken


def tokens_of(run: Evidence, part: str) -> Floats:
    """How many tokens each arrival of *run* took of that *part*; 0 where that is not known, or a fault answered."""
    import numpy as np

    counts: Floats = run.once(
        f"tokens {part}", lambda: np.nan_to_num(run.column("arrivals", f"tokens_{part}"), nan=0.0) * _taken(run)
    )
    return counts


def costs_of(run: Evidence) -> Floats:
    """What each arrival of *run* cost; 0 of what there is no price for."""
    import numpy as np

    pairs, of = _models(run)
    prices = [price_of(run.plan.target, link, model) for link, model in pairs]
    each = {part: np.array([getattr(price, f"{part}_") if price else 0.0 for price in prices])[of] for part in PARTS}
    costs: Floats = np.sum([each[part] * tokens_of(run, part) for part in PARTS], axis=0) / MILLION
    return costs


def _models(run: Evidence) -> tuple[list[tuple[str, str]], npt.NDArray[np.intp]]:
    """Each different link and model of the arrivals of *run*, and which of these each arrival has."""
    import numpy as np

    from harness.record.columns import told_apart

    link, model = run.words("arrivals", "link"), run.words("arrivals", "model")
    many = max(1, len(model.vocabulary))
    found, of = told_apart(link.codes.astype(np.int64) * many + model.codes)
    return [(link.vocabulary[one // many], model.vocabulary[one % many]) for one in found.tolist()], of


def priceless_in(run: Evidence) -> set[str]:
    """Models, and links where none is named, that took tokens and have no price."""
    import numpy as np

    found, of = _models(run)
    pairs = [found[one] for one in np.unique(of[_taken(run)]).tolist()]
    return {model or link for link, model in pairs if price_of(run.plan.target, link, model) is None}


def uncounted(run: Evidence) -> Bools:
    """Which arrivals of *run* were answered with what nobody could count the tokens of."""
    return run.words("arrivals", "tokens_from") == "unread"


def unpriced(run: Evidence) -> Bools:
    """Which arrivals of *run* took what is not known to cost anything: nobody could count it, or there is no price for it."""
    import numpy as np

    pairs, of = _models(run)
    bare = np.array([price_of(run.plan.target, link, model) is None for link, model in pairs], np.bool_)
    found: Bools = uncounted(run) | (_taken(run) & bare[of])
    return found


def best_of_known(unknown: Bools, run: Evidence, mine: Bools) -> Verdict:
    """The best verdict on a limit from above, where of *mine*, arrivals of *run*, those are *unknown*."""
    many = int((mine & unknown).sum())
    answers = int((mine & (_taken(run) | unknown)).sum())
    return "inconclusive" if many > UNCOUNTED_MOST * answers else "pass"


def unread(run: Evidence, mine: Bools) -> str:
    """How many answers there were among *mine*, arrivals of *run*, whose tokens nobody could count."""
    many = int((mine & uncounted(run)).sum())
    return f"of {counted(many, 'answer')} the tokens could not be counted" if many else ""
