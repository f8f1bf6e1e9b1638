"""A run of a step, as the document needs it: what it came to, and in wall time when something was broken by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness.judging.gameday import Expected, Good, InForce
from harness.judging.metrics.recovery_and_failover import RecoveryTime
from harness.judging.result import ON_THE_SERVICE, Finding, Measured, Result
from harness.problems import UsageProblems
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.record.history import Begun, History, Injecting, OfFault, Reverted
from harness.record.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class StepRun:
    """A run that is *stored* in *folder* below that of the day; *result* is None where it was never judged."""

    folder: str
    stored: RunFolder
    begun: Begun
    history: History
    result: Result | None

    @property
    def exact(self) -> bool:
        """Whether the wall time at 0 of its clock is known."""
        return bool(self.begun.zero_at)

    def wall(self, at_s: float) -> str:
        """An instant of the run's clock in wall time; where that is not known, counted from when the run began."""
        zero = datetime.fromisoformat(self.begun.zero_at or self.begun.started_at)
        return (zero + timedelta(seconds=at_s)).isoformat(timespec="milliseconds")

    @property
    def broke_at(self) -> str:
        """Wall time from which its first fault counts as in force; empty where none was."""
        first = next((event.at_s for event in self.history if isinstance(event, Injecting)), None)
        return "" if first is None else self.wall(first)

    @property
    def trusted(self) -> bool:
        """Whether it says something of the service."""
        return self.result is not None and self.result.verdict in ON_THE_SERVICE

    @property
    def recovery(self) -> Measured | None:
        """How long answers took to be good again after the fault; None where that was not measured."""
        metric = self.result.metrics.get(RecoveryTime.name) if self.result and self.trusted else None
        if metric is None or metric.value is None:
            return None
        return Measured(value=metric.value, low=metric.low, high=metric.high, censored=metric.censored, n=metric.n)

    def expectations(self) -> list[Expected]:
        """Each finding with its numbers."""
        return [self._expected(finding) for finding in self.result.findings] if self.result else []

    def faults(self) -> list[InForce]:
        """Each fault that was tried, from when it counts as in force until it was gone."""
        return list(self._faults())

    def good(self) -> list[Good]:
        """The share of good answers, phase by phase."""
        phases = [one for one in self.result.phases if one.end_s > one.start_s] if self.result else []
        return [
            Good(phase=one.name, at=self.wall(one.start_s), until=self.wall(one.end_s), ratio=one.good_ratio)
            for one in phases
        ]

    def good_by_second(self) -> list[float | None]:
        """The share of good answers of what was due in each second of the run's clock; empty where nobody knows any more.

        A run that was cut short ends with the last request that was sent.
        """
        import numpy as np  # a day without runs is written up without it

        try:
            rows = run_folder.read_table(self.stored.table("requests"), ["due_s", "sent_s", "good"])
        except UsageProblems:
            return []
        due_s, sent_s = (rows[name].to_numpy(dtype=np.float64) for name in ("due_s", "sent_s"))
        if not np.isfinite(sent_s).any():
            return []
        # Jitter may put the first one a hair before 0.
        seconds = np.floor(np.maximum(due_s, 0.0))[due_s <= np.nanmax(sent_s)].astype(np.int64)
        good = rows["good"].to_numpy(dtype=np.float64)[due_s <= np.nanmax(sent_s)]
        many, of_them = np.bincount(seconds), np.bincount(seconds, good)
        return [round(float(share / count), 4) if count else None for share, count in zip(of_them, many, strict=True)]

    @property
    def planned_s(self) -> float | None:
        """How long its load was to take."""
        return self.result.phases[-1].end_s if self.result and self.result.phases else None

    @property
    def unasked(self) -> list[str]:
        """What got much worse though no expectation is about it."""
        return list(self.result.unasked) if self.result else []

    @property
    def odd(self) -> list[str]:
        """What no service should do whatever is expected of it: keep itself down, or end."""
        return [said for said in (self.result.metastable, self.result.service_ended) if said] if self.result else []

    @property
    def behind(self) -> list[str]:
        """What is behind its numbers, and what to change."""
        return [f"{found.title}. {found.change}" for found in self.result.diagnoses] if self.result else []

    def _expected(self, finding: Finding) -> Expected:
        assert self.result is not None
        of = self.result.metrics.get(finding.metric.partition(".")[0])
        return Expected(
            expectation=finding.expectation,
            metric=finding.metric,
            unit=of.unit if of else "",
            limit=finding.limit,
            value=finding.value,
            low=finding.low,
            high=finding.high,
            censored=finding.censored,
            verdict=finding.verdict,
            counts=self.trusted,
        )

    def _faults(self) -> Iterator[InForce]:
        judged = {fault.id: fault for fault in self.result.faults} if self.result else {}
        planned = {fault.id: fault for fault in self.begun.faults}
        for tried in self.history:
            if not isinstance(tried, Injecting):
                continue
            about = judged.get(tried.fault) or planned.get(tried.fault)
            yield InForce(
                kind=about.kind if about else "",
                summary=about.summary if about else tried.fault,
                links=list(about.links) if about else [],
                at=self.wall(tried.at_s),
                until=self._gone(tried),
                confirmed=tried.fault in judged and judged[tried.fault].confirmed,
            )

    def _gone(self, tried: OfFault) -> str:
        """Wall time at which the fault that was *tried* had been put back; empty where nobody knows that."""
        ends = (
            event.at_s
            for event in self.history
            if isinstance(event, Reverted)
            and event.fault == tried.fault
            and event.at_s >= tried.at_s
            and not event.error
        )
        at_s = next(ends, None)
        return "" if at_s is None else self.wall(at_s)


def read(day: Path, run: str) -> StepRun | None:
    """The *run* in that folder below the folder of a *day*; None where it is not there any more, or nothing of it can be read."""
    stored = RunFolder(day / run)
    if not run or not stored.history.is_file():
        return None
    try:
        begun, history = run_folder.read_history(stored)
    except UsageProblems:
        return None
    try:
        result = recall(stored.result, Result)[0].value if stored.result.is_file() else None
    except UsageProblems:
        result = None
    return StepRun(run, stored, begun, history, result)
