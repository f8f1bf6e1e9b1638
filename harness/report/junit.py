"""A run as JUnit XML, for programs that collect test results: one suite a run, one case a finding."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.judging.result import Finding, Result
from harness.report import words
from harness.report.headline import headline
from harness.report.plain_text import one_line


def junit(result: Result) -> str:
    """The document. What is not a pass is a failure or an error with its message; a run that passed has neither.

    A broken expectation is a failure. One that could not be settled is an error, and so is every one of a run that cannot be trusted.
    """
    name = f"{one_line(result.scenario.name, 60)} on {one_line(result.target.name, 60)}"
    suite = Element("testsuite", name=name)
    _properties(suite, result)
    for finding in result.findings:
        case = _case(suite, result, one_line(finding.expectation, 200))
        _say(case, *_trouble(result, finding))
    died = result.verdict == "fail" and bool(result.service_ended)
    if result.verdict != "pass" and (result.verdict not in words.TRUSTED or died or not _troubled(suite)):
        # Something must be red, even where nothing was expected or every finding passed, and a death is no finding.
        case = _case(suite, result, "the run itself")
        _say(case, "failure" if result.verdict == "fail" else "error", result.verdict, headline(result))
    elif not result.findings:
        _case(suite, result, "the run itself")
    numbers = {
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
        "skipped": "0",
        "time": f"{result.duration_s:.3f}",
    }
    suite.attrib |= numbers | {"timestamp": _timestamp(result.started_at), "hostname": "localhost"}
    suites = Element(
        "testsuites", {"name": "harness"} | {key: value for key, value in numbers.items() if key != "skipped"}
    )
    suites.append(suite)
    indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(suites, encoding="unicode")}\n'


def _properties(suite: Element, result: Result) -> None:
    properties = SubElement(suite, "properties")
    told = {"run": result.run_id, "verdict": result.verdict, "seed": str(result.seed), "replay": result.replay}
    for key, value in told.items():
        SubElement(properties, "property", name=key, value=one_line(value, 2000))


def _case(suite: Element, result: Result, name: str) -> Element:
    classname = f"{one_line(result.scenario.name, 60)}.{one_line(result.target.name, 60)}"
    return SubElement(suite, "testcase", classname=classname, name=name, time="0")


def _trouble(result: Result, finding: Finding) -> tuple[str, str, str]:
    """Which element to write, its type and its message; all empty for a pass that counts."""
    lies = words.interval_of(result, finding)
    said = f"{words.value_of(result, finding)}{f', 95 % interval {lies}' if lies else ''}; expected {words.limit(result, finding)}"
    said += f"; {finding.remark}" if finding.remark else ""
    if result.verdict not in words.TRUSTED:
        return "error", result.verdict, f"not counted, as the run is {result.verdict}: {said}"
    match finding.verdict:
        case "fail":
            return "failure", "fail", said
        case "inconclusive":
            return "error", "inconclusive", f"inconclusive: {said}"
        case _:
            return "", "", ""


def _say(case: Element, element: str, kind: str, message: str) -> None:
    if element:
        text = one_line(message, 1000)
        SubElement(case, element, type=kind, message=text).text = text


def _troubled(suite: Element) -> bool:
    return any(len(case) for case in suite.findall("testcase"))


def _timestamp(iso: str) -> str:
    """UTC without saying so, the only form that every parser takes; the epoch where *iso* is none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return "1970-01-01T00:00:00"
    return f"{moment.astimezone(UTC) if moment.tzinfo else moment:%Y-%m-%dT%H:%M:%S}"
