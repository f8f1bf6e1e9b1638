"""The verdict in a sentence or two that need no knowledge of the harness."""

from __future__ import annotations

from harness.judging.result import Finding, Result
from harness.judging.verdict import within
from harness.report import words
from harness.report.plain_text import both_ends

_MOST = 2
_FIRST = (
    "recovery_time_s",
    "good_ratio",
    "retry_amplification",
    "answer_consistency",
    "monotonic_violations",
    "failover_time_s",
)
_FIRST_OF_GOOD = (
    "good_ratio",
    "failover_time_s",
    "retry_amplification",
    "answer_consistency",
    "monotonic_violations",
    "recovery_time_s",
)
_WHERE = {
    "warmup": " in the warm-up",
    "baseline": " in the baseline",
    "fault": " during the fault",
    "recovery": " during the recovery",
}


def headline(result: Result) -> str:
    """What a reader should know first; where the run cannot be trusted it is the reason for that."""
    match result.verdict:
        case "pass":
            return _held(result)
        case "fail":
            died = [both_ends(result.service_ended, 400)] if result.service_ended else []
            said = [*died, *(_spoilt(finding) or _broken(result, finding) for finding in _of(result, "fail"))]
            return _sentences(said, "expectation was broken", "expectations were broken") or _reason(result)
        case "inconclusive":
            said = [_spoilt(finding) or _unsettled(result, finding) for finding in _of(result, "inconclusive")]
            rest = _sentences(said, "expectation could not be settled", "expectations could not be settled")
            return f"Too little evidence to say. {rest}" if rest else _reason(result)
        case _:
            return _reason(result)


def _of(result: Result, verdict: str) -> list[Finding]:
    """Findings with *verdict*, what users feel first."""
    order = _FIRST_OF_GOOD if verdict == "pass" else _FIRST
    found = [finding for finding in result.findings if finding.verdict == verdict]
    return sorted(found, key=lambda finding: order.index(finding.metric) if finding.metric in order else len(order))


def _reason(result: Result) -> str:
    return both_ends(result.reason, 400)


def _sentences(said: list[str], one: str, many: str) -> str:
    more = len(said) - _MOST
    told = [f"{text[:1].upper()}{text[1:]}." for text in said[:_MOST]]
    return " ".join([*told, f"{more} more {one if more == 1 else many}."] if more > 0 else told)


def _held(result: Result) -> str:
    findings = _of(result, "pass")
    if not findings:
        return _reason(result)
    told = ", and ".join(_good(result, finding) for finding in findings[:_MOST])
    held = {1: "The one expectation held", 2: "Both expectations held"}.get(
        len(findings), f"All {len(findings)} expectations held"
    )
    return f"{held}: {told}."


def _spoilt(finding: Finding) -> str:
    """What speaks against a number that is itself within its limit."""
    return finding.remark if within(finding) else ""


def _where(finding: Finding) -> str:
    return _WHERE.get(finding.phase, f" in {words.phase(finding.phase)}") if finding.phase else ""


def _broken(result: Result, finding: Finding) -> str:
    value, limit, where = words.value_of(result, finding), words.limit_value(result, finding), _where(finding)
    late = value.removeprefix("> ")
    match finding.metric:
        case "recovery_time_s" if value.startswith(">"):
            return f"{late} after the fault had ended, answers had still not recovered; the limit is {limit}"
        case "recovery_time_s":
            return f"after the fault had ended, answers took {value} to recover; the limit is {limit}"
        case "failover_time_s" if value.startswith(">"):
            return f"in the {late} that the fault lasted, answers did not become good again; the limit is {limit}"
        case "failover_time_s":
            return f"it took {value} until answers were good again while the fault lasted; the limit is {limit}"
        case "retry_amplification":
            return f"every request became {_bare(value)} attempts at the providers{where}; the limit is {_bare(limit)}"
        case "good_ratio" if finding.value is not None and ">" in words.operator(finding):
            share = "not one request" if finding.value == 0 else f"only {words.share(finding.value)} of requests"
            told = f"{share} got a good answer{where}"
            return f"{told}; it should be {words.share(finding.limit)} or more"
        case "answer_consistency" if finding.value is not None and ">" in words.operator(finding):
            told = f"only {words.share(finding.value)} of answers said what they should{where}"
            return f"{told}; it should be {words.share(finding.limit)} or more"
        case "monotonic_violations":
            may = "none may" if finding.limit == 0 else f"at most {words.number(finding.limit)} may"
            return f"{value} answers{where} were older than what their conversation had already been told; {may}"
        case _:
            return f"{words.title(finding.metric)}{where} was {value}; it should be {words.limit(result, finding)}"


def _good(result: Result, finding: Finding) -> str:
    value, where = words.value_of(result, finding), _where(finding)
    match finding.metric:
        case "recovery_time_s" if finding.value == 0:
            return "answers were good from the moment the fault had ended"
        case "recovery_time_s":
            return f"answers were good again {value} after the fault had ended"
        case "failover_time_s" if finding.value == 0:
            return "answers stayed good when the fault began"
        case "failover_time_s":
            return f"answers were good again {value} into the fault"
        case "retry_amplification":
            return f"a request became {_bare(value)} attempts at the providers{where}"
        case "good_ratio" if finding.value is not None:
            share = "every request" if finding.value == 1 else f"{words.share(finding.value)} of requests"
            return f"{share} got a good answer{where}"
        case "answer_consistency" if finding.value is not None:
            share = "every answer" if finding.value == 1 else f"{words.share(finding.value)} of answers"
            return f"{share} said what {'it' if finding.value == 1 else 'they'} should{where}"
        case "monotonic_violations" if finding.value == 0:
            return f"no conversation was told something older than it already knew{where}"
        case _:
            return f"{words.title(finding.metric)}{where} was {value}"


def _unsettled(result: Result, finding: Finding) -> str:
    named, where = words.title(finding.metric), _where(finding)
    if finding.value is None:
        return f"{named}{where} was not measured; it should be {words.limit(result, finding)}"
    lies = words.interval_of(result, finding)
    return (
        f"{named}{where} lies anywhere from {lies}; it should be {words.limit(result, finding)}"
        if " to " in lies
        else (
            f"{named}{where} was {words.value_of(result, finding)}, {lies}; it should be {words.limit(result, finding)}"
        )
    )


def _bare(text: str) -> str:
    return text.removesuffix(f" {words.TIMES}")
