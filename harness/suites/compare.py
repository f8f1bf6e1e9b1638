"""Two things in pairs of runs of one seed each, carried out until the answer is clear; what is stored already is not run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from os.path import relpath
from pathlib import Path

from harness.judging import versus as judging
from harness.judging.gate import CutShort, TrialRun
from harness.judging.looks import Looked, changed, used_up
from harness.judging.result import Outcome
from harness.judging.versus import About, Comparison, Runs, Sureness
from harness.prepare import Prepared
from harness.problems import Problem, UsageProblems
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.stored import Run
from harness.suites.earlier import finished
from harness.suites.folder import COMPARISON, folder
from harness.suites.gate import nothing_left
from harness.suites.inputs import checksum, inputs_of
from harness.suites.series import NOBODY, Made, Watcher, carried_out, gathered
from harness.suites.sides import Two
from harness.suites.spending import Spending
from harness.suites.turns import Cell, Turn, in_pairs

FILE = COMPARISON


@dataclass(frozen=True, slots=True)
class Contest:
    """What is to be compared: so many *trials* of both, each pair with one seed."""

    two: Two
    trials: int
    sure: Sureness
    replay: str = ""

    @property
    def cells(self) -> dict[str, Cell]:
        """The sides that are to be run, by ``base`` and ``head``; with *settings* so called, since both may have one name."""
        named = {"base": self.two.base, "head": self.two.head}
        return {name: Cell(one, name, self.trials) for name, one in named.items() if isinstance(one, Prepared)}

    @property
    def seeds(self) -> list[int] | None:
        return self.two.seeds[: self.trials] if self.two.seeds is not None else None

    @property
    def inputs(self) -> str:
        sides = [f"{side.path} {side.sha256}" for side in self.two.sides if side.stored]
        return sha256(repr([checksum([cell.prepared for cell in self.cells.values()]), sides]).encode()).hexdigest()

    def about(self, looked: tuple[Looked, ...]) -> About:
        """What is compared, of which so much was *looked* at before by another plan."""
        base, head = self.two.sides
        planned = len(self.seeds) if self.seeds is not None else self.trials
        replay = f"{self.replay} --resume"
        return About(self.two.scenario, base, head, planned, self.two.unequal, self.inputs, replay, looked)


@dataclass(frozen=True, slots=True)
class Compared:
    """What two things came to beside one another: the *comparison*, and the *runs* that were made for it, stored in *path*."""

    path: Path
    runs: tuple[Run, ...]
    comparison: Comparison
    stopped: bool = False

    @property
    def verdict(self) -> Outcome:
        return self.comparison.verdict

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def exit_status(self) -> int:
        """That of the comparison; where somebody stopped it, that of the run in which they did."""
        return self.runs[-1].exit_status if self.stopped else self.comparison.exit_status


def allowed(two: Two, *, force: bool) -> None:
    """Raises UsageProblems where what has to be equal is not, and nobody says that this is meant."""
    if two.unequal and not force:
        what = "what has to be equal is not, so a difference need not be one of the two"
        raise UsageProblems(Problem(f"{what}; {'; '.join(two.unequal)}; --force compares them all the same"))


def carry_out(
    contest: Contest,
    out: Path,
    run: Callable[[Prepared, Path], Run],
    watcher: Watcher = NOBODY,
    spending: Spending | None = None,
    *,
    resume: bool = False,
) -> Compared:
    """Make the runs of both in turns (A B B A) in a folder of its own below *out*, and write what they came to there after each pair.

    What is stored on one side is not run again: the other has its seeds. With *resume* the newest folder of the same is gone on with.
    Raises UsageProblems where what was looked at there has used up the error rate, and RefusedError and HarnessError as a run does where
    not even the first can be made; one that comes later ends it, and is written down.
    """
    spending = spending or Spending()
    into = _folder(out, contest, resume=resume)
    progress = _Progress(contest, into, _looked(contest, into) if resume else ())
    made = carried_out(
        progress.turns(),
        lambda turn: spending.on(turn.prepared, lambda: run(turn.prepared, progress.into(turn))),
        watcher,
        reruns=contest.sure.reruns,
        earlier=progress.earlier() if resume else lambda _: None,
        allowed=spending.allows,
    )
    return gathered(made, progress.add, lambda cut: progress.compared(spending.refused, cut))


class _Progress:
    """What has been made in *folder* so far, beside what was stored before, and what it comes to."""

    def __init__(self, contest: Contest, folder: Path, looked: tuple[Looked, ...]) -> None:
        self.folder = folder
        self._contest, self._runs, self._looked = contest, list[Run](), looked
        self._pairs = {trial: Runs(trial, seed) for trial, seed in enumerate(contest.seeds or (), start=1)}
        for name, side in (("base", contest.two.base), ("head", contest.two.head)):
            if isinstance(side, Prepared):
                continue
            of_seed = {run.result.seed: run for run in side.runs}
            for trial, pair in self._pairs.items():
                self._put(
                    trial, name, TrialRun(trial, 0, self._relative(of_seed[pair.seed]), of_seed[pair.seed].result)
                )
        self._now = self._written("")

    def turns(self) -> Iterator[Turn]:
        """What is to be run, as long as it is not clear."""
        cells, seeds = self._contest.cells, self._contest.seeds
        if len(cells) == 2:
            yield from in_pairs(cells["base"], cells["head"], lambda: not self._clear)
            return
        for cell in cells.values():
            for trial, seed in enumerate(seeds or (), start=1):
                if not self._clear:
                    yield Turn(cell, trial, seed)

    @property
    def _clear(self) -> bool:
        return self._now.because in ("red", "green", "no use")

    def into(self, turn: Turn) -> Path:
        return self.folder / turn.cell.settings

    def earlier(self) -> Callable[[Turn], Path | None]:
        """Where what has a finished run is; of each side by itself, since both may be made from the same files."""
        found = {name: finished(self.folder / name) for name in self._contest.cells}
        return lambda turn: found[turn.cell.settings].get(inputs_of(turn.prepared))

    def add(self, made: Made) -> None:
        trial, name = made.turn.trial, made.turn.cell.settings
        self._runs.append(made.run)
        self._pairs.setdefault(trial, Runs(trial, made.turn.seed))
        self._put(trial, name, TrialRun(trial, made.again, self._relative(made.run), made.run.result))
        self._now = self._written("")

    def compared(self, refused: str, cut_short: CutShort | None) -> Compared:
        self._now = self._written(refused, cut_short)
        return Compared(self.folder, tuple(self._runs), self._now, any(run.stopped for run in self._runs))

    def _put(self, trial: int, name: str, run: TrialRun) -> None:
        pair = self._pairs[trial]
        self._pairs[trial] = (
            replace(pair, base=(*pair.base, run)) if name == "base" else replace(pair, head=(*pair.head, run))
        )

    def _relative(self, run: Run) -> str:
        return Path(relpath(run.path, self.folder)).as_posix()

    def _written(self, ended: str, cut_short: CutShort | None = None) -> Comparison:
        from harness.conduct import versions

        pairs = [self._pairs[trial] for trial in sorted(self._pairs)]
        about = self._contest.about(self._looked)
        made = judging.versus(about, pairs, self._contest.sure, ended=ended, cut_short=cut_short, versions=versions())
        write(self.folder, made)
        return made


def _looked(contest: Contest, folder: Path) -> tuple[Looked, ...]:
    """What was looked at in *folder* before; raises UsageProblems where that leaves nothing."""
    if not (folder / FILE).is_file():
        return ()
    then, sure = read(folder), contest.sure
    plan = Looked(planned=then.planned, counted=then.counted, error_rate=then.error_rate)
    looked = changed(then.looked, plan, contest.about(()).planned, sure.error_rate)
    if used_up(judging.sureness(contest.about(looked), sure)):
        raise UsageProblems(Problem(nothing_left(sure.error_rate, "allow a greater --error-rate")))
    return looked


def write(folder: Path, comparison: Comparison) -> None:
    """The comparison as JSON, as a page, as JUnit XML and as a summary in Markdown."""
    from harness.report import versus as report

    run_folder.write(folder / FILE, comparison.to_json())
    run_folder.write(folder / "report.html", report.page(comparison))
    run_folder.write(folder / "junit.xml", report.junit(comparison))
    run_folder.write(folder / "summary.md", report.summary(comparison))


def read(folder: Path) -> Comparison:
    """The comparison that is stored in *folder*; raises UsageProblems where there is none."""
    return recall(folder / FILE, Comparison)[0].value


def _folder(out: Path, contest: Contest, *, resume: bool) -> Path:
    base, head = contest.two.sides
    label = f"{base.name}-vs-{head.name}"
    return folder(out / contest.two.scenario, FILE, contest.inputs, lambda at: read(at).inputs, label, resume=resume)
