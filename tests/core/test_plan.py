"""Every touch of the world is known before the run: each inject has its revert, in order, inside the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from harness.faults import Fault
from harness.faults.base import Aim
from harness.faults.effects import Effect
from harness.planning.plan import Plan, plan
from harness.problems import Problem
from harness.reading.scenario import Scenario
from harness.reading.target import Link, Target

MakePlan = Callable[..., Plan]
MakeScenario = Callable[..., Scenario]

LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}
EAST = {"kind": "latency", "on": {"region": "east"}, "base": "100ms"}
LIMIT = {"kind": "rate_limit", "on": {"kind": "provider"}, "requests_per_min": 60}
DIVERGENCE = {"kind": "cache_divergence", "region": "west", "publish_after": "500ms"}

tenths = st.integers(0, 60).map(lambda n: n / 10)
spans = st.integers(1, 80).map(lambda n: n / 10)
kinds = st.sampled_from([LATENCY, EAST, LIMIT, {"kind": "regional_loss", "region": "west"}, DIVERGENCE])


@st.composite
def placed_faults(draw: st.DrawFn) -> dict[str, Any]:
    """A fault that begins and ends at tenths of a second, perhaps outside the phase."""
    fault = draw(kinds) | {"at": f"fault + {draw(tenths)}s"}
    return fault | ({"for": f"{draw(spans)}s"} if draw(st.booleans()) else {})


@given(phases=st.tuples(spans, spans, spans, spans), faults=st.lists(placed_faults(), max_size=5))
def test_each_inject_has_its_revert_in_order_inside_the_fault_phase(
    make_scenario: MakeScenario, target: Target, phases: Any, faults: list[Any]
) -> None:
    made, problems = plan(make_scenario(phases=phases, faults=faults), target, ())
    phase = made.phase("fault")
    assert [step.at_s for step in made.steps] == sorted(step.at_s for step in made.steps)
    for disturbance in made.disturbances:
        mine = [step for step in made.steps if step.disturbance is disturbance]
        verbs = [step.verb for step in mine]
        assert verbs == ["inject", *["publish"] * (len(mine) - 2), "revert"]
        assert phase.start_s <= mine[0].at_s < mine[-1].at_s <= phase.end_s
    # Of those that end together, the last begun ends first, and of those that begin together the later one in the file.
    ends = [step.disturbance for step in made.steps if step.verb == "revert" and step.at_s == phase.end_s]
    assert ends == sorted(ends, key=lambda d: (-d.start_s, -int(d.id.rsplit("-", 1)[1])))
    assert len(made.disturbances) + len(problems) >= len(faults)


@given(one=placed_faults(), other=placed_faults())
def test_two_of_a_kind_on_one_link_are_refused_exactly_when_they_overlap(
    make_scenario: MakeScenario, target: Target, one: dict[str, Any], other: dict[str, Any]
) -> None:
    made, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[one, other]), target, ())
    if len(made.disturbances) < 2:
        return
    first, second = made.disturbances
    shared = set(first.links) & set(second.links)
    overlap = first.start_s < second.end_s and second.start_s < first.end_s
    refused = [problem for problem in problems if "overlap" in problem.what]
    assert bool(refused) == (first.fault.kind == second.fault.kind and bool(shared) and overlap)


def test_the_second_may_begin_when_the_first_has_ended(make_plan: MakePlan) -> None:
    made = make_plan(faults=[LATENCY | {"for": "1s"}, LATENCY | {"at": "fault + 1s"}])
    assert [(step.at_s, step.verb, step.disturbance.id) for step in made.steps] == [
        (3.0, "inject", "latency-1"),
        (4.0, "revert", "latency-1"),
        (4.0, "inject", "latency-2"),
        (5.0, "revert", "latency-2"),
    ]


def test_overlapping_faults_of_one_kind_are_told_with_the_link(make_scenario: MakeScenario, target: Target) -> None:
    _, problems = plan(make_scenario(faults=[LATENCY, EAST]), target, ())
    assert problems == [
        Problem(
            "latency-1 and latency-2 overlap on link 'provider-east': latency would be there twice at once",
            path="faults[1]",
        )
    ]


ON = {"on": {"kind": "provider"}}
STORES = {"kind": "store_error", "on": {"kind": "store"}}
SLOW = {"kind": "latency", "base": "1s"} | ON
ERROR = {"kind": "http_error", "status": 503} | ON
NARROW = {"kind": "bandwidth", "kilobytes_per_s": 2} | ON
HOLE = {"kind": "blackhole"} | ON
RESET = {"kind": "disconnect", "mode": "reset"} | ON


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (ERROR, ERROR, False),
        (ERROR | {"share": 0.1}, ERROR | {"share": 0.2}, True),
        (ERROR | {"share": 0.1}, ERROR | {"share": 0.1, "status": 500}, True),
        (ERROR | {"share": 0.1}, ERROR | {"ramp": {"share": {"from": 0, "over": "1s"}}}, True),
        (SLOW, SLOW | {"base": "1500ms"}, False),
        (SLOW, SLOW | {"share": 0.1}, True),
        (SLOW, SLOW | {"direction": "downstream"}, True),
        (SLOW | {"direction": "downstream"}, SLOW | {"direction": "downstream", "base": "1500ms"}, False),
        (NARROW, NARROW | {"kilobytes_per_s": 3}, False),
        (NARROW | {"share": 0.1}, NARROW | {"share": 0.2}, True),
        (NARROW | {"direction": "upstream"}, NARROW | {"direction": "downstream"}, True),
        (NARROW | {"direction": "both"}, NARROW | {"direction": "downstream"}, False),
        (HOLE, HOLE, False),
        (HOLE | {"share": 0.1}, HOLE | {"share": 0.2}, True),
        (RESET | {"share": 0.1}, RESET | {"share": 0.2}, True),
        (RESET | {"share": 0.1}, RESET | {"mode": "refuse"}, False),
        (STORES | {"error": "loading"}, STORES | {"error": "loading"}, False),
        (STORES | {"error": "loading", "share": 0.1}, STORES | {"error": "readonly", "share": 0.2}, True),
        (STORES | {"error": "loading", "commands": ["GET"]}, STORES | {"error": "loading", "commands": ["SET"]}, True),
    ],
)
def test_two_of_a_kind_may_lie_on_one_link_where_they_can_be_told_apart(
    make_scenario: MakeScenario, target: Target, one: dict[str, Any], other: dict[str, Any], both: bool
) -> None:
    for faults in ([one, other], [other, one]):
        _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=faults), target, ())
        assert bool(problems) is not both, problems
        assert all("twice at once" in problem.what and problem.path == "faults[1]" for problem in problems)


FOR_POSTS = {"on": {"kind": "provider", "method": "POST"}}
HANG_UP = {"kind": "hang_up"} | ON
CUT = {"kind": "cut_stream", "after": 1} | ON


@pytest.mark.parametrize(
    ("first", "second", "hidden"),
    [
        (ERROR, ERROR | {"status": 500}, True),
        (ERROR, CUT, True),
        (HANG_UP, ERROR | FOR_POSTS, True),
        (HANG_UP, SLOW | {"share": 0.1}, True),
        (ERROR, ERROR | {"status": 500, "flap": {"period": "2s"}}, True),
        (ERROR, SLOW, False),
        (SLOW | {"share": 0.1}, ERROR, False),
        (ERROR | {"share": 0.9}, CUT, False),
        (ERROR | {"ramp": {"share": {"from": 0, "over": "1s"}}}, CUT, False),
        (ERROR | FOR_POSTS, CUT, False),
        (ERROR | {"on": {"kind": "provider", "attempt": "2-"}}, CUT, False),
        (ERROR | {"on": {"kind": "provider", "attempt": "1-2"}}, CUT, False),
        (ERROR | {"for": "2s"}, CUT, False),
        (ERROR | {"at": "fault + 1s"}, CUT, False),
        (ERROR | {"on": {"link": "provider-east"}}, CUT, False),
        (ERROR, CUT | {"may_miss": True}, False),
    ],
)
def test_a_fault_that_no_request_can_come_to_is_refused(
    make_scenario: MakeScenario, target: Target, first: dict[str, Any], second: dict[str, Any], hidden: bool
) -> None:
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[first, second]), target, ())
    told = [problem.path for problem in problems if "would meet nobody" in problem.what]
    assert told == (["faults[1]"] if hidden else []), problems


STALL = {"kind": "stalled_stream", "after": 3} | ON
FLAW = {"kind": "bad_stream", "flaw": "malformed"} | ON
SLOWER = {"kind": "slow_stream", "token_gap": "1s"} | ON
CAPACITY = {"kind": "capacity", "to": 0.5} | ON
REFUSE = RESET | {"mode": "refuse"}


def cut(after: int) -> dict[str, Any]:
    return CUT | {"after": after}


@pytest.mark.parametrize(
    ("hiding", "hidden", "why"),
    [
        (STALL, cut(4), "stalls each stream after 3 events with content"),
        (STALL | {"silent_for": "5s"}, cut(4), "stalls each stream after 3 events with content"),
        (STALL, FLAW | {"after": 3}, "stalls each stream after 3"),
        (STALL | {"after": 1}, SLOWER, "stalls each stream after 1 event with content"),
        (STALL | {"after": 0}, SLOWER | {"first_token": "1s"}, "stalls each stream before its first event"),
        (STALL | {"after": 0}, FLAW | {"flaw": "no_end"}, "stalls each stream before its first event"),
        (cut(3), STALL | {"after": 4}, "ends each stream after 3"),
        (cut(3), cut(9), "ends each stream after 3"),
        (FLAW | {"flaw": "error", "after": 2}, STALL, "ends each stream after 2"),
        (HOLE, ERROR, "lets nothing pass"),
        (HOLE, SLOW, "lets nothing pass"),
        (HOLE, NARROW, "lets nothing pass"),
        (HOLE, cut(1), "lets nothing pass"),
        (HOLE, CAPACITY, "lets nothing pass"),
        (HOLE | {"direction": "upstream"}, ERROR, "lets nothing pass"),
        (REFUSE, HOLE, "refuses all connections"),
        (REFUSE, SLOW, "refuses all connections"),
        (REFUSE, ERROR, "refuses all connections"),
        (RESET | {"mode": "reset"}, cut(1), "resets all connections"),
        (ERROR, CAPACITY, "answers all that it is for"),
    ],
)
def test_of_two_faults_one_of_which_can_never_act_behind_the_other_that_is_refused_and_the_other_named(
    make_scenario: MakeScenario, target: Target, hiding: dict[str, Any], hidden: dict[str, Any], why: str
) -> None:
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[hiding, hidden]), target, ())
    by, of = f"{hiding['kind']}-1", f"{hidden['kind']}-2"
    (problem,) = [problem for problem in problems if "would meet nobody" in problem.what]
    assert problem.path == "faults[1]"
    assert problem.what.startswith(f"{of} would meet nobody: {by} {why}")
    assert f", for as long as it lasts; give {by} a share" in problem.what


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (STALL | {"silent_for": "2s"}, cut(4)),
        (STALL | {"at": "fault + 1s"}, cut(4)),
        (STALL | {"share": 0.5}, cut(4)),
        (STALL | {"for": "2s"}, cut(4)),
        (STALL, FLAW | {"after": 2}),
        (STALL | {"after": 2}, SLOWER),
        (STALL, FLAW | {"flaw": "no_end"}),
        (HOLE | {"share": 0.5}, ERROR),
        (HOLE | {"direction": "downstream"}, ERROR),
        (HOLE | {"for": "2s"}, ERROR),
        (HOLE, ERROR | {"may_miss": True}),
        (RESET | {"mode": "no_new"}, ERROR),
        (RESET | {"mode": "reset"}, ERROR),
        (ERROR | FOR_POSTS, CAPACITY),
    ],
)
def test_a_fault_that_somebody_can_come_to_beside_another_one_is_not_refused(
    make_scenario: MakeScenario, target: Target, one: dict[str, Any], other: dict[str, Any]
) -> None:
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[one, other]), target, ())
    assert not [problem.what for problem in problems if "would meet nobody" in problem.what]


def test_of_two_faults_that_come_and_go_together_it_is_said_once(make_scenario: MakeScenario, target: Target) -> None:
    twice = ERROR | {"flap": {"period": "2s"}}
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[twice, twice]), target, ())
    assert [problem.what for problem in problems] == [
        "http_error-1 and http_error-2 overlap on link 'provider-east' and link 'provider-west': http_error would be there twice at once; "
        "let them differ in their share, in whom they are for or in what they do"
    ]


@pytest.mark.parametrize(
    ("fault", "has", "has_not"),
    [
        (STORES | {"error": "loading"} | ON, {"http_error", "cut_stream", "latency", "bad_answer"}, {"lost_messages"}),
        (ERROR | {"on": {"kind": "store"}}, {"store_error", "latency", "blackhole"}, {"rate_limit", "capacity", "switch", "damaged_store"}),
        ({"kind": "capacity", "to": 0.5, "on": {"kind": "store"}}, {"latency", "cut"}, {"capacity", "hang_up"}),
        ({"kind": "lost_messages"} | ON, {"regional_loss", "slow_stream"}, {"cache_divergence"}),
    ],
)  # fmt: skip
def test_a_kind_that_a_link_cannot_carry_is_refused_with_those_that_it_can(
    make_scenario: MakeScenario, target: Target, fault: dict[str, Any], has: set[str], has_not: set[str]
) -> None:
    _, problems = plan(make_scenario(faults=[fault]), target, ())
    assert problems
    for problem in problems:
        kinds = set(problem.what.partition("; it can carry ")[2].split(", "))
        assert kinds >= has
        assert not kinds & has_not


def test_latency_of_single_requests_is_no_kind_that_a_store_cannot_carry(
    make_scenario: MakeScenario, target: Target
) -> None:
    _, problems = plan(make_scenario(faults=[SLOW | {"on": {"kind": "store"}, "share": 0.5}]), target, ())
    assert "latency of single requests is for HTTP links; leave out share" in problems[0].what


def test_who_staggers_a_fault_beyond_its_end_is_told_when_the_last_turn_would_be(
    make_scenario: MakeScenario, target: Target
) -> None:
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=[SLOW | {"stagger": "9s"}]), target, ())
    assert [problem.path for problem in problems] == ["faults[0].stagger"]
    assert "come to the last link at 11 s, when it has ended at 7 s" in problems[0].what


def test_phases_follow_one_another_without_gaps_that_rounding_makes(make_plan: MakePlan) -> None:
    made = make_plan(phases=(0.1, 0.2, 1.1, 0.3))
    assert [(phase.start_s, phase.end_s) for phase in made.phases] == [(0, 0.1), (0.1, 0.3), (0.3, 1.4), (1.4, 1.7)]
    assert made.total_s == 1.7


def test_a_fault_that_lasts_exactly_to_the_end_of_its_phase_is_in_order(make_plan: MakePlan) -> None:
    # 0.3 + 0.6 is a hair more than 0.9.
    made = make_plan(phases=(0.1, 0.2, 0.6, 0.3), faults=[LATENCY | {"for": "600ms"}])
    assert made.fault_end_s == 0.9


class Frozen(Fault):
    """The service's own process stands still."""

    kind: str = "frozen"

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return (Aim("process", "target"),)

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        assert not links
        return ()

    def summary(self) -> str:
        return "frozen"


