"""What changed since a baseline run: its numbers beside this run's, and a change only where judging says that there is one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.answered_with import listed, unlike
from harness.judging.comparison import State, comparable, went
from harness.judging.metrics import telling
from harness.judging.result import Finding, LatencyMs, Measured, Phase, Result, TtftMs
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render

_QUANTILES = ("p50", "p95", "p99")
SAID: dict[State, str] = {"higher": "higher", "lower": "lower", "alike": "as runs differ", "unknown": "–"}


@dataclass(frozen=True, slots=True)
class Side:
    """A number of one run in words; *verdict* is empty where it belongs to no expectation."""

    value: str
    interval: str = ""
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A number of both runs; *what* it is tells rows that show the same one; *better* is None where nobody said which way is."""

    what: tuple[str, str | None]
    name: str
    where: str
    now: Side
    then: Side
    state: State
    better: bool | None = None

    @property
    def changed(self) -> bool:
        return self.state in ("higher", "lower")

    @property
    def said(self) -> str:
        """``higher, worse``"""
        return f"{SAID[self.state]}{', better' if self.better else '' if self.better is None else ', worse'}"


@dataclass(frozen=True, slots=True)
class Changes:
    """Two runs beside each other. *notes* are what to know before reading any of it; *counts* says whether both can be trusted."""

    verdict: str
    notes: tuple[str, ...]
    runs: tuple[tuple[str, str, str], ...]
    findings: tuple[Row, ...]
    metrics: tuple[Row, ...]
    phases: tuple[Row, ...]
    counts: bool

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each number once, though an expectation and a metric may both show it."""
        once: dict[tuple[str, str | None], Row] = {}
        for row in (*self.findings, *self.metrics, *self.phases):
            once.setdefault(row.what, row)
        return tuple(once.values())

    @property
    def headline(self) -> str:
        """What became of the verdict, and how much changed."""
        if not self.counts:
            return f"{self.verdict} Of a run that cannot be trusted nothing can be said to have changed."
        compared, changed = (
            [row for row in self.rows if row.state != "unknown"],
            [row for row in self.rows if row.changed],
        )
        if not changed:
            return f"{self.verdict} None of {len(compared)} numbers changed by more than runs of one target differ."
        return (
            f"{self.verdict} {len(changed)} of {len(compared)} numbers changed by more than runs of one target differ."
        )


def section(result: Result, baseline: Result | None) -> Markup:
    """The comparison; nothing where there is no run to compare with."""
    return Markup("") if baseline is None else render("changes.html", changes=changes(result, baseline))


def changes(result: Result, baseline: Result) -> Changes:
    """*result* held against *baseline*. It changes no verdict; where one of the two cannot be trusted nothing is said to have changed."""
    counts = comparable(result, baseline)
    findings = tuple(_findings(result, baseline, counts))
    metrics = tuple(_metrics(result, baseline, counts))
    phases = tuple(_phases(result, baseline, counts))
    notes = tuple(_notes(result, baseline))
    return Changes(_verdict(result, baseline), notes, tuple(_runs(result, baseline)), findings, metrics, phases, counts)


def _verdict(result: Result, baseline: Result) -> str:
    if result.verdict == baseline.verdict:
        return f"The verdict is {result.verdict}, as it was."
    return f"The verdict is {result.verdict}; it was {baseline.verdict}."


def _notes(result: Result, baseline: Result) -> Iterator[str]:
    for what, now, then in (
        ("scenario", result.scenario, baseline.scenario),
        ("target", result.target, baseline.target),
    ):
        if now.sha256 == then.sha256:
            continue
        names = "" if now.name == then.name else f" ({one_line(now.name, 60)}; it was {one_line(then.name, 60)})"
        yield f"The {what}'s text is another one{names}: a change may come from that."
    yield from _asked_otherwise(result, baseline)
    if _settings(result) != _settings(baseline):
        yield "The two were asked for with different settings, as their commands show."
    for what, name in (("harness", "versions of the harness"), ("system", "systems")):
        now_on, then_on = (one_line(run.versions.get(what, "unknown"), 80) for run in (result, baseline))
        if now_on != then_on:
            yield f"The two were run with different {name}: {now_on}; it was {then_on}."


_ASKED_WITH = {
    "questions": "The questions are other ones",
    "trace": "The trace is another one, so that requests were due at other times",
    "recorded": "The recorded curve is another one",
}


def _asked_otherwise(result: Result, baseline: Result) -> Iterator[str]:
    """What of the load was another one though no text of a file says so, or of which nobody knows whether it was."""
    for what, said in _ASKED_WITH.items():
        now, then = result.asked_with.get(what), baseline.asked_with.get(what)
        if now and then and now != then:
            yield f"{said}: a change may come from that."
    for what, told in unlike({"now": [result], "then": [baseline]}):
        yield f"Answers named another {what} ({listed(told['now'])}; it was {listed(told['then'])}): a change may come from that."
    if bool(result.asked_with.get("questions")) != bool(baseline.asked_with.get("questions")):
        older = "this run" if not result.asked_with.get("questions") else "the baseline run"
        yield f"Which questions {older} asked was not written down, so that a change may come from those."


def _settings(result: Result) -> list[str]:
    """What a run's command asked beside its files and its seed, which are compared for themselves."""
    try:
        asked = shlex.split(result.replay)
    except ValueError:  # it was written by nobody who knows commands
        asked = result.replay.split()
    named = {place + 1 for place, word in enumerate(asked) if word in ("run", "--target", "--seed")}
    return [word for place, word in enumerate(asked) if place not in named]


