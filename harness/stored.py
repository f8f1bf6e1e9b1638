"""A stored run: its tables, and its verdict and report again from what is stored, with nothing running."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from harness.judging.result import EXIT_STATUS, Outcome, Result
from harness.problems import HarnessError, Problem, UsageProblems
from harness.reading import expectation
from harness.reading.expectation import parse
from harness.reading.questions import Questions
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.reading.yaml import Document
from harness.reading.yaml.recall import recall
from harness.record import as_run, instrument, run_folder
from harness.record.run_folder import RunFolder

if TYPE_CHECKING:
    import pandas as pd

    from harness.judging.baseline import Baseline
    from harness.judging.evidence import Evidence
    from harness.planning.plan import Plan


@dataclass(frozen=True, repr=False)
class Run:
    """A run that has ended and is stored at *path*; *stopped*: somebody asked to stop, so that none should follow it."""

    path: Path
    result: Result
    stopped: bool = False

    @property
    def exit_status(self) -> int:
        """That of its verdict; where somebody interrupted it, however late, that of an interruption."""
        interrupted = self.stopped and self.verdict != "aborted"
        return EXIT_STATUS["interrupted" if interrupted else self.verdict]

    @property
    def passed(self) -> bool:
        """Whether every expectation held in a run that can be trusted."""
        return self.verdict == "pass"

    @property
    def interrupted(self) -> bool:
        """Whether somebody interrupted it, however late."""
        return self.exit_status == EXIT_STATUS["interrupted"]

    def __repr__(self) -> str:
        return f"<Run {self.path}: {self.result.scenario.name} on {self.result.target.name}, {self.verdict}>"

    @property
    def verdict(self) -> Outcome:
        return self.result.verdict

    @cached_property
    def requests(self) -> pd.DataFrame:
        """One row a logical request; the columns are described in ``docs/tables.md``."""
        return run_folder.read_table(RunFolder(self.path).table("requests"))

    @cached_property
    def attempts(self) -> pd.DataFrame:
        """One row an attempt of the target's at a provider."""
        return run_folder.read_table(RunFolder(self.path).table("attempts"))

    @cached_property
    def arrivals(self) -> pd.DataFrame:
        """One row an attempt that came through Toxiproxy."""
        return run_folder.read_table(RunFolder(self.path).table("arrivals"))

    @cached_property
    def traffic(self) -> pd.DataFrame:
        """One row a tenth of a second in which something passed on a link."""
        return run_folder.read_table(RunFolder(self.path).table("traffic"))

    @cached_property
    def health_checks(self) -> pd.DataFrame:
        """One row a look at a health URL; there is no such table where the target file names none."""
        return run_folder.read_table(RunFolder(self.path).table("health_checks"))


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=2)


def load(path: str | Path) -> Run:
    """A stored run as it was last judged: nothing is judged again, and nothing is written.

    Raises UsageProblems for a folder that holds no run, or one that was never judged: it still goes on, or was killed.
    """
    folder = run_folder.find(Path(path))
    if not folder.result.exists():
        what = "was never judged, so there is no verdict to load; when the run has ended, harness.judge judges it"
        raise UsageProblems(Problem(what, file=str(folder.path)))
    return Run(folder.path, recall(folder.result, Result)[0].value)


def judge(path: str | Path, *, baseline: str | Path | None = None, say: Callable[[str], None] = _warn) -> Run:
    """Judge a stored run again and render its report, with nothing running; the same files give the same bytes.

    With *baseline*, the folder of another run, the report also says what changed since; that is kept with the run, so that it is said
    whenever the run is judged again. What a reader should know, such as that a file was edited since the run, is *said*. Raises
    UsageProblems for a folder that holds no run, one that still goes on, or one with a file missing or damaged; then nothing was written.
    """
    before = baseline_at(baseline, say=say) if baseline is not None else None
    folder = run_folder.find(Path(path))
    _refuse_while_it_goes_on(folder)
    return judged(folder, before or _kept_baseline(folder, say), say)


