"""One belief about a run: a metric, a limit and, for most metrics, a phase; ``retry_amplification <= 1.5 in fault``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal

from harness.interval import Interval

Verdict = Literal["pass", "fail", "inconclusive"]
Op = Literal["<=", ">=", "<", ">"]

_WRITTEN = re.compile(
    r"\s*(?P<metric>[a-z_]+)(?:\.(?P<part>[a-z0-9_]+))?\s*(?P<op><=|>=|<|>)\s*(?P<limit>-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*(?:in\s+(?P<phase>[a-z]+))?\s*"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows of a run a number is about: those due in *phase*, or in all phases but the warm-up."""

    phase: str | None = None


WHOLE = Selection()
"""All that is scored."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """*metric*[.*part*] *op* *limit* of what the *selection* picks."""

    metric: str
    part: str | None
    op: Op
    limit: float
    selection: Selection = WHOLE

    def __str__(self) -> str:
        part = f".{self.part}" if self.part else ""
        phase = f" in {self.selection.phase}" if self.selection.phase else ""
        return f"{self.metric}{part} {self.op} {_number(self.limit)}{phase}"

    @property
    def subject(self) -> tuple[str, str | None, Selection]:
        """What is limited: metric, part and what of the run."""
        return self.metric, self.part, self.selection

    @property
    def wants_low(self) -> bool:
        """Whether smaller is better."""
        return self.op in ("<=", "<")

    def judge(self, interval: Interval) -> Verdict:
        """Inside the limit passes, outside fails, across it is inconclusive; so does an interval that nothing was measured for."""
        if interval.value is None:
            return "inconclusive"
        holds = _holds(self.op, interval.low, self.limit), _holds(self.op, interval.high, self.limit)
        return "pass" if all(holds) else "fail" if not any(holds) else "inconclusive"


def parse(written: str) -> Expectation:
    """The expectation that *written* says; raises ValueError that says what would be right."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(
            f"{written!r} is not an expectation; write metric[.part] OP number [in PHASE], such as good_ratio >= 0.9 in fault"
        )
    if not isfinite(float(match["limit"])):
        raise ValueError(f"{match['limit']} is no limit: nothing can be beyond it")
    op: Op = match["op"]  # type: ignore[assignment]  # the pattern allows no other
    return Expectation(match["metric"], match["part"], op, float(match["limit"]), Selection(match["phase"]))


def replace(expectations: tuple[Expectation, ...], new: tuple[Expectation, ...]) -> tuple[Expectation, ...]:
    """*expectations* without those that are of the metric, part and phase of any *new* one, and then the new ones."""
    subjects = {expectation.subject for expectation in new}
    return (*(expectation for expectation in expectations if expectation.subject not in subjects), *new)


def again(expectations: Sequence[Expectation]) -> Iterator[tuple[int, int]]:
    """Places of each expectation that limits its subject from the same side as an earlier one, and of that earlier one."""
    first: dict[tuple[object, ...], int] = {}
    for index, expectation in enumerate(expectations):
        earlier = first.setdefault((*expectation.subject, expectation.wants_low), index)
        if earlier != index:
            yield index, earlier


def _number(limit: float) -> str:
    """As a person would write it, and no digit less."""
    return str(int(limit)) if limit.is_integer() else repr(limit)


def _holds(op: str, value: float, limit: float) -> bool:
    if value in (inf, -inf):
        return (value < limit) if op in ("<=", "<") else (value > limit)
    return {"<=": value <= limit, "<": value < limit, ">=": value >= limit, ">": value > limit}[op]
