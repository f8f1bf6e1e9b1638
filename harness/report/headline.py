"""The verdict in a sentence or two that need no knowledge of the harness."""

from __future__ import annotations

from harness.judging.metrics import telling
from harness.judging.metrics.telling import Said, Telling
from harness.judging.result import ON_THE_SERVICE, Finding, Result
from harness.judging.verdict import within
from harness.report import words
from harness.report.plain_text import both_ends, one_line

_MOST = 2


def headline(result: Result) -> str:
    """What a reader should know first; where the run cannot be trusted it is the reason for that."""
    match result.verdict:
        case "pass":
            return _held(result)
        case "fail":
            died = [both_ends(result.service_ended, 400)] if result.service_ended else []
            said = [*died, *(_spoilt(finding) or _broken(result, finding) for finding in by_weight(result, "fail"))]
            return _sentences(said, "expectation was broken", "expectations were broken") or _reason(result)
        case "inconclusive":
            said = [_spoilt(finding) or _unsettled(result, finding) for finding in by_weight(result, "inconclusive")]
            rest = _sentences(said, "expectation could not be settled", "expectations could not be settled")
            return f"Too little evidence to say. {rest}" if rest else _reason(result)
        case _:
            return _reason(result)


def beside(result: Result) -> str:
    """What a reader of a verdict on the service should know too: what got much worse though nobody asked, where it holds; a closed load.

    Of whatever verdict, that the load was not the harness's.
    """
    worse = result.verdict == "pass" and result.unasked
    said = [f"Not asked about: {one_line('; '.join(result.unasked), 300)}."] if worse else []
    if result.quality.closed and result.verdict in ON_THE_SERVICE:
        said.append(f"{one_line(result.quality.closed.partition(':')[0], 100)}: what is slow slowed its own load down.")
    if result.quality.watched:
        said.append(f"{one_line(result.quality.watched.partition(';')[0], 300)}.")
    return " ".join(said)


def by_weight(result: Result, verdict: str) -> list[Finding]:
    """Findings with *verdict*, what users feel first."""
    found = [finding for finding in result.findings if finding.verdict == verdict]
    return sorted(found, key=lambda finding: _place(telling(finding.metric), verdict))


def _place(metric: Telling, verdict: str) -> int:
    return metric.held_first if verdict == "pass" else metric.broken_first


def _reason(result: Result) -> str:
    return both_ends(result.reason, 400)


def _sentences(said: list[str], one: str, many: str) -> str:
    more = len(said) - _MOST
    told = [f"{text[:1].upper()}{text[1:]}." for text in said[:_MOST]]
    return " ".join([*told, f"{more} more {one if more == 1 else many}."] if more > 0 else told)


def _held(result: Result) -> str:
    findings = by_weight(result, "pass")
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


def _broken(result: Result, finding: Finding) -> str:
    said = _said(result, finding)
    return telling(finding.metric).broken(said) if said else _unsettled(result, finding)


def _good(result: Result, finding: Finding) -> str:
    said = _said(result, finding)
    return telling(finding.metric).held(said) if said else _unsettled(result, finding)


def _said(result: Result, finding: Finding) -> Said | None:
    """The finding as people read it; None where nothing was measured."""
    if finding.value is None:
        return None
    value = words.value_of(result, finding)
    return Said(
        title=words.title(finding.metric),
        value=value.removeprefix("> "),
        share=words.share(finding.value, finding.limit),
        limit=words.limit_value(result, finding),
        limit_share=words.share(finding.limit),
        should=words.limit(result, finding),
        where=words.where(finding),
        fault=words.the_fault(finding),
        number=finding.value,
        bound=finding.limit,
        wants_low=words.operator(finding) in ("<=", "<"),
        censored=value.startswith(">"),
        exposed=_exposed(result, finding),
    )


def _exposed(result: Result, finding: Finding) -> str | None:
    """What the exposed came to, where it lies on the other side of the limit."""
    exposed = finding.among_exposed
    if exposed is None or exposed.value is None or finding.value is None:
        return None
    beyond = [value > finding.limit for value in (finding.value, exposed.value)]
    return words.measured(exposed, words.unit_of(result, finding.metric)) if beyond[0] != beyond[1] else None


def _unsettled(result: Result, finding: Finding) -> str:
    named, where = words.title(finding.metric), words.where(finding)
    if finding.value is None:
        return f"{named}{where} was not measured; it should be {words.limit(result, finding)}"
    lies = words.interval_of(result, finding)
    if words.value_of(result, finding) == words.OPEN:
        return f"{named}{where} is open: {finding.remark or lies}; it should be {words.limit(result, finding)}"
    return (
        f"{named}{where} lies anywhere from {lies}; it should be {words.limit(result, finding)}"
        if " to " in lies
        else (
            f"{named}{where} was {words.value_of(result, finding)}, {lies}; it should be {words.limit(result, finding)}"
        )
    )