def what_if(path: str | Path, expectations: Sequence[str], *, say: Callable[[str], None] = _warn) -> Run:
    """A stored run as it would be judged with these *expectations* too, in the place of its own of the same subject; nothing is written.

    Raises UsageProblems as `judge` does, and for an expectation that the run's scenario and target know nothing of.
    """
    from harness.checks import Written, strangers
    from harness.judging import verdict
    from harness.judging.metrics import metrics
    from harness.judging.misnamed import not_there

    folder = run_folder.find(Path(path))
    _refuse_while_it_goes_on(folder)
    evidence = load_evidence(folder, keep=False, say=say)
    begun, history = run_folder.read_history(folder)
    written = Written(as_run.read(folder, begun, history).scenario, expectations)
    problems = [*written.problems, *strangers(written, evidence.plan.target)]
    if asked := [problem for problem in problems if problem.path == "--expect"]:
        raise UsageProblems(*asked)
    own, new = evidence.plan.expectations, tuple(map(parse, expectations))
    if unknown := [f"{one}: {why}" for one in new for why in not_there(one, evidence.plan)]:
        raise UsageProblems(*(Problem(what, path="--expect") for what in unknown))
    for one in new:
        if why := metrics[one.metric].unsettled(evidence.plan, one):
            say(f"{one}: {why}")
    plan = replace(evidence.plan, expectations=expectation.replace(own, new))
    return Run(folder.path, verdict.judge(replace(evidence, plan=plan, _made={})))


def baseline_at(path: str | Path, *, say: Callable[[str], None] = _warn) -> Baseline:
    """A stored run as what another is held against, judged by this version; raises UsageProblems where that cannot be."""
    from harness.judging.baseline import Baseline

    return Baseline(path=str(path), result=_judged_again(run_folder.find(Path(path)), say))


def _kept_baseline(folder: RunFolder, say: Callable[[str], None]) -> Baseline | None:
    """What *folder* was held against before: judged by this version if it is still where it was, else as it was kept."""
    from harness.judging.baseline import Baseline

    if not folder.baseline.exists():
        return None
    kept = recall(folder.baseline, Baseline)[0].value
    try:
        there = run_folder.find(Path(kept.path))
        if run_folder.read_history(there)[0].run_id == kept.result.run_id:
            return Baseline(path=kept.path, result=_judged_again(there, say))
    except UsageProblems:
        pass
    say(
        f"{kept.path}: the baseline run {kept.result.run_id} is not there any more; this run is held against what was kept of it"
    )
    return kept


def _judged_again(folder: RunFolder, say: Callable[[str], None]) -> Result:
    """What a stored run comes to, judged by this version and with nothing written; raises UsageProblems where that cannot be told."""
    from harness.judging import verdict

    _refuse_while_it_goes_on(folder)
    return verdict.judge(load_evidence(folder, keep=False, say=say))


def judged(folder: RunFolder, baseline: Baseline | None = None, say: Callable[[str], None] = _warn) -> Run:
    from harness.judging import verdict

    with writing(folder):
        evidence = load_evidence(folder, say=say)
        result = verdict.judge(evidence)
        render(folder, result, evidence, baseline)
    return Run(folder.path, result)


def judged_alone(path: str | Path, say: Callable[[str], None] = _warn) -> tuple[RunFolder, Result, Evidence]:
    """A stored run with what it comes to today, and with nothing written; raises UsageProblems where that cannot be told."""
    from harness.judging import verdict

    folder = run_folder.find(Path(path))
    _refuse_while_it_goes_on(folder)
    evidence = load_evidence(folder, keep=False, say=say)
    return folder, verdict.judge(evidence), evidence


def beside(path: str | Path, other: str | Path, *, say: Callable[[str], None] = _warn) -> Path:
    """The page of two stored runs side by side, as ``beside.html`` in the folder of the first; raises UsageProblems as `judge` does."""
    from os.path import relpath

    from harness.report.beside import Side, page

    folder, result, evidence = judged_alone(path, say)
    there, its_result, its_evidence = judged_alone(other, say)
    its_page = Path(relpath(there.report.resolve(), folder.path.resolve())).as_posix()
    written = folder.path / "beside.html"
    text = page(Side(result, evidence, folder.report.name), Side(its_result, its_evidence, quote(its_page)))
    with writing(folder):
        run_folder.write(written, text)
    return written


def _refuse_while_it_goes_on(folder: RunFolder) -> None:
    """Its processes still write the rows that the tables are made of."""
    from harness.running.keeper.undo import owner_alive

    try:
        goes_on = owner_alive(folder.undo, ended=run_folder.ended(folder.path))
    except OSError as error:
        raise UsageProblems(Problem(f"cannot be read: {error.strerror}", file=str(folder.undo))) from error
    if goes_on:
        raise UsageProblems(Problem("this run still goes on; judge it when it has ended", file=str(folder.path)))


