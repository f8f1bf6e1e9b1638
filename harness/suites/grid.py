"""A grid of runs: every scenario on every target, one after the other, gone on with where it was stopped, and told of on one scorecard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from shlex import quote

from harness.judging.scorecard import Cell, Scorecard, cell, scorecard
from harness.prepare import Prepared
from harness.record import run_folder
from harness.stored import Run, load, load_evidence
from harness.suites.earlier import finished
from harness.suites.inputs import inputs_of


@dataclass(frozen=True, slots=True)
class Grid:
    """What a grid came to: its *runs* in the order in which they were asked for, and the *scorecard*, stored in *path*.

    *stopped*: somebody asked to stop, so that some runs may be missing.
    """

    path: Path
    runs: tuple[Run, ...]
    scorecard: Scorecard
    stopped: bool = False

    @property
    def page(self) -> Path:
        return self.path / "scorecard.html"

    @property
    def exit_status(self) -> int:
        """That of the worst run; where somebody stopped the grid, that of the run in which they did."""
        return self.runs[-1].exit_status if self.stopped else self.scorecard.exit_status


def resumes(asked: bool | None, targets: Sequence[object]) -> bool:
    """Whether a grid goes on with what was run before, where nobody *asked* either way.

    Several systems are held beside one another, and take long. One is most often somebody's own, which changes while its files do not: a
    verdict on what it was yesterday would be none on what it is.
    """
    return len(targets) > 1 if asked is None else asked


def carry_out(
    prepared: Sequence[Prepared],
    out: Path,
    run: Callable[[Prepared], Run],
    *,
    resume: bool = False,
    tell: Callable[[Prepared, Run], None] = lambda _prepared, _run: None,
) -> Grid:
    """Make one *run* after another, and write the scorecard into *out* after each, so that what was made is told of however it ends.

    With *resume*, what has a finished run in *out* of the same inputs (the texts of all files, the seed and what was asked for beside
    them) is not run again; the newest such run stands for it, and is *told* of.
    """
    before = finished(out) if resume else {}
    runs: list[Run] = []
    cells: list[Cell] = []
    made = write_scorecard(out, prepared, cells)
    for one in prepared:
        if earlier := before.get(inputs_of(one)):
            runs.append(load(earlier))
            tell(one, runs[-1])
        else:
            runs.append(run(one))
        cells.append(cell_of(runs[-1], out))
        made = write_scorecard(out, prepared, cells)
        write_junit(out, runs)
        if runs[-1].stopped:
            break
    return Grid(out, tuple(runs), made, any(run.stopped for run in runs))


def write_junit(out: Path, runs: Sequence[Run]) -> None:
    """One ``junit.xml`` in *out* of all *runs*, each with the way to its report."""
    from harness.report.junit import REPORT, merged

    text = merged((run.result, Path(relpath(run.path / REPORT, out)).as_posix()) for run in runs)
    run_folder.write(out / "junit.xml", text)


def cell_of(run: Run, out: Path) -> Cell:
    """What *run* came to, from what it stored."""
    evidence = load_evidence(run_folder.find(run.path), keep=False, say=lambda _: None)
    return cell(run.result, evidence, Path(relpath(run.path, out)).as_posix())


def write_scorecard(out: Path, prepared: Sequence[Prepared], cells: Sequence[Cell]) -> Scorecard:
    """The scorecard of what there is, as JSON, as a page and as a table in Markdown."""
    from harness.conduct import replay, versions
    from harness.report.scorecard import markdown, page

    made = scorecard(
        (one.plan for one in prepared),
        cells,
        replay=f"{replay(*prepared)} --out {quote(str(out))} --resume",
        versions=versions(),
        missing=len(prepared) - len(cells),
    )
    out.mkdir(parents=True, exist_ok=True)
    run_folder.write(out / "scorecard.json", made.to_json())
    run_folder.write(out / "scorecard.html", page(made))
    run_folder.write(out / "scorecard.md", markdown(made))
    return made
