"""Whether other processes took the processors that the run needed, so that a failure may be theirs and not the service's.

Whatever runs beside it, a thread is late by a few milliseconds a turn, and that breaks nothing. What breaks things is a wait as long as a
time-out: then a healthy store counts as gone, and a breaker stays open for seconds. So a second counts as starved when a thread of the run
could have run and had to wait for a quarter of it, while others had more of the processors than the run itself. What the run's own
processes take of one another is no excuse: a service that burns its processors with retries starves itself, and that is its failure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.result import Finding
from harness.reading import quantities
from harness.record.instrument import EDGES_MS, Lateness, Machine, quantile_ms

TAKEN_RATIO = 0.2
"""Share of all processors that others have to take before a wait is blamed on them."""
BLAMED_RATIO = 0.5
"""Share of all that ran that others have to have."""
WAITED_RATIO = 0.25
"""Share of a second for which a thread has to wait."""
DOUBTFUL_RATIO = 0.05
"""Share of a phase that has to be starved before what failed in it is doubtful."""
OUTLIVES = 3
"""How many times as long as itself a starved second can be felt: a breaker that it opened stays open, and a queue has to drain."""
NAMED_RATIO = 0.3
"""Share of all processors from which on others are named beside every other reason to distrust a run."""
# Toxiproxy's threads take turns, and one that only looks after the others waits most.
_NOT_OF_THE_PATH = frozenset(
    {"compose", "compose-logs", "harness", "keeper", "preflight", "toxiproxy", "others of the run"}
)


@dataclass(frozen=True, slots=True)
class Late:
    """How late a loop ran: 1 time in 100 by *p99_ms* or more (infinite: by more than the last edge), and at most."""

    p99_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Load:
    """How busy the machine was in one phase; shares are of all processors, None where the machine does not tell."""

    phase: str
    busy: float | None = None
    taken: float | None = None
    """By others, those of other virtual machines included."""
    pressure: float | None = None
    starved: float | None = None
    """Share of the phase's time in which a process of the run was starved by others."""
    waited: str = ""
    """Which process of the run that was, most often."""
    rival: str = ""
    late: dict[str, Late] = field(default_factory=dict)


def loads(evidence: Evidence) -> list[Load]:
    """How busy the machine was, phase by phase; none of a run in which nobody looked."""
    made: list[Load] = evidence.once("machine", lambda: list(_loads(evidence)) if evidence.measurements else [])
    return made


def doubtful(finding: Finding, of: Sequence[Load]) -> bool:
    """Whether want of processor time could have made *finding* fail.

    A share may be wrong by `OUTLIVES` times that of the starved time; what is counted a request by as much of itself; a time, by any.
    """
    starved = _starved(finding, of)
    if starved < DOUBTFUL_RATIO:
        return False
    if finding.low is None or finding.high is None:
        return True
    metric = metrics[finding.metric.split(".")[0]]
    if metric.bounds == (0.0, 1.0):
        return finding.low - OUTLIVES * starved <= finding.limit <= finding.high + OUTLIVES * starved
    if metric.counts_attempts:
        return finding.low / (1 + OUTLIVES * starved) <= finding.limit
    return True


CLOSE_OTHERS = "close what else runs on this machine"
"""What helps against others who take the processors."""


def culprit(of: Sequence[Load]) -> str:
    """What was late, and who took the processors, in the phase in which it was worst; empty where others took little."""
    measured = [load for load in of if (load.taken or 0.0) >= NAMED_RATIO or (load.starved or 0.0) >= DOUBTFUL_RATIO]
    if not measured:
        return ""
    worst = max(measured, key=lambda load: (load.starved or 0.0, load.taken or 0.0))
    said = [f"other processes took {quantities.share(worst.taken or 0.0)} of the processors in the {worst.phase}"]
    said += [f"most of it {worst.rival}"] if worst.rival else []
    said += (
        [f"{worst.waited} waited for one in {quantities.share(worst.starved)} of the time"]
        if worst.starved and worst.waited
        else []
    )
    said += [
        f"the {name} ran {_ms(late.p99_ms)} late, 1 time in 100"
        for name, late in sorted(worst.late.items())
        if name == "wire"
    ]
    said += [f"CPU pressure {quantities.share(worst.pressure)}"] if worst.pressure is not None else []
    return ", ".join(said)


