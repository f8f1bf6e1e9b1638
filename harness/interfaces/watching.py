"""What a program is told while a run goes on: the figures that a person is shown, as values."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from harness.interfaces.live import Numbers, phase_at
from harness.planning.plan import Plan
from harness.running import loop


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. Figures are None before the first answer; those a second are of the last five seconds."""

    now_s: float
    """Of the run's clock, which is 0 when the load begins."""
    total_s: float
    """When the last request is due; answers may come after that, in the phase ``draining``."""
    phase: str
    left_s: float
    """Of the phase."""
    in_force: tuple[str, ...]
    """The faults that have been injected and not yet reverted, by their ids."""
    confirmed: tuple[str, ...]
    """Those of them that have been seen to be in force."""
    answered: int
    """Requests that have ended so far, however they did."""
    good_per_s: float | None
    p95_s: float | None
    attempts_per_request: float | None
    """Over the whole run so far."""
    presses_per_request: float | None = None
    """Likewise; None also where clients do not ask again."""
    attempts_per_s: float | None = None
    """On links, whoever they are for, where the load is the service's own; None elsewhere."""
    answered_ratio: float | None = None
    """Of these the share that was answered, 0 to 1; None where there was none."""


class Watching:
    """A panel for a program: each look at the run goes to *told*, until that fails; the run goes on then, and a warning says so."""

    def __init__(
        self,
        told: Callable[[Progress], object],
        plan: Plan,
        rows: Path,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._told: Callable[[Progress], object] | None = told
        self._plan, self._numbers = plan, Numbers(plan, rows, clock)

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, *_: object) -> None:
        self._numbers.close()

    def show(self, progress: loop.Progress) -> None:
        if self._told is None:
            return
        self._numbers.read()
        try:
            self._told(self._seen(progress))
        except Exception as error:  # noqa: BLE001 - the caller's own; the run is what counts, but they are to hear of it
            self._told = None
            said = f"{type(error).__name__}: {error}"
            warnings.warn(f"progress is told no more, since the function for it failed: {said}", stacklevel=2)

    def _seen(self, progress: loop.Progress) -> Progress:
        phase, left_s = phase_at(self._plan, progress.now_s)
        in_force = tuple(progress.active)
        return Progress(
            now_s=progress.now_s,
            total_s=self._plan.total_s,
            phase=phase,
            left_s=left_s,
            in_force=in_force,
            confirmed=tuple(name for name in in_force if name in progress.confirmed),
            answered=self._numbers.ended,
            good_per_s=self._numbers.good_per_s,
            p95_s=self._numbers.p95_s,
            attempts_per_request=self._numbers.attempts_per_request,
            presses_per_request=self._numbers.presses_per_request,
            attempts_per_s=self._numbers.attempts_per_s,
            answered_ratio=self._numbers.answered_ratio,
        )
