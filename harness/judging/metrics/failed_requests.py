"""How many requests got no good answer, counted one by one: where none may, a share says too little."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from harness.interval import Interval
from harness.judging.metrics.counted import Counted
from harness.judging.metrics.telling import Said
from harness.judging.sample import Sample
from harness.reading.scenario import Known

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class FailedRequests(Counted):
    """Requests that got no good answer: exactly how many in this run; .rate: how many a run to expect."""

    name: ClassVar[str] = "failed_requests"
    needs: ClassVar[Known] = "requests"
    unit: ClassVar[str] = "requests"
    labels: ClassVar[tuple[str, ...]] = ("region", "entry")
    title: ClassVar[str] = "Failed requests"
    about: ClassVar[str] = "requests that got no good answer"
    better: ClassVar[Literal["lower", "higher"] | None] = None
    card: ClassVar[Literal["always", "not zero", "expected"]] = "expected"
    never: ClassVar[str] = "no request failed"
    broken_first: ClassVar[int] = 4
    held_first: ClassVar[int] = 20

    def events(self, sample: Sample) -> tuple[npt.NDArray[np.float64], int] | None:
        sent = sample.words("outcome") != "not_sent"
        failed = ~sample.column("good")[sent]
        return (failed.astype(float), int(failed.size)) if failed.size else None

    def measure(self, sample: Sample, part: str | None = None) -> Interval:
        """What the end of the load cut off may have been answered yet."""
        found = super().measure(sample, part)
        cut_off = int((sample.words("outcome") == "unfinished").sum())
        if not cut_off or found.value is None or found.low is None:
            return found
        return replace(found, low=max(0.0, found.low - cut_off))

    def broken(self, said: Said) -> str:
        may = "none may" if said.bound == 0 else f"at most {said.limit} may"
        return f"{said.counted('request')}{said.where} got no good answer; {may} fail"
