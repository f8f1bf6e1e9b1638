"""A small target in two regions, and builders of scenarios, plans, tables and evidence, each with what a test does not care about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pandas as pd
import pytest
from simulated_world import begun, tabled

from harness.judging.evidence import Evidence
from harness.judging.joining import derive_attempts, derive_requests
from harness.planning.curve import when_due
from harness.planning.plan import Plan, plan
from harness.reading import expectation
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.columns import Table
from harness.record.history import Confirmed, Ended, Event, Injected, Injecting, Reverted, Reverting
from harness.record.rows import Arrival, Attempt, Request

SIMULATED = {"simulated": {"first_token": "250ms", "sigma": 0, "tokens": 3, "token_gap": "100ms"}}
TARGET = {
    "schema": "harness.target/1",
    "name": "two-regions",
    "entries": [
        {"name": "east", "url": "http://127.0.0.1:1", "region": "east"},
        {"name": "west", "url": "http://127.0.0.1:2", "region": "west"},
    ],
    "ask": {"protocol": "json", "reply": {"answer": "/answer", "snapshot_version": "/version"}},
    "links": {
        "provider-east": {"kind": "provider", "region": "east", "upstream": SIMULATED},
        "provider-west": {"kind": "provider", "region": "west", "upstream": SIMULATED},
        "store-east": {"kind": "store", "region": "east", "upstream": "redis://127.0.0.1:3"},
        "store-west": {"kind": "store", "region": "west", "upstream": "redis://127.0.0.1:4"},
        "replication": {"kind": "replication", "region": "west", "upstream": "redis://127.0.0.1:3"},
    },
    "publish": {"post": "http://127.0.0.1:5/publish"},
}
LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}

MakeTarget = Callable[..., Target]
MakeScenario = Callable[..., Scenario]
MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]


@pytest.fixture(scope="session")
def make_target() -> MakeTarget:
    """A target; keys replace those of `TARGET`."""
    return lambda **keys: Target.model_validate(TARGET | keys)


@pytest.fixture(scope="session")
def target(make_target: MakeTarget) -> Target:
    return make_target()


@pytest.fixture(scope="session")
def make_scenario() -> MakeScenario:
    """A scenario with one fault of 2 s at 10 requests a second; *phases* are warmup, baseline, fault, recovery in seconds, or by name."""

    def make(
        *,
        phases: tuple[float, float, float, float] | dict[str, float] = (1, 2, 2, 2),
        faults: Iterable[dict[str, Any]] = (LATENCY,),
        expect: Iterable[str] = ("good_ratio >= 0.5 in fault",),
        load: dict[str, Any] | None = None,
        **keys: Any,
    ) -> Scenario:
        usual = ("warmup", "baseline", "fault", "recovery")
        lasting = phases if isinstance(phases, dict) else dict(zip(usual, phases, strict=True))
        spans = {name: f"{span_s}s" for name, span_s in lasting.items()}
        document = {"schema": "harness.scenario/1", "name": "small", "phases": spans, "faults": list(faults)}
        drive = {"rate_per_s": 10, "questions": "q.yaml", "deadline": "4s"} | (load or {})
        return Scenario.model_validate(document | {"load": drive, "expect": list(expect)} | keys)

    return make


@pytest.fixture(scope="session")
def make_plan(make_scenario: MakeScenario, target: Target) -> MakePlan:
    """A plan of such a scenario, which has to be in order."""

    def make(*, of: Target = target, with_faults: bool = True, **keys: Any) -> Plan:
        scenario = make_scenario(**keys)
        expectations = tuple(map(expectation.parse, scenario.expect))
        made, problems = plan(scenario, of, expectations, with_faults=with_faults)
        assert problems == []
        return made

    return make


def request(index: int, due_s: float, **keys: Any) -> Request:
    """A request that was answered well 0.1 s after it was due; keys replace its fields."""
    well = {
        "worker": 0,
        "sent_s": due_s + 0.001,
        "first_token_s": due_s + 0.1,
        "end_s": due_s + 0.1,
        "status": 200,
        "outcome": "complete",
        "entry": ("east", "west")[index % 2],
        "conversation": f"c{index % 10}",
        "question": f"q{index % 5}",
        "answer": f"It is {index % 5}.",
        "snapshot_version": 1,
        "nonce": f"n-{index:010x}",
    }
    return Request(index=index, due_s=due_s, **(well | keys))


def attempt_of(row: Request, **keys: Any) -> Attempt:
    """The one attempt that *row* became."""
    well = {"link": "provider-east", "start_s": row.due_s + 0.01, "end_s": row.due_s + 0.09, "status": 200}
    return Attempt(**(well | {"nonce": row.nonce, "outcome": "complete"} | keys))


def requests_of(made: Plan, change: Callable[[int, float], dict[str, Any]] = lambda index, due_s: {}) -> list[Request]:
    """All that *made* plans, each changed as *change* says of its index and when it is due."""
    schedule = made.schedule
    even = when_due(schedule.curve, map(float, range(schedule.requests)))
    due_s = even if schedule.arrivals == "constant" else schedule.due_times()
    return [request(i, at_s, **change(i, at_s)) for i, at_s in enumerate(due_s)]


def history_of(made: Plan) -> list[Event]:
    """A run in which everything went as planned."""
    events: list[Event] = []
    for step in made.steps:
        at_s, fault = step.at_s, step.disturbance.id
        if step.verb == "inject":
            events += [Injecting(at_s, fault), Injected(at_s, fault), Confirmed(at_s + 0.1, fault, True, "seen")]
        elif step.verb == "revert":
            events += [Reverting(at_s, fault), Reverted(at_s + 0.01, fault)]
    return [*events, Ended(made.ends_s, "completed")]


@pytest.fixture(scope="session")
def make_evidence() -> MakeEvidence:
    """Evidence of a run in which nothing went wrong, but for what is given."""

    def make(
        made: Plan,
        *,
        requests: list[Request] | None = None,
        attempts: list[Attempt] | None = None,
        arrivals: Iterable[Arrival] = (),
        history: list[Event] | None = None,
        planned: int = 0,
        traffic: pd.DataFrame | None = None,
        **keys: Any,
    ) -> Evidence:
        rows = requests_of(made) if requests is None else requests
        tries = [attempt_of(row) for row in rows] if attempts is None else attempts
        asked = tabled(rows, Request)
        tried = derive_attempts(made, tabled(tries, Attempt), asked)
        return Evidence(
            plan=made,
            begun=msgspec.structs.replace(begun(made), requests=planned),
            history=tuple(history_of(made) if history is None else history),
            request_table=derive_requests(made, asked, tried),
            attempt_table=tried,
            arrival_table=tabled(arrivals, Arrival),
            traffic_table=None if traffic is None else Table.of(traffic),
            **keys,
        )

    return make


@pytest.fixture(scope="session")
def rows() -> Callable[..., list[Request]]:
    return requests_of


@pytest.fixture(scope="session")
def attempt() -> Callable[..., Attempt]:
    return attempt_of


@pytest.fixture(scope="session")
def events() -> Callable[[Plan], list[Event]]:
    return history_of
