"""What has to be known beside a number stands beside it wherever the number is told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from harness.interfaces.terminal import verdict_lines
from harness.report.junit import junit
from harness.report.page import page
from harness.report.summary import summary
from harness.report.words import value_of

REMARK = "180 of 300 requests got no complete answer"


def terminal(result) -> str:
    console = Console(file=io.StringIO(), width=300, color_system=None)
    for line in verdict_lines(result):
        console.print(line)
    return console.file.getvalue()


@pytest.mark.parametrize("told", [terminal, summary, junit, lambda result: page(result, None)])
def test_a_remark_stands_beside_its_number_and_nowhere_else(run_with, finding, told) -> None:
    slow = finding("latency_ms.p95 <= 2500 in fault", value=10_000.0, low=10_000.0, high=None, censored=True)
    assert REMARK in told(run_with(slow.model_copy(update={"remark": REMARK})))
    assert REMARK not in told(run_with(slow))


def test_a_number_beyond_what_was_observed_is_said_to_be_more(run_with, finding) -> None:
    slow = finding("latency_ms.p95 <= 2500 in fault", value=10_000.0, low=10_000.0, high=None, censored=True)
    known = slow.model_copy(update={"censored": False})
    assert value_of(run_with(slow), slow) == "> 10,000 ms"
    assert value_of(run_with(known), known) == "10,000 ms"
