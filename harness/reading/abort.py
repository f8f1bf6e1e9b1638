"""A condition on which a run is ended at once: what users must not be put through for longer; ``good_ratio < 0.5 for 10s``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal

from pydantic import Field, field_validator, model_validator

from harness.reading.hosts import address
from harness.reading.quantities import Seconds, seconds
from harness.reading.strict import Strict
from harness.reading.templates import placeholders

FEWEST = 5
"""Of fewer requests nothing is said, whatever became of them."""
SLACK_S = 0.5
"""A row takes a moment from the client that writes it to who looks at it."""

SoFar = Callable[[Sequence[tuple[bool, float]]], float]
"""Of requests, whether each was answered well and how many seconds it took, to what a metric comes."""

FORM = "metric[.part] < NUMBER for DURATION (or >)"
LIMITS = "max_duration:, max_requests:, max_attempts:, max_cost: or url:"

_COST = re.compile(r"\s*cost\s*>=?\s*(?P<most>[0-9]+(?:\.[0-9]+)?)\s*")

_WRITTEN = re.compile(
    r"\s*(?P<metric>[a-z_][a-z0-9_]*)(?:\.(?P<part>[a-z0-9_]+))?\s*(?P<op><=|>=|<|>)\s*"
    r"(?P<limit>[0-9]+(?:\.[0-9]+)?)\s+for\s+(?P<span>\S.*?)\s*"
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


class AbortLimit(Strict):
    """What a run may use up, or who may end it: one of these."""

    max_duration: Seconds | None = Field(
        default=None, gt=0, description="how long the load may go on, counted from its beginning"
    )
    max_requests: int | None = Field(default=None, ge=1, description="how many requests clients may send")
    max_attempts: int | None = Field(
        default=None, ge=1, description="how many attempts at providers may be seen on the links, retries too"
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        description="what attempts may cost by the target's prices, in their currency; also written cost > 5",
    )
    url: str | None = Field(
        default=None,
        description="asked twice a second whether the run may go on: 2xx says that it may, any other status that it may not",
    )

    @model_validator(mode="after")
    def _is_one(self) -> AbortLimit:
        said = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(said) != 1:
            raise ValueError(f"says {', '.join(said) or 'nothing'}; write one of {', '.join(type(self).model_fields)}")
        return self

    @field_validator("url")
    @classmethod
    def _can_be_asked(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                found = address(url)
                usable = (
                    found.scheme in ("http", "https") and not found.user and not placeholders(url) and "#" not in url
                )
            except ValueError:
                usable = False
            if not usable:
                raise ValueError(
                    f"{url!r} cannot be asked; write http://host:port/path or https://host/path, with no user in it"
                )
        return url


@dataclass(frozen=True, slots=True)
class Limits:
    """The least of each that several `AbortLimit` say; infinite where none does. *urls* may end the run."""

    duration_s: float = inf
    requests: float = inf
    attempts: float = inf
    cost: float = inf
    urls: tuple[str, ...] = ()

    @classmethod
    def of(cls, written: Iterable[AbortLimit]) -> Limits:
        """What *written* says together."""
        every = list(written)
        return cls(
            min((one.max_duration for one in every if one.max_duration is not None), default=inf),
            min((one.max_requests for one in every if one.max_requests is not None), default=inf),
            min((one.max_attempts for one in every if one.max_attempts is not None), default=inf),
            min((one.max_cost for one in every if one.max_cost is not None), default=inf),
            tuple(dict.fromkeys(one.url for one in every if one.url is not None)),
        )

    @property
    def counted(self) -> bool:
        """Whether anything of it is known from the run itself."""
        return min(self.duration_s, self.requests, self.attempts, self.cost) < inf


@dataclass(frozen=True, slots=True)
class Followed:
    """A *condition* with what it is held against: to what its metric comes *so_far*, known of a request *after_s* it was due."""

    condition: AbortCondition
    so_far: SoFar
    after_s: float


def spelt_out(written: object) -> object:
    """``cost > 5`` as the limit that it is; anything else as it is."""
    match = _COST.fullmatch(written) if isinstance(written, str) else None
    return {"max_cost": float(match["most"])} if match is not None else written


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
