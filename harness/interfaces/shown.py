"""What is shown of runs that are carried out one after the other: what begins, what each came to, and all at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.markup import escape

from harness.interfaces.terminal import verdict_lines
from harness.problems import Problem, UsageProblems
from harness.report.headline import headline
from harness.report.plain_text import one_line

if TYPE_CHECKING:
    from harness.judging.capacity.capacity import Capacity
    from harness.judging.gate import Gate
    from harness.judging.result import Result
    from harness.judging.shrunk import Candidate, Shrunk
    from harness.judging.versus import Comparison
    from harness.planning.plan import Plan
    from harness.prepare import Prepared
    from harness.stored import Run
    from harness.suites.grid import Grid
    from harness.suites.series import Made
    from harness.suites.spending import Spending
    from harness.suites.turns import Cell, Turn

_UNWRAPPED = 10_000
_NEVER_GOOD = 3
"""Rates of which none was kept up with, after which a person is told what that may come from."""


@contextmanager
def printed(runs: list[Run], *, several: bool) -> Iterator[None]:
    """Prints the results of *runs* at the end, also when something breaks: the one document, or an array of *several*."""
    try:
        yield
    finally:
        documents = [run.result.to_json().rstrip("\n") for run in runs]
        if documents:
            typer.echo("[\n" + ",\n".join(documents) + "\n]" if several else documents[0])


def show(console: Console, run: Run) -> None:
    """The verdict of one run and its findings."""
    for renderable in verdict_lines(run.result):
        console.print(renderable)
    console.print(f"report: {run.path / 'report.html'}", soft_wrap=True, highlight=False)


def console_of(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr)
    if not console.is_terminal:
        # Who reads a file or a pipe wraps lines, or does not; a path that is cut in two is none.
        console.width = _UNWRAPPED
    return console


class Shown:
    """What a person sees of runs one after the other; *quiet*: of those that are made, somebody else tells."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self.runs: list[Run] = []

    def begins(self, one: Prepared) -> None:
        if not self._quiet:
            plan = one.plan
            self._console.print(
                f"[bold]{plan.scenario.name}[/] on {plan.target.name}, seed {plan.seed}, about {plan.total_s:.0f} s"
            )

    def ended(self, run: Run) -> Run:
        self.runs.append(run)
        if not self._quiet:
            show(self._console, run)
        return run

    def found(self, one: Prepared, run: Run) -> None:
        """That *run* was made before and stands for one of now."""
        self.runs.append(run)
        said = f"{one.plan.scenario.name} on {one.plan.target.name}: not run again, {run.verdict} in {run.path}"
        self._console.print(said, soft_wrap=True, highlight=False)

    def all(self, grid: Grid) -> None:
        if self._quiet:
            return
        from rich.table import Table

        table = Table("scenario", "target", "verdict", "report", box=None, pad_edge=False)
        for run in grid.runs:
            names = (run.result.scenario.name, run.result.target.name, run.verdict)
            table.add_row(*names, str(run.path / "report.html"))
        self._console.print()
        self._console.print(table)
        self._console.print(f"scorecard: {grid.page}", soft_wrap=True, highlight=False)


class TrialsShown:
    """What a person sees of trials: which it is, how long all of them still take, and a line on what each came to."""

    def __init__(self, console: Console, cells: Sequence[Cell], spending: Spending, *, quiet: bool) -> None:
        self._console, self._cells, self._spending, self._quiet = console, cells, spending, quiet
        self.runs: list[Run] = []

    def begins(self, turn: Turn, again: int) -> None:
        if self._quiet:
            return
        left = self._left(turn)
        more = f"; {len(left) - 1} more after it, {self._about(left)} in all" if len(left) > 1 else ""
        anew = " again, as its run could not be trusted" if again else ""
        said = f"trial {turn.trial} of {turn.cell.trials}{anew}: [bold]{turn.cell.name}[/], seed {turn.seed}"
        self._console.print(f"{said}, {self._about([turn.cell.prepared.plan])}{more}", soft_wrap=True, highlight=False)

    def _about(self, plans: Sequence[Plan]) -> str:
        from harness.suites.spending import spelt

        return f"about {spelt(self._spending.left_s(plans))}"

    def ended(self, made: Made) -> None:
        self.runs.append(made.run)
        if self._quiet:
            return
        run, before = made.run, " (made before)" if made.found else ""
        told = "" if run.verdict == "pass" else f" {headline(run.result)}"
        self._console.print(
            f"  {run.verdict}{before}:{told} {run.path / 'report.html'}", soft_wrap=True, highlight=False, markup=False
        )

    def all(self, page: Path, lines: Iterable[str]) -> None:
        """What all came to, and where the page is."""
        if self._quiet:
            return
        for line in ("", *lines, f"report: {page}"):
            self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _left(self, turn: Turn) -> list[Plan]:
        """The plans of all runs that are to be made yet, the one of *turn* among them."""
        behind = self._cells.index(turn.cell)
        return [
            cell.prepared.plan
            for place, cell in enumerate(self._cells)
            for trial in range(1, cell.trials + 1)
            if (trial, place) >= (turn.trial, behind)
        ]


