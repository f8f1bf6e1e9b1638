"""What runs take of time and money, so that no budget is gone over and a person knows how long it still takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from harness.planning.plan import Plan
from harness.prepare import Prepared
from harness.reading.quantities import plain
from harness.reading.suite import Budget
from harness.suites.turns import Turn

if TYPE_CHECKING:
    import pandas as pd

    from harness.reading.target import Target
    from harness.stored import Run

FIRST_BEYOND_S = 6.0
"""What a run takes beyond its plan, to start what it needs and to judge, before any has told."""
_UNBOUNDED = Budget()


class _Row(NamedTuple):
    link: str
    model: str
    outcome: str
    tokens_in: int | None
    tokens_out: int | None


def cost_of(run: Run) -> float:
    """What the attempts of a stored *run* cost by the prices of its target; what has none is as dear as the dearest, as for an abort."""
    from harness.reading.target import Target
    from harness.reading.yaml.recall import recall
    from harness.record.run_folder import RunFolder

    return cost_of_rows(recall(RunFolder(run.path).target, Target)[0].value, run.arrivals)


def cost_of_rows(target: Target, arrivals: pd.DataFrame) -> float:
    """The same of a table of arrivals; what is not told of one costs nothing."""
    from harness.judging.following import price_list

    cost = price_list(target)
    # Tables of earlier versions have not all of the columns.
    rows = arrivals.reindex(columns=list(_Row._fields)).astype(object)
    known = rows.where(rows.notna(), None)
    return sum(cost(_Row(*row)) for row in known.itertuples(index=False, name=None))


class Spending:
    """Told of each run that is made; *clock* gives seconds, and *costs* what a run cost, in the currency of the prices of its target.

    The budget of time is counted from *began_s* of the clock, which is now where nobody says.
    """

    def __init__(
        self,
        budget: Budget = _UNBOUNDED,
        clock: Callable[[], float] = monotonic,
        costs: Callable[[Run], float] = cost_of,
        began_s: float | None = None,
    ) -> None:
        self._budget, self._clock, self._costs = budget, clock, costs
        self._began_s = clock() if began_s is None else began_s
        self._beyond_s: list[float] = []
        self._cost: list[float] = []
        self.refused = ""
        """Why a run was not begun; empty as long as all may be."""

    def on(self, prepared: Prepared, run: Callable[[], Run]) -> Run:
        """What *run* gives, and what it took is known from then on."""
        began_s = self._clock()
        made = run()
        self._beyond_s.append(max(0.0, self._clock() - began_s - prepared.plan.total_s))
        if self._budget.money is not None:
            self._cost.append(self._costs(made))
        return made

    def before(self, runs: Iterable[Run]) -> None:
        """*runs* were made before, and what they cost is spent; the time that they took is that of whoever waited for them."""
        if self._budget.money is not None:
            self._cost += [self._costs(run) for run in runs]

    def allows(self, turn: Turn) -> bool:
        """Whether the run of *turn* fits into what is left, should it take as long as it may and cost as much as the dearest so far."""
        self.refused = self.refusal(turn.cell.prepared.plan, f"trial {turn.trial} of {turn.cell.name}") or self.refused
        return not self.refused

    def refusal(self, plan: Plan, named: str) -> str:
        """Why a run of this *plan*, called *named*, might go over the budget; empty where it fits into what is left."""
        budget, why = self._budget, ""
        if budget.time is not None:
            needs_s = plan.ends_s + max(self._beyond_s, default=FIRST_BEYOND_S)
            left_s = budget.time - (self._clock() - self._began_s)
            if needs_s > left_s:
                why = (
                    f"{named} may take {spelt(needs_s)}, and {spelt(max(0.0, left_s))} are left of the budget of "
                    f"{spelt(budget.time)}"
                )
        if budget.money is not None and (spent := sum(self._cost)) + max(self._cost, default=0.0) > budget.money:
            why = (
                f"{named} may cost {plain(max(self._cost), 6)}, and {plain(spent, 6)} of the budget of "
                f"{plain(budget.money, 6)} are spent"
            )
        return why

    def left_s(self, plans: Iterable[Plan]) -> float:
        """How long runs of these *plans*, one after the other, most likely take."""
        beyond_s = sum(self._beyond_s) / len(self._beyond_s) if self._beyond_s else FIRST_BEYOND_S
        return sum(plan.total_s + beyond_s for plan in plans)


def spelt(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 h 10 min``: as exact as a person needs who waits for it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
