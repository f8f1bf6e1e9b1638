"""The report: one HTML page that needs nothing beside itself, reads without scripts and styles, and does no harm with what it quotes."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from harness.evidence import Evidence
from harness.history import Alarm
from harness.report import disagreements, retries, trust, words
from harness.report.charts import Field, Shade
from harness.report.gauge import gauge
from harness.report.headline import headline
from harness.report.lanes import Key, Lane, lanes
from harness.report.palette import custom_properties
from harness.report.plain_text import one_line
from harness.report.scales import Clock
from harness.report.scores import scores
from harness.report.series import Timeline, timeline
from harness.report.strips import axis, events, settlings, snapshots
from harness.result import Finding, Phase, Result

_OPEN_PAIRS = 4
# A number and its unit stay on one line.
_UNIT = re.compile(r"(\d) (s|ms|%|×)(?!\w)")


def page(result: Result, evidence: Evidence | None) -> str:
    """The report of a run; without *evidence* it has no charts. The same input gives the same text."""
    environment, style, script = _environment(), _style(), _script()
    drawn = _drawn(result, evidence) if evidence is not None else None
    return environment.get_template("page.html").render(
        result=result,
        words=words,
        one_line=one_line,
        headline=_UNIT.sub("\\1\u00a0\\2", headline(result)),
        trusted=result.verdict in words.TRUSTED,
        policy=_policy(style, script),
        style=style,
        script=script,
        scores=scores(result),
        findings=[_finding(result, finding, index) for index, finding in enumerate(result.findings)],
        drawn=drawn,
        no_charts=_why_no_charts(evidence),
        phases=[_phase(result, phase, evidence) for phase in result.phases if phase.requests],
        tries=retries.picture(evidence) if evidence is not None else None,
        pairs=disagreements.disagreements(evidence) if evidence is not None else [],
        open_pairs=_OPEN_PAIRS,
        checks=trust.checks(result),
        counts=trust.counts(result.quality),
        notes=[*_alarms(evidence), *trust.notes(result)],
        begun=evidence.begun if evidence is not None else None,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A finding as a row of the table."""

    finding: Finding
    title: str
    where: str
    limit: str
    value: str
    interval: str
    picture: Markup | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The charts of a run, with the table behind them: a row a bin."""

    lanes: list[Lane]
    axis: Markup
    columns: list[Key]
    rows: list[tuple[str, str, list[str]]]
    """Where the bin's middle stands in per cent, its start in words, and its values."""
    note: str


@dataclass(frozen=True, slots=True)
class PhaseRow:
    """A phase as a row of the table, with what became of the requests that got no good answer."""

    phase: Phase
    good: str
    attempts: str
    otherwise: str


def _drawn(result: Result, evidence: Evidence) -> Drawn | None:
    made = timeline(evidence)
    if made is None:
        return None
    field = Field(Clock(_shown_until(made)), made.bins.until_s, tuple(_shades(result, evidence, made)))
    found = [events(result, evidence, field), *lanes(result, evidence, made, field)]
    knowledge = snapshots(result, made, field)
    found += [knowledge] if knowledge else []
    columns = [key for lane in found for key in lane.keys if key.said]
    places = [f"{field.clock.percent(at_s):.2f}" for at_s in made.bins.middles_s.tolist()]
    starts = [f"{at_s:g} s" for at_s in made.bins.edges_s[:-1].tolist()]
    said = zip(*(key.said for key in columns), strict=True)
    rows = [(place, start, list(values)) for place, start, values in zip(places, starts, said, strict=True)]
    return Drawn(found, axis(field), columns, rows, _short(made))


def _shown_until(made: Timeline) -> float:
    """The plan's end, or for a run that was cut short early a little more than what there is of it."""
    return min(made.end_s, max(1.3 * made.bins.until_s, 0.0))


def _shades(result: Result, evidence: Evidence, made: Timeline) -> list[Shade]:
    faults = [
        Shade(fault.asked_at_s, fault.reverted_at_s if fault.reverted_at_s is not None else made.bins.until_s, "fault")
        for fault in result.faults
        if fault.asked_at_s is not None
    ]
    recovered = [settling for settling in settlings(result, evidence) if settling.what == "recovered"]
    until = [(s.since_s, min(s.since_s + (s.measured.value or 0.0), made.bins.until_s)) for s in recovered]
    return [Shade(start_s, end_s, "recovery") for start_s, end_s in until if end_s > start_s] + faults


def _short(made: Timeline) -> str:
    if made.bins.until_s >= made.end_s - 0.05:
        return ""
    return f"The run ended early: {words.duration(made.bins.until_s)} of {words.duration(made.end_s)} were driven."


def _finding(result: Result, finding: Finding, index: int) -> Held:
    return Held(
        finding=finding,
        title=words.title(finding.metric),
        where=f"in the {words.PHASES.get(finding.phase, finding.phase)}" if finding.phase else "",
        limit=words.limit(result, finding),
        value=words.value_of(result, finding),
        interval=words.interval_of(result, finding),
        picture=gauge(result, finding, f"finding-{index}"),
    )


def _phase(result: Result, phase: Phase, evidence: Evidence | None) -> PhaseRow:
    otherwise = ""
    if evidence is not None:
        rows = evidence.requests[evidence.requests["phase"] == phase.name]
        bad = rows[~rows["good"].astype(bool)]["outcome"]
        told = Counter("late" if outcome == "complete" else str(outcome).replace("_", " ") for outcome in bad)
        most_first = sorted(told.items(), key=lambda pair: (-pair[1], pair[0]))
        otherwise = ", ".join(f"{words.count(n)} {one_line(what, 20)}" for what, n in most_first)
    amplification = result.metrics.get("retry_amplification")
    tried = amplification.by.phase.get(phase.name) if amplification else None
    attempts = words.measured(tried, amplification.unit) if amplification and tried else "–"
    good = words.share(phase.good_ratio) if phase.good_ratio is not None else words.NOT_MEASURED
    return PhaseRow(phase, good, attempts, otherwise)


def _alarms(evidence: Evidence | None) -> list[str]:
    if evidence is None:
        return []
    return [
        f"{words.instant(event.at_s)}: {one_line(event.what, 500)}"
        for event in evidence.history
        if isinstance(event, Alarm)
    ]


def _why_no_charts(evidence: Evidence | None) -> str:
    if evidence is None:
        return "The tables of this run were not at hand, so nothing is drawn."
    return "Not one request was due, so there is nothing to draw."


def _policy(style: Markup, script: Markup) -> str:
    """What a browser may do with the page: its own style and script, and nothing else."""
    own = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return f"default-src 'none'; {own}; img-src data:; base-uri 'none'; form-action 'none'"


def _hash(source: Markup) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache(maxsize=1)
def _style() -> Markup:
    # Not escaped, as it stands in the package and holds nothing of a run; the same goes for the script.
    return Markup(custom_properties() + _source("style.css"))  # noqa: S704


@lru_cache(maxsize=1)
def _script() -> Markup:
    return Markup(_source("script.js"))  # noqa: S704


def _source(name: str) -> str:
    """A style or a script as it stands in the package."""
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].strip()
