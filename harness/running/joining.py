"""Ends a run in whose baseline no attempt can be joined to its request, where what is expected hangs on that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.planning.plan import Plan
from harness.record.rows import LOOKS, Attempt
from harness.running.ports import UntrustworthyError

ENOUGH = 30
"""So many attempts without a nonce, and none with one, are no chance."""
_LATE_S = 1.0
"""An attempt may be heard of so long after it has ended."""


class Joining:
    """Hears of attempts of a run of *plan*, in which *expected* needs to know for which request each was made.

    Only attempts count that ask for what earlier ones asked for which carried a nonce, as those of the question before the load do:
    a service may do other things on a link by itself.
    """

    def __init__(self, plan: Plan, expected: Sequence[str]) -> None:
        baseline = plan.phase("baseline")
        self._from_s, self._until_s, self._expected = baseline.start_s, baseline.end_s, tuple(expected)
        self._asked_for = set[tuple[str, str]]()
        """Method and path of those that carried a nonce."""
        self._strays = Counter[tuple[str, tuple[str, str]]]()
        """Those of the baseline that carried none, by link and what they asked for."""
        self.settled = not expected
        """Whether there is nothing to be found any more."""

    def hear(self, attempts: Iterable[Attempt], zero_s: float = 0.0) -> None:
        """Take in *attempts* that have ended; the run's clock was 0 at *zero_s* of theirs."""
        for one in attempts:
            asks_for, at_s = (one.method, one.path), one.start_s - zero_s
            if one.nonce:
                self._asked_for.add(asks_for)
                self.settled = self.settled or at_s >= self._from_s
            elif self._from_s <= at_s < self._until_s and one.sent_s is not None and one.method not in LOOKS:
                self._strays[one.link, asks_for] += 1

    def check(self, now_s: float) -> None:
        """Raises UntrustworthyError where enough attempts of the baseline have ended, and none of them can be joined."""
        if self.settled or now_s < self._from_s:
            return
        strays = Counter[str]()
        for (link, asks_for), number in self._strays.items():
            strays[link] += number * (asks_for in self._asked_for)
        if strays.total() >= ENOUGH:
            raise UntrustworthyError(self._said(+strays, now_s))
        self.settled = now_s > self._until_s + _LATE_S

    def _said(self, strays: Counter[str], now_s: float) -> str:
        which = ", ".join(f"{number} on {link}" for link, number in strays.items())
        return (
            f"of {strays.total()} attempts that had ended {now_s - self._from_s:.1f} s after the baseline began ({which}) none carried a "
            f"nonce, although earlier ones did, so nobody can tell for which request one was made, and {', '.join(self._expected)} "
            "cannot be judged: have the service pass the nonce on with each attempt, where ask.nonce says, also when several requests "
            "come at once; or leave out what counts attempts"
        )
