"""Runs as JUnit XML, for programs that collect test results: one suite a run, one case a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from harness.judging.result import Finding, Result
from harness.report import words
from harness.report.headline import headline
from harness.report.plain_text import one_line

REPORT = "report.html"
"""Where a run's report lies, seen from its folder."""


def junit(result: Result) -> str:
    """The document of one run. What is not a pass is a failure or an error with its message; a run that passed has neither.

    A broken expectation is a failure. One that could not be settled is an error, and so is every one of a run that cannot be trusted.
    """
    return merged([(result, REPORT)])


def merged(runs: Iterable[tuple[Result, str]]) -> str:
    """One document of several runs, each with where its report lies, seen from the document."""
    suites = [_suite(result, report) for result, report in runs]
    whole = Element("testsuites", name="harness")
    for name in ("tests", "failures", "errors"):
        whole.set(name, str(sum(int(suite.attrib[name]) for suite in suites)))
    whole.set("time", f"{sum(float(suite.attrib['time']) for suite in suites):.3f}")
    whole.extend(suites)
    indent(whole)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(whole, encoding="unicode")}\n'


def _suite(result: Result, report: str) -> Element:
    name = f"{one_line(result.scenario.name, 60)} on {one_line(result.target.name, 60)}"
    suite = Element("testsuite", name=name, file=_file(result))
    _properties(suite, result, report)
    for finding, called in zip(result.findings, _names(result.findings), strict=True):
        case = _case(suite, result, called, finding)
        _say(case, *_trouble(result, finding))
    died = result.verdict == "fail" and bool(result.service_ended)
    if result.verdict != "pass" and (result.verdict not in words.TRUSTED or died or not _troubled(suite)):
        # Something must be red, even where nothing was expected or every finding passed, and a death is no finding.
        case = _case(suite, result, "the run itself")
        _say(case, "failure" if result.verdict == "fail" else "error", result.verdict, headline(result))
    elif not result.findings:
        _case(suite, result, "the run itself")
    suite.attrib |= {
        "tests": str(len(suite.findall("testcase"))),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
        "skipped": "0",
        "time": f"{result.duration_s:.3f}",
        "timestamp": _timestamp(result.started_at),
        "hostname": "localhost",
    }
    return suite


def _names(findings: Iterable[Finding]) -> Iterator[str]:
    """What each case is called: what is limited, and not how far, since who collects results knows a test by its name.

    Only where one thing is limited twice do the operators tell the two apart, and a number where they cannot.
    """
    found = list(findings)
    subjects = Counter(map(words.subject, found))
    seen: Counter[str] = Counter()
    for finding in found:
        name = words.subject(finding)
        if subjects[name] > 1:
            name = f"{name} ({words.operator(finding)})"
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"


def _properties(suite: Element, result: Result, report: str) -> None:
    properties = SubElement(suite, "properties")
    told = {
        "run": result.run_id,
        "verdict": result.verdict,
        "seed": str(result.seed),
        "replay": result.replay,
        "report": report,
    }
    for key, value in told.items():
        SubElement(properties, "property", name=key, value=one_line(value, 2000))


def _case(suite: Element, result: Result, name: str, finding: Finding | None = None) -> Element:
    """A case; its time is that of the phase that *finding* is about, or of all that was scored."""
    classname = f"{one_line(result.scenario.name, 60)}.{one_line(result.target.name, 60)}"
    took_s = _length_s(result, finding.phase) if finding else result.duration_s
    case = SubElement(suite, "testcase", classname=classname, name=name, time=f"{took_s:.3f}", file=_file(result))
    if finding and finding.line:
        case.set("line", str(finding.line))
    return case


def _length_s(result: Result, phase: str | None) -> float:
    """How long *phase* went on, or all phases, as far as the run came."""
    return sum(
        max(0.0, min(one.end_s, result.duration_s) - one.start_s)
        for one in result.phases
        if phase is None or one.name == phase
    )


def _file(result: Result) -> str:
    return one_line(result.scenario.path, 1000)


def _trouble(result: Result, finding: Finding) -> tuple[str, str, str]:
    """Which element to write, its type and its message; all empty for a pass that counts."""
    said = words.measured_against(result, finding)
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