def test_a_fault_may_be_aimed_at_what_is_no_link_and_two_of_them_may_not_overlap_there(make_plan: MakePlan) -> None:
    made = make_plan(faults=[])

    def planned(*faults: Fault) -> tuple[Plan, list[Problem]]:
        return plan(made.scenario.model_copy(update={"faults": list(faults)}), made.target, ())

    once, problems = planned(Frozen())
    assert problems == []
    assert [(one.aims, one.links) for one in once.disturbances] == [((("process", "target"),), ())]
    _, problems = planned(Frozen(), Frozen())
    assert [problem.what for problem in problems] == [
        "frozen-1 and frozen-2 overlap on process 'target': frozen would be there twice at once"
    ]


@pytest.mark.parametrize(
    ("rate_per_s", "total_s", "requests"), [(20, 50, 1000), (100, 0.29, 29), (3, 0.7, 2), (0.5, 7, 3)]
)
def test_as_many_requests_are_planned_as_the_load_sends(
    make_plan: MakePlan, rate_per_s: float, total_s: float, requests: int
) -> None:
    eighth = total_s / 8
    made = make_plan(phases=(eighth, 5 * eighth, eighth, eighth), faults=[], load={"rate_per_s": rate_per_s})
    assert made.schedule.requests == requests


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (LATENCY | {"at": "baseline"}, "'baseline' is not inside the fault phase"),
        (LATENCY | {"at": "recovery"}, "'recovery' is where nothing may be broken any more, but by an aftereffect"),
        (LATENCY | {"at": "flaut"}, "'flaut' is not inside the fault phase; write fault, or fault + 3s"),
        (LATENCY | {"at": "in"}, "'in' is not inside the fault phase"),
        (LATENCY | {"at": "3s"}, "'3s' is no moment; write a phase, such as fault, or fault + 3s"),
        (LATENCY | {"at": "fault - 3s"}, "'fault - 3s' is no moment; write a phase, such as fault, or fault + 3s"),
        (LATENCY | {"at": "fault + 3"}, "'3' is not a duration"),
        (
            LATENCY | {"at": "fault + 2s"},
            "it would begin at 5 s, and fault lasts from 3 s to 5 s; name the phase in which it begins",
        ),
        (LATENCY | {"for": "3s"}, "it would last from 3 s to 6 s"),
        (
            LATENCY | {"base": "3s"},
            "it would last 2 s, and nobody can see that it took hold before 3 s; let it last longer",
        ),
        (
            {"kind": "regional_loss", "region": "east", "for": "600ms"},
            "it would last 0.6 s, and nobody can see that it took hold before 0.6 s",
        ),
        (LATENCY | {"on": {"kind": "queue"}}, "has no such link; it has provider-east (provider, east)"),
        (LIMIT | {"on": {"kind": "store"}}, "link 'store-east' carries redis, and rate_limit can only be answered"),
        (DIVERGENCE | {"region": "east"}, "cache_divergence east: target 'two-regions' has no such link"),
        (DIVERGENCE | {"publish_after": "2s"}, "would be published at 5 s, after the fault ends at 5 s"),
    ],
)
def test_a_fault_that_cannot_be_placed_is_told_with_its_place(
    make_scenario: MakeScenario, target: Target, fault: dict[str, Any], told: str
) -> None:
    made, problems = plan(make_scenario(faults=[LIMIT, fault]), target, ())
    assert told in problems[0].what
    assert all(problem.path.startswith("faults[1]") for problem in problems)
    assert [disturbance.id for disturbance in made.disturbances] == ["rate_limit-1"]


