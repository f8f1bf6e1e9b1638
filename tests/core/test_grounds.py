"""No limit from above is held by a service that does nothing that could break it: each metric there is, against each way to do nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import pytest

from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.result import Finding
from harness.judging.verdict import finding
from harness.planning.plan import Plan
from harness.reading.expectation import Expectation, Selection
from harness.reading.questions import Question
from harness.reading.target import Target
from harness.record.effects import Effects
from harness.record.history import Published
from harness.record.rows import Arrival, Attempt, Request

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
Try = Callable[..., Attempt]
Events = Callable[[Plan], list[Any]]
Did = Callable[[str], dict[str, Finding]]

FAULT_S = (21.0, 41.0)
LINKS = ("provider-east", "provider-west", "store-east", "store-west", "replication")
REPLY = {
    "answer": "/answer",
    "snapshot_version": "/version",
    "model": "/model",
    "degraded": "/partial",
    "cached": "X-Cache",
}
TARGET = {
    "ask": {"protocol": "json", "reply": REPLY},
    "prices": {name: {"in": 1, "out": 2} for name in LINKS[:2]},
    "effects": {"get": "http://127.0.0.1:6/orders"},
}
NAMELESS = {"snapshot_version": None, "model": "", "says_degraded": False, "says_cached": False}
FAILED = NAMELESS | {"outcome": "error", "status": 503, "answer": "", "streamed": False}
ABOUT_THAT = {
    "good_ratio", "failed_requests", "failed_requests.rate", "error_budget_spent", "burn_rate",
    "recovery_time_s", "failover_time_s", "relapses", "failback_time_s", "fidelity", "retry_amplification.presses",
}  # fmt: skip
"""Metrics whose limit from above is about who answers nobody, when that is over, or what clients do."""
OF_ANSWERS = (
    "degraded_ratio", "mislabelled_ratio", "fallback_ratio", "cache_hit_ratio", "answer_consistency", "monotonic_violations", "leaks",
    "staleness_s", "stream_integrity", "side_effects", "tokens_per_request", "cost_per_good", "unhealthy_while_serving_s",
    "latency_ms", "ttft_ms",
)  # fmt: skip
"""What is told from answers: of whom nobody is answered, a limit from above says nothing."""


@dataclass(frozen=True)
class Doing:
    """What becomes of a request of the fault: in its own row, in one attempt or none, and in what a provider says of it."""

    got: dict[str, Any]
    tried: bool = True
    status: int = 200
    arrived: dict[str, Any] | None = None
    every: int = 0
    """One of so many is answered as if nothing were broken."""


UNCOUNTED = {"status": 503, "tokens_in": None, "tokens_out": None, "tokens_from": "", "model": ""}
WAYS = {
    "goes on": Doing({}, arrived={}),
    "gives up": Doing(FAILED, tried=False),
    "fails": Doing(FAILED, status=503, arrived=UNCOUNTED),
    "answers empty": Doing(FAILED | {"outcome": "empty", "status": 200}, arrived={"tokens_out": 0}),
    "names nothing": Doing(NAMELESS, arrived={}),
    "is not asked": Doing(FAILED | {"outcome": "not_sent", "status": 0, "end_s": None}, tried=False),
    "answers one of 200": Doing(FAILED, tried=False, every=200),
    "answers one of 20": Doing(FAILED, tried=False, every=20),
    "is answered one of 200 times": Doing(FAILED, status=503, arrived=UNCOUNTED, every=200),
}


@pytest.fixture(scope="module")
def did(
    make_plan: MakePlan, make_target: Callable[..., Target], make_evidence: MakeEvidence, rows: Rows, attempt: Try, events: Events
) -> Did:  # fmt: skip
    """What each limit from above that can be written comes to of a service that behaves in that way while something is broken."""
    target = make_target(**TARGET)
    down = {"kind": "http_error", "on": {"kind": "provider", "region": "east"}, "status": 503, "at": "fault"}
    made = make_plan(of=target, phases=(1, 20, 20, 20), faults=[down])

    @cache
    def findings(way: str) -> dict[str, Finding]:
        evidence = seen(made, WAYS[way], make_evidence, rows, attempt, events)
        return {name(one): finding(evidence, one) for one in limits()}

    return findings


def limits() -> Iterator[Expectation]:
    """A limit on every metric and part there is that only the very worst breaks."""
    for metric in (metrics[one] for one in metrics):
        phase = "fault" if metric.phased else None
        limit = 0.95 if metric.bounds[1] == 1 else 1e6
        for part in ([] if metric.parts and metric.needs_part else [None]) + list(metric.parts):
            yield Expectation(metric.name, part, "<=", limit, Selection(phase))


def name(one: Expectation) -> str:
    return f"{one.metric}.{one.part}" if one.part else one.metric


def seen(plan: Plan, doing: Doing, make_evidence: MakeEvidence, rows: Rows, attempt: Try, events: Events) -> Evidence:
    def odd(index: int, due_s: float) -> bool:
        return FAULT_S[0] <= due_s < FAULT_S[1] and not (doing.every and index % doing.every == 7)

    whole = {
        "model": "m",
        "streamed": True,
        "orderly": True,
        "finish": "stop",
        "says_degraded": True,
        "says_cached": True,
    }
    asked = rows(plan, lambda index, due_s: whole | (doing.got if odd(index, due_s) else {}))
    attempts, arrivals = [], []
    for row in asked:
        as_usual = not odd(row.index, row.due_s)
        if as_usual or doing.tried:
            status = 200 if as_usual else doing.status
            attempts.append(
                attempt(row, status=status, key_of="provider-east", method="POST", path="/v1/chat/completions")
            )
        if as_usual or doing.arrived is not None:
            arrivals.append(_arrival(row, {} if as_usual else doing.arrived or {}))
    *history, ended = events(plan)
    published = sorted([*history, Published(5.0, 4.9, 1)], key=lambda event: event.at_s)
    return make_evidence(
        plan, requests=asked, attempts=attempts, arrivals=arrivals, history=[*published, ended], traffic=_traffic(doing),
        effects=Effects(0, {row.nonce: 1 for row in asked if row.outcome == "complete"}),
        asked={f"q{i}": Question(id=f"q{i}", text=f"q{i}", region="east", user="u") for i in range(5)},
    )  # fmt: skip


def _arrival(row: Request, changed: dict[str, Any]) -> Arrival:
    whole: dict[str, Any] = {
        "link": "provider-east", "start_s": row.due_s + 0.02, "nonce": row.nonce, "forwarded_s": row.due_s + 0.02, "status": 200,
        "first_byte_s": row.due_s + 0.03, "end_s": row.due_s + 0.08, "outcome": "complete", "tokens_in": 10, "tokens_out": 10,
        "tokens_from": "provider", "model": "m", "path": "/v1/chat/completions",
    }  # fmt: skip
    return Arrival(**(whole | changed))


def _traffic(doing: Doing) -> pd.DataFrame:
    """What passed on each link, all the time or only while the service did anything."""
    slices = [tenth / 10 for tenth in range(610) if doing.tried or not FAULT_S[0] <= tenth / 10 < FAULT_S[1]]
    said = {"connections": 1, "bytes_out": 100, "bytes_in": 100}
    said |= dict.fromkeys(
        ("housekeeping", "pushed", "handshakes_refused", "bad_certificates", "bad_certificates_accepted", "lookups"), 0
    )
    return pd.DataFrame(
        [{"link": link, "start_s": at_s, "commands": 2 * link.startswith("store"), **said} for link in LINKS for at_s in slices]
    )  # fmt: skip


@pytest.mark.parametrize("way", ["gives up", "is not asked", "answers one of 200", "answers one of 20"])
def test_who_does_next_to_nothing_keeps_within_a_limit_only_with_a_reason_beside_it(did: Did, way: str) -> None:
    held = {name: found for name, found in did(way).items() if found.verdict == "pass" and name not in ABOUT_THAT}
    assert [name for name, found in held.items() if not found.remark] == []


@pytest.mark.parametrize(
    "way", ["gives up", "fails", "answers empty", "is not asked", "answers one of 200", "answers one of 20", "is answered one of 200 times"]
)  # fmt: skip
def test_who_answers_hardly_anybody_keeps_within_no_limit_on_answers(did: Did, way: str) -> None:
    assert {found.verdict for found in _of_answers(did(way))} == {"inconclusive"}


def test_who_goes_on_keeps_within_them_and_nothing_is_told_beside_that(did: Did) -> None:
    found = did("goes on")
    said = [
        one.remark
        for name, one in found.items()
        if one.verdict == "pass" and not name.startswith("retry_amplification")
    ]
    assert [remark for remark in said if remark] == []
    held = ["degraded_ratio", "mislabelled_ratio", "fallback_ratio", "cache_hit_ratio", "leaks", "monotonic_violations"]
    held += ["staleness_s.p95", "side_effects.lost", "tokens_per_request", "cost_per_good"]
    assert {name: found[name].verdict for name in held} == dict.fromkeys(held, "pass")


@pytest.mark.parametrize(
    "metric", ["mislabelled_ratio", "monotonic_violations", "staleness_s.p50", "staleness_s.p95", "degraded_ratio", "cache_hit_ratio"]
)  # fmt: skip
def test_who_names_nothing_any_more_keeps_within_no_limit_on_what_it_named(did: Did, metric: str) -> None:
    found = did("names nothing")[metric]
    assert found.verdict == "inconclusive"
    assert found.remark.startswith(("200 of 200 answers", "200 of 200 good answers"))
    assert found.remark.endswith("and 0 of 200 in the baseline")


def test_who_opens_a_circuit_tries_seldom_and_well_which_is_told(did: Did) -> None:
    found = did("answers one of 20")
    assert found["waits_ignored"].verdict == found["retry_amplification"].verdict == "pass"
    assert found["waits_ignored"].remark == "10 of 200 requests made an attempt, and 200 of 200 in the baseline"
    assert found["attempts_per_s"].remark == "attempts: 10 in 20 s, and 200 in 20 s of the baseline"


def _of_answers(found: dict[str, Finding]) -> Iterator[Finding]:
    return (one for name, one in found.items() if name.startswith(OF_ANSWERS))
