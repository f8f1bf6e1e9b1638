"""One operating characteristic: runs of a known truth, an estimator, and what has to be true of what it says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import nan, sqrt
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np

GENERATORS = tuple(Path(__file__).with_name(f"{name}.py") for name in ("arrivals", "failures", "shapes"))
SCORING = Path(__file__).parents[2] / "harness" / "judging" / "scoring"

Seen = Mapping[str, float | bool | None]
"""What one run came to; None where it has nothing to say, and then it does not count."""


@dataclass(frozen=True)
class Need:
    """The mean of *what* over all runs, or the root of it for a squared error, that is asked for."""

    what: str
    op: Literal["<=", ">="]
    limit: float
    root: bool = False

    def measured(self, seen: Sequence[Seen]) -> tuple[float, int]:
        """The number, and over how many runs; NaN over none."""
        values = [float(value) for one in seen if (value := one.get(self.what)) is not None]
        if not values:
            return nan, 0
        mean = sum(values) / len(values)
        return (sqrt(mean) if self.root else mean), len(values)

    def holds(self, measured: float) -> bool:
        return measured <= self.limit if self.op == "<=" else measured >= self.limit


@dataclass(frozen=True)
class Cell:
    """*measure* makes one run with the chance that it is given, scores it, and says what came of that.

    *row* is the heading below which it is printed. *stands_on* are the files whose text decides the outcome: what was measured before one
    of them changed is measured again.
    """

    row: str
    name: str
    measure: Callable[[np.random.Generator], Seen]
    needs: tuple[Need, ...]
    stands_on: tuple[Path, ...]

    def run(self, seed: int) -> Seen:
        return self.measure(np.random.default_rng([seed, crc32(self.name.encode())]))

    @property
    def code(self) -> str:
        """A fingerprint of the code that decides the outcome."""
        return fingerprint((*GENERATORS, *self.stands_on))


@cache
def fingerprint(files: tuple[Path, ...]) -> str:
    return sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
