"""JUnit XML: a run that did not pass is never green, and one that passed is never red."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

import pytest

from harness.judging.result import EXIT_STATUS, Result
from harness.report.junit import junit


def suite(result: Result) -> Element:
    (found,) = fromstring(junit(result).encode()).findall("testsuite")
    return found


def red(result: Result) -> list[Element]:
    return [
        case
        for case in suite(result).findall("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]


def test_a_finding_is_a_case_and_the_numbers_add_up(failing, passing, cut_short, unheard) -> None:
    for made in (failing, passing, cut_short, unheard):
        found = suite(made.result)
        cases = found.findall("testcase")
        assert [case.attrib["name"] for case in cases][: len(made.result.findings)] == [
            f.expectation for f in made.result.findings
        ]
        assert int(found.attrib["tests"]) == len(cases)
        assert int(found.attrib["failures"]) == len(found.findall("testcase/failure"))
        assert int(found.attrib["errors"]) == len(found.findall("testcase/error"))
        assert found.attrib["skipped"] == "0"


def test_a_pass_is_green_and_a_broken_expectation_is_a_failure_with_its_numbers(passing, failing) -> None:
    assert red(passing.result) == []
    messages = [case.find("failure").attrib["message"] for case in red(failing.result)]
    assert len(messages) == 4
    assert re.match(r"9\.6 s, 95 % interval 9\.\d to 9\.\d s; expected at most 5 s", messages[-1])


def test_what_could_not_be_settled_is_an_error(run_with, finding) -> None:
    held = finding("good_ratio >= 0.9 in fault", value=0.97, low=0.95, high=0.98, verdict="pass")
    open_ = finding(low=1.0, high=12.0, verdict="inconclusive")
    (case,) = red(run_with(held, open_, verdict="inconclusive"))
    assert case.find("error").attrib["type"] == "inconclusive"


@pytest.mark.parametrize("verdict", ["invalid", "aborted", "crashed", "interrupted"])
def test_in_a_run_that_cannot_be_trusted_not_even_what_held_is_green(passing, verdict) -> None:
    result = passing.result.model_copy(update={"verdict": verdict, "reason": "the proxy wedged"})
    assert len(red(result)) == len(suite(result).findall("testcase")) == len(result.findings) + 1
    assert "the proxy wedged" in junit(result)


@pytest.mark.parametrize("verdict", EXIT_STATUS)
@pytest.mark.parametrize("findings", ["none", "held"])
def test_something_is_red_exactly_where_the_run_did_not_pass(run_with, finding, verdict, findings) -> None:
    held = finding(value=1.0, low=0.9, high=1.1, verdict="pass")
    result = run_with(*([held] if findings == "held" else []), verdict=verdict)
    assert bool(red(result)) == (verdict != "pass")
    assert suite(result).findall("testcase")
    assert "<skipped" not in junit(result)


def test_control_characters_and_markup_do_not_break_the_document(failing) -> None:
    result = failing.result.model_copy(
        update={"verdict": "crashed", "reason": "\x00\x1b[31m]]> </error> & \ufffe", "replay": "a\x08b"}
    )
    text = junit(result)
    assert fromstring(text.encode())
    assert "\x1b" not in text


def test_the_time_is_in_the_one_form_that_every_parser_takes(failing) -> None:
    assert suite(failing.result).attrib["timestamp"] == "2026-11-21T05:31:02"
    odd = failing.result.model_copy(update={"started_at": "yesterday"})
    assert suite(odd).attrib["timestamp"] == "1970-01-01T00:00:00"
