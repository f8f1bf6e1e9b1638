"""Where it went wrong: by entry, region, link and status, in lines beside the verdict and in a table of all phases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.result import Finding, Result
from harness.report import words
from harness.report.plain_text import one_line
from harness.report.templating import render

_WORSE = 0.05
"""By so much of all a share has to be less than in the baseline to be told of beside the verdict."""
_OFTENER = 1.5
"""So many times as often as in the baseline something has to be tried to be told of."""
_LINES, _ROWS, _KINDS = 4, 30, 4


@dataclass(frozen=True, slots=True)
class Cell:
    """An entry or a link in one phase: of *n* requests or attempts *well* went well, and the others came to *otherwise*.

    *each* is how many attempts that is for each request of the phase, whatever was asked; None for an entry.
    """

    name: str
    region: str | None
    phase: str
    n: int
    well: int
    otherwise: Mapping[str, int]
    each: float | None = None

    @property
    def named(self) -> str:
        region = f" (region {one_line(self.region, 40)})" if self.region and self.region != self.name else ""
        return f"{one_line(self.name, 40)}{region}"

    @property
    def ratio(self) -> float:
        return self.well / self.n

    @property
    def share(self) -> str:
        return words.share(self.ratio)

    @property
    def rest(self) -> str:
        """``139 timed out, 3 status 503``: what the others came to, the most frequent first."""
        told = [f"{words.count(n)} {one_line(what, 40)}" for what, n in self.otherwise.items()]
        more = len(told) - _KINDS
        return ", ".join([*told[:_KINDS], *([f"{more} more kinds"] if more > 0 else [])])


def who_fared_worse(result: Result) -> list[str]:
    """Who fared much worse than in the baseline, in the phase that the verdict is about; then what was broken, told apart by entry.

    Before all that stands that the service kept itself down, where it did. Empty where nothing is known by entry, or nothing got worse, or
    the run came to no verdict on what was measured.
    """
    if result.verdict not in words.TRUSTED:
        return []
    phase = _phase(result)
    told = [*_of_entries(entries(result), phase), *_of_links(links(result), phase), *_apart(result)]
    kept = [f"{result.metastable[:1].upper()}{result.metastable[1:]}"] if result.metastable else []
    return [*kept, *told[:_LINES]]


def section(result: Result, _evidence: Evidence | None) -> Markup:
    """The tables of entries, regions, links and of what requests came to; nothing for a run that was judged before there were any."""
    known = {found.phase for found in result.by_link}
    phases = [
        phase.name for phase in result.phases if phase.name != "warmup" and (phase.requests or phase.name in known)
    ]
    tables = [
        (noun, _rows(cells, phases))
        for noun, cells in (
            ("Entry", entries(result)),
            ("Region", regions(result)),
            ("Link", links(result)),
            ("Request came to", endings(result)),
        )
        if cells
    ]
    shown = [(noun, rows[:_ROWS], max(0, len(rows) - _ROWS)) for noun, rows in tables]
    watched = bool(result.quality.watched)
    return render("whereabouts.html", tables=shown, phases=phases, watched=watched) if shown else Markup("")


def _rows(cells: list[Cell], phases: list[str]) -> list[tuple[str, list[Cell | None]]]:
    placed = {(cell.name, cell.phase): cell for cell in cells}
    named = {cell.name: cell.named for cell in cells}
    return [(named[name], [placed.get((name, phase)) for phase in phases]) for name in named]


def entries(result: Result) -> list[Cell]:
    """What requests came to at each entry, phase by phase."""
    return [
        Cell(found.entry, found.region, found.phase, found.requests, found.good, found.otherwise)
        for found in result.by_entry
    ]


def regions(result: Result) -> list[Cell]:
    """What requests came to in each region, phase by phase; nothing where a region has one entry at most, as the entry tells the same."""
    found = [one for one in result.by_entry if one.region]
    named = {(one.region, one.entry) for one in found}
    if len(named) == len({region for region, _ in named}):
        return []
    counts: dict[tuple[str, str], tuple[int, int, Counter[str]]] = {}
    for one in found:
        n, well, otherwise = counts.get((str(one.region), one.phase), (0, 0, Counter()))
        counts[str(one.region), one.phase] = (n + one.requests, well + one.good, otherwise + Counter(one.otherwise))
    return [
        Cell(region, None, phase, n, well, dict(otherwise.most_common()))
        for (region, phase), (n, well, otherwise) in counts.items()
    ]


def endings(result: Result) -> list[Cell]:
    """How often requests came to each thing but a good answer, phase by phase; nothing where all were good."""
    due: Counter[str] = Counter()
    counts: dict[str, Counter[str]] = {}
    for one in result.by_entry:
        due[one.phase] += one.requests
        for what, n in one.otherwise.items():
            counts.setdefault(what, Counter())[one.phase] += n
    often = sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))
    return [
        Cell(what, None, phase, due[phase], found[phase], {}) for what, found in often for phase in due if found[phase]
    ]


def links(result: Result) -> list[Cell]:
    """How attempts on each link were answered, phase by phase; a status below 400 is an answer as it was wanted."""
    requests = {phase.name: phase.requests for phase in result.phases}
    cells = []
    for found in result.by_link:
        failed = {_said(what): n for what, n in found.answers.items() if not (what.isdigit() and int(what) < 400)}
        well, due = found.attempts - sum(failed.values()), requests.get(found.phase)
        each = found.attempts / due if due and not result.quality.watched else None
        cells.append(Cell(found.link, found.region, found.phase, found.attempts, well, failed, each))
    return cells


def _said(answer: str) -> str:
    return f"status {answer}" if answer.isdigit() else answer


def _phase(result: Result) -> str | None:
    """The phase of the first broken expectation that names one; else of those after the baseline the one that fared worst."""
    named = [finding.phase for finding in result.findings if finding.phase and finding.verdict == "fail"]
    later = [p for p in result.phases if p.name not in ("warmup", "baseline") and p.good_ratio is not None]
    worst = min(later, key=lambda phase: phase.good_ratio or 0.0, default=None)
    return next(iter(named), worst.name if worst else None)


def _of(cells: list[Cell], phase: str | None) -> Iterator[tuple[Cell, Cell | None]]:
    """Each cell of *phase* with that of the baseline, of which least went well first."""
    before = {cell.name: cell for cell in cells if cell.phase == "baseline"}
    mine = sorted((cell for cell in cells if cell.phase == phase), key=lambda cell: cell.ratio)
    yield from ((cell, before.get(cell.name)) for cell in mine)


def _of_entries(cells: list[Cell], phase: str | None) -> Iterator[str]:
    """``east: 3 % of 151 requests good in the fault (baseline 100 %): 146 timed out``."""
    for cell, before in _of(cells, phase):
        if cell.ratio < (before.ratio if before else 1.0) - _WORSE:
            then = f" (baseline {before.share})" if before else ""
            yield f"{cell.named}: {cell.share} of {words.count(cell.n)} requests good {words.in_phase(phase)}{then}: {cell.rest}"


def _of_links(cells: list[Cell], phase: str | None) -> Iterator[str]:
    """``provider-east: 906 attempts in the fault, 3.00 for each request (baseline 0.50); 12 % answered: 797 reset``."""
    for cell, before in _of(cells, phase):
        worse = cell.ratio < (before.ratio if before else 1.0) - _WORSE
        oftener = bool(before and before.each and cell.each and cell.each >= _OFTENER * before.each)
        if not worse and not oftener:
            continue
        then = f" (baseline {before.each:.2f})" if before and before.each else ""
        each = f", {cell.each:.2f} for each request{then}" if cell.each else ""
        came = f"; {cell.share} answered: {cell.rest}" if cell.rest else "; all answered"
        yield f"{cell.named}: {words.counted(cell.n, 'attempt')} {words.in_phase(phase)}{each}{came}"


def _apart(result: Result) -> Iterator[str]:
    """``Answer consistency by entry: west 0.75, east 1``, of each broken expectation that names no entry and differs between them."""
    for finding in result.findings:
        metric = result.metrics.get(finding.metric)
        told_already = telling(finding.metric).in_tables or bool(finding.labels)
        if finding.verdict != "fail" or told_already or metric is None:
            continue
        values = {name: found for name, found in metric.by.entry.items() if found.value is not None}
        shown = {name: words.measured(found, metric.unit) for name, found in values.items()}
        if len(set(shown.values())) > 1:
            furthest = sorted(values, key=lambda name: (_badness(finding, values[name].value or 0.0), name))
            told = ", ".join(f"{one_line(name, 40)} {shown[name]}" for name in furthest[:_KINDS])
            yield f"{words.title(finding.metric)} by entry: {told}"


def _badness(finding: Finding, value: float) -> float:
    """The less the worse."""
    return value if ">" in words.operator(finding) else -value