class CapacityShown:
    """What a person sees of a search: which rate is tried, and where the report of its run is."""

    def __init__(self, console: Console, *, quiet: bool) -> None:
        self._console, self._quiet = console, quiet
        self._never_good = True
        self._rates: list[str] = []

    def begins(self, turn: Turn, again: int) -> None:
        from harness.suites.spending import spelt

        plan = turn.cell.prepared.plan
        self._say(f"rate {turn.trial}: [bold]{turn.cell.settings}[/] on {turn.cell.system}, {spelt(plan.total_s)}")

    def ended(self, made: Made) -> None:
        before = " (made before)" if made.found else ""
        self._say(f"  {made.turn.cell.settings}{before}: {made.run.path / 'report.html'}")
        self._rates = [*dict.fromkeys([*self._rates, made.turn.cell.settings])]
        self._never_good = self._never_good and made.run.verdict == "fail"
        if self._never_good and len(self._rates) >= _NEVER_GOOD:
            self._say(f"  [yellow]{escape(never_good(self._rates, made.run.result))}[/]")

    def all(self, page: Path, lines: Iterable[str]) -> None:
        """What all came to, and where the page is."""
        for line in ("", *lines, f"report: {page}"):
            self._say(escape(line))

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._console.print(line, soft_wrap=True, highlight=False)


class ShrinkShown:
    """What a person sees of a search for the smallest: which candidate is tried in which trial, and where the report of its run is."""

    def __init__(self, console: Console, trials: int, *, quiet: bool) -> None:
        self._console, self._trials, self._quiet = console, trials, quiet

    def begins(self, turn: Turn, again: int) -> None:
        from harness.suites.spending import spelt

        plan, repeated = turn.cell.prepared.plan, " again" if again else ""
        self._say(
            f"[bold]{escape(turn.cell.settings)}[/], trial {turn.trial} of {self._trials}{repeated}, {spelt(plan.total_s)}"
        )

    def ended(self, made: Made) -> None:
        before = "made before, " if made.found else ""
        self._say(f"  {before}{made.run.verdict}: {escape(str(made.run.path / 'report.html'))}")

    def all(self, document: Path, lines: Iterable[str]) -> None:
        """What all came to, and where it is stored."""
        for line in ("", *lines, f"steps: {document}"):
            self._say(escape(line))

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._console.print(line, soft_wrap=True, highlight=False)


def shrunk_lines(found: Shrunk) -> Iterator[str]:
    """The end of such a search on a terminal: what it came to, each step, what is left, and how to go on."""
    yield f"{found.verdict.upper()}  {one_line(found.scenario, 60)} on {one_line(found.target, 60)}, shrunk"
    yield one_line(found.reason, 600)
    yield ""
    for step in found.steps:
        trials = f"{step.broken} of {step.made}" if step.made else ""
        why = f"  {one_line(step.why, 200)}" if step.why else ""
        yield f"  {one_line(step.what, 44):<44}  {step.came_to:<12}  {trials:>8}{why}"
    yield ""
    if found.found is not None:
        yield from left_lines(found.whole, found.found)
    if found.file:
        yield f"scenario: {found.file}"
        named = " ".join(map(quote, [found.file, "--target", found.target_file, *found.with_options]))
        yield f"as a gate: harness run {named} --trials {max(3, found.trials)}"
    if not found.file or found.verdict != "pass":
        yield f"go on: {found.replay}"


