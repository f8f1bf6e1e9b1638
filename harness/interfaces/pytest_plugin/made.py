"""What was made for a test, one run or trials with one verdict, in the words in which pytest tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from os.path import relpath
from pathlib import Path
from typing import Any

from harness import api
from harness.interfaces.pytest_plugin.wanted import Wanted
from harness.problems import UsageProblems
from harness.reading.kinds import kind_of
from harness.reading.scenario import Scenario
from harness.reading.suite import Suite
from harness.reading.yaml import load
from harness.report import diagnoses, words
from harness.report.gate import said
from harness.report.headline import headline
from harness.report.plain_text import both_ends, one_line
from harness.stored import Run
from harness.suites.gate import Gated

Made = Run | Gated


def carried_out(wanted: Wanted) -> Made:
    """The run that is *wanted*, here and now; several with one verdict where somebody said so, or the file does."""
    alike: dict[str, Any] = {
        "seed": wanted.seed,
        "overrides": wanted.overrides,
        "expect": wanted.expect,
        "with_faults": wanted.with_faults,
        "allowed_hosts": wanted.allowed_hosts,
        "out": wanted.out,
    }
    if wanted.trials is not None or _several(wanted.scenario):
        return api.gate(wanted.scenario, targets=wanted.target or (), trials=wanted.trials, **alike)
    return api.run(wanted.scenario, target=wanted.target, **alike)


def _several(path: Path) -> bool:
    """Whether the file at *path* asks for more than one run; what is wrong with it is told by whoever reads it for one."""
    try:
        return kind_of(path) is Suite or load(path, Scenario).value.trials > 1
    except UsageProblems:
        return False


def properties(made: Made, here: Path) -> dict[str, str]:
    """Verdict, report as seen from *here*, how to make it again; of one run its seed, of several how many they are."""
    several = {"runs": str(len(made.runs))} if isinstance(made, Gated) else {"seed": str(made.result.seed)}
    return {
        "verdict": made.verdict,
        "report": relpath(made.path / "report.html", here),
        **several,
        "replay": one_line(replay(made), 2000),
    }


def reason(made: Made) -> str:
    return made.gate.reason if isinstance(made, Gated) else made.result.reason


def replay(made: Made) -> str:
    return made.gate.replay if isinstance(made, Gated) else made.result.replay


def findings(made: Made) -> Iterator[str]:
    """What was *made* as a diff: what was expected with a minus, what was measured with a plus, what held with neither."""
    yield from _of_trials(made) if isinstance(made, Gated) else _of_run(made)
    yield f"report: {made.path / 'report.html'}"
    yield f"again: {one_line(replay(made), 2000)}"


def _of_run(run: Run) -> Iterator[str]:
    result = run.result
    yield f"{result.scenario.name} on {result.target.name}: {run.verdict}. {headline(result)}"
    if run.verdict not in words.TRUSTED:
        yield words.VERDICTS[run.verdict]
    for finding in result.findings:
        subject, measured = words.subject(finding), one_line(words.measured_against(result, finding))
        if finding.verdict == "pass" or run.verdict not in words.TRUSTED:
            yield f"  {subject}: {measured}"
        else:
            yield f"- {subject}: {words.limit(result, finding)}"
            yield f"+ {subject}: {measured} ({finding.verdict})"
    yield from (f"  {line}" for line in diagnoses.lines(result))


def _of_trials(gated: Gated) -> Iterator[str]:
    gate = gated.gate
    yield f"{gate.name}: {gated.verdict} over {len(gated.runs)} runs. {both_ends(gate.reason, 400)}"
    for cell in gate.cells:
        yield f"  {cell.situation} on {cell.system}: {cell.verdict}"
        for one in cell.expectations:
            if one.verdict == "pass":
                yield f"  {one.expectation}: held"
            else:
                yield f"- {one.expectation}"
                yield f"+ {one_line(said(one))} ({one.verdict})"
