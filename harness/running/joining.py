"""Ends a run in whose baseline no attempt can be joined to its request, where what is expected hangs on that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from harness.planning.plan import Plan
from harness.record.rows import LOOKS, Attempt
from harness.running.ports import UntrustworthyError

ENOUGH = 30
"""So many attempts without a nonce one after the other are no chance."""
_LATE_S = 1.0
"""An attempt may be heard of so long after it has ended."""


class Joining:
    """Hears of attempts of a run of *plan*, in which *expected* needs to know for which request each was made.

    It is ended by a row of attempts in the baseline none of which carried a nonce, longer than all of those that did come to there: a
    service may pass it on until much is asked of it. Only attempts count that ask for what earlier ones asked for which carried a nonce, as
    those of the question before the load do: it may do other things on a link by itself.
    """

    def __init__(self, plan: Plan, expected: Sequence[str]) -> None:
        baseline = plan.phase("baseline")
        self._from_s, self._until_s, self._expected = baseline.start_s, baseline.end_s, tuple(expected)
        self._asked_for = set[tuple[str, str]]()
        """Method and path of those that carried a nonce."""
        self._strays = Counter[tuple[str, tuple[str, str]]]()
        """Those of the baseline that carried none since the last one did, by link and what they asked for."""
        self._joined = 0
        """Those of the baseline that carried one."""
        self.settled = not expected
        """Whether there is nothing to be found any more."""

    def hear(self, attempts: Iterable[Attempt], zero_s: float = 0.0) -> None:
        """Take in *attempts* that have ended; the run's clock was 0 at *zero_s* of theirs."""
        for one in attempts:
            asks_for, at_s = (one.method, one.path), one.start_s - zero_s
            if one.nonce:
                self._asked_for.add(asks_for)
                if at_s >= self._from_s:
                    self._joined += 1
                    self._strays.clear()
            elif self._from_s <= at_s < self._until_s and one.sent_s is not None and one.method not in LOOKS:
                self._strays[one.link, asks_for] += 1

    def check(self, now_s: float) -> None:
        """Raises UntrustworthyError where so many attempts of the baseline in a row cannot be joined that the rest could not be either."""
        if self.settled or now_s < self._from_s:
            return
        strays = Counter[str]()
        for (link, asks_for), number in self._strays.items():
            strays[link] += number * (asks_for in self._asked_for)
        if strays.total() >= max(ENOUGH, self._joined + 1):
            raise UntrustworthyError(self._said(+strays, now_s))
        self.settled = now_s > self._until_s + _LATE_S

    def _said(self, strays: Counter[str], now_s: float) -> str:
        which = ", ".join(f"{number} on {link}" for link, number in strays.items())
        return (
            f"{now_s - self._from_s:.1f} s into the baseline the last attempts ({which}) carried no nonce, although earlier ones did, so "
            f"{', '.join(self._expected)} cannot be judged: have the service pass it on with each attempt, also when it is busy (ask.nonce)"
        )
