"""The share of attempts that a fault really touched, beside the share that it was asked to touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.faults.effects import EdgeRule, FailShare
from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.scoring.shares import wilson, wilson_ends
from harness.planning.disturbance import Disturbance
from harness.record.history import Injected, Reverting

if TYPE_CHECKING:
    import pandas as pd

Z_FAR_OFF = 3.2905267314919255
"""Of the standard normal: the ends of a 99.9 % interval. One sound run in a thousand is called far off."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the *asked* share (0 to 1): the *delivered* one, of the attempts that came to the fault's rule at all."""

    asked: float
    delivered: Interval

    @property
    def far_off(self) -> bool:
        """Whether the asked share lies outside a 99.9 % interval around the delivered one."""
        if self.delivered.value is None:
            return False
        low, high = wilson_ends(self.delivered.value, self.delivered.n, Z_FAR_OFF)
        return not low <= self.asked <= high


def delivery(evidence: Evidence, disturbance: Disturbance) -> Delivery | None:
    """What *disturbance* delivered; None where it asks for no share."""
    shares = {
        effect.rule.share_ratio
        for effect in disturbance.effects
        if isinstance(effect, EdgeRule) and isinstance(effect.rule, FailShare)
    }
    if len(shares) != 1:
        return None
    met = _met(evidence, disturbance)
    return Delivery(shares.pop(), wilson(int((met["fault"] == disturbance.id).sum()), len(met)))


def _met(evidence: Evidence, disturbance: Disturbance) -> pd.DataFrame:
    """Arrivals that the rule of *disturbance* had a say in, while it was in force.

    Of several rules on a link the one put first answers, so what that one answered never came to this one.
    """
    rows = evidence.arrivals
    injected = [event.fault for event in evidence.history if isinstance(event, Injected)]
    before = injected[: injected.index(disturbance.id)] if disturbance.id in injected else injected
    from_s = min((event.at_s for event in evidence.of_fault(disturbance.id, Injected)), default=float("inf"))
    until_s = min((event.at_s for event in evidence.of_fault(disturbance.id, Reverting)), default=float("inf"))
    # What was no request never came to a rule.
    mine = rows["link"].isin(disturbance.links) & ~rows["fault"].isin(before) & (rows["outcome"] != "refused")
    # The rule is in force a moment before that is acknowledged; what it answered then came to it.
    met = (rows["start_s"] >= from_s) | (rows["fault"] == disturbance.id)
    return rows[mine & met & (rows["start_s"] < until_s)]