def left_lines(whole: Candidate, found: Candidate) -> Iterator[str]:
    """What is left of the *whole*, beside what it was."""
    faults = f"{len(found.faults)} of {len(whole.faults)}"
    yield f"  faults      {faults}{': ' if found.faults else ''}{', '.join(one_line(name, 40) for name in found.faults)}"
    before_s, now_s = sum(whole.phases.values()), sum(found.phases.values())
    yield f"  it lasts    {now_s:g} s, {before_s:g} s before"
    before = f"{whole.rate_per_s:g} before" if found.rate_per_s != whole.rate_per_s else "as before"
    yield f"  rate        {found.rate_per_s:g} a second, {before}"


def never_good(rates: Sequence[str], last: Result) -> str:
    """That the service was good at none of *rates*, and what came in the place of good answers in the *last* run."""
    most = max(last.failures, key=lambda failure: failure.requests, default=None)
    said = f" ({one_line(most.said, 100)})" if most is not None and most.said else ""
    why = f"; most often: {one_line(most.came_to, 60)}{said}" if most is not None else ""
    return (
        f"not good at any rate so far, {rates[0]} to {rates[-1]}{why}. Lower ones are tried; where the service is good at none, "
        "look at the report above first, or whether this machine is busy"
    )


def capacity_lines(found: Capacity) -> Iterator[str]:
    """The end of a search on a terminal: its verdict with the reason, each rate, and what to do with it."""
    from harness.report import capacity as capacity_report

    yield f"{found.verdict.upper()}  capacity of {one_line(found.target, 60)}"
    yield one_line(found.reason, 600)
    yield from ("", *capacity_report.lines(found), "", *capacity_report.facts(found), *_gone_on_with(found))


def gate_lines(gate: Gate) -> Iterator[str]:
    """The end of a gate on a terminal: its verdict with the reason, then each expectation of each cell over its trials."""
    from harness.report import gate as gate_report

    yield f"{gate.verdict.upper()}  {one_line(gate.name, 60)} over its trials"
    yield one_line(gate.reason, 600)
    yield from ("", *gate_report.lines(gate), "", *gate_report.facts(gate), *_gone_on_with(gate))


def comparison_lines(said: Comparison) -> Iterator[str]:
    """The end of a comparison on a terminal: its verdict with the reason, then each number of both."""
    both = f"{one_line(said.head.name, 60)} (head) beside {one_line(said.base.name, 60)} (base)"
    from harness.report import versus as comparison_report

    yield f"{said.verdict.upper()}  {one_line(said.scenario, 60)}: {both}"
    yield one_line(said.reason, 600)
    yield from ("", *comparison_report.lines(said), "", *comparison_report.facts(said), *_gone_on_with(said))


def _gone_on_with(made: Gate | Comparison | Capacity) -> Iterator[str]:
    """The command that makes what is missing, of what was ended before its time."""
    from harness.judging.gate import BROKEN_DOWN

    if made.verdict in BROKEN_DOWN and made.replay:
        yield f"go on with it: {one_line(made.replay, 2000)}"


def _lines(made: Gate | Comparison | Capacity) -> Iterator[str]:
    from harness.judging.capacity.capacity import Capacity
    from harness.judging.gate import Gate
    from harness.judging.versus import Comparison

    match made:
        case Gate():
            return gate_lines(made)
        case Comparison():
            return comparison_lines(made)
        case Capacity():
            return capacity_lines(made)


def judge_several(folder: Path, expect: Sequence[str] | None, say: Callable[[str], None]) -> int:
    """Judge the runs that were made for one thing in *folder* again and show what they come to; the status to end with."""
    from harness.suites import again

    if expect:
        raise UsageProblems(Problem("is for one run; leave it out, or name one of the runs inside", path="--expect"))
    made = again.judge(folder, say)
    console = console_of()
    for line in _lines(made):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True, highlight=False, markup=False)
    return made.exit_status
