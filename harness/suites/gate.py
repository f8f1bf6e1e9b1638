"""Trials of one or several things, carried out until the answer is clear, all are made or the budget is used up; their verdict is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path

from harness.judging import gate as judging
from harness.judging.gate import CutShort, Gate, Tried
from harness.judging.looks import Looked, changed, used_up
from harness.judging.result import Outcome
from harness.prepare import Prepared
from harness.problems import Problem, UsageProblems
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.stored import Run
from harness.suites.earlier import every, finished
from harness.suites.folder import GATE, folder
from harness.suites.grid import cell_of, write_scorecard
from harness.suites.inputs import inputs_of
from harness.suites.series import NOBODY, Made, Watcher, carried_out, gathered
from harness.suites.spending import Spending
from harness.suites.turns import Cell, interleaved
from harness.suites.wanted import Wanted

FILE = GATE


@dataclass(frozen=True, slots=True)
class Gated:
    """What trials came to: their *runs* in the order in which they were made, and the *gate* over them, stored in *path*.

    *stopped*: somebody asked to stop.
    """

    path: Path
    runs: tuple[Run, ...]
    gate: Gate
    stopped: bool = False

    @property
    def verdict(self) -> Outcome:
        return self.gate.verdict

    @property
    def passed(self) -> bool:
        """Whether every expectation held over the trials."""
        return self.verdict == "pass"

    @property
    def interrupted(self) -> bool:
        """Whether somebody interrupted it, however late."""
        return any(run.interrupted for run in self.runs)

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def exit_status(self) -> int:
        """That of the verdict; where somebody stopped it, that of the run in which they did."""
        return self.runs[-1].exit_status if self.stopped else self.gate.exit_status


def carry_out(
    wanted: Wanted,
    out: Path,
    run: Callable[[Prepared, Path], Run],
    watcher: Watcher = NOBODY,
    spending: Spending | None = None,
    *,
    resume: bool = False,
) -> Gated:
    """Make the trials in a folder of their own below *out*, and write what they came to there after each.

    With *resume* the newest such folder of the same inputs is gone on with: what has a finished run in it is not run again. A run that
    broke down ends it, since the next would do the same. Raises UsageProblems where what was looked at there has used up the error rate,
    and RefusedError and HarnessError as a run does where not even the first can be made; one that comes later ends it, and is written down.
    """
    spending = spending or Spending(wanted.budget)
    into = _folder(out, wanted, resume=resume)
    progress = _Progress(wanted, into, _looked(wanted, into) if resume else {})
    before = finished(progress.folder) if resume else {}
    # Also what runs cost that are made again: it is spent.
    spending.before(every(progress.folder) if resume else ())
    made = carried_out(
        interleaved(wanted.cells, progress.wanted),
        lambda turn: spending.on(turn.prepared, lambda: run(turn.prepared, progress.folder)),
        watcher,
        reruns=wanted.policy.reruns,
        earlier=lambda turn: before.get(inputs_of(turn.prepared)),
        allowed=spending.allows,
    )
    return gathered(made, progress.add, lambda cut: progress.gated(spending.refused, cut))


class _Progress:
    """What has been made in *folder* so far, and what it comes to."""

    def __init__(self, wanted: Wanted, folder: Path, looked: Mapping[str, tuple[Looked, ...]]) -> None:
        self.folder = folder
        self._wanted, self._made, self._looked = wanted, list[Made](), looked
        self._now = self._written("")

    @property
    def _because(self) -> dict[str, str]:
        return {f"{cell.situation} on {cell.system}": cell.because for cell in self._now.cells}

    def wanted(self, cell: Cell) -> bool:
        """Whether another trial of *cell* could still say something that is not clear already."""
        return not self._wanted.policy.early or self._because.get(cell.name, "") in ("", "most")

    def add(self, made: Made) -> None:
        self._made.append(made)
        self._now = self._written("")

    def gated(self, refused: str, cut_short: CutShort | None) -> Gated:
        """What it came to in the end; *refused*: why the budget left something out, and *cut_short* what kept a run from being made."""
        runs = tuple(made.run for made in self._made)
        self._now = self._written(refused, cut_short)
        cells = self._wanted.cells
        if runs and all(cell.trials == 1 and not cell.settings for cell in cells):
            # One run of each situation on each system is what a scorecard has cells for.
            told = [cell_of(made.run, self.folder) for made in self._made if made.counts]
            write_scorecard(self.folder, [cell.prepared for cell in cells], told)
        return Gated(self.folder, runs, self._now, any(run.stopped for run in runs))

    def _written(self, ended: str, cut_short: CutShort | None = None) -> Gate:
        from harness.conduct import versions

        made = judging.gate(
            self._wanted.name,
            [self._tried(cell) for cell in self._wanted.cells],
            self._wanted.policy,
            ended=ended,
            cut_short=cut_short,
            inputs=self._wanted.inputs,
            replay=f"{self._wanted.replay} --resume",
            versions=versions(),
        )
        write(self.folder, made)
        return made

    def _tried(self, cell: Cell) -> Tried:
        runs = [
            judging.TrialRun(
                made.turn.trial, made.again, Path(relpath(made.run.path, self.folder)).as_posix(), made.run.result
            )
            for made in self._made
            if made.turn.cell == cell
        ]
        return Tried(cell.situation, cell.system, cell.trials, tuple(runs), self._looked.get(cell.name, ()))


def _looked(wanted: Wanted, folder: Path) -> dict[str, tuple[Looked, ...]]:
    """What was looked at in *folder* before, of each cell by its name; raises UsageProblems where that leaves nothing to any of them."""
    if not (folder / FILE).is_file():
        return {}
    earlier, rate = read(folder), wanted.policy.error_rate
    made = {f"{cell.situation} on {cell.system}": cell for cell in earlier.cells}
    looked, open_ones = dict[str, tuple[Looked, ...]](), 0
    for cell in wanted.cells:
        if (then := made.get(cell.name)) is None:
            open_ones += 1
            continue
        plan = Looked(planned=then.planned, counted=then.counted, error_rate=earlier.error_rate)
        looked[cell.name] = changed(then.looked, plan, cell.trials, rate)
        tried = Tried(cell.situation, cell.system, cell.trials, looked=looked[cell.name])
        open_ones += not used_up(judging.sureness(tried, wanted.policy, len(wanted.cells)))
    if not open_ones:
        raise UsageProblems(Problem(nothing_left(rate, "let policy.error_rate of a suite be more")))
    return looked


def nothing_left(error_rate: float, or_else: str) -> str:
    """Why it is no use to go on; *or_else*: what else would help."""
    return (
        f"all runs that were to be made were looked at, and with that the error rate of {error_rate:g} is used up: further ones "
        f"could show nothing; begin anew, without --resume, or {or_else}"
    )


def write(folder: Path, gate: Gate) -> None:
    """The gate as JSON, as a page, as JUnit XML and as a summary in Markdown."""
    from harness.report import gate as report

    run_folder.write(folder / FILE, gate.to_json())
    run_folder.write(folder / "report.html", report.page(gate))
    run_folder.write(folder / "junit.xml", report.junit(gate))
    run_folder.write(folder / "summary.md", report.summary(gate))


def read(folder: Path) -> Gate:
    """The gate that is stored in *folder*; raises UsageProblems where there is none."""
    return recall(folder / FILE, Gate)[0].value


def _folder(out: Path, wanted: Wanted, *, resume: bool) -> Path:
    systems = {cell.system for cell in wanted.cells}
    label = systems.pop() if len(systems) == 1 else "all"
    return folder(out / wanted.name, FILE, wanted.inputs, lambda at: read(at).inputs, label, resume=resume)
