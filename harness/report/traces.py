"""A handful of single requests from when they were due to their end, with every try made for them, and why each is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.result import Result
from harness.judging.sample import pick
from harness.judging.scoring.consistency import Pair, Side
from harness.judging.trace import Followed
from harness.judging.tracing import each_followed
from harness.report import words
from harness.report.charts import block
from harness.report.disagreements import differing, row_of
from harness.report.followed import bars, facts, notes, summary
from harness.report.plain_text import one_line
from harness.report.templating import render
from harness.report.waterfall import Bar, bar_swatch, mark_swatch, waterfall

_WHAT_WAS_ANSWERED = "snapshots"
"""The chart that tells which snapshots answers stood on."""
_HOW_MANY_WERE_GOOD, _TRIES = "goodput", "amplification"


@dataclass(frozen=True, slots=True)
class Chosen:
    """A request by its place in the table of requests, and why it is shown."""

    row: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A request as a picture and as a table; *facts* say which it is, *notes* what the picture cannot show."""

    reasons: str
    came_to: str
    picture: Markup
    bars: tuple[Bar, ...]
    keys: tuple[tuple[Markup, str], ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def section(result: Result, evidence: Evidence | None) -> Markup:
    """The traces; nothing where no request was due."""
    found = traces(result, evidence) if evidence is not None and len(evidence.request_table) else []
    return render("traces.html", traces=found) if found else Markup("")


def traces(result: Result, evidence: Evidence) -> list[Trace]:
    """What is shown of each chosen request."""
    broken = {telling(finding.metric).chart for finding in result.findings if finding.verdict == "fail"}
    picked = chosen(
        evidence,
        disagreeing_first=_WHAT_WAS_ANSWERED in broken,
        failed_first=_HOW_MANY_WERE_GOOD in broken and _TRIES not in broken,
    )
    found = each_followed(result, evidence, [one.row for one in picked])
    return [
        _trace(evidence, one.reasons, followed, f"trace-{number}")
        for number, (one, followed) in enumerate(zip(picked, found, strict=True))
    ]


def chosen(evidence: Evidence, *, disagreeing_first: bool = False, failed_first: bool = False) -> list[Chosen]:
    """The requests that an engineer would pick, each once; one that is picked twice has two reasons."""
    reasons: dict[int, list[str]] = {}
    usual = (
        (_failed, _tried_most, _slowest_good, _ordinary)
        if failed_first
        else (_tried_most, _slowest_good, _failed, _ordinary)
    )
    for choose in (_disagreeing, *usual) if disagreeing_first else (*usual, _disagreeing):
        found = choose(evidence)
        if found is not None:
            reasons.setdefault(found[0], []).append(found[1])
    return [Chosen(row, tuple(said)) for row, said in reasons.items()]


def _tried_most(evidence: Evidence) -> tuple[int, str] | None:
    rows = _while_broken(evidence)
    tries = evidence.column("requests", "attempts")[rows]
    if tries.max(initial=0) < 2:
        return None
    row = int(rows[tries.argmax()])
    most = words.count(int(tries.max()))
    return row, f"tried most often of those due in the {_phase_of(evidence, row)}: {most} attempts"


def _slowest_good(evidence: Evidence) -> tuple[int, str] | None:
    rows = _while_broken(evidence)
    rows = rows[evidence.column("requests", "good")[rows]]
    if not rows.size:
        return None
    took_ms = evidence.column("requests", "latency_ms")[rows]
    row, slowest = int(rows[took_ms.argmax()]), float(took_ms.max())
    return row, f"the slowest good answer of the {_phase_of(evidence, row)}: {words.quantity(slowest, 'ms')}"


def _phase_of(evidence: Evidence, row: int) -> str:
    return words.phase(evidence.words("requests", "phase")[row])


def _while_broken(evidence: Evidence) -> npt.NDArray[np.intp]:
    """Places of the requests due in the phases in which something may be broken."""
    return np.flatnonzero(evidence.words("requests", "phase").isin([phase.name for phase in evidence.plan.between]))


def _failed(evidence: Evidence) -> tuple[int, str] | None:
    """The last one during the recovery; where all went well there, in the last phase before it in which not all did."""
    good, due_s = evidence.column("requests", "good"), evidence.column("requests", "due_s")
    for phase in ("recovery", *(phase.name for phase in reversed(evidence.plan.between))):
        rows = np.flatnonzero((evidence.words("requests", "phase") == phase) & ~good)
        if rows.size:
            last = int(rows[due_s[rows].argmax()])
            return last, f"the last one due in the {words.phase(phase)} that got no good answer"
    return None


def _ordinary(evidence: Evidence) -> tuple[int, str] | None:
    baseline = evidence.words("requests", "phase") == "baseline"
    rows = np.flatnonzero(baseline & evidence.column("requests", "good"))
    if not rows.size:
        return None
    took_ms = evidence.column("requests", "latency_ms")[rows]
    median_ms = float(np.median(took_ms))
    row = int(rows[np.abs(took_ms - median_ms).argmin()])
    return row, f"an ordinary one of the baseline, where the median is {words.quantity(median_ms, 'ms')}"


def _disagreeing(evidence: Evidence) -> tuple[int, str] | None:
    """The first that disagreed in its words, or where there is none in its snapshot."""
    from harness.judging.metrics.answer_consistency import compare

    rows = evidence.words("requests", "outcome") == "complete"
    pairs = compare(pick(evidence)).examples if rows.any() else ()
    if not pairs:
        return None
    unlike = (
        pair for pair in pairs if any(piece.differs for piece in differing(pair.left.answer, pair.right.answer)[1])
    )
    pair = next(unlike, pairs[0])
    row = row_of(evidence, pair.question, _older(pair))
    return None if row is None else (row, "its answer disagreed with another to the same question")


def _older(pair: Pair) -> Side:
    """The side that stood on the older snapshot; where that is not known the later one, as it departs from the one before it."""
    left, right = pair.left.version, pair.right.version
    return pair.left if left is not None and right is not None and left < right else pair.right


def _trace(evidence: Evidence, why: Sequence[str], found: Followed, key: str) -> Trace:
    drawn, left_out = bars(found)
    faults = [
        (fault.start_ms, _end_ms(evidence, found) if fault.end_ms is None else fault.end_ms) for fault in found.faults
    ]
    shaded = any(start_ms < max(bar.last_ms for bar in drawn) and end_ms > 0 for start_ms, end_ms in faults)
    about = "; ".join(f"{bar.name}: {bar.came_to} {bar.took}" for bar in drawn)
    picture = waterfall(drawn, faults, title=f"Request {one_line(found.nonce, 24)}", about=about, key=key)
    reasons = ", and ".join(why)
    return Trace(
        f"{reasons[:1].upper()}{reasons[1:]}",
        summary(found),
        picture,
        drawn,
        _keys(drawn, shaded),
        tuple(facts(found)),
        tuple(notes(found, left_out)),
    )


def _end_ms(evidence: Evidence, found: Followed) -> float:
    end_s = evidence.ended.at_s if evidence.ended is not None else evidence.plan.total_s
    return 1000 * (end_s - found.due_s)


def _keys(bars: tuple[Bar, ...], shaded: bool) -> tuple[tuple[Markup, str], ...]:
    """What the picture's shapes mean, of those that are in it."""
    keys = [(bar_swatch(answering=False), "waiting"), (bar_swatch(answering=True), "answer coming")]
    marked = {bar.seen_at for bar in bars if bar.mark_ms is not None}
    keys += [(mark_swatch("client"), "first token")] if "client" in marked else []
    keys += [(mark_swatch("edge"), "passed on")] if "edge" in marked else []
    keys += [(block("fault"), "fault in force")] if shaded else []
    return tuple(keys)
