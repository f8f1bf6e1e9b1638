"""Whole runs in a world in memory, with the history that each of them has to leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded
from simulated_world import Calls, Failure, Flaws, Fragile, Memory, Plain, Resilient, SimWorld, simulate

from harness.judging.evidence import Evidence
from harness.planning.plan import Plan
from harness.problems import HarnessError
from harness.record.history import Alarm, Ended, Event, Injected, Injecting, Look, Published, Reverted, Reverting
from harness.report.trust import checks
from harness.running import loop
from harness.running.ports import ProxyWedgedError

LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}
LIMIT = {"kind": "rate_limit", "on": {"region": "east", "kind": "provider"}, "requests_per_min": 60}
LOSS = {"kind": "regional_loss", "region": "east", "mode": "refuse"}
DIVERGENCE = {"kind": "cache_divergence", "region": "west", "publish_after": "500ms"}

MakePlan = Callable[..., Plan]


def run(plan: Plan, **world: Any) -> Evidence:
    sim = SimWorld(plan, Plain, 1, **world)
    evidence = sim.evidence(loop.run(plan, sim.world, Memory()))
    assert sim.injector.in_force == {}
    assert sim.network.laid == []
    return evidence


def rounded(evidence: Evidence) -> list[Event]:
    """The history with instants that a reader can compare."""
    return [type(event)(**{name: _rounded(value) for name, value in _fields(event)}) for event in evidence.history]


def _fields(event: Event) -> list[tuple[str, Any]]:
    return [(name, getattr(event, name)) for name in event.__struct_fields__]


def _rounded(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


def told(evidence: Evidence) -> list[Event]:
    """The history without what the looks saw."""
    return [event for event in rounded(evidence) if not isinstance(event, Look)]


def looks(evidence: Evidence) -> list[Look]:
    return [event for event in evidence.history if isinstance(event, Look)]


def test_a_fault_is_announced_injected_and_put_back(make_plan: MakePlan) -> None:
    assert told(run(make_plan())) == [
        Injecting(3.0, "latency-1"),
        Injected(3.0, "latency-1"),
        Reverting(5.0, "latency-1"),
        Reverted(5.0, "latency-1"),
        Ended(7.4, "completed"),
    ]


def test_what_each_look_saw_is_written_down_about_once_a_second_and_just_before_the_end(make_plan: MakePlan) -> None:
    seen = looks(run(make_plan(phases=(1, 2, 4, 2))))
    assert [(round(look.at_s, 1), look.sight.link, look.sight.outcome, look.sight.stands) for look in seen] == [
        (at_s, link, "" if at_s == 7.0 else "answered", True)
        for at_s in (3.2, 4.2, 5.3, 6.4, 7.0)
        for link in ("provider-east", "provider-west")
    ]
    assert all(look.sight.elapsed_s >= 0.1 for look in seen if look.sight.outcome)


@pytest.mark.parametrize("may_miss", [True, False])
def test_a_fault_that_no_request_met_spoils_the_run_but_where_it_lay_in_wait(
    make_plan: MakePlan, may_miss: bool
) -> None:
    trap = {"kind": "http_error", "on": {"kind": "provider", "last_role": "assistant"}, "status": 400}
    result = concluded(run(make_plan(faults=[trap | {"may_miss": may_miss}])))
    assert result.faults[0].evidence == "no attempts answered for it at the edge; the edge says that it is there"
    assert (result.faults[0].confirmed, result.verdict) == ((True, "pass") if may_miss else (False, "invalid")), (
        result.reason
    )
    assert ("lay in wait (may_miss: true) and met nobody, so it shows nothing" in result.reason) is may_miss


def test_nothing_is_told_of_what_a_fault_in_wait_did_not_meet_where_it_met_something(make_plan: MakePlan) -> None:
    trap = {"kind": "http_error", "on": {"kind": "provider", "method": "POST"}, "status": 400, "may_miss": True}
    result = concluded(run(make_plan(faults=[trap], expect=["good_ratio <= 0.9 in fault"])))
    assert (result.verdict, "lay in wait" in result.reason) == ("pass", False)


def test_a_limit_is_seen_by_what_the_edge_answers(make_plan: MakePlan) -> None:
    evidence = run(make_plan(faults=[LIMIT]))
    answered = [look.sight.answered for look in looks(evidence)]
    assert answered == sorted(answered)
    assert answered[-1] == evidence.arrivals["fault"].eq("rate_limit-1").sum() > 0
    fault = concluded(evidence).faults[0]
    assert fault.confirmed_at_s == pytest.approx(3.3, abs=0.05)
    assert fault.evidence == "1 attempt answered for it at the edge; the edge says that it is there"


def test_a_snapshot_is_published_while_replication_is_held(make_plan: MakePlan) -> None:
    assert told(run(make_plan(faults=[DIVERGENCE]))) == [
        Injecting(3.0, "cache_divergence-1"),
        Injected(3.0, "cache_divergence-1"),
        Published(3.5, 3.5, 2),
        Reverting(5.0, "cache_divergence-1"),
        Reverted(5.0, "cache_divergence-1"),
        Ended(7.4, "completed"),
    ]


def test_what_was_laid_last_is_lifted_first(make_plan: MakePlan) -> None:
    history = rounded(run(make_plan(faults=[LATENCY, LIMIT])))
    assert [event.fault for event in history if isinstance(event, Injecting)] == ["latency-1", "rate_limit-2"]
    assert [event.fault for event in history if isinstance(event, Reverting)] == ["rate_limit-2", "latency-1"]


def test_without_faults_nothing_is_touched(make_plan: MakePlan) -> None:
    assert rounded(run(make_plan(with_faults=False))) == [Ended(7.4, "completed")]


def test_the_run_waits_for_the_last_answer_and_not_for_its_deadline(make_plan: MakePlan) -> None:
    evidence = run(make_plan(load={"deadline": "30s"}, with_faults=False))
    assert evidence.history[-1].at_s < evidence.plan.total_s + 2
    assert set(evidence.requests["outcome"]) == {"complete"}


@pytest.mark.parametrize(
    "spread", [{"jitter": "200ms"}, {"jitter": "60ms", "distribution": "normal"}, {"jitter": "90ms"}]
)
def test_a_latency_with_a_wide_spread_stands_though_some_of_it_is_hardly_late(
    make_plan: MakePlan, spread: dict[str, str]
) -> None:
    plan = make_plan(phases=(1, 2, 12, 1), faults=[LATENCY | {"base": "200ms"} | spread])
    for seed in range(3):
        sim = SimWorld(plan, Plain, seed)
        result = concluded(sim.evidence(loop.run(plan, sim.world, Memory())))
        assert (result.verdict, result.faults[0].lost) == ("pass", ""), result.reason


def test_a_fault_that_does_not_take_hold_makes_the_run_invalid(make_plan: MakePlan) -> None:
    result = concluded(run(make_plan(), idle={"latency-1"}))
    assert result.verdict == "invalid"
    assert "did not take hold: probe of provider-east: answered after 0.001 s; probe of provider-west:" in result.reason


def test_the_same_run_with_a_fault_that_holds_passes(make_plan: MakePlan) -> None:
    result = concluded(run(make_plan()))
    assert result.verdict == "pass"
    assert result.faults[0].evidence == (
        "probe of provider-east: answered after 0.101 s; probe of provider-west: answered after 0.101 s; the proxy says that it is there"
    )


@pytest.mark.parametrize("at_s", [3.5, 4.2, 4.99])
@pytest.mark.parametrize("fault", [LATENCY, LIMIT, LOSS, DIVERGENCE])
def test_a_fault_that_somebody_takes_away_before_its_end_makes_the_run_invalid(
    make_plan: MakePlan, fault: dict[str, Any], at_s: float
) -> None:
    plan = make_plan(faults=[fault], load={"rate_per_s": 20})
    sim = SimWorld(plan, Resilient, 1)
    name, effect = plan.disturbances[0].id, plan.disturbances[0].effects[0]
    sim.events.at(at_s, lambda: sim.network.lift(name, effect))
    result = concluded(sim.evidence(loop.run(plan, sim.world, Memory())))
    assert result.verdict == "invalid"
    assert checks(result)[0].said == "not to its end"
    assert result.faults[0].lost_at_s == pytest.approx(at_s, abs=1.2)
    assert f"did not stand as it was made: seen at {result.faults[0].lost_at_s:.1f} s, " in result.reason
    assert f"{effect.aim}: it is not there any more: somebody took it away" in result.reason


def test_a_fault_that_is_said_to_be_there_and_no_longer_shows_makes_the_run_invalid(make_plan: MakePlan) -> None:
    plan = make_plan(phases=(1, 2, 6, 2))
    sim = SimWorld(plan, Plain, 1)
    idle: set[str] = set()
    sim.injector.idle = idle

    def go_past() -> None:
        idle.add("latency-1")
        sim.network.lift("latency-1", plan.disturbances[0].effects[0])

    sim.events.at(4.5, go_past)
    result = concluded(sim.evidence(loop.run(plan, sim.world, Memory())))
    assert result.verdict == "invalid"
    assert result.faults[0].confirmed
    assert "seen at 5.3 s, 2.3 s after it began; probe of provider-east: answered after 0.001 s" in result.reason


@pytest.mark.parametrize(
    ("flaws", "said"),
    [
        (Flaws(lag_s=0.08), "fell behind"),
        (Flaws(lost={7}), "each of them once: 1 lost."),
        (Flaws(doubled={7, 9}), "each of them once: 2 doubled."),
        (Flaws(unplanned={3}), "each of them once: 1 not planned."),
    ],
)
def test_a_load_that_is_not_what_was_planned_makes_the_run_invalid(
    make_plan: MakePlan, flaws: Flaws, said: str
) -> None:
    result = concluded(run(make_plan(), flaws=flaws))
    assert result.verdict == "invalid"
    assert said in result.reason


def test_a_proxy_that_wedges_ends_the_run_and_makes_it_invalid(make_plan: MakePlan) -> None:
    plan = make_plan()
    number = _calls(plan).index("injector.revert") + 1
    evidence = run(plan, calls=Calls(Failure(number, "before", ProxyWedgedError("no answer"))))
    assert told(evidence)[2:] == [
        Reverting(5.0, "latency-1"),
        Reverting(5.0, "latency-1"),
        Reverted(5.0, "latency-1"),
        Alarm(5.0, "no answer"),
        Ended(5.0, "invalidated", "no answer", decided_s=5.0),
    ]
    result = concluded(evidence)
    assert (result.verdict, result.exit_status, result.reason) == ("invalid", 4, "No answer.")


def test_a_process_that_dies_ends_the_run_as_crashed(make_plan: MakePlan) -> None:
    calls = Calls(Failure(60, "before", HarnessError("process 'target' ended with status 1")))
    evidence = run(make_plan(), calls=calls)
    assert evidence.history[-1].reason == "crashed"
    result = concluded(evidence)
    assert (result.verdict, result.exit_status) == ("crashed", 70)
    assert result.reason == "Process 'target' ended with status 1."


def test_a_mistake_in_the_harness_is_named_by_its_kind(make_plan: MakePlan) -> None:
    evidence = run(make_plan(), calls=Calls(Failure(60, "before", ZeroDivisionError("by nothing"))))
    assert evidence.history[-1].detail == "ZeroDivisionError: by nothing"


def test_an_interruption_puts_the_world_back_and_says_so(make_plan: MakePlan) -> None:
    plan = make_plan()
    number = _calls(plan).index("injector.look") + 1
    evidence = run(plan, calls=Calls(Failure(number, "after", KeyboardInterrupt())))
    assert rounded(evidence) == [
        Injecting(3.0, "latency-1"),
        Injected(3.0, "latency-1"),
        Reverting(3.0, "latency-1"),
        Reverted(3.0, "latency-1"),
        Ended(3.0, "interrupted", decided_s=3.0),
    ]
    result = concluded(evidence)
    assert (result.verdict, result.exit_status, result.reason) == (
        "interrupted",
        130,
        "The run was interrupted at 3.0 s.",
    )


def test_a_person_can_watch(make_plan: MakePlan) -> None:
    plan, seen = make_plan(), []
    sim = SimWorld(plan, Plain, 1)
    loop.run(plan, sim.world, Memory(), lambda p: seen.append((p.now_s, set(p.active), set(p.confirmed))))
    assert [round(now_s, 1) for now_s, _, _ in seen[:4]] == [0.0, 0.1, 0.2, 0.3]
    assert all(active == ({"latency-1"} if 3 <= now_s < 5 else set()) for now_s, active, _ in seen)
    assert all(confirmed <= {"latency-1"} for _, _, confirmed in seen)


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_clients_send_when_the_plan_says_and_another_seed_says_otherwise(make_plan: MakePlan, arrivals: str) -> None:
    plan, other = (make_plan(faults=[], load={"arrivals": arrivals}, seed=seed) for seed in (5, 6))
    evidence, again = (simulate(one, Plain, 1, loop.run) for one in (plan, other))
    assert sorted(evidence.requests["due_s"]) == list(plan.schedule.due_times())
    assert len(evidence.requests) == plan.schedule.requests
    assert sorted(again.requests["due_s"]) != list(plan.schedule.due_times())


def test_equal_arguments_make_equal_evidence(make_plan: MakePlan) -> None:
    one, same, other = (simulate(make_plan(faults=[LOSS]), Fragile, seed, loop.run) for seed in (3, 3, 4))
    assert one.requests.equals(same.requests)
    assert one.attempts.equals(same.attempts)
    assert one.arrivals.equals(same.arrivals)
    assert not one.requests.equals(other.requests)


def test_of_two_services_the_one_with_somewhere_else_to_go_holds(make_plan: MakePlan) -> None:
    plan = make_plan(faults=[LOSS], phases=(1, 2, 8, 2), expect=["good_ratio >= 0.75 in fault"])
    assert concluded(simulate(plan, Resilient, 1, loop.run)).verdict == "pass"
    assert concluded(simulate(plan, Fragile, 1, loop.run)).verdict == "fail"


def _calls(plan: Plan) -> list[str]:
    """Every call that a run of *plan* makes when nothing fails."""
    calls = Calls()
    run(plan, calls=calls)
    return calls.names


SHAPED = {"warmup": 1, "baseline": 2, "brownout": 2, "outage": 2, "recovery": 3}


def test_faults_in_phases_of_their_own_reach_over_them_and_into_the_recovery(make_plan: MakePlan) -> None:
    faults = [
        LATENCY | {"at": "brownout + 1s", "for": "3s", "id": "slow"},
        LIMIT | {"at": "outage", "id": "limit"},
        LATENCY | {"at": "recovery", "for": "1s", "id": "herd", "aftereffect": True},
    ]
    evidence = run(make_plan(phases=SHAPED, faults=faults, expect=["good_ratio >= 0.1 in brownout"]))
    touched = [(event.at_s, event.fault) for event in rounded(evidence) if isinstance(event, Injecting | Reverting)]
    # Those that end together: the last begun first, and only then does what follows from them begin.
    assert touched == [(4, "slow"), (5, "limit"), (7, "limit"), (7, "slow"), (7, "herd"), (8, "herd")]
    assert [(round(window.start_s, 1), round(window.end_s, 1), window.name) for window in evidence.windows()] == [
        (4, 7, "slow, limit")
    ]
    result = concluded(evidence)
    assert [fault.id for fault in result.faults if fault.aftereffect] == ["herd"]
    assert [phase.name for phase in result.phases] == list(SHAPED)
    assert {phase.name: phase.requests for phase in result.phases}["outage"] == 20
