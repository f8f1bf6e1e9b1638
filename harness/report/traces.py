"""A handful of single requests from when they were due to their end, with every try made for them, and why each is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from harness.judging.evidence import Evidence
from harness.judging.metrics import telling
from harness.judging.result import Result
from harness.judging.sample import nonces, pick
from harness.judging.scoring.consistency import Pair, Side
from harness.record.presses import read
from harness.report import words
from harness.report.charts import block
from harness.report.disagreements import differing
from harness.report.plain_text import one_line
from harness.report.templating import render
from harness.report.waterfall import ROWS_MOST, Bar, bar_swatch, mark_swatch, waterfall

Row = Mapping[str, Any]
"""A row of a table, by its columns."""

_WHAT_WAS_ANSWERED = "snapshots"
"""The chart that tells which snapshots answers stood on."""
_HOW_MANY_WERE_GOOD, _TRIES = "goodput", "amplification"
_TURNS = 4
_HAIR_S = 0.005  # two processes read one clock
_LAYERS = {
    "first": "first try",
    "client": "its client asked again",
    "sdk": "SDK retry",
    "repeat": "repeat",
    "failover": "failover",
}
_CAME_TO = {
    "client_left": "given up by the service",
    "closed": "closed",
    "reset": "reset",
    "truncated": "cut short",
    "malformed": "unreadable",
    "unreadable": "unreadable answer",
    "refused": "refused by the harness",
    "broken": "broken by the harness",
    "unfinished": "never ended",
}


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
    return [_trace(result, evidence, one, f"trace-{number}") for number, one in enumerate(picked)]


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
    side = _older(pair)
    at_once = np.flatnonzero(rows & (evidence.column("requests", "sent_s") == side.at_s))
    wanted = {"question": pair.question, "entry": side.entry, "conversation": side.conversation}
    found = zip(at_once.tolist(), evidence.request_table.records(at_once, wanted), strict=True)
    same = [place for place, row in found if row == wanted]
    return (same[0], "its answer disagreed with another to the same question") if same else None


def _older(pair: Pair) -> Side:
    """The side that stood on the older snapshot; where that is not known the later one, as it departs from the one before it."""
    left, right = pair.left.version, pair.right.version
    return pair.left if left is not None and right is not None and left < right else pair.right


def trace_of(result: Result, evidence: Evidence, place: int) -> Trace:
    """The request at *place* of the table, whatever it is."""
    return _trace(result, evidence, Chosen(place, ()), "trace")


def _trace(result: Result, evidence: Evidence, one: Chosen, key: str) -> Trace:
    row: Row = evidence.request_table.records(np.array([one.row]))[0]
    due_s = float(row["due_s"])
    tries = _tries(evidence, row)
    bars = (*_clients(row), *islice(tries, ROWS_MOST))
    faults = [
        (
            1000 * (f.asked_at_s - due_s),
            1000 * ((_end_s(evidence) if f.reverted_at_s is None else f.reverted_at_s) - due_s),
        )
        for f in result.faults
        if f.asked_at_s is not None
    ]
    shaded = any(start_ms < max(bar.last_ms for bar in bars) and end_ms > 0 for start_ms, end_ms in faults)
    about = "; ".join(f"{bar.name}: {bar.came_to} {bar.took}" for bar in bars)
    picture = waterfall(bars, faults, title=f"Request {one_line(str(row['nonce']), 24)}", about=about, key=key)
    reasons = ", and ".join(one.reasons)
    notes = tuple(_notes(evidence, row, len(tries)))
    facts = tuple((name, said) for name, said in _facts(evidence, row) if said)
    return Trace(f"{reasons[:1].upper()}{reasons[1:]}", _came_to(row), picture, bars, _keys(bars, shaded), facts, notes)


def _end_s(evidence: Evidence) -> float:
    return evidence.ended.at_s if evidence.ended is not None else evidence.plan.total_s


def _clients(row: Row) -> Iterator[Bar]:
    """What the client did, press by press, where it asked more than once."""
    for number, press in enumerate(read(str(row["given_up"])), start=1):
        start_ms, end_ms = 1000 * press.sent_s, 1000 * press.end_s
        came = came_of_attempt(press.status, press.outcome.replace("_", " "))
        yield Bar("client", f"client, press {number}", "", came, _after(start_ms, end_ms), start_ms, None, end_ms)
    yield _client(row)


def _client(row: Row) -> Bar:
    due_s = float(row["due_s"])
    last_ms = _since(row["last_sent_s"], due_s)
    sent_ms = last_ms if last_ms is not None and isfinite(last_ms) else _since(row["sent_s"], due_s)
    return Bar(
        "client",
        "client" if row["presses"] == 1 else f"client, press {row['presses']}",
        f"asked {one_line(row['entry'], 24)}" if row["entry"] else "",
        _came_to_client(row),
        _after(0.0, _since(row["end_s"], due_s)),
        max(0.0, sent_ms) if sent_ms is not None else 0.0,
        _since(row["first_byte_s"], due_s),
        _since(row["end_s"], due_s),
        _since(row["first_token_s"], due_s),
    )


def _tries(evidence: Evidence, row: Row) -> list[Bar]:
    """Every attempt that was joined to the request, each with its arrival under it where that can be told, by when they began."""
    mine = np.flatnonzero(evidence.column("attempts", "request") == row["index"])
    if not mine.size:
        return []
    due_s = float(row["due_s"])
    asked = ("link", "start_s", "first_byte_s", "end_s", "status", "outcome", "retry_count", "layer", "press")
    attempts = list(enumerate(evidence.attempt_table.records(mine, asked), start=1))
    came = _arrived(evidence, row)
    came = came[np.argsort(evidence.column("arrivals", "start_s")[came], kind="stable")]
    seen = ("link", "start_s", "forwarded_s", "first_byte_s", "end_s", "status", "outcome", "fault")
    arrived = evidence.arrival_table.records(came, seen)
    bars = [((attempt["start_s"], 0), _attempt(attempt, number, due_s)) for number, attempt in attempts]
    for arrival, of in zip(arrived, _tries_of(arrived, attempts), strict=True):
        began_s = arrival["start_s"] if of is None else dict(attempts)[of]["start_s"]
        bars.append(((began_s, 1), _arrival(arrival, of, due_s)))
    return [bar for _, bar in sorted(bars, key=lambda pair: pair[0])]


def _arrived(evidence: Evidence, row: Row) -> npt.NDArray[np.intp]:
    """Places of the arrivals with the nonce of the request that is this *row*."""
    place = int(np.searchsorted(evidence.column("requests", "index"), row["index"]))
    requests, arrivals = nonces(evidence)
    return np.flatnonzero(arrivals == requests[place]) if requests[place] >= 0 else np.zeros(0, np.intp)


def _tries_of(arrived: Sequence[Row], attempts: Sequence[tuple[int, Row]]) -> list[int | None]:
    """Which try each arrival is of: all of a link arrived, in their order, or only one can have been it; None where nobody can tell."""
    found: list[int | None] = []
    for arrival in arrived:
        link = arrival["link"]
        of_link = [number for number, attempt in attempts if attempt["link"] == link]
        on_link = [other for other in arrived if other["link"] == link]
        before = [
            number for number, a in attempts if a["link"] == link and a["start_s"] <= arrival["start_s"] + _HAIR_S
        ]
        if len(on_link) == len(of_link):
            found.append(of_link[[other is arrival for other in on_link].index(True)])
        else:
            found.append(before[0] if len(before) == 1 else None)
    return found


def _attempt(row: Row, number: int, due_s: float) -> Bar:
    start_ms, end_ms = 1000 * (row["start_s"] - due_s), _since(row["end_s"], due_s)
    count = known(row["retry_count"])
    layer = layer_of(row["layer"]) + (f", press {row['press'] + 1}" if row["press"] else "")
    return Bar(
        "tap",
        f"try {number} at {one_line(row['link'], 24)}",
        f"· {layer}{f', SDK counts {count:.0f}' if count is not None else ''}",
        _status(row),
        _after(start_ms, end_ms),
        start_ms,
        _since(row["first_byte_s"], due_s),
        end_ms,
    )


def _arrival(row: Row, number: int | None, due_s: float) -> Bar:
    start_ms, end_ms = 1000 * (row["start_s"] - due_s), _since(row["end_s"], due_s)
    passed_ms = _since(row["forwarded_s"], due_s)
    fault = f", {one_line(row['fault'], 40)}" if row["fault"] else ""
    return Bar(
        "edge",
        f"{f'try {number} ' if number else ''}arrived at {one_line(row['link'], 24)}",
        "" if passed_ms is not None else "· not passed on",
        _status(row),
        f"{_after(start_ms, end_ms)}{fault}",
        start_ms,
        _since(row["first_byte_s"], due_s),
        end_ms,
        passed_ms,
    )


def layer_of(layer: object) -> str:
    """Who made an attempt, in words."""
    return _LAYERS.get(str(layer), one_line(str(layer), 20))


def _status(row: Row) -> str:
    return came_of_attempt(row["status"], row["outcome"])


def came_of_attempt(status: int, outcome: str) -> str:
    """What became of an attempt, in words: ``503``, ``given up by the service``."""
    status, outcome = int(status), str(outcome)
    if outcome == "answered_by_fault":
        return f"{status} from the fault" if status else "cut by the fault"
    if outcome == "complete":
        return str(status) if status else "complete"
    said = _CAME_TO.get(outcome, outcome.replace("_", " "))
    return f"{status}, {said}" if status else said


def _came_to_client(row: Row) -> str:
    outcome = str(row["outcome"])
    if outcome == "complete":
        return "good" if row["good"] else "too late"
    said = outcome.replace("_", " ")
    return f"{said} {int(row['status'])}" if outcome == "error" and row["status"] else said


def _came_to(row: Row) -> str:
    took = _after(0.0, _since(row["end_s"], float(row["due_s"])))
    return f"due at {words.instant(float(row['due_s']))}, {_came_to_client(row)} {took}".rstrip()


def _facts(evidence: Evidence, row: Row) -> Iterator[tuple[str, str]]:
    yield "Nonce", one_line(row["nonce"], 40)
    yield "Due in", words.phase(row["phase"]) if row["phase"] else ""
    yield "Entry", one_line(row["entry"], 60)
    yield "Conversation", f"{one_line(row['conversation'], 60)}, turn {row['turn']}" if row["conversation"] else ""
    text = evidence.questions.get(row["question"], "")
    yield "Question", f"{one_line(row['question'], 60)}{f': {one_line(text, 160)}' if text else ''}"
    answered, seen = known(row["snapshot_version"]), known(row["seen_version"])
    before = f"the conversation had seen v{seen:.0f}" if seen is not None else ""
    yield "Snapshot", "; ".join(part for part in (f"v{answered:.0f}" if answered is not None else "", before) if part)
    yield "Asked before", _asked_before(evidence, row)
    yield "Client's detail", one_line(row["detail"], 200)
    yield "Answer", one_line(row["answer"], 400)
    yield (
        "Model",
        " ".join(
            part
            for part in (one_line(row["model"], 60), f"(ended: {one_line(row['finish'], 40)})" if row["finish"] else "")
            if part
        ),
    )
    yield "Tokens", _tokens(evidence, row)


def _asked_before(evidence: Evidence, row: Row) -> str:
    """The questions of the conversation's turns before this one, the newest last."""
    if not row["conversation"] or not row["turn"]:
        return ""
    turn = evidence.column("requests", "turn")
    mine = evidence.words("requests", "conversation") == row["conversation"]
    before = np.flatnonzero(mine & (turn < row["turn"]))
    before = before[np.argsort(turn[before], kind="stable")]
    shown = [one_line(question, 40) for question in evidence.words("requests", "question")[before[-_TURNS:]].tolist()]
    return ", ".join([*(["…"] if before.size > _TURNS else []), *shown])


