"""A condition on which a run is ended at once: what users must not be put through for longer; ``good_ratio < 0.5 for 10s``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.reading.quantities import seconds

SoFar = Callable[[Sequence[tuple[bool, float]]], float]
"""Of requests, whether each was answered well and how many seconds it took, to what a metric comes."""

FORM = "metric[.part] < NUMBER for DURATION (or >)"

_WRITTEN = re.compile(
    r"\s*(?P<metric>[a-z_][a-z0-9_]*)(?:\.(?P<part>[a-z0-9_]+))?\s*(?P<op><=|>=|<|>)\s*"
    r"(?P<limit>\d+(?:\.\d+)?)\s+for\s+(?P<span>\S.*?)\s*"
)


@dataclass(frozen=True, slots=True)
class AbortCondition:
    """*metric*[.*part*] being *op* *limit* over the last *span_s* seconds."""

    metric: str
    part: str | None
    op: Literal["<", "<=", ">", ">="]
    limit: float
    span_s: float

    @property
    def subject(self) -> str:
        """What is limited."""
        return f"{self.metric}.{self.part}" if self.part else self.metric

    def __str__(self) -> str:
        return f"{self.subject} {self.op} {self.limit:g} for {self.span_s:g}s"


@dataclass(frozen=True, slots=True)
class Followed:
    """A *condition* with what it is held against: to what its metric comes *so_far*, known of a request *after_s* it was due."""

    condition: AbortCondition
    so_far: SoFar
    after_s: float


def parse(written: str) -> AbortCondition:
    """The condition that *written* says; raises ValueError that says what would be right. Metrics are known elsewhere."""
    found = _WRITTEN.fullmatch(written)
    if found is None:
        example = "good_ratio < 0.5 for 10s"
        raise ValueError(f"{written!r} is no condition on which to abort; write {FORM}, such as {example}")
    span_s = seconds(found["span"])
    if span_s <= 0:
        raise ValueError(f"{written!r} is about no time; let it be for 1s or longer")
    op: Literal["<", "<=", ">", ">="] = found["op"]  # type: ignore[assignment]  # the pattern allows no other
    return AbortCondition(found["metric"], found["part"], op, float(found["limit"]), span_s)
