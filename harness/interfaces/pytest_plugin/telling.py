"""What came of runs, where pytest tells of it: at the assertion that failed, at the end of the session, and on GitHub's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.interfaces.pytest_plugin.asking import OF_A_RUN
from harness.settings import settings

if TYPE_CHECKING:
    from harness.stored import Run


def findings(run: Run) -> Iterator[str]:
    """*run* as a diff: what was expected with a minus, what was measured with a plus, what held with neither."""
    from harness.report import words
    from harness.report.headline import headline
    from harness.report.plain_text import one_line

    result = run.result
    yield f"{result.scenario.name} on {result.target.name}: {run.verdict}. {headline(result)}"
    if run.verdict not in words.TRUSTED:
        yield words.VERDICTS[run.verdict]
    for finding in result.findings:
        subject, measured = words.subject(finding), words.measured_against(result, finding)
        if finding.verdict == "pass" or run.verdict not in words.TRUSTED:
            yield f"  {subject}: {one_line(measured)}"
        else:
            yield f"- {subject}: {words.limit(result, finding)}"
            yield f"+ {subject}: {one_line(measured)} ({finding.verdict})"
    yield f"report: {run.path / 'report.html'}"
    yield f"again: {one_line(result.replay, 2000)}"


def explained(error: AssertionError, runs: Iterable[Run]) -> None:
    """Adds to *error* what those of the *runs* came to that did not pass: pytest shows no more of a truth than that it is none."""
    told = [line for run in runs if not run.passed for line in ("", *findings(run))]
    if told:
        error.args = ("\n".join([str(error), *told]).strip("\n"),)


def properties(reports: Iterable[object]) -> list[tuple[str, dict[str, str]]]:
    """Of each run that one of the *reports* tells of: the test that it was made for, and its properties."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for report in reports:
        if not isinstance(report, pytest.TestReport):
            continue
        run: dict[str, str] = {}
        for name, value in report.user_properties:
            if not name.startswith(OF_A_RUN):
                continue
            run[name.removeprefix(OF_A_RUN)] = str(value)
            if name == f"{OF_A_RUN}replay":
                found.setdefault(run["report"], (report.nodeid, run))
                run = {}
    return list(found.values())


def summarize(terminal: pytest.TerminalReporter, root: Path) -> None:
    """A line for each run at the end of the session, and what GitHub's runner is told of all."""
    made = properties(report for reports in terminal.stats.values() for report in reports)
    if not made:
        return
    terminal.section("resilience")
    for test, run in made:
        terminal.write_line(f"{run['verdict']:<12}  {run['report']}  ({test})")
    environment = settings()
    if environment.on_github or environment.step_summary:
        from harness import load
        from harness.interfaces import github

        runs = [load(root / run["report"]) for _, run in made]
        github.tell(runs, environment, terminal.write_line)