def _tokens(evidence: Evidence, row: Row) -> str:
    """What the request cost at the providers over all attempts that arrived; empty where nobody counted."""
    mine = _arrived(evidence, row)
    asked, said = (evidence.column("arrivals", name)[mine] for name in ("tokens_in", "tokens_out"))
    if np.isnan(asked).all() and np.isnan(said).all():
        return ""
    whole = f" over {mine.size} arrivals" if mine.size > 1 else ""
    return f"{words.count(int(np.nansum(asked)))} in, {words.count(int(np.nansum(said)))} out{whole}"


def _notes(evidence: Evidence, row: Row, tries: int) -> Iterator[str]:
    if tries > ROWS_MOST:
        yield f"{words.count(tries - ROWS_MOST)} later tries and arrivals are not drawn."
    start_s, end_s = float(row["due_s"]), known(row["end_s"])
    hidden = any(
        d.fault.hides_attempts() and start_s < d.end_s and d.start_s < (d.end_s if end_s is None else end_s)
        for d in evidence.plan.disturbances
    )
    if hidden:
        yield "A fault hid attempts while it was under way, so some may be missing."
    elif not tries:
        yield "No try at a provider was seen for it."


def _keys(bars: tuple[Bar, ...], shaded: bool) -> tuple[tuple[Markup, str], ...]:
    """What the picture's shapes mean, of those that are in it."""
    keys = [(bar_swatch(answering=False), "waiting"), (bar_swatch(answering=True), "answer coming")]
    marked = {bar.seen_at for bar in bars if bar.mark_ms is not None}
    keys += [(mark_swatch("client"), "first token")] if "client" in marked else []
    keys += [(mark_swatch("edge"), "passed on")] if "edge" in marked else []
    keys += [(block("fault"), "fault in force")] if shaded else []
    return tuple(keys)


def _after(start_ms: float, end_ms: float | None) -> str:
    return "" if end_ms is None else f"after {words.quantity(end_ms - start_ms, 'ms')}"


def _since(at_s: object, due_s: float) -> float | None:
    known_s = known(at_s)
    return None if known_s is None else 1000 * (known_s - due_s)


def known(value: Any) -> float | None:
    """A cell of a table as a number; None where it holds none."""
    from pandas import isna

    return None if isna(value) else float(value)
