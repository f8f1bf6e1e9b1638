"""What several runs came to, judged again from what is stored, with nothing running: each run first, then all of them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from harness.judging import gate as judging
from harness.judging import versus
from harness.judging.capacity import capacity as judging_capacity
from harness.judging.capacity.capacity import AboutSearch, Capacity, RateRun
from harness.judging.capacity.rate import Objective
from harness.judging.gate import Gate, GateRun, TrialRun, Tried
from harness.judging.result import Result
from harness.judging.versus import About, Comparison, Runs, Sureness
from harness.reading.suite import Policy
from harness.stored import baseline_at
from harness.stored import judge as judge_run
from harness.suites import capacity, compare, gate


def judge(folder: Path, say: Callable[[str], None]) -> Gate | Comparison | Capacity:
    """Judge every run that was made for one thing in *folder* again, then what they came to together, and write both.

    Raises UsageProblems as for a run: where one of them is missing, damaged, or still goes on.
    """
    if (folder / capacity.FILE).is_file():
        return _capacity(folder, say)
    return _gate(folder, say) if (folder / gate.FILE).is_file() else _comparison(folder, say)


def _gate(folder: Path, say: Callable[[str], None]) -> Gate:
    before = gate.read(folder)
    every = [
        Tried(cell.situation, cell.system, cell.planned, _judged(folder, cell.runs, say), tuple(cell.looked))
        for cell in before.cells
    ]
    policy = Policy.model_validate(
        {name: getattr(before, name) for name in ("error_rate", "fail_on", "reruns", "early")}
    )
    made = judging.gate(
        before.name,
        every,
        policy,
        ended=before.ended,
        cut_short=before.cut_short,
        inputs=before.inputs,
        replay=before.replay,
        versions=before.versions,
    )
    gate.write(folder, made)
    return made


def _capacity(folder: Path, say: Callable[[str], None]) -> Capacity:
    before = capacity.read(folder)
    asked = Objective(before.ratio, before.within_s, before.deadline_s)
    about = AboutSearch(
        before.target, before.scenario, asked, before.entries, before.at_least, before.inputs, before.replay
    )
    tried = []
    for one in before.rates:
        run = judge_run(folder / one.folder, say=say)
        tried.append(RateRun(one.per_s, one.span_s, capacity.look(run, asked), run.result, one.folder))
    made = judging_capacity.capacity(about, tried, versions=before.versions)
    capacity.write(folder, made)
    return made


def _comparison(folder: Path, say: Callable[[str], None]) -> Comparison:
    before = compare.read(folder)
    about = About(
        before.scenario, before.base, before.head, before.planned, tuple(before.unequal), before.inputs, before.replay,
        tuple(before.looked),
    )  # fmt: skip
    runs = [
        Runs(
            pair.trial,
            pair.seed,
            _judged(folder, pair.base, say, ours=not before.base.stored),
            _judged(folder, pair.head, say, ours=not before.head.stored),
        )
        for pair in before.pairs
    ]
    sure = Sureness(before.error_rate, before.margin, tuple(before.fail_on), before.reruns)
    made = versus.versus(about, runs, sure, ended=before.ended, cut_short=before.cut_short, versions=before.versions)
    compare.write(folder, made)
    return made


def _judged(
    folder: Path, runs: Sequence[GateRun], say: Callable[[str], None], *, ours: bool = True
) -> tuple[TrialRun, ...]:
    """*runs* judged by this version; into those that are not *ours*, but lie where somebody keeps them, nothing is written."""

    def result(path: Path) -> Result:
        return judge_run(path, say=say).result if ours else baseline_at(path, say=say).result

    return tuple(TrialRun(run.trial, run.again, run.folder, result(folder / run.folder)) for run in runs)
