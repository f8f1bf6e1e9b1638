"""Numbers as people read them: with their unit, with as many digits as they are worth, and never a 0 for what was not measured."""

from __future__ import annotations

from datetime import UTC, datetime
from math import floor, log10

from harness.judging.metrics import telling
from harness.judging.result import ON_THE_SERVICE, Fault, Finding, Measured, Metric, Outcome, Result
from harness.reading.expectation import AMONG
from harness.reading.quantities import share as share
from harness.report.plain_text import one_line

OF_THIS_RUN = "An interval is about this run, and says nothing of the next one."
NOT_MEASURED = "not measured"
OPEN = "open"
"""In place of a time that is more than 0 s: of what is good from the first moment, and was not watched until it had stayed so."""
TIMES = "×"

PHASES = {"warmup": "warm-up", "baseline": "baseline", "fault": "fault", "recovery": "recovery"}
LAYERS = {
    "first": "first tries",
    "client": "asked again by clients",
    "sdk": "SDK retries",
    "repeat": "repeats",
    "failover": "failover",
}
VERDICTS: dict[Outcome, str] = {
    "pass": "Every expectation held.",
    "fail": "An expectation was broken.",
    "inconclusive": "There is too little evidence to say whether every expectation held.",
    "invalid": "The measurement itself cannot be trusted, so nothing is said about the service.",
    "aborted": "The run was ended before its time, so nothing is said about the service.",
    "crashed": "The run broke down, so nothing is said about the service.",
    "interrupted": "The run was interrupted, so nothing is said about the service.",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PER_S = "/s"
TRUSTED = ON_THE_SERVICE


def quantity(value: float | None, unit: str = "") -> str:
    """*value* with its *unit*: ``9.6 s``, ``3.02 ×``, ``0.97``, ``812 ms``, ``1,200``."""
    if value is None:
        return NOT_MEASURED
    match unit:
        case "s":
            return f"{seconds(value)} s"
        case "ms":
            return f"{value:,.0f} ms" if abs(value) >= 10 else f"{_plain(value, 1)} ms"
        case "ratio":
            return ratio(value)
        case "attempts per request":
            return f"{value:.2f} {TIMES}"
        case _ if unit.endswith(" per second"):
            return f"{number(value)}{_PER_S}"
        case _:
            return number(value)


def measured(found: Measured, unit: str = "") -> str:
    """The value, or for one that lies beyond what was observed ``> 20 s``."""
    return _beyond(found.value, unit) if found.censored and found.value is not None else quantity(found.value, unit)


def _beyond(value: float, unit: str) -> str:
    return f"> {quantity(value, unit)}" if value else OPEN


def delivered(fault: Fault) -> str:
    """``hit 24.1 % of 166 attempts, 18.1 to 31.2 %; 25 % was asked``; an empty text for a fault that asks for no share."""
    found = fault.share_delivered
    if fault.share_asked is None or found is None:
        return ""
    asked = f"{share(fault.share_asked)} was asked"
    if found.value is None or found.low is None or found.high is None:
        return f"no {fault.share_of.removesuffix('s')} came to it; {asked}"
    came = f"{count(found.n)} {fault.share_of} that came to it"
    hit = f"hit {share(found.value)} of {came}, {share(found.low)} to {share(found.high)}; {asked}"
    acted = fault.answers_acted_on
    if acted is None or acted.value is None:
        return hit
    return f"{hit}; of {count(acted.n)} answers, {share(acted.value)} had what it acts on"


def interval(low: float | None, high: float | None, unit: str = "") -> str:
    """``9.1 to 10.2 s``; an end that is open is said so, one without width is ``exact``, and nothing at all is an empty text."""
    if low is None and high is None:
        return ""
    if low is None:
        return f"at most {quantity(high, unit)}"
    if high is None:
        return f"at least {quantity(low, unit)}" if low else f"{quantity(low, unit)} or more"
    if low == high:
        return "exact"
    low_text, high_text = quantity(low, unit).removesuffix(_PER_S), quantity(high, unit)
    if low_text == high_text.removesuffix(_PER_S):
        return high_text
    bare, _, word = low_text.rpartition(" ")
    return f"{bare if bare and high_text.endswith(f' {word}') else low_text} to {high_text}"


def seconds(value: float) -> str:
    """Seconds without their unit: two digits behind the point below 1, at most one below 100, none above."""
    if 0 < abs(value) < 0.005:
        return _plain(value, 4)
    return f"{value:.2f}" if 0 < abs(value) < 0.995 else _plain(value, 1 if abs(value) < 100 else 0)


def ratio(value: float) -> str:
    """A ratio with two to six digits, enough that a number that is not 0 or 1 does not look so."""
    text = f"{value:.3f}"
    for digits in range(3, 7):
        text = f"{value:.{digits}f}"
        if value in (0.0, 1.0) or float(text) not in (0.0, 1.0):
            break
    return text[:-1] if len(text) == 5 and text.endswith("0") else text


def number(value: float) -> str:
    """A number without a unit, with three significant digits and thousands marked; whole numbers whole."""
    if float(value).is_integer():
        return f"{value:,.0f}"
    return _plain(value, max(0, 2 - floor(log10(abs(value)))))


def counted(value: float, thing: str) -> str:
    """So many of a *thing*, which is named in the singular: ``1 attempt``, ``1,200 attempts``."""
    return f"{count(value)} {thing}{'' if value == 1 else 's'}"


def count(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:,.0f}"


def per_s(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def duration(value_s: float) -> str:
    """``63 s``, ``12 min 5 s``, ``2 h 3 min``."""
    whole = round(value_s)
    if whole < 120:
        return f"{whole} s" if value_s >= 10 else f"{seconds(value_s)} s"
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def instant(at_s: float | None) -> str:
    """An instant of the run's clock."""
    return "–" if at_s is None else f"{at_s:.2f} s"


def wall_time(iso: str) -> str:
    """``21 Nov 2026, 05:31:02 UTC``; what is no ISO 8601 stays as it is."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}, {moment:%H:%M:%S} UTC"


def path(name: str) -> str:
    """The end of a path, which tells a reader which file it is: ``…/scenarios/region-loss.yaml``."""
    parts = name.replace("\\", "/").split("/")
    return one_line(name if len(parts) <= 3 else "/".join(["…", *parts[-2:]]), 60)


def title(metric: str) -> str:
    """A metric's name for people; one that is not known here keeps its own words."""
    base, _, part = metric.partition(".")
    if (told := telling(base).part_titles.get(part)) is not None:
        return told
    named = telling(base).title or base.replace("_", " ").capitalize()
    return one_line(f"{named} {part}" if part else named, 60)


def phase(name: str) -> str:
    """A phase's name for people."""
    return PHASES.get(name) or one_line(name, 30)


def in_phase(name: str | None) -> str:
    """``in the fault``; nothing for no phase."""
    return f"in the {phase(name)}" if name else ""


def where(finding: Finding) -> str:
    """Of what *finding* is, in a sentence: `` during the fault``; nothing where it is of all of the run."""
    said = ""
    if finding.phase:
        said = f" {'in' if finding.phase in ('warmup', 'baseline') else 'during'} the {phase(finding.phase)}"
    if finding.among:
        said += f" among {AMONG.get(finding.among, one_line(finding.among, 40))}"
    return f"{said} ({labels})" if (labels := _labels(finding)) else said


def subject(finding: Finding) -> str:
    """What is limited, as it is written: ``good_ratio{region=east} in outage``."""
    labels = ",".join(f"{name}={value}" for name, value in finding.labels.items())
    said = {"in": finding.phase, "among": finding.among, "after": finding.after}
    clauses = "".join(f" {word} {name}" for word, name in said.items() if name)
    return one_line(f"{finding.metric}{f'{{{labels}}}' if labels else ''}{clauses}", 160)


def where_else(finding: Finding) -> str:
    """Of what *finding* is beside its phase: ``region east, among the exposed, after dns-2``; nothing for most."""
    told = [_labels(finding), _among(finding.among) if finding.among else ""]
    told += [f"after {one_line(finding.after, 40)}" if finding.after else ""]
    told += [f"worst: {one_line(finding.window, 80)}" if finding.window else ""]
    return ", ".join(part for part in told if part)


def _among(among: str) -> str:
    return "among the exposed" if among == "exposed" else f"among {AMONG.get(among, one_line(among, 40))}"


def _labels(finding: Finding) -> str:
    return ", ".join(f"{one_line(name, 20)} {one_line(value, 40)}" for name, value in finding.labels.items())


def the_fault(finding: Finding) -> str:
    """What is meant by the fault: of several, the one whose window *finding* was worst in, or which it asks for."""
    named = finding.window or finding.after
    return one_line(named, 80) if named else "the fault"


def of_chart(result: Result, chart: str) -> Metric | None:
    """The metric that is read from that chart; None where none is."""
    return next((metric for name, metric in result.metrics.items() if telling(name).chart == chart), None)


def unit_of(result: Result, metric: str) -> str:
    """The unit of *metric*, which may name a part."""
    found = result.metrics.get(metric.partition(".")[0])
    return found.unit if found else ""


def limit(result: Result, finding: Finding) -> str:
    """What *finding* asks for: ``at most 5 s``."""
    word = {"<=": "at most", "<": "below", ">=": "at least", ">": "above"}[operator(finding)]
    return f"{word} {limit_value(result, finding)}"


def limit_value(result: Result, finding: Finding) -> str:
    """The limit with its unit, as it was written: ``5 s``, ``1.5 ×``, ``0.95``."""
    suffix = {"s": " s", "ms": " ms", "attempts per request": f" {TIMES}"}.get(unit_of(result, finding.metric), "")
    return f"{finding.limit:,.10g}{suffix}"


def operator(finding: Finding) -> str:
    """The comparison that the expectation is written with."""
    return next((op for op in ("<=", ">=", "<", ">") if op in finding.expectation), "<=")


def value_of(result: Result, finding: Finding) -> str:
    """What *finding* measured; what lies beyond what was observed is ``> 20 s``."""
    metric = result.metrics.get(finding.metric)
    # Runs that were judged before findings said so themselves.
    of_metric = metric is not None and metric.censored and metric.value == finding.value
    censored = finding.value is not None and (finding.censored or of_metric)
    unit = unit_of(result, finding.metric)
    return _beyond(finding.value, unit) if censored and finding.value is not None else quantity(finding.value, unit)


def interval_of(result: Result, finding: Finding) -> str:
    """The 95 % interval of *finding*; an empty text where nothing was measured."""
    return interval(finding.low, finding.high, unit_of(result, finding.metric)) if finding.value is not None else ""


def measured_against(result: Result, finding: Finding) -> str:
    """``9.6 s, 95 % interval 9.1 to 10.2 s; expected at most 5 s``, and what has to be known beside the number."""
    lies = interval_of(result, finding)
    said = f"{value_of(result, finding)}{f', 95 % interval {lies}' if lies else ''}; expected {limit(result, finding)}"
    return f"{said}; {finding.remark}" if finding.remark else said


def _plain(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
