"""JUnit XML: a run that did not pass is never green, and one that passed is never red."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, fromstring

import pytest

from harness.judging.result import EXIT_STATUS, Result
from harness.report import words
from harness.report.junit import junit, merged


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
            words.subject(f) for f in made.result.findings
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


def test_what_lies_beyond_what_was_observed_is_more_than_it(run_with, finding) -> None:
    (case,) = red(run_with(finding(value=20.0, low=20.0, high=None, censored=True)))
    message = case.find("failure").attrib["message"]
    assert message.startswith("> 20 s, 95 % interval at least 20 s; expected at most 5 s")
    (case,) = red(run_with(finding(value=20.0, low=19.0, high=21.0)))
    assert case.find("failure").attrib["message"].startswith("20 s, ")


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


def cases(result: Result) -> dict[str, Element]:
    return {case.attrib["name"]: case for case in suite(result).findall("testcase")}


def test_a_case_keeps_its_name_where_its_limit_changes_and_not_where_its_subject_does(run_with, finding) -> None:
    said = ["good_ratio >= 0.9 in fault", "good_ratio >= 0.95 in fault", "good_ratio >= 0.9 in recovery"]
    strict, stricter, other = ([*cases(run_with(finding(text)))] for text in said)
    assert strict == stricter == ["good_ratio in fault"]
    assert other == ["good_ratio in recovery"]


def test_two_limits_on_one_subject_are_two_cases_told_apart_without_their_numbers(run_with, finding) -> None:
    said = (
        "good_ratio >= 0.5 in fault",
        "good_ratio <= 0.9 in fault",
        "good_ratio <= 0.8 in fault",
        "recovery_time_s <= 5",
    )
    assert [*cases(run_with(*map(finding, said)))] == [
        "good_ratio in fault (>=)",
        "good_ratio in fault (<=)",
        "good_ratio in fault (<=) 2",
        "recovery_time_s",
    ]


def test_the_time_of_a_case_is_its_phases_and_of_a_run_cut_short_no_longer_than_that_came(
    run_with, finding, cut_short
) -> None:
    found = cases(run_with(finding("good_ratio >= 0.9 in fault"), finding("recovery_time_s <= 5")))
    assert {name: case.attrib["time"] for name, case in found.items()} == {
        "good_ratio in fault": "15.000",
        "recovery_time_s": "50.000",
    }
    assert float(cases(cut_short.result)["good_ratio in fault"].attrib["time"]) == pytest.approx(
        cut_short.result.duration_s - 15
    )


def test_a_case_stands_at_the_line_of_its_expectation_and_one_of_the_command_line_at_none(run_with, finding) -> None:
    found = cases(run_with(finding("good_ratio >= 0.9 in fault", line=17), finding("recovery_time_s <= 5")))
    assert [(case.attrib["file"], case.get("line")) for case in found.values()] == [
        ("scenarios/region-loss.yaml", "17"),
        ("scenarios/region-loss.yaml", None),
    ]


def test_several_runs_are_one_document_whose_numbers_add_up_and_whose_reports_can_be_found(passing, failing) -> None:
    runs = [(passing.result, "a/1/report.html"), (failing.result, "b/2/report.html")]
    whole = fromstring(merged(runs).encode())
    found = whole.findall("testsuite")
    assert [one.find("properties/property[@name='report']").attrib["value"] for one in found] == [
        said for _, said in runs
    ]
    for name in ("tests", "failures", "errors"):
        assert int(whole.attrib[name]) == sum(int(one.attrib[name]) for one in found)
    assert suite(failing.result).find("properties/property[@name='report']").attrib["value"] == "report.html"