def _ms(value: float) -> str:
    return f"more than {EDGES_MS[-1]:g} ms" if value == float("inf") else f"{value:g} ms"


def _starved(finding: Finding, of: Sequence[Load]) -> float:
    """The largest share of starved time in a phase that *finding* stands on."""
    phases = [load for load in of if load.phase == finding.phase or (finding.phase is None and load.phase != "warmup")]
    return max((load.starved or 0.0 for load in phases), default=0.0)


def _loads(evidence: Evidence) -> Iterable[Load]:
    machine = [one for one in evidence.measurements if isinstance(one, Machine)]
    lateness = [one for one in evidence.measurements if isinstance(one, Lateness)]
    spans = [(phase.name, phase.start_s, phase.end_s) for phase in evidence.plan.phases]
    taken_max = _taken_max(evidence, machine)
    for name, start_s, end_s in spans:

        def inside(sample: Machine | Lateness, start_s: float = start_s, end_s: float = end_s) -> bool:
            return start_s <= sample.at_s + sample.span_s / 2 < end_s

        yield _load(name, [*filter(inside, machine)], [*filter(inside, lateness)], taken_max)


def _taken_max(evidence: Evidence, machine: Sequence[Machine]) -> float:
    """What can be blamed on others at most: a service that the harness did not start is among them, and may burn more when it is broken."""
    if evidence.plan.target.processes and not evidence.plan.target.compose:
        return 1.0
    baseline = evidence.plan.phase("baseline")
    before = [_taken(sample) for sample in machine if baseline.start_s <= sample.at_s < baseline.end_s]
    return median([taken for taken in before if taken is not None] or [0.0])


def _load(name: str, machine: Sequence[Machine], lateness: Sequence[Lateness], taken_max: float) -> Load:
    late = {
        process: _late([row for row in lateness if row.process == process])
        for process in {row.process for row in lateness}
    }
    told = [(sample, taken) for sample in machine if (taken := _taken(sample)) is not None]
    if not told:
        return Load(name, late=late)
    waits = [(sample, min(taken, taken_max)) for sample, taken in told]
    starving = [(sample, who) for sample, taken in waits if (who := _starved_in(sample, taken))]
    total_s = sum(sample.span_s for sample, _ in told)

    def mean(share: Callable[[Machine], float | None]) -> float | None:
        found = [(value, sample.span_s) for sample, _ in told if (value := share(sample)) is not None]
        return sum(value * span_s for value, span_s in found) / sum(span_s for _, span_s in found) if found else None

    return Load(
        name,
        busy=mean(lambda sample: sample.busy),
        taken=sum(taken * sample.span_s for sample, taken in waits) / total_s,
        pressure=mean(lambda sample: sample.pressure),
        starved=sum(sample.span_s for sample, _ in starving) / total_s,
        waited=_most(who for _, who in starving),
        rival=_most(sample.rival for sample, _ in told),
        late=late,
    )


def _taken(sample: Machine) -> float | None:
    """Share of all processors that others had; None where that is not known."""
    if sample.busy is None or sample.ours is None:
        return None
    return max(0.0, sample.busy - sample.ours) + (sample.steal or 0.0)


def _starved_in(sample: Machine, taken: float) -> str:
    """The process of the run that others starved most in the time of *sample*; empty where they starved none."""
    if taken < TAKEN_RATIO or sample.busy is None:
        return ""
    blamed = min(1.0, taken / (sample.busy + (sample.steal or 0.0)))
    if blamed < BLAMED_RATIO:
        return ""
    starved = {
        name: waited_s
        for name, (_, waited_s) in sample.threads.items()
        if name not in _NOT_OF_THE_PATH and waited_s >= WAITED_RATIO * sample.span_s
    }
    return max(starved, key=starved.__getitem__, default="")


def _late(rows: Sequence[Lateness]) -> Late:
    counts = [sum(column) for column in zip(*(row.counts for row in rows), strict=True)]
    return Late(quantile_ms(counts, 0.99) or 0.0, max(row.ms_max for row in rows))


def _most(names: Iterable[str]) -> str:
    counted = Counter(name for name in names if name)
    return counted.most_common(1)[0][0] if counted else ""
