"""Output that goes nowhere, in processes of their own: whoever reads it, the status stays the command's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TALKS = """
import sys
{harmless}
from rich.console import Console
import typer
for number in range(20_000):
    print("a line of some length, so that what is held back has to be written now and then", number)
Console().print("[bold]said[/]")
typer.echo("said")
typer.echo("said", err=True)
print("done", file=sys.stderr)
sys.exit(3)
"""
HARMLESS = "from harness.interfaces import screen; screen.harmless()"


def talks(stdout: int, *, harmless: bool = True, closed: bool = False) -> subprocess.CompletedProcess[str]:
    """A process that prints much to *stdout*, and ends with status 3."""
    words = [sys.executable, "-c", TALKS.format(harmless=HARMLESS if harmless else "")]
    if closed:
        words = ["sh", "-c", 'exec "$@" >&-', "sh", *words]
    return subprocess.run(words, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False)


def nobody() -> int:
    """A pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("where", [nobody, lambda: os.open("/dev/full", os.O_WRONLY)])
def test_where_output_cannot_be_written_the_status_stays_and_nothing_is_said(where) -> None:
    stdout = where()
    ended = talks(stdout)
    assert (ended.returncode, ended.stderr) == (3, "said\ndone\n")
    assert talks(stdout, harmless=False).returncode != 3
    os.close(stdout)


def test_a_standard_output_that_is_closed_is_no_file_of_the_run() -> None:
    ended = talks(subprocess.DEVNULL, closed=True)
    assert (ended.returncode, ended.stderr) == (3, "said\ndone\n")


def test_what_is_read_is_all_there() -> None:
    reading = subprocess.run(
        [sys.executable, "-c", TALKS.format(harmless=HARMLESS)], capture_output=True, text=True, timeout=60, check=False
    )
    assert reading.returncode == 3
    assert reading.stdout.splitlines()[-3:] == [
        "a line of some length, so that what is held back has to be written now and then 19999", "said", "said",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "words", [["plan", "scenarios/region-loss.yaml"], ["list", "faults"], ["schema", "result"], ["--help"]]
)
def test_who_only_reads_the_beginning_changes_no_status_and_a_full_disk_is_told(words: list[str]) -> None:
    def ended(stdout: int) -> tuple[int, str]:
        harness = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
        process = subprocess.run(
            harness, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False, cwd=ROOT
        )
        os.close(stdout)
        return process.returncode, "".join(
            line for line in process.stderr.splitlines() if not line.startswith("warning:")
        )

    assert ended(nobody()) == (0, "")
    full = (70, "cannot be written: standard output: No space left on device")
    assert ended(os.open("/dev/full", os.O_WRONLY)) == full