def test_what_publishes_needs_a_target_that_says_how(
    make_scenario: MakeScenario, make_target: Callable[..., Target]
) -> None:
    _, problems = plan(make_scenario(faults=[DIVERGENCE]), make_target(publish=None), ())
    assert "publishes a snapshot, and target 'two-regions' does not say how" in problems[0].what


def test_without_faults_nothing_is_placed_and_nothing_is_wrong(make_scenario: MakeScenario, target: Target) -> None:
    made, problems = plan(make_scenario(faults=[LATENCY | {"at": "baseline"}]), target, (), with_faults=False)
    assert (made.steps, problems) == ((), [])
    assert (made.fault_start_s, made.fault_end_s) == (3, 5)


def test_good_may_not_be_later_than_the_clients_patience(make_scenario: MakeScenario, target: Target) -> None:
    _, problems = plan(make_scenario(good={"within": "5s"}), target, ())
    assert problems[0].path == "good.within"
    assert "5 s is later than the client's deadline of 4 s" in problems[0].what


NAMED = {"warmup": 1, "baseline": 2, "brownout": 3, "outage": 4, "recovery": 6}


def test_phases_of_ones_own_follow_one_another_as_they_are_written(make_plan: MakePlan) -> None:
    made = make_plan(phases=NAMED, faults=[LATENCY | {"at": "outage + 1s"}], expect=["good_ratio >= 0.5 in outage"])
    assert [(phase.name, phase.start_s, phase.end_s) for phase in made.phases] == [
        ("warmup", 0, 1), ("baseline", 1, 3), ("brownout", 3, 6), ("outage", 6, 10), ("recovery", 10, 16),
    ]  # fmt: skip
    assert (made.fault_start_s, made.fault_end_s) == (7, 10)
    assert [phase.name for phase in made.between] == ["brownout", "outage"]


