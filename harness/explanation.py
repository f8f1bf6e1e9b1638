"""What is behind a stored run, and whether a change does what was foretold: the same run again with it, and each prediction held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harness.judging.baseline import Baseline
from harness.judging.result import EXIT_STATUS, ON_THE_SERVICE, Diagnosis, Measured, Outcome, Prediction, Result
from harness.prepare import Asked, Prepared, prepare
from harness.problems import Problem, UsageProblems
from harness.record import run_folder
from harness.registry import suggestion
from harness.report.diagnoses import foretold, predicted_title
from harness.report.words import interval, measured, quantity, unit_of
from harness.stored import Run, what_if

CarryOut = Callable[[Prepared, Baseline], Run]
"""Makes the one run, and holds it against another."""
CameTo = Literal["held", "missed", "still there", "not measured"]


@dataclass(frozen=True, slots=True)
class Held:
    """One *prediction* of a *diagnosis*, and what the run after it measured.

    ``still there``: that run shows what was diagnosed as before, so the change that is supposed was not made, or not all of it.
    """

    diagnosis: Diagnosis
    prediction: Prediction
    found: Measured | None
    came_to: CameTo


@dataclass(frozen=True, slots=True)
class Explained:
    """A stored *run* with its diagnoses; *after* it the run with a change, where one was made, and how each prediction fared."""

    run: Run
    after: Run | None = None
    held: tuple[Held, ...] = ()

    @property
    def diagnoses(self) -> list[Diagnosis]:
        return self.run.result.diagnoses

    @property
    def exit_status(self) -> int:
        """0: at least one prediction held, none failed, and the run after passes; without a change always.

        1: a prediction was missed, what was diagnosed is still there, or an expectation is broken. 3: nothing could be held, or too little
        was measured. Else that of the run after, which says nothing of the service.
        """
        if self.after is None:
            return 0
        if self.after.stopped or self.after.verdict not in ON_THE_SERVICE:
            return self.after.exit_status
        came_to = {one.came_to for one in self.held}
        status: Outcome = "pass" if "held" in came_to else "inconclusive"
        if came_to & {"missed", "still there"}:
            status = "fail"
        return max(EXIT_STATUS[status], self.after.exit_status, key=_badness)

    def told(self) -> Iterator[str]:
        """All of it in lines for a person."""
        result = self.run.result
        for one in self.diagnoses:
            yield f"{one.title} ({one.id})"
            yield from (f"  {line}" for line in (*one.evidence, *one.example))
            yield from (f"  {line}" for line in (one.change, *foretold(result, one)))
        if not self.diagnoses:
            yield "nothing that is known here is behind what this run came to"
        yield from (_told(result, one) for one in self.held)


def explain(
    path: Path,
    overrides: Sequence[str],
    environment: Mapping[str, str],
    carry_out: CarryOut,
    *,
    of: Sequence[str] = (),
    allowed_hosts: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> Explained:
    """The diagnoses of the run at *path*, judged by this version with nothing written; with *overrides* also the same run with them.

    That has the same seed and the files as they are now, is *carried out*, and has the first run for its baseline. Held are the predictions
    of the diagnoses *of* these ids, which the change is for; of all, where none is said. Raises UsageProblems for one that the run does not
    show, what `stored.judge` raises for a folder that holds no run, and what `prepare` does.
    """
    run = what_if(path, (), say=say)
    shown = [diagnosis.id for diagnosis in run.result.diagnoses]
    if unknown := [name for name in of if name not in shown]:
        raise UsageProblems(
            *(Problem(f"this run does not show {name!r}; {suggestion(name, shown)}", path="--of") for name in unknown)
        )
    if not overrides:
        return Explained(run)
    begun, _ = run_folder.read_history(run_folder.find(path))
    changed = (*begun.overrides, *overrides)
    asked = Asked(begun.seed, changed, tuple(begun.expectations), begun.with_faults, tuple(allowed_hosts))
    prepared = prepare(Path(begun.scenario_path), Path(begun.target_path), asked, environment, starts=True)
    for document, then in ((prepared.scenario, begun.scenario_sha256), (prepared.target, begun.target_sha256)):
        if document.sha256 != then:
            say(f"{document.file}: was edited since the run, so that more than what is set differs")
    after = carry_out(prepared, Baseline(path=str(path), result=run.result))
    return Explained(run, after, tuple(held(run.result, after.result, of or shown)))


def held(before: Result, after: Result, of: Sequence[str]) -> Iterator[Held]:
    """Each prediction of the diagnoses *of* these ids in *before*, held against what *after* measured.

    Where *after* says nothing of the service, nothing is.
    """
    there = {diagnosis.id for diagnosis in after.diagnoses}
    trusted = after.verdict in ON_THE_SERVICE
    for diagnosis in (one for one in before.diagnoses if one.id in of):
        for prediction in diagnosis.predictions:
            found = _measured(after, prediction) if trusted else None
            came_to: CameTo = "not measured"
            if trusted and diagnosis.id in there:
                came_to = "still there"
            elif found is not None and found.value is not None:
                inside = not found.censored and prediction.low <= found.value <= prediction.high
                came_to = "held" if inside else "missed"
            yield Held(diagnosis, prediction, found, came_to)


def _measured(result: Result, prediction: Prediction) -> Measured | None:
    name, _, part = prediction.metric.partition(".")
    metric = result.metrics.get(name)
    if metric is None:
        return None
    if prediction.phase:
        return metric.by.phase.get(prediction.phase)
    return metric.parts.get(part) if part else metric


def _told(before: Result, one: Held) -> str:
    unit, prediction = unit_of(before, one.prediction.metric), one.prediction
    within = interval(prediction.low, prediction.high, unit)
    then = f"{quantity(prediction.value, unit)} was predicted, {within}"
    found = "nothing was measured" if one.found is None else f"{measured(one.found, unit)} was measured"
    return f"{one.came_to}: {predicted_title(prediction)}: {then}; {found}"


def _badness(status: int) -> int:
    """The worse the greater: broken, then open, then in order."""
    return [EXIT_STATUS["pass"], EXIT_STATUS["inconclusive"], EXIT_STATUS["fail"]].index(status)
