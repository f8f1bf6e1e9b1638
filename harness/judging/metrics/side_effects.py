"""Whether what a service does in the world is done once for each answer: no order twice, and none lost."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import UNMEASURED, Interval
from harness.judging.grounds import ANSWERED, EFFECTS, Ground
from harness.judging.metrics.base import Metric, measured_parts
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.judging.scoring.shares import exact
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation
from harness.record.effects import Effects

if TYPE_CHECKING:
    from harness.judging.result import Measured

DUPLICATED, LOST = "duplicated", "lost"


class SideEffects(Metric):
    """Effects that were .duplicated, beyond the first of each request, or .lost, of requests with a complete answer; as the target counts.

    Where the target says for which request each was done, both are exact, and of any selection. Where it gives a number alone, they are
    what that is above the requests that were sent, or below those that were answered, over the whole run: one may hide the other.
    """

    name: ClassVar[str] = "side_effects"
    unit: ClassVar[str] = "times"
    parts: ClassVar[tuple[str, ...]] = (DUPLICATED, LOST)
    usual_part: ClassVar[str] = DUPLICATED
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Side effects"
    about: ClassVar[str] = "effects beyond the first of each request"
    part_about: ClassVar[Mapping[str, str]] = MappingProxyType({LOST: "requests with a complete answer and no effect"})
    better: ClassVar[Literal["lower", "higher"] | None] = "lower"
    card: ClassVar[Literal["always", "not zero", "expected"]] = "not zero"
    broken_first: ClassVar[int] = 7
    held_first: ClassVar[int] = 58

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        effects, part = sample.run.effects, part or self.usual_part
        if effects is None:
            return UNMEASURED
        if _told_apart(effects):
            return _of_requests(sample, effects, part)
        return _of_total(sample, effects, part) if sample.is_whole else UNMEASURED

    def grounds(self, part: str | None) -> tuple[Ground, ...]:
        """Who answers nobody loses nothing that it said was done, and who does nothing does nothing twice."""
        return (ANSWERED,) if part == LOST else (EFFECTS,)

    def remark(self, sample: Sample, part: str | None = None) -> str:
        effects = sample.run.effects
        if effects is None or _told_apart(effects):
            return ""
        return "the target says how many there were and not for which requests: what was lost and what was done twice may hide one another"

    def unsettled(self, plan: Plan, expectation: Expectation) -> str | None:
        if plan.target.effects is None:
            return f"target {plan.target.name!r} does not say where its effects are counted (effects)"
        return None

    def also(self, whole: Sample) -> dict[str, Measured]:
        return measured_parts(self, whole)

    def broken(self, said: Said) -> str:
        may = "none may be" if said.bound == 0 else f"at most {said.limit} may be"
        return f"{said.counted('effect')}{said.where} {said.were} {_part(said)}; {may}"

    def held(self, said: Said) -> str:
        many = f"{said.counted('effect')} {said.were}" if said.number else "no effect was"
        return f"{many} {_part(said)}{said.where}"


def _part(said: Said) -> str:
    return said.title.rpartition(" ")[2]


def _told_apart(effects: Effects) -> bool:
    """Whether it is known for which requests they were done."""
    return bool(effects.of_nonce) or effects.total == 0


def _of_requests(sample: Sample, effects: Effects, part: str) -> Interval:
    import numpy as np

    done = sample.words("nonce").each(lambda nonce: effects.of_nonce.get(nonce, 0), np.int64)
    if part == DUPLICATED:
        return exact(int((done - 1).clip(0).sum()), done.size)
    answered = sample.words("outcome") == "complete"
    return exact(int((answered & (done == 0)).sum()), int(answered.sum()))


def _of_total(sample: Sample, effects: Effects, part: str) -> Interval:
    """Over all requests of the run: a warm-up has effects, too."""
    outcome = sample.run.words("requests", "outcome")
    sent, answered = int((outcome != "not_sent").sum()), int((outcome == "complete").sum())
    return exact(max(0, effects.total - sent if part == DUPLICATED else answered - effects.total), sent)
