"""The course of a run in which everybody counts: when which request is due, what providers do then, and the evidence that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf
from random import Random
from typing import Any, TypeVar

import msgspec
from simulated_world import begun, tabled

from counted_truth.provider import Asked, Providers, Told
from counted_truth.services import EAST, WEST
from harness.judging.evidence import Evidence
from harness.judging.joining import derive_attempts, derive_requests
from harness.planning.curve import when_due
from harness.planning.plan import Plan, plan
from harness.protocols.nonce import ANY_RUN
from harness.reading.expectation import parse
from harness.reading.questions import Question
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.history import Confirmed, Ended, Event, Injected, Injecting, Published, Reverted, Reverting
from harness.record.rows import Arrival, Attempt, Request
from harness.running.world.effects import counted

LINKS = (EAST, WEST)
QUESTIONS = [f"q{number}" for number in range(7)]
HOME = {"q2": EAST, "q3": EAST}
"""What has to stay in the east."""
REFUSED = ("q5", "q6")
"""What the east refuses for good while it is broken."""
PRICES = {EAST: {"in": 2_000.0, "out": 10_000.0}, WEST: {"in": 1_000.0, "out": 2_000.0}}
WAIT_S, LATE_S = 0.3, 0.4
NEAR_S = 0.3
"""So shortly before the fault begins or ends, answers are late: those requests are in flight then."""
PATIENCE_S, TOO_LATE_S, OF_LATE_S = 0.1, 0.5, 0.9
HAIR_S, SLOW_S = 0.03, 1.8
TRIES, REQUESTS_MOST, RUN = 3, 300, 1000
"""How often a run is made at most, how many requests it has, and how far the first ones of two runs are apart."""
ROW_INSTANTS = ("start_s", "sent_s", "first_byte_s", "forwarded_s", "end_s")
OF_THE_ROW = ("outcome", "answer", "model", "degraded", "cached", "streamed", "orderly", "finish")
"""What of a reply stands in the row of its request by the same name."""
Ask = Callable[[dict[str, Any]], dict[str, Any]]
Row = TypeVar("Row", Attempt, Arrival)


@dataclass(frozen=True)
class Course:
    """What happens when. *breaks*: what a provider does to a request. *patience_s*: how long a client waits for its answer."""

    plan: Plan
    breaks: Callable[[Course, Asked], Told]
    published_s: float = 0.0
    stream: bool = False
    patience_s: float = inf

    @cached_property
    def broken_s(self) -> tuple[float, float]:
        """From when to when the east is broken."""
        (disturbance,) = self.plan.disturbances
        return disturbance.start_s, disturbance.end_s

    @cached_property
    def due_s(self) -> list[float]:
        """Evenly, so that it is known who is in flight when the east breaks."""
        schedule = self.plan.schedule
        return list(when_due(schedule.curve, map(float, range(schedule.requests))))

    def is_broken(self, now_s: float) -> bool:
        return self.broken_s[0] <= now_s < self.broken_s[1]

    def snapshots(self, now_s: float) -> tuple[int, int]:
        """The newest snapshot, and the one before."""
        return (2, 1) if self.published_s and now_s >= self.published_s else (1, 1)


@dataclass(frozen=True)
class Counted:
    """What a run left, and what everybody counted in it: the service's *replies* in order of request, and the providers' *log*."""

    course: Course
    evidence: Evidence
    rows: Sequence[Request]
    replies: Sequence[dict[str, Any]]
    log: Sequence[Asked]

    def of(self, row: Request) -> list[Asked]:
        """What the providers were asked for one request."""
        return self._by_nonce.get(row.nonce, [])

    def due_in(self, phase: str) -> list[tuple[Request, dict[str, Any]]]:
        """The requests that were due in a *phase*, each with its reply."""
        (span,) = (one for one in self.course.plan.phases if one.name == phase)
        both = zip(self.rows, self.replies, strict=True)
        return [(row, reply) for row, reply in both if span.start_s <= row.due_s < span.end_s]

    @cached_property
    def _by_nonce(self) -> dict[str, list[Asked]]:
        found: dict[str, list[Asked]] = {}
        for one in self.log:
            found.setdefault(one.nonce, []).append(one)
        return found


class Recorded:
    """The wire that a run goes over: what it has written, and how much of that there is to be."""

    def __init__(self, attempts: Callable[[], Iterable[Attempt]], arrivals: Callable[[], Iterable[Arrival]]) -> None:
        self._attempts, self._arrivals = attempts, arrivals

    def rows(self, nonces: set[str], number: int) -> tuple[list[Attempt], list[Arrival]]:
        """Both rows of each of so many attempts for *nonces*, which are written when they have ended."""
        late_s = time.monotonic() + 10
        while True:
            attempts = [row for row in self._attempts() if row.nonce in nonces]
            arrivals = [row for row in self._arrivals() if row.nonce in nonces]
            if len(attempts) == len(arrivals) == number:
                return attempts, arrivals
            assert time.monotonic() < late_s, f"{len(attempts)} and {len(arrivals)} rows of {number} attempts"
            time.sleep(0.01)


def carried_out(
    course: Course, providers: Providers, begin: Callable[[], Ask], recorded: Recorded, first: int
) -> Counted:
    """Put every request of *course* to a service that *begin* makes, as number *first* and those behind it, when it is due.

    A run in which the machine took so long over something that it hangs on who looked at which watch is made again.
    """
    for number in range(first, first + TRIES * REQUESTS_MOST, REQUESTS_MOST):
        run = _carried_out(course, providers, begin(), recorded, number)
        if not _doubtful(run):
            break
    return run


def _carried_out(course: Course, providers: Providers, ask: Ask, recorded: Recorded, first: int) -> Counted:
    providers.log.clear()
    providers.course = lambda asked: course.breaks(course, asked)
    rows, replies, zeros_s = [], [], {}
    for index, due_s in enumerate(course.due_s):
        question, nonce = QUESTIONS[index % len(QUESTIONS)], f"n-{first + index:010x}"
        providers.set_clock(due_s)
        zeros_s[nonce] = time.monotonic() - due_s
        words = f"{question}: how long have I? {nonce}"
        known = {"snapshots": course.snapshots(due_s), "home": HOME.get(question, ""), "stream": course.stream}
        reply = ask({"index": index, "question": question, "words": words, "now_s": due_s, **known})
        end_s = time.monotonic() - zeros_s[nonce]
        if end_s > due_s + course.patience_s:
            reply, end_s = {"outcome": "timed_out", "answer": "", "done": reply["done"]}, due_s + course.patience_s
        rows.append(_request(index, due_s, end_s, nonce, question, reply))
        replies.append(reply)
    log = list(providers.log)
    attempts, arrivals = recorded.rows({*zeros_s}, len(log))
    evidence = _evidence(course, rows, _moved(attempts, zeros_s), _moved(arrivals, zeros_s), replies)
    return Counted(course, evidence, rows, replies, log)


def _index(asked: Asked) -> int:
    """Which request of its run it is for, in whichever try at the run: what is drawn hangs on that alone."""
    return int(asked.nonce.removeprefix("n-"), 16) % RUN % REQUESTS_MOST


def _doubtful(run: Counted) -> bool:
    """Whether something came so near to what divides one count from another that two watches may differ over it."""
    from_s, to_s = run.course.broken_s
    edges_s = (from_s, to_s, from_s + run.course.plan.scenario.good.within)
    near = any(abs(one.began_s - edge_s) < HAIR_S for one in run.log for edge_s in edges_s)
    hasty = {row.nonce for row, reply in zip(run.rows, run.replies, strict=True) if "hasty" in reply["done"]["flaws"]}
    pairs = [pair for row in run.rows for pair in pairwise(run.of(row)) if pair[0].link == pair[1].link]
    # Who waits for nothing comes at once, unless the machine was busy.
    late_s = [later.began_s - told.said_s for told, later in pairs if told.told.wait_s and told.nonce in hasty]
    slow = any((row.end_s or 0.0) - row.due_s > SLOW_S for row in run.rows)
    return near or slow or max(late_s, default=0.0) > WAIT_S / 2


def _request(index: int, due_s: float, end_s: float, nonce: str, question: str, reply: dict[str, Any]) -> Request:
    """The row of a request, as the load writes it."""
    whole = reply["outcome"] == "complete"
    said = {name: value for name, value in reply.items() if name in OF_THE_ROW}
    return Request(
        index=index,
        worker=0,
        due_s=due_s,
        sent_s=due_s,
        first_token_s=end_s if whole else None,
        end_s=end_s,
        status=200 if whole else 503,
        entry="east",
        question=question,
        nonce=nonce,
        snapshot_version=reply.get("version"),
        **said,
    )


def _moved(rows: list[Row], zeros_s: dict[str, float]) -> list[Row]:
    """Rows with their instants as those of the course, on which each request has a beginning of its own."""

    def of_course(row: Row) -> dict[str, float]:
        at_s = {name: getattr(row, name) for name in ROW_INSTANTS if hasattr(row, name)}
        return {name: value - zeros_s[row.nonce] for name, value in at_s.items() if value is not None}

    return [msgspec.structs.replace(row, **of_course(row)) for row in rows]


def _evidence(
    course: Course, rows: list[Request], attempts: list[Attempt], arrivals: list[Arrival], replies: list[dict[str, Any]]
) -> Evidence:
    requests = tabled(rows, Request)
    tries = derive_attempts(course.plan, tabled(attempts, Attempt), requests)
    ordered = [(row.nonce, reply["done"].get("orders", 0)) for row, reply in zip(rows, replies, strict=True)]
    ledger = [f"order for {nonce}" for nonce, times in ordered for _ in range(times)]
    return Evidence(
        plan=course.plan,
        begun=begun(course.plan),
        history=tuple(_history(course)),
        request_table=derive_requests(course.plan, requests, tries),
        attempt_table=tries,
        arrival_table=tabled(arrivals, Arrival),
        asked={name: Question(id=name, text=f"{name}?", region=HOME.get(name)) for name in QUESTIONS},
        effects=counted(ledger, ANY_RUN),
    )


def _history(course: Course) -> Iterator[Event]:
    (disturbance,) = course.plan.disturbances
    name, (from_s, to_s) = disturbance.id, course.broken_s
    yield from (Injecting(from_s, name), Injected(from_s, name), Confirmed(from_s, name, True, "seen"))
    published = [Published(course.published_s, course.published_s, 2)] if course.published_s else []
    gone: list[Event] = [Reverting(to_s, name), Reverted(to_s, name)]
    yield from sorted([*published, *gone], key=lambda event: getattr(event, "at_s", 0.0))
    yield Ended(course.plan.ends_s, "completed")


def planned(
    phases: dict[str, float],
    rate_per_s: float,
    expect: Sequence[str] = ("good_ratio >= 0.1 in baseline",),
    api: str = "",
    seed: int = 1,
) -> Plan:
    """A plan of a target in the east; *api*: the one in which it answers streams, else it answers JSON."""
    fault = {"kind": "http_error", "on": {"link": EAST}, "status": 503, "at": "fault"}
    spans = {name: f"{span_s * 1000:.0f}ms" for name, span_s in phases.items()}
    load = {"rate_per_s": rate_per_s, "questions": "q.yaml", "deadline": "4s"}
    document = {"schema": "harness.scenario/1", "name": "counted", "load": load, "phases": spans, "seed": seed}
    document |= {"faults": [fault], "good": {"within": "2200ms"}, "expect": list(expect)}
    pointers = {name: f"/{name}" for name in ("answer", "model", "degraded", "cached")}
    pointers["snapshot_version"] = "/version"
    words = {"": "json", "openai": "openai-chat", "anthropic": "anthropic-messages"}[api]
    asks = {"protocol": words} | ({"model": "any"} if api else {"reply": pointers})
    links = {
        link: {"kind": "provider", "region": link, "upstream": "http://127.0.0.1:2", "credential": f"${{{link.upper()}_KEY}}"}
        for link in LINKS
    }  # fmt: skip
    target = {"schema": "harness.target/1", "name": "counted", "ask": asks, "links": links, "prices": PRICES}
    target |= {"entries": [{"name": "east", "url": "http://127.0.0.1:1", "region": EAST}]}
    target |= {"effects": {"get": "http://127.0.0.1:3/orders"}, "publish": {"post": "http://127.0.0.1:3/publish"}}
    made, problems = plan(Scenario.model_validate(document), Target.model_validate(target), tuple(map(parse, expect)))
    assert problems == []
    return made


def limited(course: Course, asked: Asked) -> Told:
    """The east tells all to wait while it is broken, and refuses one question for good; late is what is asked shortly before an edge."""
    if asked.link == EAST and course.is_broken(asked.began_s):
        return Told(400) if asked.question in REFUSED else Told(429, WAIT_S)
    near = any(edge_s - NEAR_S <= asked.began_s < edge_s for edge_s in course.broken_s)
    return Told(late_s=LATE_S if near else 0.0)


def refusing(course: Course, asked: Asked) -> Told:
    """The east refuses all while it is broken."""
    return Told(503) if asked.link == EAST and course.is_broken(asked.began_s) else Told()


def breaking(seed: int) -> Callable[[Course, Asked], Told]:
    """While it is broken two of three streams of the east break, if they are the first of their request: cut off, or with no end."""

    def breaks(course: Course, asked: Asked) -> Told:
        if asked.link == WEST or asked.nth > 1 or not course.is_broken(asked.began_s):
            return Told()
        return Told(broken=Random(f"{seed} {_index(asked)}").choice(("", "cut", "ended")))

    return breaks


def dawdling(seed: int) -> Callable[[Course, Asked], Told]:
    """While it is broken every other answer of the east comes when no client of little patience waits any more."""

    def breaks(course: Course, asked: Asked) -> Told:
        late = (
            asked.link == EAST and course.is_broken(asked.began_s) and Random(f"{seed} {_index(asked)}").random() < 0.5
        )
        return Told(late_s=TOO_LATE_S if late else 0.0)

    return breaks


def overloading(log: list[Asked], most: int) -> Callable[[Course, Asked], Told]:
    """Whoever asks when more than *most* have asked of late is refused; so are all while it is broken."""

    def breaks(course: Course, asked: Asked) -> Told:
        of_late = sum(asked.began_s - OF_LATE_S < one.began_s for one in log)
        return Told(503, 0.001) if course.is_broken(asked.began_s) or of_late > most else Told()

    return breaks