def test_the_usual_four_phases_are_in_order_however_they_are_written(make_plan: MakePlan) -> None:
    mixed = {"recovery": 2, "fault": 2, "baseline": 2}
    assert [phase.name for phase in make_plan(phases=mixed).phases] == ["warmup", "baseline", "fault", "recovery"]


def test_a_fault_may_reach_over_several_phases(make_plan: MakePlan) -> None:
    made = make_plan(phases=NAMED, faults=[LATENCY | {"at": "brownout + 2s", "for": "5s"}])
    assert [(step.at_s, step.verb) for step in made.steps] == [(5, "inject"), (10, "revert")]


def test_a_fault_is_in_the_one_phase_that_there_is_for_it_where_it_does_not_say(
    make_plan: MakePlan, make_scenario: MakeScenario, target: Target
) -> None:
    made = make_plan(phases={"baseline": 2, "outage": 4, "recovery": 6}, expect=["good_ratio >= 0.5 in outage"])
    assert made.fault_start_s == 5
    _, problems = plan(make_scenario(phases=NAMED), target, ())
    assert problems == [Problem("is missing; say in which phase it begins: brownout or outage", path="faults[0].at")]
    nowhere = make_scenario(phases={"baseline": 2, "recovery": 6})
    assert "there is no phase between baseline and recovery" in plan(nowhere, target, ())[1][0].what


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (LATENCY | {"at": "baseline"}, "'baseline' is not inside brownout or outage; write brownout, or brownout + 3s"),
        (LATENCY | {"at": "outag"}, "'outag' is in no phase of this scenario; did you mean 'outage'?"),
        (LATENCY | {"at": "recovery + 1s"}, "say aftereffect: true if it is one"),
        (LATENCY | {"at": "brownout + 3s"}, "it would begin at 6 s, and brownout lasts from 3 s to 6 s"),
        (LATENCY | {"at": "brownout", "for": "8s"}, "and the brownout phase from 3 s to 6 s; nothing may be broken after 10 s"),
        (LATENCY | {"at": "recovery", "for": "7s", "aftereffect": True}, "nothing may be broken after 16 s"),
    ],
)  # fmt: skip
def test_a_fault_that_stands_where_nothing_may_be_broken_is_told_where_it_may(
    make_scenario: MakeScenario, target: Target, fault: dict[str, Any], told: str
) -> None:
    _, problems = plan(make_scenario(phases=NAMED, faults=[LIMIT | {"at": "outage"}, fault]), target, ())
    assert told in problems[0].what
    assert problems[0].path.startswith("faults[1]")


