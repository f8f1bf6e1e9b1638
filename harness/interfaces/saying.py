"""Lines that are printed for people, in which others have their say: nothing of it acts on a terminal, or on GitHub's runner."""

from __future__ import annotations

import re

import typer

_LINE_CHARS_MAX = 20_000
_OF_A_RUNNER = re.compile(r"^(\s*)::", re.MULTILINE)
"""What GitHub's runner takes for one of its commands, at the beginning of a line."""


def complain(*lines: str) -> None:
    """Each of *lines* on standard error."""
    for line in lines:
        say(line, err=True)


def say(line: str, *, err: bool = False) -> None:
    """Files, services and folders have their say in what is told; nothing of it may act."""
    from harness.report.plain_text import visible

    typer.echo(_OF_A_RUNNER.sub(r"\1: :", visible(line, _LINE_CHARS_MAX)), err=err)