def _runs(result: Result, baseline: Result) -> Iterator[tuple[str, str, str]]:
    for name, now, then in (
        ("Verdict", result.verdict, baseline.verdict),
        ("Run", result.run_id, baseline.run_id),
        ("Started", words.wall_time(result.started_at), words.wall_time(baseline.started_at)),
        ("Scenario, sha256", result.scenario.sha256[:16], baseline.scenario.sha256[:16]),
        ("Target, sha256", result.target.sha256[:16], baseline.target.sha256[:16]),
        ("Questions, sha256", *(run.asked_with.get("questions", "unknown")[:16] for run in (result, baseline))),
        ("Seed", str(result.seed), str(baseline.seed)),
        ("Command", result.replay, baseline.replay),
    ):
        yield name, one_line(now, 600), one_line(then, 600)


def _findings(result: Result, baseline: Result, counts: bool) -> Iterator[Row]:
    """By metric and phase, as a limit may have been moved; then those that only the baseline run had."""
    then_of = {_limited(finding): finding for finding in baseline.findings}
    for now in result.findings:
        yield _finding(result, baseline, now, then_of.pop(_limited(now), None), counts)
    for then in then_of.values():
        yield _finding(result, baseline, None, then, counts)


def _limited(finding: Finding) -> tuple[object, ...]:
    """What is limited, and from which side."""
    labels = tuple(sorted(finding.labels.items()))
    side = words.operator(finding) in ("<=", "<")
    return finding.metric, finding.phase, labels, finding.among, finding.after, side


def _finding(result: Result, baseline: Result, now: Finding | None, then: Finding | None, counts: bool) -> Row:
    any_of = now or then
    assert any_of is not None
    unit = words.unit_of(result if now else baseline, any_of.metric)
    state = went(now, then, unit) if counts else "unknown"
    wanted = "lower" if words.operator(any_of) in ("<=", "<") else "higher"
    limits = [words.limit(run, f) for run, f in ((result, now), (baseline, then)) if f is not None]
    limit = limits[0] if len(set(limits)) == 1 else f"{limits[0]}, it was {limits[1]}"
    better = state == wanted if state in ("higher", "lower") else None
    of = ", ".join(part for part in (words.in_phase(any_of.phase), words.where_else(any_of)) if part)
    where = f"{limit} {of}".rstrip()
    what = any_of.metric, " ".join(part for part in (any_of.phase or "", words.where_else(any_of)) if part) or None
    return Row(what, words.title(any_of.metric), where, _held(result, now), _held(baseline, then), state, better)


