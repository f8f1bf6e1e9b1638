"""What `harness run` does once all is read: one run, a grid, or trials, shown as it goes on, and the status that it ends with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import typer

from harness.conduct import conduct
from harness.interfaces import github
from harness.interfaces.live import LivePanel
from harness.interfaces.shown import Shown, TrialsShown, console_of, printed
from harness.judging.baseline import Baseline
from harness.prepare import Prepared
from harness.settings import Settings
from harness.stored import Run
from harness.suites import gate, grid
from harness.suites.gate import Wanted
from harness.suites.spending import Spending


def carry_out(
    wanted: Wanted,
    settings: Settings,
    out: Path,
    *,
    toxiproxy_url: str | None,
    baseline: Baseline | None,
    resume: bool | None,
    several_targets: bool,
    as_json: bool,
) -> int:
    """Make the runs, show them, or *as_json* print what they came to alone on standard output; the status to end with."""
    console = console_of(stderr=as_json)

    def made(one: Prepared, into: Path) -> Run:
        return conduct(
            one,
            settings,
            into,
            toxiproxy_url=toxiproxy_url,
            say=lambda text: console.print(text, style="dim"),
            panel=lambda plan, rows: LivePanel(console, plan, rows),
            baseline=baseline,
        )

    if not wanted.as_one:
        shown = Shown(console, quiet=as_json)
        return _each_by_itself(
            wanted, settings, out, made, shown, resume=resume, several_targets=several_targets, as_json=as_json
        )
    spending = Spending(wanted.budget)
    watcher = TrialsShown(console, wanted.cells, spending, quiet=as_json)
    echo = partial(typer.echo, err=as_json)
    # What trials came to is told of all of them together; a run of them that failed marks no line.
    with github.told([], settings, echo):
        gated = gate.carry_out(wanted, out, made, watcher, spending, resume=bool(resume))
        watcher.all(gated)
    github.of_trials(gated.path / "summary.md", gated.runs, settings, echo)
    if as_json:
        typer.echo(gated.gate.to_json(), nl=False)
    return gated.exit_status


def _each_by_itself(
    wanted: Wanted,
    settings: Settings,
    out: Path,
    made: Callable[[Prepared, Path], Run],
    shown: Shown,
    *,
    resume: bool | None,
    several_targets: bool,
    as_json: bool,
) -> int:
    """One run, or a grid of them."""
    prepared = [cell.prepared for cell in wanted.cells]

    def shown_made(one: Prepared) -> Run:
        shown.begins(one)
        return shown.ended(made(one, out))

    with (
        github.told(shown.runs, settings, partial(typer.echo, err=as_json), out),
        printed(shown.runs, several=len(prepared) > 1) if as_json else nullcontext(),
    ):
        if len(prepared) == 1 and not resume:
            return shown_made(prepared[0]).exit_status
        every = grid.carry_out(
            prepared, out, shown_made, resume=several_targets if resume is None else resume, tell=shown.found
        )
    shown.all(every)
    return every.exit_status
