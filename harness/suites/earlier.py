"""What was run before of the same inputs, so that it need not be run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.judging.result import ON_THE_SERVICE
from harness.problems import UsageProblems
from harness.record import run_folder
from harness.record.history import Begun
from harness.stored import Run, load
from harness.suites.inputs import Inputs


def inputs_in(begun: Begun) -> Inputs:
    """All that the run that *begun* was made from, as `inputs_of` tells of one that is to be."""
    files = (begun.scenario_sha256, begun.target_sha256, begun.questions_sha256, begun.trace_sha256)
    held = (begun.recorded_sha256,) if begun.recorded_sha256 else ()
    return (*files, *held, begun.seed, tuple(begun.overrides), tuple(begun.expectations), begun.with_faults)


def finished(out: Path) -> dict[Inputs, Path]:
    """The newest finished run below *out* of each inputs; one that somebody or something ended before its time is made again."""
    found: dict[Inputs, tuple[str, Path]] = {}
    for run, begun in _judged(out):
        if run.verdict in ON_THE_SERVICE:
            inputs, made = inputs_in(begun), (begun.started_at, run.path)
            found[inputs] = max(found.get(inputs, made), made)
    return {inputs: path for inputs, (_, path) in found.items()}


def every(out: Path) -> Iterator[Run]:
    """Every run below *out* that came to its end, whatever it came to."""
    yield from (run for run, _ in _judged(out))


def _judged(out: Path) -> Iterator[tuple[Run, Begun]]:
    for path in sorted(out.glob("*/*/history.jsonl")):
        try:
            yield load(path.parent), run_folder.read_history(run_folder.find(path.parent))[0]
        except UsageProblems:
            continue  # it was never judged, or is damaged: it is made again