def test_the_clock_of_the_recovery_starts_at_the_end_of_what_is_no_aftereffect(make_plan: MakePlan) -> None:
    slow = LIMIT | {"at": "outage + 3s", "for": "5s", "aftereffect": True, "id": "herd"}
    made = make_plan(phases=NAMED, faults=[LATENCY | {"at": "outage"}, slow])
    assert [d.id for d in made.triggers] == ["latency-1"]
    assert made.fault_end_s == 10
    assert max(step.at_s for step in made.steps) == 14


def test_what_follows_from_nothing_is_no_aftereffect(make_scenario: MakeScenario, target: Target) -> None:
    _, problems = plan(make_scenario(faults=[LATENCY | {"aftereffect": True}]), target, ())
    assert "every fault is an aftereffect, and of what?" in problems[0].what
    early = [
        LATENCY | {"aftereffect": True, "for": "1s"},
        {"kind": "regional_loss", "region": "west", "at": "fault + 1s"},
    ]
    _, problems = plan(make_scenario(faults=early), target, ())
    told = "latency-1 is an aftereffect, and would begin at 3 s, before the first of the other faults at 4 s"
    assert [(problem.path, told in problem.what) for problem in problems] == [("faults[0]", True)]


def test_of_faults_that_end_together_the_last_begun_is_reverted_first(make_plan: MakePlan) -> None:
    faults = [LIMIT | {"at": "fault + 1s", "id": "later"}, LATENCY | {"id": "first"}]
    reverts = [step.disturbance.id for step in make_plan(faults=faults).steps if step.verb == "revert"]
    assert reverts == ["later", "first"]
    assert [s.disturbance.id for s in make_plan(faults=faults[::-1]).steps if s.verb == "revert"] == ["later", "first"]


