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
_LATE: dict[Showing, float] = {"red": 1.0, "green": 2.0}
"""By which power of the share of the trials that were made it is spent."""
_EARLY: dict[Showing, float] = {"red": 0.05, "green": 1.0}
"""What looks before the last have of the error rate, at most.

A green is to come as soon as can be, since what is as it should be is what a gate mostly sees. A red comes early where it is plain; nearly
all of its rate is the last look's, which finds what is just beyond a limit.
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """*error_rate*: of gates of what is as it should be, the share that may be red, over all expectations and looks; likewise green.

    *most*: trials after which it ends at the latest. *margin*: by what factor a number may be worse than that of another thing and still
    count as the same. *no_use*: where the chance of a verdict by the last trial is less, the trials may stop. *gates*: so many share the
    error rate of red, as the parts of a suite do that any of them makes red (Bonferroni); green they need not share, as all have to be.
    *before*: the policy by which the first *looked* of the trials were looked at, where another number of them was to be made.
    """

    error_rate: float = 0.05
    most: int = 5
    margin: float = 1.2
    no_use: float = 0.05
    gates: int = 1
    before: Policy | None = None
    looked: int = 0

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
        error spending rate function"); of red every look but the last has the same little (Haybittle 1971, "Repeated assessment of
        results in clinical trials of cancer treatment"; Peto et al. 1976). What falls to a look is spent there in full, as if no look had
        been before it: a sum bounds the error of all looks, whatever runs differ by (Bonferroni). More trials than were to be made are
        looked at once, as the last look. A look that was made by the policy *before* keeps the level that it had.
        """
        if n < LEAST:
            return 0.0
        if self.before and n <= self.looked:
            return self.before.level(n, showing)
        n = min(n, self.most)
        return max(0.0, self.spent(n, showing) - self.spent(n - 1, showing))

    def spent(self, n: int, showing: Showing) -> float:
        """What all looks at up to *n* trials may be wrong by, together; those that were made by the policy *before* have spent by it.

        What they left is spread over those that are to come, so that it is the looks that were made that count, and not what was planned
        since (Lan and DeMets 1989, "Changing frequency of interim analysis in sequential monitoring").
        """
        all_of_it = self.error_rate / self.gates if showing == "red" else self.error_rate
        if self.before is None:
            return all_of_it * self._share(n, showing)
        gone = self.before.spent(min(n, self.looked), showing)
        if n <= self.looked:
            return gone
        from_here = self._share(self.looked, showing)
        left = (self._share(n, showing) - from_here) / (1 - from_here) if from_here < 1 else 0.0
        return gone + max(0.0, all_of_it - gone) * left

    def left(self, showing: Showing) -> float:
        """What looks that are still to come may be wrong by; 0 where those that were made have used it up."""
        return self.spent(self.most, showing) - self.spent(self.looked, showing)

    def _share(self, n: int, showing: Showing) -> float:
        if n < LEAST or n >= self.most:
            return float(n >= self.most)
        return _EARLY[showing] * float((n / self.most) ** _LATE[showing])

    def because(self, verdict: str, n: int, chance_to_come: Callable[[], float]) -> Because:
        """Why runs may stop after *n* that came to *verdict*; empty where they may not.

        *chance_to_come*: that of a verdict by the last run, asked for only where it matters.
        """
        if verdict != "inconclusive":
            return "red" if verdict == "fail" else "green"
        if n >= self.most:
            return "most"
        return "no use" if n >= LEAST and chance_to_come() < self.no_use else ""
