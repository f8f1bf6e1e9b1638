"""The end of a run on a terminal: the verdict with its reason, and the findings; readable without colour and at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from harness.judging.result import Finding, Outcome, Result
from harness.reading.quantities import plain
from harness.report import comes_and_goes, diagnoses, words, workers
from harness.report.advice import advice
from harness.report.headline import beside, headline
from harness.report.plain_text import one_line, visible
from harness.report.whereabouts import who_fared_worse

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType
    from rich.table import Table
    from rich.text import Text

_STYLES: dict[Outcome, str] = {
    "pass": "bold green",
    "fail": "bold red",
    "inconclusive": "bold yellow",
    "invalid": "bold magenta",
    "aborted": "bold",
    "crashed": "bold",
    "interrupted": "bold",
}

# A crash is told whole, with the end of a log in lines: nobody should have to look for it.
_CRASH_CHARS = 6_000
_TABLE_WIDTH = 76


def verdict_lines(result: Result) -> list[RenderableType]:
    """What to print, one after the other; nothing that a run quotes is taken for markup."""
    from rich.text import Text

    name = f"  {one_line(result.scenario.name, 60)} on {one_line(result.target.name, 60)}, seed {result.seed}"
    lines: list[RenderableType] = [
        Text(),
        Text.assemble((result.verdict.upper(), _STYLES[result.verdict]), name),
        Text(visible(result.reason, _CRASH_CHARS) if result.verdict == "crashed" else headline(result)),
    ]
    lines += [Text(second)] if (second := beside(result)) else []
    lines += [Text(f"- {line}") for line in who_fared_worse(result)]
    if result.verdict not in words.TRUSTED:
        lines.append(Text(words.VERDICTS[result.verdict]))
        lines += [Text(line) for line in advice(result)]
    if result.findings:
        lines += [Text(), _Findings(result), Text(words.OF_THIS_RUN)]
        lines += [Text(one_line(f"{f.expectation}: {f.remark}", 300)) for f in result.findings if f.remark]
    lines += [Text(), Text(one_line(result.fidelity.said, 400))] if result.fidelity else []
    lines += [Text(), *(Text(one_line(line, 600)) for line in diagnoses.lines(result))] if result.diagnoses else []
    shares = comes_and_goes.delivered(result.faults)
    lines += [Text(), *(Text(one_line(told, 300)) for told in shares)] if shares else []
    lines += [Text(), Text(one_line(shared, 600))] if (shared := workers.told(result.quality)) else []
    lines += [Text(), *(Text(f"note: {one_line(note, 300)}") for note in result.quality.notes)]
    return lines


class _Findings:
    """The findings as a table, or, where names would have to be broken for one, each in lines of its own."""

    def __init__(self, result: Result) -> None:
        self._result = result

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        if options.max_width >= _TABLE_WIDTH:
            yield _findings(self._result)
        else:
            yield from (_lines(self._result, finding) for finding in self._result.findings)


def _lines(result: Result, finding: Finding) -> Text:
    from rich.text import Text

    limit, measured = f"{words.operator(finding)} {plain(finding.limit, 6)}", words.value_of(result, finding)
    interval = words.interval_of(result, finding)
    said = one_line(f"{words.subject(finding)} {limit}: {measured}{f', {interval}' if interval else ''}", 300)
    return Text.assemble(said, "; ", _verdict(result, finding))


def _findings(result: Result) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("expectation", overflow="fold")
    table.add_column("limit", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for finding in result.findings:
        cells = [words.subject(finding), f"{words.operator(finding)} {plain(finding.limit, 6)}"]
        cells += [words.value_of(result, finding), words.interval_of(result, finding) or "-"]
        table.add_row(*map(_plain, cells), _verdict(result, finding))
    return table


def _verdict(result: Result, finding: Finding) -> Text:
    from rich.text import Text

    return (
        Text(finding.verdict, style=_STYLES[finding.verdict])
        if result.verdict in words.TRUSTED
        else Text("not counted")
    )


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(one_line(text, 120))
