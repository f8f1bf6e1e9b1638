"""Follows one request of a run through its rows: what the client did, each try and what of it arrived, what lay between, the grading."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.judging.answers import asked_of_text, compared, satisfies
from harness.judging.evidence import Evidence
from harness.judging.presses import over
from harness.judging.result import Fault, Result
from harness.judging.sample import nonces
from harness.judging.trace import (
    Answer,
    Arrival,
    Asked,
    Attempt,
    Check,
    Followed,
    Gap,
    InForce,
    Job,
    Press,
    Traced,
)
from harness.judging.whereabouts import came_to
from harness.protocols import grounding
from harness.protocols.nonce import unmarked
from harness.protocols.tool_use import FAILED
from harness.reading.quantities import plain
from harness.record import presses

Row = Mapping[str, Any]
"""A row of a table, by its columns."""

GOOD = "good"
_HAIR_S = 0.005  # two processes read one clock
_TOGETHER_S = 0.02  # an end passes Toxiproxy and two loops
_LEAST_GAP_MS = 1.0


def traced(result: Result, evidence: Evidence, places: Sequence[int], matching: int | None = None) -> Traced:
    """The requests at *places* of the table, each followed whole; *matching*: of so many that were found, where these are not all."""
    return Traced(
        run=evidence.begun.run_id,
        scenario=evidence.plan.scenario.name,
        target=evidence.plan.target.name,
        matching=len(places) if matching is None else matching,
        requests=each_followed(result, evidence, places),
    )


class _Told(NamedTuple):
    """The *row* at a *place* of the table, with its attempts and its arrivals, each by when they began.

    *gone_s*: when the press was over that each attempt was made for.
    """

    place: int
    row: Row
    attempts: Sequence[Row]
    gone_s: Sequence[float]
    arrivals: Sequence[Row]


def followed(result: Result, evidence: Evidence, place: int) -> Followed:
    """The request at *place* of the table."""
    return each_followed(result, evidence, [place])[0]


def each_followed(result: Result, evidence: Evidence, places: Sequence[int]) -> list[Followed]:
    """The requests at *places* of the table; what is told of them is read once for all."""
    return [_followed(result, evidence, told) for told in _told(evidence, places)]


def _told(evidence: Evidence, places: Sequence[int]) -> Iterator[_Told]:
    import numpy as np

    rows: Sequence[Row] = evidence.request_table.records(np.array(places, np.intp))
    joined = evidence.column("attempts", "request")
    requests, arrivals = nonces(evidence)
    index = np.array([row["index"] for row in rows], np.int64)
    nonce = requests[np.searchsorted(evidence.column("requests", "index"), index)]
    tried = np.flatnonzero(np.isin(joined, index))
    tried = tried[np.argsort(evidence.column("attempts", "start_s")[tried], kind="stable")]
    came = np.flatnonzero(np.isin(arrivals, nonce[nonce >= 0]))
    came = came[np.argsort(evidence.column("arrivals", "start_s")[came], kind="stable")]
    gone_s, attempts = over(evidence).end_s[tried], evidence.attempt_table.records(tried)
    arrived, of_request, of_nonce = evidence.arrival_table.records(came), joined[tried], arrivals[came]
    for place, row, mark in zip(places, rows, nonce.tolist(), strict=True):
        mine = np.flatnonzero(of_request == row["index"]).tolist()
        got = np.flatnonzero(of_nonce == mark).tolist() if mark >= 0 else []
        yield _Told(place, row, [attempts[at] for at in mine], gone_s[mine].tolist(), [arrived[at] for at in got])


def _followed(result: Result, evidence: Evidence, told: _Told) -> Followed:
    row = told.row
    due_s = float(row["due_s"])
    attempts, alone = _attempts(result, evidence, told)
    answer = _answer(evidence, told)
    last_ms = max((one.end_ms or one.start_ms for one in attempts), default=0.0)
    last_s = due_s + max(last_ms, answer.end_ms or 0.0) / 1000
    return Followed(
        index=int(row["index"]),
        nonce=str(row["nonce"]),
        phase=str(row["phase"]),
        due_s=round(due_s, 6),
        sent_ms=_since(row["sent_s"], due_s),
        asked=_asked(evidence, row),
        presses=list(_presses(row)),
        attempts=attempts,
        arrivals=alone,
        gaps=list(_gaps(row, attempts, answer)),
        faults=list(_in_force(result, due_s, last_s, attempts)),
        job=_job(row),
        effects=evidence.effects.of_nonce.get(str(row["nonce"]), 0)
        if evidence.effects is not None and evidence.effects.of_nonce
        else None,
        answer=answer,
        hidden=any(
            due_s < d.end_s and (answer.end_ms is None or d.start_s < due_s + answer.end_ms / 1000)
            for d in evidence.plan.hiding
        ),
    )


def _asked(evidence: Evidence, row: Row) -> Asked:
    entry = evidence.plan.target.entries_by_name.get(str(row["entry"]))
    return Asked(
        question=str(row["question"]),
        text=evidence.questions.get(str(row["question"]), ""),
        entry=str(row["entry"]),
        region=entry.region if entry else None,
        conversation=str(row["conversation"]),
        turn=int(row["turn"]),
        earlier=_earlier(evidence, row),
        overlapped=bool(row["overlapped"]),
        model=evidence.plan.target.ask.model or "",
    )


def _earlier(evidence: Evidence, row: Row) -> list[str]:
    import numpy as np

    if not row["conversation"] or not row["turn"]:
        return []
    turn = evidence.column("requests", "turn")
    mine = evidence.words("requests", "conversation") == str(row["conversation"])
    before = np.flatnonzero(mine & (turn < row["turn"]))
    return evidence.request_table.few("question", before[np.argsort(turn[before], kind="stable")])


def _presses(row: Row) -> Iterator[Press]:
    """Each time that the client asked, the one that its row is of last."""
    given_up, due_s = presses.read(str(row["given_up"])), float(row["due_s"])
    for number, one in enumerate(given_up, start=1):
        sent_ms, end_ms = round(1000 * one.sent_s, 3), round(1000 * one.end_s, 3)
        yield Press(number=number, sent_ms=sent_ms, end_ms=end_ms, status=one.status, outcome=one.outcome)
    last_ms = _since(row["last_sent_s"], due_s)
    yield Press(
        number=int(row["presses"]),
        sent_ms=_since(row["sent_s"], due_s) if last_ms is None else last_ms,
        end_ms=_since(row["end_s"], due_s),
        status=int(row["status"]),
        outcome=str(row["outcome"]),
    )


def _attempts(result: Result, evidence: Evidence, told: _Told) -> tuple[list[Attempt], list[Arrival]]:
    """The tries that were joined to the request, by when they began, and the arrivals of which nobody can tell which try they are of."""
    of = _tries_of(told.arrivals, list(enumerate(told.attempts, start=1)))
    paired = {number: arrival for arrival, number in zip(told.arrivals, of, strict=True) if number is not None}
    alone = [arrival for arrival, number in zip(told.arrivals, of, strict=True) if number is None]
    unsure = {str(arrival["link"]) for arrival in alone}
    due_s = float(told.row["due_s"])
    made = [
        _attempt(result, evidence, one, number, due_s, gone_s, paired.get(number), str(one["link"]) in unsure)
        for number, (one, gone_s) in enumerate(zip(told.attempts, told.gone_s, strict=True), start=1)
    ]
    return made, [_arrival(arrival, due_s) for arrival in alone]


def _tries_of(came: Sequence[Row], attempts: Sequence[tuple[int, Row]]) -> list[int | None]:
    """Which try each arrival is of: all of a link arrived, in their order, or only one can have been it; None where nobody can tell."""
    found: list[int | None] = []
    for arrival in came:
        link = arrival["link"]
        of_link = [number for number, attempt in attempts if attempt["link"] == link]
        on_link = [other for other in came if other["link"] == link]
        before = [(n, a) for n, a in attempts if a["link"] == link and a["start_s"] <= arrival["start_s"] + _HAIR_S]
        together = [number for number, attempt in before if _ended_together(attempt, arrival)]
        if len(on_link) == len(of_link):
            found.append(of_link[[other is arrival for other in on_link].index(True)])
        elif len(before) == 1:
            found.append(before[0][0])
        else:
            found.append(together[0] if len(together) == 1 else None)
    # Two that seem to be of one try are not both.
    return [None if number is None or found.count(number) > 1 else number for number in found]


def _ended_together(attempt: Row, arrival: Row) -> bool:
    """Whether both were over at one time, and with the same status: what a fault holds up is over later on one side than on the other."""
    tried_s, arrived_s = known(attempt["end_s"]), known(arrival["end_s"])
    if tried_s is None or arrived_s is None:
        return False
    return abs(tried_s - arrived_s) <= _TOGETHER_S and attempt["status"] == arrival["status"]


def _attempt(
    result: Result,
    evidence: Evidence,
    row: Row,
    number: int,
    due_s: float,
    gone_s: float,
    came: Row | None,
    unsure: bool,
) -> Attempt:
    link = evidence.plan.target.links.get(str(row["link"]))
    start_s, end_s = float(row["start_s"]), known(row["end_s"])
    outlived_ms = None if end_s is None or not gone_s < end_s else 1000 * (end_s - max(gone_s, start_s))
    count = known(row["retry_count"])
    return Attempt(
        number=number,
        region=link.region if link else None,
        start_ms=_ms(start_s - due_s),
        retry_count=None if count is None else int(count),
        retry_after_ms=known(row["retry_after_ms"]),
        body=int(row["asks"]),
        in_force=[
            fault.id
            for fault in result.faults
            if row["link"] in fault.links and _overlaps(fault, start_s, start_s if end_s is None else end_s)
        ],
        arrived=True if came is not None else None if unsure else False,
        after_client_ms=None if outlived_ms is None else round(outlived_ms, 3),
        begun_after_client=bool(gone_s < start_s),
        arrival=None if came is None else _arrival(came, due_s),
        **_instants(row, due_s, "sent_ms", "first_byte_ms", "end_ms"),
        **_each(str, row, "link", "layer", "outcome", "error", "should_retry", "method", "path"),
        **_each(int, row, "step", "press", "status", "bytes_out", "bytes_in"),
    )  # fmt: skip


def _arrival(row: Row, due_s: float) -> Arrival:
    instants = ("forwarded_ms", "first_byte_ms", "end_ms")
    texts = ("link", "outcome", "fault", "model", "finish", "tokens_from", "messages_sha256", "detail")
    brought = str(row["tool_results"]).split()
    return Arrival(
        start_ms=_ms(float(row["start_s"]) - due_s),
        status=int(row["status"]),
        hit_by=str(row["hit_by"] or row["fault"]).split(),
        tools_offered=str(row["tools_offered"]).split(),
        tools_called=str(row["tools_called"]).split(),
        tool_results=[name.removeprefix(FAILED) for name in brought],
        tools_failed=[name.removeprefix(FAILED) for name in brought if name.startswith(FAILED)],
        came_to=str(row["came_to"]).split(),
        **_instants(row, due_s, *instants),
        **_each(str, row, *texts),
        **_each(_whole, row, "tokens_in", "tokens_out"),
    )


def _gaps(row: Row, attempts: Sequence[Attempt], answer: Answer) -> Iterator[Gap]:
    """Where the client waited and no try went on, from when it had been sent to when it was over."""
    at_ms, end_ms = _since(row["sent_s"], float(row["due_s"])) or 0.0, answer.end_ms
    if end_ms is None:
        end_ms = max((one.start_ms for one in attempts), default=at_ms)
    after: Attempt | None = None
    for one in attempts:
        if min(one.start_ms, end_ms) - at_ms >= _LEAST_GAP_MS:
            yield _gap(
                "before the first try" if after is None else "between tries", at_ms, min(one.start_ms, end_ms), after
            )
        ends_ms = end_ms if one.end_ms is None else one.end_ms
        if ends_ms >= at_ms:
            at_ms, after = max(at_ms, ends_ms), one
    if end_ms - at_ms >= _LEAST_GAP_MS:
        yield _gap("no try" if after is None else "after the last try", at_ms, end_ms, after)


def _gap(where: Any, start_ms: float, end_ms: float, after: Attempt | None) -> Gap:
    stated_ms = after.retry_after_ms if after is not None and where == "between tries" else None
    number = None if after is None else after.number
    return Gap(
        where=where, start_ms=_rounded(start_ms), end_ms=_rounded(end_ms), after_try=number, stated_wait_ms=stated_ms
    )


def _in_force(result: Result, due_s: float, last_s: float, attempts: Sequence[Attempt]) -> Iterator[InForce]:
    for fault in result.faults:
        if fault.asked_at_s is not None and _overlaps(fault, due_s, last_s):
            hit = [one.number for one in attempts if one.arrival is not None and fault.id in one.arrival.hit_by]
            end_ms = _since(fault.reverted_at_s, due_s)
            start_ms = _ms(fault.asked_at_s - due_s)
            yield InForce(id=fault.id, summary=fault.summary, start_ms=start_ms, end_ms=end_ms, hit=hit)


def _overlaps(fault: Fault, start_s: float, end_s: float) -> bool:
    if fault.asked_at_s is None or fault.asked_at_s > end_s:
        return False
    return fault.reverted_at_s is None or fault.reverted_at_s >= start_s


def _job(row: Row) -> Job | None:
    if not row["job"]:
        return None
    due_s = float(row["due_s"])
    accepted, waiting, running, end = (
        _since(row[name], due_s) for name in ("accepted_s", "waiting_s", "running_s", "end_s")
    )
    begun = running if running is not None else end
    least = max(0.0, waiting - accepted) if waiting is not None and accepted is not None else None
    return Job(
        stage=str(row["job"]),
        accepted_ms=accepted,
        queued_least_ms=0.0 if least is None and accepted is not None else least,
        queued_most_ms=None if accepted is None or begun is None else _rounded(max(0.0, begun - accepted)),
        running_ms=running,
        worked_least_ms=None if running is None or end is None else _rounded(end - running),
        worked_most_ms=None if accepted is None or end is None else _rounded(end - (waiting or accepted)),
        polls=int(row["polls"]),
        deliveries=int(row["deliveries"]),
    )


def _answer(evidence: Evidence, told: _Told) -> Answer:
    import numpy as np

    row, place = told.row, told.place
    due_s, good = float(row["due_s"]), bool(row["good"])
    published = [
        version for version, asked_s, _ in evidence.publications() if asked_s <= (known(row["sent_s"]) or due_s)
    ]
    instants = ("first_byte_ms", "first_token_ms", "end_ms")
    return Answer(
        came_to=GOOD if good else came_to(evidence, np.array([place]))[0],
        good=good,
        checks=list(_checks(evidence, row, place)),
        newest_version=max(published, default=None),
        tokens_in=_summed(told.arrivals, "tokens_in"),
        tokens_out=_summed(told.arrivals, "tokens_out"),
        text=str(row["answer"]),
        **_grounding(evidence, row),
        **_instants(row, due_s, *instants),
        **_each(_whole, row, "snapshot_version", "seen_version"),
        **_each(str, row, "outcome", "finish", "model", "detail"),
        **_each(bool, row, "streamed", "degraded", "cached"),
        **_each(int, row, "status", "bytes"),
    )  # fmt: skip


def _summed(rows: Sequence[Row], name: str) -> int | None:
    """What *rows* say there together; None where none says anything."""
    said = [number for row in rows if (number := known(row[name])) is not None]
    return int(sum(said)) if said else None


def _grounding(evidence: Evidence, row: Row) -> dict[str, Any]:
    """What the answer says it stands on, of that for which the target file names a place."""
    reply = evidence.plan.target.ask.reply
    told: dict[str, Any] = {}
    # Nobody reads what the users of a locustfile are told, so that it is not known either whether it named any of this.
    if evidence.plan.closed:
        return told
    if reply.prompt_version is not None:
        told["prompt_version"] = str(row["prompt_version"])
    if reply.sources is not None:
        told["sources"] = grounding.read(str(row["sources"]))
    if reply.context is not None:
        told |= _each(str, row, "context_sha256", "context") | _each(int, row, "context_chars")
    return told


def _checks(evidence: Evidence, row: Row, place: int) -> Iterator[Check]:
    """What is asked of a good answer and of a right one; of what did not come whole no more than that it did not."""
    good, complete = evidence.plan.scenario.good, row["outcome"] == "complete"
    yield Check(what="a complete answer", held=complete, of="good")
    latency_ms = known(row["latency_ms"])
    if not complete or latency_ms is None:
        return
    yield Check(what=f"within {plain(good.within)} s", held=latency_ms <= 1000 * good.within, of="good")
    text = unmarked(str(row["answer"]))
    if good.answers is not None:
        for what, held in asked_of_text(good.answers):
            yield Check(what=what, held=held(text), of="good")
        if good.answers.agrees:
            rows = evidence.words("requests", "outcome") == "complete"
            yield Check(what="agrees", held=bool(compared(evidence).agrees()[int(rows[:place].sum())]), of="good")
    known_question = evidence.asked.get(str(row["question"]))
    if known_question is not None and known_question.expected is not None:
        yield Check(what="as expected", held=satisfies(known_question.expected, text), of="right")


def _instants(row: Row, due_s: float, *names: str) -> dict[str, Any]:
    """Instants of the *row* in milliseconds since *due_s*, by what they are called here: ``end_ms`` of ``end_s``."""
    return {name: _since(row[f"{name.removesuffix('_ms')}_s"], due_s) for name in names}


def _each(of: Callable[[Any], object], row: Row, *names: str) -> dict[str, Any]:
    return {name: of(row[name]) for name in names}


def known(value: Any) -> float | None:
    """A cell of a table as a number; None where it holds none."""
    return None if value is None or value != value else float(value)


def _whole(value: Any) -> int | None:
    found = known(value)
    return None if found is None else int(found)


def _since(at_s: object, due_s: float) -> float | None:
    known_s = known(at_s)
    return None if known_s is None else _ms(known_s - due_s)


def _ms(seconds: float) -> float:
    return _rounded(1000 * seconds)


def _rounded(value: float) -> float:
    return round(value, 3)
