"""How sure a gate has to be, after how many trials it ends at the latest, and how much of its error rate each look at it may spend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

LEAST = 2
"""One trial says nothing of how trials differ."""
MISSING_MOST = 0.2
"""The share of trials in which a number may be missing that is said to hold."""
Because = Literal["", "red", "green", "most", "no use"]
"""Why trials may stop: it is shown either way, they are all made, or no more of them would tell; empty where they may not."""
Showing = Literal["red", "green"]
SHOWING: tuple[Showing, Showing] = ("red", "green")
_LATE: dict[Showing, float] = {"red": 6.0, "green": 2.0}
"""A red is to be found by the last look at the latest, a green as soon as can be: what is as it should be is what a gate mostly sees."""


@dataclass(frozen=True, slots=True)
class Policy:
    """*error_rate*: of gates of what is as it should be, the share that may be red, over all expectations and looks; likewise green.

    *most*: trials after which it ends at the latest. *margin*: by what factor a number may be worse than that of another thing and still
    count as the same. *no_use*: where the chance of a verdict by the last trial is less, the trials may stop. *gates*: so many share the
    error rate of red, as the parts of a suite do that any of them makes red (Bonferroni); green they need not share, as all have to be.
    """

    error_rate: float = 0.05
    most: int = 5
    margin: float = 1.2
    no_use: float = 0.05
    gates: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.error_rate < 0.5:
            raise ValueError(f"an error rate of {self.error_rate}; it lies between 0 and 0.5, as 0.05 does")
        if self.most < LEAST:
            raise ValueError(f"a gate of {self.most} trials; it takes {LEAST} or more to know how trials differ")
        if not self.margin > 1:
            raise ValueError(f"a margin of {self.margin}; it is a factor above 1, as 1.2 is")
        if self.gates < 1:
            raise ValueError(f"{self.gates} gates that share an error rate; there is 1 or more")
        if not 0 <= self.no_use < 1:
            raise ValueError(f"no_use of {self.no_use}; it is a chance from 0 to below 1, as 0.05 is")

    def level(self, n: int, showing: Showing) -> float:
        """What a claim may be wrong by that makes a gate red, or green, after *n* trials; over all looks the error rate and no more.

        The error rate is spent over the looks (Lan and DeMets 1983, "Discrete sequential boundaries for clinical trials"), by a power
        of the share of the trials that were made (Kim and DeMets 1987, "Design and analysis of group sequential tests based on the type I
        error spending rate function"). What falls to a look is spent there in full, as if no look had been before it: a sum bounds the
        error of all looks, whatever runs differ by (Bonferroni). More trials than were to be made are looked at once, as the last look.
        """
        if n < LEAST:
            return 0.0
        n = min(n, self.most)
        late = _LATE[showing]
        before = 0 if n == LEAST else n - 1
        spent: float = self.error_rate * ((n / self.most) ** late - (before / self.most) ** late)
        return spent / self.gates if showing == "red" else spent

    def because(self, verdict: str, n: int, chance_to_come: Callable[[], float]) -> Because:
        """Why runs may stop after *n* that came to *verdict*; empty where they may not.

        *chance_to_come*: that of a verdict by the last run, asked for only where it matters.
        """
        if verdict != "inconclusive":
            return "red" if verdict == "fail" else "green"
        if n >= self.most:
            return "most"
        return "no use" if n >= LEAST and chance_to_come() < self.no_use else ""
