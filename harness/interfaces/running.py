"""What `harness run` does once all is read: one run, a grid, or trials, shown as it goes on, and the status that it ends with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from harness.conduct import conduct
from harness.interfaces import github
from harness.interfaces.live import LivePanel
from harness.interfaces.shown import (
    CapacityShown,
    Shown,
    ShrinkShown,
    TrialsShown,
    capacity_lines,
    comparison_lines,
    console_of,
    gate_lines,
    printed,
    shrunk_lines,
)
from harness.judging.baseline import Baseline
from harness.prepare import Prepared
from harness.running.world.kept import Kept
from harness.settings import Settings
from harness.stored import Run
from harness.suites.reuse import Reuse
from harness.suites.spending import Spending

if TYPE_CHECKING:
    from harness.suites.capacity import Sought
    from harness.suites.compare import Contest
    from harness.suites.shrink import Shrinking
    from harness.suites.wanted import Wanted


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
    several = len(wanted.cells) > 1 or wanted.as_one
    with Reuse(lambda text: console.print(text, style="dim"), several=several) as reuse:
        return _carried_out(wanted, settings, out, _shown_run(console, settings, toxiproxy_url, baseline, reuse), console,
                            resume=resume, several_targets=several_targets, as_json=as_json)  # fmt: skip


def _carried_out(
    wanted: Wanted,
    settings: Settings,
    out: Path,
    made: Callable[[Prepared, Path], Run],
    console: Console,
    *,
    resume: bool | None,
    several_targets: bool,
    as_json: bool,
) -> int:
    if not wanted.as_one:
        shown = Shown(console, quiet=as_json)
        return _each_by_itself(
            wanted, settings, out, made, shown, resume=resume, several_targets=several_targets, as_json=as_json
        )
    from harness.suites import gate

    spending = Spending(wanted.budget)
    watcher = TrialsShown(console, wanted.cells, spending, quiet=as_json)
    echo = partial(typer.echo, err=as_json)
    # What trials came to is told of all of them together; a run of them that failed annotates no line.
    with github.told([], settings, echo):
        gated = gate.carry_out(wanted, out, made, watcher, spending, resume=bool(resume))
        watcher.all(gated.page, gate_lines(gated.gate))
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
        from harness.suites import grid

        every = grid.carry_out(
            prepared, out, shown_made, resume=several_targets if resume is None else resume, tell=shown.found
        )
    shown.all(every)
    return every.exit_status


def compare_both(
    contest: Contest, settings: Settings, out: Path, *, toxiproxy_url: str | None, resume: bool, as_json: bool
) -> int:
    """Make the pairs, show them, or *as_json* print what they came to alone on standard output; the status to end with."""
    from harness.suites import compare

    console, echo = console_of(stderr=as_json), partial(typer.echo, err=as_json)
    spending = Spending()
    watcher = TrialsShown(console, list(contest.cells.values()), spending, quiet=as_json)
    with github.told([], settings, echo), Reuse(lambda text: console.print(text, style="dim")) as reuse:
        made = compare.carry_out(
            contest, out, _shown_run(console, settings, toxiproxy_url, None, reuse), watcher, spending, resume=resume
        )
        watcher.all(made.page, comparison_lines(made.comparison))
    github.of_trials(made.path / "summary.md", made.runs, settings, echo)
    if as_json:
        typer.echo(made.comparison.to_json(), nl=False)
    return made.exit_status


def search(
    sought: Sought, settings: Settings, out: Path, *, toxiproxy_url: str | None, resume: bool, as_json: bool
) -> int:
    """Search, show every rate, or *as_json* print what it came to alone on standard output; the status to end with."""
    from harness.suites import capacity

    console = console_of(stderr=as_json)
    watcher = CapacityShown(console, quiet=as_json)
    with github.told([], settings, partial(typer.echo, err=as_json)):
        with Reuse(lambda text: console.print(text, style="dim")) as reuse:
            made = capacity.carry_out(
                sought, out, _shown_run(console, settings, toxiproxy_url, None, reuse), watcher, resume=resume
            )
        watcher.all(made.page, capacity_lines(made.capacity))
    github.of_trials(made.path / "summary.md", made.runs, settings, partial(typer.echo, err=as_json))
    if as_json:
        typer.echo(made.capacity.to_json(), nl=False)
    return made.exit_status


def shrink_it(
    made: Shrinking, settings: Settings, out: Path, *, toxiproxy_url: str | None, resume: bool, as_json: bool
) -> int:
    """Search the smallest, show every step, or *as_json* print what it came to alone on standard output; the status to end with."""
    from harness.suites import shrink

    console = console_of(stderr=as_json)
    watcher = ShrinkShown(console, made.trials, quiet=as_json)
    with github.told([], settings, partial(typer.echo, err=as_json)):
        with Reuse(lambda text: console.print(text, style="dim")) as reuse:
            one_run = _shown_run(console, settings, toxiproxy_url, None, reuse)
            found = shrink.carry_out(made, out, one_run, watcher, resume=resume)
        watcher.all(found.path / shrink.FILE, shrunk_lines(found.shrunk))
    if as_json:
        typer.echo(found.shrunk.to_json(), nl=False)
    return found.exit_status


def _shown_run(
    console: Console, settings: Settings, toxiproxy_url: str | None, baseline: Baseline | None, reuse: Reuse
) -> Callable[[Prepared, Path], Run]:
    """What makes one run, and shows on *console* how it goes."""

    def made(one: Prepared, into: Path) -> Run:
        def run(kept: Kept | None) -> Run:
            return conduct(
                one,
                settings,
                into,
                toxiproxy_url=toxiproxy_url,
                say=lambda text: console.print(text, style="dim"),
                panel=lambda plan, rows: LivePanel(console, plan, rows),
                baseline=baseline,
                kept=kept,
                gathering=reuse.gathering,
            )

        return reuse.run(one, run)

    return made
