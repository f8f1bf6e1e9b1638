"""What is printed at the end of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.interfaces.terminal import verdict_lines
from harness.report import words


def printed(result, *, width: int = 80, colour: bool = False) -> str:
    out = io.StringIO()
    console = Console(
        file=out, width=width, no_color=not colour, force_terminal=colour, color_system="standard" if colour else None
    )
    for line in verdict_lines(result):
        console.print(line)
    return out.getvalue()


def test_it_is_readable_without_colour_and_at_80_columns(failing) -> None:
    text = printed(failing.result)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert text.strip().startswith(
        "FAIL  region-loss on fragile, seed 7\nAfter the fault had ended, answers took 9.6 s to recover"
    )
    for cell in ("recovery_time_s", "<= 5", "9.6 s", "fail", "> 15 s", "at least 15 s"):
        assert cell in text


def test_colour_only_repeats_what_the_words_say(failing) -> None:
    assert "\x1b[" in printed(failing.result, colour=True)
    assert "FAIL" in printed(failing.result, colour=True)


def test_the_longest_expectation_still_leaves_room_for_its_verdict(run_with, finding) -> None:
    wide = finding("answer_consistency >= 0.95 in recovery", value=None, low=None, high=None, verdict="inconclusive")
    text = printed(run_with(wide, finding("monotonic_violations <= 100000 in baseline"), verdict="inconclusive"))
    assert max(map(len, text.splitlines())) <= 80
    assert "inconclusive" in text
    assert "not measured" in text


@pytest.mark.parametrize("name", ["cut_short", "refused"])
def test_a_run_that_cannot_be_trusted_says_so_and_counts_nothing(request, name) -> None:
    result = request.getfixturevalue(name).result
    text = printed(result)
    assert "nothing is said about the service" in " ".join(text.split())
    assert text.count("not counted") == len(result.findings)


def test_what_a_run_quotes_is_neither_markup_nor_an_escape(failing) -> None:
    evil = "[bold red]x[/bold red] \x1b]0;owned\x07"
    text = printed(failing.result.model_copy(update={"verdict": "crashed", "reason": evil}), colour=True, width=200)
    assert "[bold red]x[/bold red]" in text
    assert "\x1b]0" not in text


def test_an_expectation_of_a_region_and_of_a_fault_is_named_as_it_is_written(finding) -> None:
    of_east = finding(
        "good_ratio{region=east} >= 0.9 in outage among exposed", labels={"region": "east"}, among="exposed"
    )
    assert words.subject(of_east) == "good_ratio{region=east} in outage among exposed"
    assert words.subject(finding("recovery_time_s <= 5 after dns-2", after="dns-2")) == "recovery_time_s after dns-2"
    assert words.subject(finding("latency_ms.p95 <= 800")) == "latency_ms.p95"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_name_is_broken_however_narrow_the_terminal_is(failing, width: int) -> None:
    told = printed(failing.result, width=width).split()
    for finding in failing.result.findings:
        assert finding.metric in told
        assert finding.verdict in told
