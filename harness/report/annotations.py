"""What GitHub shows beside a line of a file: workflow commands, in which nothing that they quote can be taken for another command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from harness.judging.gate import GateCell
from harness.judging.result import Result
from harness.judging.versus import Comparison
from harness.problems import Problem
from harness.report import words
from harness.report.headline import headline
from harness.report.plain_text import one_line

Level = Literal["error", "warning", "notice"]

_WRITTEN = "::{}::{}"
_CHARS_MAX = 1_000
_TITLE_CHARS_MAX = 160
# The order matters: what replaces the others has a per cent sign of its own.
_OF_A_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_A_PROPERTY = {**_OF_A_MESSAGE, ":": "%3A", ",": "%2C"}


def command(level: Level, message: str, *, file: str = "", line: int | None = None, title: str = "") -> str:
    """``::error file=…,line=…,title=…::message``, as the runner reads it; what is left out is left out.

    Percent signs, line ends, colons and commas are written as the runner's own toolkit writes them (``@actions/core``, command.ts).
    """
    at = {"file": file, "line": str(line) if line else "", "title": one_line(title, _TITLE_CHARS_MAX)}
    told = ",".join(f"{name}={_escaped(value, _OF_A_PROPERTY)}" for name, value in at.items() if value)
    said = _escaped(one_line(message, _CHARS_MAX), _OF_A_MESSAGE)
    return _WRITTEN.format(f"{level} {told}" if told else level, said)


def of_run(result: Result, file: str) -> Iterator[str]:
    """A command for each finding that did not hold, at its line of *file*; nothing where the run passed.

    Of a run that says nothing of the service there is one, which says so: an error only where it broke down, since something is to be
    mended then.
    """
    named = f"{result.scenario.name} on {result.target.name}"
    if result.verdict not in words.TRUSTED:
        level: Level = "error" if result.verdict == "crashed" else "warning"
        said = f"{words.VERDICTS[result.verdict]} {headline(result)}"
        yield command(level, said, file=file, line=1, title=f"{named}: {result.verdict}")
        return
    told = False
    for finding in result.findings:
        if finding.verdict != "pass":
            told = True
            level = "error" if finding.verdict == "fail" else "warning"
            title = f"{named}: {words.subject(finding)} {finding.verdict}"
            yield command(
                level, words.measured_against(result, finding), file=file, line=finding.line or 1, title=title
            )
    if not told and result.verdict != "pass":
        level = "error" if result.verdict == "fail" else "warning"
        yield command(level, headline(result), file=file, line=1, title=f"{named}: {result.verdict}")


def of_trials(cell: GateCell, file: str, lines: Mapping[str, int | None]) -> Iterator[str]:
    """A command for each expectation of *cell* that did not hold over its trials, at its line of *file*; nothing where all did."""
    from harness.report.gate import said as said_of  # what draws pages is not needed to annotate a file that is wrong

    named = f"{cell.situation} on {cell.system}"
    if cell.verdict not in words.TRUSTED:
        level: Level = "error" if cell.verdict == "crashed" else "warning"
        said = f"{words.VERDICTS[cell.verdict]} {cell.reason}"
        yield command(level, said, file=file, line=1, title=f"{named}: {cell.verdict}")
        return
    for one in cell.expectations:
        if one.verdict != "pass":
            level = "error" if one.verdict == "fail" else "warning"
            title = f"{named}: {one.expectation} {one.verdict}"
            yield command(level, said_of(one), file=file, line=lines.get(one.expectation) or 1, title=title)


def of_comparison(said: Comparison, file: str) -> Iterator[str]:
    """A command for each number that is worse: an error where that ends with status 1, else a warning."""
    from harness.report.versus import said_of

    named = f"{said.head.name} beside {said.base.name}"
    if said.verdict not in words.TRUSTED:
        yield command("warning", said.reason, file=file, line=1, title=f"{named}: {said.verdict}")
    for one in said.metrics:
        if one.state == "worse":
            level: Level = "error" if "worse" in said.fail_on else "warning"
            yield command(level, said_of(one), file=file, line=1, title=f"{named}: {one.metric} worse")


def of_problem(level: Level, problem: Problem) -> str:
    """A command for what is wrong in a file, at its line; without a file it stands at none."""
    said = f"{problem.path}: {problem.what}" if problem.path else problem.what
    return command(level, said, file=problem.file, line=problem.line, title=problem.path)


def _escaped(text: str, by: dict[str, str]) -> str:
    for character, written in by.items():
        text = text.replace(character, written)
    return text
