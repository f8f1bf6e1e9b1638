"""The figures of the run in hand, as everybody who watches a game day is shown them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from harness.gameday.control import HIDDEN, LiveFigures
from harness.interfaces.live import Numbers, phase_at
from harness.planning.plan import Plan
from harness.running.loop import Progress

_LOOKED_EVERY_S = 0.25


class Figures:
    """A panel of the run of a *step*, which gives each look at it to *told*; of one that is *hidden* it names no fault and no phase."""

    def __init__(
        self,
        step: str,
        told: Callable[[LiveFigures | None], object],
        plan: Plan,
        rows: Path,
        *,
        hidden: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._step, self._told, self._plan, self._hidden = step, told, plan, hidden
        self._numbers = Numbers(plan, rows, clock)
        self._looked_s = float("-inf")

    def __enter__(self) -> Figures:
        return self

    def __exit__(self, *_: object) -> None:
        self._told(None)
        self._numbers.close()

    def show(self, progress: Progress) -> None:
        """Called some ten times a second; tells four times a second."""
        if progress.now_s - self._looked_s >= _LOOKED_EVERY_S:
            self._looked_s = progress.now_s
            self._numbers.read()
            self._told(self._seen(progress))

    def _seen(self, progress: Progress) -> LiveFigures:
        plan, numbers = self._plan, self._numbers
        phase, left_s = phase_at(plan, progress.now_s)
        active = progress.active
        return LiveFigures(
            step=self._step,
            now_s=progress.now_s,
            total_s=plan.total_s,
            phase=HIDDEN if self._hidden else phase,
            left_s=left_s,
            in_force=tuple(HIDDEN if self._hidden else one.summary for one in active.values()),
            confirmed=tuple(name in progress.confirmed for name in active),
            offered_per_s=None if plan.scenario.load.who else plan.schedule.per_s_at(max(0.0, progress.now_s)),
            good_per_s=numbers.good_per_s,
            p95_s=numbers.p95_s,
            attempts_per_request=numbers.attempts_per_request,
            attempts_per_s=numbers.attempts_per_s,
            answered_ratio=numbers.answered_ratio,
        )
