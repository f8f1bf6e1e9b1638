"""What came of runs, where pytest tells of it: at the assertion that failed, at the end of the session, and on GitHub's page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.interfaces.pytest_plugin.asking import OF_A_RUN
from harness.settings import settings

if TYPE_CHECKING:
    from harness.interfaces.pytest_plugin.made import Made


def explained(error: AssertionError, runs: Iterable[Made]) -> None:
    """Adds to *error* what those of the *runs* came to that did not pass: pytest shows no more of a truth than that it is none."""
    red = [run for run in runs if not run.passed]
    if red:
        from harness.interfaces.pytest_plugin.made import findings

        told = [line for run in red for line in ("", *findings(run))]
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
        from harness.interfaces import github

        for _, run in made:
            github.tell_stored((root / run["report"]).parent, environment, terminal.write_line)
