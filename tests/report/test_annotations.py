"""Workflow commands: at the line that did not hold, and nothing that is quoted in one is another."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from harness.judging.result import EXIT_STATUS
from harness.report.annotations import command, of_run
from harness.report.plain_text import one_line


def read(line: str) -> tuple[str, dict[str, str], str]:
    """The command as the runner reads it: level, properties, message."""
    level, properties, message = re.fullmatch(r"::([a-z]+)(?: ([^\n]*?))?::([^\n]*)", line).groups()
    return level, {k: unquote(v) for k, v in (pair.split("=", 1) for pair in properties.split(","))}, unquote(message)


def test_a_broken_expectation_is_an_error_at_its_line_and_one_that_held_is_nothing(run_with, finding) -> None:
    held = finding(value=1.0, low=0.9, high=1.1, verdict="pass")
    (line,) = of_run(
        run_with(held, finding("good_ratio >= 0.9 in fault", line=17, value=0.5, low=0.4, high=0.6)), "s/x.yaml"
    )
    level, at, message = read(line)
    assert (level, at["file"], at["line"]) == ("error", "s/x.yaml", "17")
    assert at["title"] == "region-loss on fragile: good_ratio in fault fail"
    assert message == "0.50, 95 % interval 0.40 to 0.60; expected at least 0.9"


def test_what_lies_beyond_what_was_observed_is_more_than_it(run_with, finding) -> None:
    (line,) = of_run(run_with(finding(value=20.0, low=20.0, high=None, censored=True)), "x.yaml")
    assert read(line)[2] == "> 20 s, 95 % interval at least 20 s; expected at most 5 s"


def test_what_could_not_be_settled_is_a_warning(run_with, finding) -> None:
    (line,) = of_run(run_with(finding(verdict="inconclusive"), verdict="inconclusive"), "x.yaml")
    assert read(line)[0] == "warning"


@pytest.mark.parametrize("verdict", ["invalid", "aborted", "crashed", "interrupted"])
def test_a_run_that_says_nothing_of_the_service_marks_none_of_its_lines_as_broken(run_with, finding, verdict) -> None:
    (line,) = of_run(run_with(finding(line=17), verdict=verdict), "x.yaml")
    level, at, message = read(line)
    assert (level, at["line"]) == ("error" if verdict == "crashed" else "warning", "1")
    assert "nothing is said about the service" in message


@pytest.mark.parametrize("verdict", EXIT_STATUS)
def test_something_is_marked_exactly_where_the_run_did_not_pass(run_with, finding, verdict) -> None:
    held = finding(value=1.0, low=0.9, high=1.1, verdict="pass")
    assert bool([*of_run(run_with(held, verdict=verdict), "x.yaml")]) == (verdict != "pass")


@pytest.mark.parametrize(
    "text", ["100 %", "a\r\n::set-env name=x::y", "100%0A", "a,file=/etc/passwd::b", "\x1b[31m", "::add-mask::a"]
)
def test_no_text_ends_its_place_in_a_command(text: str) -> None:
    line = command("error", text, file=text, line=3, title=text)
    level, at, message = read(line)
    assert (level, set(at), at["line"]) == ("error", {"file", "line", "title"}, "3")
    assert at["file"] == text
    assert "\n" not in line
    assert "\x1b" not in message
    assert message == one_line(text)