def test_windows_that_overlap_or_touch_are_one(make_plan: MakePlan) -> None:
    faults = [
        LATENCY | {"at": "fault", "for": "1s"},
        LATENCY | {"at": "fault + 3s", "for": "2s"},
        LIMIT | {"at": "fault + 4s", "for": "2s"},
        LATENCY | {"at": "fault + 6s", "for": "1s"},
    ]
    windows = make_plan(phases=(1, 2, 8, 2), faults=faults).windows
    assert [(window.start_s, window.end_s, window.next_s, window.name) for window in windows] == [
        (3, 4, 6, "latency-1"),
        (6, 10, float("inf"), "latency-2, rate_limit-3, latency-4"),
    ]


def test_equal_files_give_an_equal_plan(make_plan: MakePlan) -> None:
    assert make_plan() == make_plan()
    assert make_plan() != make_plan(seed=2)


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("a.2.end", "write a.end, or a.end + 3s"),
        ("a:end", "write a.end, or a.end + 3s"),
        ("end of a", "write a.end, or a.end + 3s"),
        ("3s after a", "write a.end, or a.end + 3s"),
        ("a.end - 1s", "write a.end, or a.end + 3s"),
        ("when a begins", "write a.start, or a.start + 3s"),
        ("a", "write a.start or a.end"),
        ("a, b", "write a.start or a.end"),
        ("after all", "write a phase, such as fault, or fault + 3s"),
    ],
)
def test_a_moment_that_is_written_otherwise_is_told_as_it_would_be_right(
    make_scenario: MakeScenario, target: Target, written: str, right: str
) -> None:
    faults = [SLOW | {"id": "a", "for": "1s"}, ERROR | {"at": written, "for": "1s"}]
    _, problems = plan(make_scenario(phases=(1, 1, 5, 1), faults=faults), target, ())
    assert [problem.what.rpartition("; ")[2] for problem in problems if problem.path == "faults[1].at"] == [right]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("post", "POST"),
        ("Post", "POST"),
        ("pots", "POST"),
        ("get ", "GET"),
        ("patsh", "PATCH"),
        ("?", "it in capitals"),
    ],
)
def test_a_method_that_is_written_otherwise_is_told_in_capitals(
    make_scenario: MakeScenario, written: str, right: str
) -> None:
    with pytest.raises(ValidationError, match=f"is no method as requests have it; write {right}"):
        make_scenario(faults=[ERROR | {"on": {"kind": "provider", "method": written}}])