def render(folder: RunFolder, result: Result, evidence: Evidence, baseline: Baseline | None = None) -> None:
    """Write the result, the report, JUnit XML and the Markdown summary into the run's folder: all of them, or none that cannot be made."""
    from harness.report.junit import junit
    from harness.report.page import page
    from harness.report.summary import summary

    before = baseline.result if baseline else None
    texts = {
        folder.result: result.to_json(),
        folder.report: page(result, evidence, before),
        folder.path / "junit.xml": junit(result),
        folder.path / "summary.md": summary(result, before),
    }
    if baseline:
        texts[folder.baseline] = baseline.model_dump_json(by_alias=True, indent=2) + "\n"
    for path, text in texts.items():
        run_folder.write(path, text)


def load_evidence(folder: RunFolder, *, keep: bool = True, say: Callable[[str], None] = _warn) -> Evidence:
    """All that a stored run holds; the tables are made of the rows the first time, and stored unless told not to *keep* them.

    It stands on the files as they are now: where one was edited since the run, that is *said*, and the checksum is the new one's. Raises
    UsageProblems, with nothing stored, for a file that is missing or damaged.
    """
    from harness.judging.closed import as_it_was
    from harness.judging.evidence import Evidence, publications
    from harness.judging.joining import derive_attempts, derive_requests, since_the_load_began

    begun, history = run_folder.read_history(folder)
    prepared = as_run.read(folder, begun, history)
    for problem in (*prepared.refused_today, *_not_there(prepared.plan)):
        say(f"{problem}; what was run is judged all the same")
    tables, counts = run_folder.read_tables(folder, begun.clock_zero_s), run_folder.read_counts(folder)
    attempts = derive_attempts(prepared.plan, tables.attempts, tables.requests)
    asked_of = prepared.questions.value.asked
    requests = derive_requests(prepared.plan, tables.requests, attempts, publications(history), asked_of)
    made = as_it_was(prepared.plan, requests)
    if keep and not tables.kept:
        run_folder.keep_tables(
            folder,
            requests=requests,
            attempts=attempts,
            arrivals=tables.arrivals,
            traffic=tables.traffic,
            health_checks=tables.health_checks,
        )
    counted, arrivals = (since_the_load_began(rows, requests) for rows in (attempts, tables.arrivals))
    begun = msgspec.structs.replace(
        begun,
        scenario_sha256=_as_judged(prepared.scenario, begun.scenario_sha256, say),
        target_sha256=_as_judged(prepared.target, begun.target_sha256, say),
        questions_sha256=_as_judged(prepared.questions, begun.questions_sha256, say),
    )
    measurements = instrument.read(folder.instrument, begun.clock_zero_s)
    texts = {name: question.text for name, question in asked_of.items()}
    earlier = len(attempts) - len(counted)
    return Evidence(
        made,
        begun,
        history,
        requests,
        counted,
        arrivals,
        counts,
        texts,
        earlier,
        measurements,
        tables.traffic,
        asked_of,
        run_folder.read_effects(folder),
        as_run.lines_of(prepared.scenario),
        run_folder.read_workers(folder),
        tables.health_checks.frame if tables.health_checks is not None else None,
    )


def _not_there(plan: Plan) -> Iterator[Problem]:
    """Every name in an expectation that nobody here knows, so that it cannot be measured."""
    from harness.judging.misnamed import not_there

    for expected in plan.expectations:
        yield from (Problem(f"{expected} is not measured: {what}") for what in not_there(expected, plan))


def _as_judged(
    document: Document[Scenario] | Document[Target] | Document[Questions], as_run: str, say: Callable[[str], None]
) -> str:
    """The checksum of *document*, and a word about it where that of the run was another."""
    if as_run and document.sha256 != as_run:
        say(f"{document.file}: was edited since the run; it is judged by what it says now")
    return document.sha256


@contextmanager
def writing(folder: RunFolder) -> Iterator[None]:
    """Raises HarnessError where one of the files of a run cannot be written; what is there can still be judged."""
    try:
        yield
    except OSError as error:
        raise HarnessError(
            f"the run's files cannot be written: {error}; what there is stands in {folder.path}"
        ) from error