def _held(result: Result, finding: Finding | None) -> Side:
    if finding is None:
        return Side("not expected")
    verdict = finding.verdict if result.verdict in words.TRUSTED else "not counted"
    return Side(words.value_of(result, finding), words.interval_of(result, finding), verdict)


def _metrics(result: Result, baseline: Result, counts: bool) -> Iterator[Row]:
    for name in [*result.metrics, *(name for name in baseline.metrics if name not in result.metrics)]:
        now, then = result.metrics.get(name), baseline.metrics.get(name)
        unit = next(metric.unit for metric in (now, then) if metric is not None)
        parts = [part for part in _QUANTILES for metric in (now, then) if metric is not None and part in metric.parts]
        for part in dict.fromkeys(parts):
            pair = [metric.parts.get(part) if metric is not None else None for metric in (now, then)]
            yield _row((f"{name}.{part}", None), "", pair[0], pair[1], unit, counts)
        if not parts:
            yield _row((name, None), "", now, then, unit, counts)


def _row(
    what: tuple[str, str | None], where: str, now: Measured | None, then: Measured | None, unit: str, counts: bool
) -> Row:
    state = went(now, then, unit) if counts else "unknown"
    return Row(what, words.title(what[0]), where, _side(now, unit), _side(then, unit), state)


def _side(found: Measured | None, unit: str) -> Side:
    if found is None:
        return Side("–")
    return Side(
        words.measured(found, unit), words.interval(found.low, found.high, unit) if found.value is not None else ""
    )


def _phases(result: Result, baseline: Result, counts: bool) -> Iterator[Row]:
    """The numbers of each phase in which both runs had requests; those without an interval only stand side by side."""
    then_of = {phase.name: phase for phase in baseline.phases if phase.requests}
    for now in result.phases:
        then = then_of.get(now.name)
        if then is None or not now.requests:
            continue
        yield _bare("requests", now, words.count(now.requests), words.count(then.requests))
        compared = [
            _by_phase(result, baseline, now, f"{name}.{part}" if (part := telling(name).usual_part) else name, counts)
            for name, metric in result.metrics.items()
            if now.name in metric.by.phase
        ]
        told = {row.what for row in compared}
        yield from compared
        yield from (row for row in _quantiles(now, then) if row.what not in told)


def _quantiles(now: Phase, then: Phase) -> Iterator[Row]:
    """Quantiles that a phase tells without an interval, by the names of its document."""
    for name, of in ((name, getattr(now, name)) for name in type(now).model_fields):
        for part in type(of).model_fields if isinstance(of, LatencyMs | TtftMs) else ():
            values = (getattr(getattr(phase, name), part) for phase in (now, then))
            yield _bare(f"{name}.{part}", now, *(words.quantity(value, "ms") for value in values))


def _by_phase(result: Result, baseline: Result, phase: Phase, name: str, counts: bool) -> Row:
    metric = name.partition(".")[0]  # over a phase a latency is its p95
    found = [
        run.metrics[metric].by.phase.get(phase.name) if metric in run.metrics else None for run in (result, baseline)
    ]
    unit = words.unit_of(result, metric) or words.unit_of(baseline, metric)
    return _row((name, phase.name), _in(phase), found[0], found[1], unit, counts)


def _bare(name: str, phase: Phase, now: str, then: str) -> Row:
    return Row((name, phase.name), words.title(name), _in(phase), Side(now), Side(then), "unknown")


def _in(phase: Phase) -> str:
    return f"in the {words.phase(phase.name)}"
