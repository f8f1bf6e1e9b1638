"""When faults are in force: for so long, until another one ends, again and again, or on one link after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.planning.plan import Plan, plan
from harness.planning.timeline import timeline
from harness.reading.scenario import Scenario
from harness.reading.target import Target

MakePlan = Callable[..., Plan]
MakeScenario = Callable[..., Scenario]

# The fault phase is from 12 s to 42 s, the run ends at 52 s.
PHASES = (2, 10, 30, 10)
LATENCY = {"kind": "latency", "on": {"kind": "provider"}, "base": "100ms"}
LOSS = {"kind": "regional_loss", "region": "west"}
DIVERGENCE = {"kind": "cache_divergence", "region": "west", "publish_after": "500ms"}


def spans(made: Plan) -> dict[str, tuple[float, float]]:
    return {d.id: (d.start_s, d.end_s) for d in made.disturbances}


def told(make_scenario: MakeScenario, target: Target, *faults: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with *faults*, each with its place."""
    _, problems = plan(make_scenario(phases=PHASES, faults=faults), target, ())
    return [(problem.path, problem.what) for problem in problems]


def test_a_fault_is_counted_from_the_start_or_the_end_of_another_wherever_that_stands_in_the_file(
    make_plan: MakePlan,
) -> None:
    first = LOSS | {"id": "dns", "at": "fault + 4s", "for": "6s"}
    later = [
        LATENCY | {"id": "slow", "at": "dns.start + 2s", "until": "dns.end + 5s"},
        {"kind": "rate_limit", "on": {"kind": "provider"}, "requests_per_min": 60, "id": "limited", "at": "slow.end"},
    ]
    wanted = {"dns": (16, 22), "slow": (18, 27), "limited": (27, 42)}
    assert spans(make_plan(phases=PHASES, faults=[first, *later])) == wanted
    assert spans(make_plan(phases=PHASES, faults=[*reversed(later), first])) == wanted


def test_a_fault_may_end_at_a_moment_of_a_phase(make_plan: MakePlan) -> None:
    assert spans(make_plan(phases=PHASES, faults=[LOSS | {"until": "fault + 7s"}])) == {"regional_loss-1": (12, 19)}


def test_one_that_follows_another_in_time_moves_with_it(make_plan: MakePlan) -> None:
    def begins_s(at: str) -> float:
        faults = [LOSS | {"id": "dns", "at": at, "for": "5s"}, LATENCY | {"id": "slow", "at": "dns.end + 1s"}]
        return spans(make_plan(phases=PHASES, faults=faults))["slow"][0]

    assert begins_s("fault + 9s") - begins_s("fault + 2s") == 7


def test_an_aftereffect_may_be_counted_from_the_end_of_its_trigger(make_plan: MakePlan) -> None:
    faults = [LOSS | {"id": "outage"}, LATENCY | {"at": "outage.end + 1s", "for": "4s", "aftereffect": True}]
    assert spans(make_plan(phases=PHASES, faults=faults))["latency-2"] == (43, 47)


def test_a_moment_may_be_counted_from_the_start_or_the_end_of_a_phase(make_plan: MakePlan) -> None:
    counted = LOSS | {"at": "baseline.end + 2s", "until": "fault.end"}
    assert spans(make_plan(phases=PHASES, faults=[counted])) == spans(
        make_plan(phases=PHASES, faults=[LOSS | {"at": "fault.start + 2s", "until": "fault.start + 30s"}])
    )


def test_a_flapping_fault_is_in_force_for_the_first_part_of_each_period_that_fits(make_plan: MakePlan) -> None:
    made = make_plan(phases=PHASES, faults=[LOSS | {"id": "flaky", "flap": {"period": "10s", "duty": 0.4}}])
    assert spans(made) == {"flaky.1": (12, 16), "flaky.2": (22, 26), "flaky.3": (32, 36)}
    assert [(step.at_s, step.verb) for step in made.steps] == [
        (12, "inject"), (16, "revert"), (22, "inject"), (26, "revert"), (32, "inject"), (36, "revert"),
    ]  # fmt: skip


def test_what_would_be_cut_short_at_the_end_is_left_out(make_plan: MakePlan) -> None:
    flapping = LOSS | {"flap": {"period": "10s", "duty": 0.4}}
    assert len(spans(make_plan(phases=PHASES, faults=[flapping | {"for": "24s"}]))) == 3
    assert len(spans(make_plan(phases=PHASES, faults=[flapping | {"for": "23900ms"}]))) == 2


def test_each_window_of_a_flapping_fault_is_one_to_recover_from_and_its_name_means_all_of_them(
    make_plan: MakePlan,
) -> None:
    made = make_plan(phases=PHASES, faults=[LOSS | {"id": "flaky", "flap": {"period": "10s", "duty": 0.4}}])
    assert [window.name for window in made.windows] == ["flaky.1", "flaky.2", "flaky.3"]
    assert made.windows_of("flaky") == made.windows
    assert [window.name for window in made.windows_of("flaky.2")] == ["flaky.2"]


def test_a_staggered_fault_reaches_one_link_after_the_other_in_the_order_of_the_target(make_plan: MakePlan) -> None:
    made = make_plan(phases=PHASES, faults=[LATENCY | {"id": "slow", "stagger": "2s"}])
    assert [(d.id, d.links, d.start_s, d.end_s) for d in made.disturbances] == [
        ("slow.1", ("provider-east",), 12, 42),
        ("slow.2", ("provider-west",), 14, 42),
    ]
    assert all(effect.aim in d.links for d in made.disturbances for effect in d.effects)


def test_a_staggered_fault_of_a_length_lasts_as_long_on_each_link(make_plan: MakePlan) -> None:
    made = make_plan(phases=PHASES, faults=[LATENCY | {"id": "slow", "stagger": "6s", "for": "4s"}])
    assert spans(made) == {"slow.1": (12, 16), "slow.2": (18, 22)}


def test_a_fault_may_flap_on_one_link_after_the_other(make_plan: MakePlan) -> None:
    flap = {"flap": {"period": "10s", "duty": 0.3}, "stagger": "5s", "until": "fault + 16s"}
    made = make_plan(phases=PHASES, faults=[LATENCY | {"id": "slow"} | flap])
    assert [(d.start_s, d.links) for d in made.disturbances] == [
        (12, ("provider-east",)),
        (17, ("provider-west",)),
        (22, ("provider-east",)),
    ]


@given(
    period=st.integers(20, 120).map(lambda n: n / 10),
    duty=st.sampled_from((0.35, 0.4, 0.5, 0.7)),
    lasts=st.integers(50, 300).map(lambda n: n / 10),
)
def test_the_windows_of_a_flapping_fault_are_whole_apart_and_inside_it(
    make_scenario: MakeScenario, target: Target, period: float, duty: float, lasts: float
) -> None:
    fault = LOSS | {"flap": {"period": f"{period}s", "duty": duty}, "for": f"{lasts}s"}
    made, problems = plan(make_scenario(phases=PHASES, faults=[fault]), target, ())
    found = [(d.start_s, d.end_s) for d in made.disturbances]
    assert bool(problems) == (not found)
    assert all(end_s - start_s == pytest.approx(period * duty) for start_s, end_s in found)
    assert all(later[0] - one[0] == pytest.approx(period) for one, later in itertools.pairwise(found))
    assert all(start_s >= 12 and end_s <= 12 + lasts + 1e-9 for start_s, end_s in found)
    # As many as fit: one more would not.
    assert not found or found[-1][1] + period > 12 + lasts - 1e-9


@pytest.mark.parametrize(
    ("faults", "place", "what"),
    [
        (
            [LOSS | {"at": "dns.end"}],
            "faults[0].at",
            "'dns.end' is counted from no fault and no phase of this scenario",
        ),
        ([LOSS | {"at": "fault.end"}], "faults[0]", "nothing may be broken"),
        ([LOSS | {"at": "baseline.start"}], "faults[0].at", "'baseline.start' is not inside the fault phase"),
        ([LOSS | {"at": "warmup.end + 1s", "until": "fault.end"}], "faults[0].at", "is not inside the fault phase"),
        (
            [LOSS | {"id": "loss", "for": "5s"}, LATENCY | {"at": "lsos.end"}],
            "faults[1].at",
            "'lsos.end' is counted from no fault and no phase of this scenario; did you mean 'loss'?",
        ),
        (
            [LOSS | {"id": "loss", "for": "5s"}, LATENCY | {"at": "loss.stop + 1s"}],
            "faults[1].at",
            "'loss.stop + 1s' is no moment; write loss.start or loss.end",
        ),
        (
            [LOSS | {"id": "loss", "for": "5s"}, LATENCY | {"at": "loss + 1s"}],
            "faults[1].at",
            "'loss + 1s' says which fault and not when; write loss.start or loss.end",
        ),
        (
            [LOSS | {"id": "a", "at": "b.end"}, LATENCY | {"id": "b", "at": "a.end"}],
            "faults[0]",
            "a is counted from b, and in the end from itself; say one of them by a phase",
        ),
        ([LOSS | {"id": "a", "until": "a.end + 1s"}], "faults[0]", "a is counted from a, and in the end from itself"),
        ([LOSS | {"for": "5s", "until": "fault + 9s"}], "faults[0].until", "says both for and until"),
        ([LOSS | {"at": "fault + 9s", "until": "fault + 4s"}], "faults[0]", "it would last from 21 s to 16 s"),
        ([LOSS | {"until": "recovery + 2s"}], "faults[0]", "nothing may be broken after 42 s"),
        (
            [LOSS | {"id": "loss"}, LATENCY | {"at": "loss.end + 1s", "for": "3s"}],
            "faults[1]",
            "nothing may be broken after 42 s",
        ),
        ([LOSS | {"flap": {"period": "40s"}}], "faults[0]", "in force only once, for 20 s"),
        ([LOSS | {"flap": {"period": "70s"}}], "faults[0]", "it would end before it has been in force for once"),
        ([LOSS | {"flap": {"period": "1s", "duty": 0.7}}], "faults[0].flap", "it would be gone for 0.3 s"),
        ([LOSS | {"flap": {"period": "2s", "duty": 0.2}}], "faults[0]", "nobody can see that it took hold"),
        (
            [LATENCY | {"on": {"link": "provider-east"}, "stagger": "2s"}],
            "faults[0].stagger",
            "is aimed at 'provider-east' alone",
        ),
        ([DIVERGENCE | {"stagger": "2s"}], "faults[0].stagger", "alone; leave it out"),
        (
            [LATENCY | {"stagger": "6s", "for": "26s"}],
            "faults[0]",
            "it would last from 18 s to 44 s",
        ),
    ],
)
def test_times_that_cannot_be_are_told_with_what_would_be_right(
    make_scenario: MakeScenario, target: Target, faults: list[dict[str, Any]], place: str, what: str
) -> None:
    problems = told(make_scenario, target, *faults)
    assert problems[0][0] == place
    assert what in problems[0][1]


def test_of_what_is_counted_from_a_fault_that_cannot_be_placed_only_the_cause_is_told(
    make_scenario: MakeScenario, target: Target
) -> None:
    problems = told(make_scenario, target, LOSS | {"id": "loss", "at": "flaut"}, LATENCY | {"at": "loss.end"})
    assert [place for place, _ in problems] == ["faults[0].at"]


def test_the_plan_draws_when_each_fault_is_in_force(make_plan: MakePlan) -> None:
    faults = [
        LOSS | {"id": "flaky", "flap": {"period": "10s", "duty": 0.4}},
        LATENCY | {"id": "slow", "stagger": "10s"},
    ]
    # A character a second.
    assert list(timeline(make_plan(phases=(2, 10, 36, 12), faults=faults))) == [
        "                  |w|baseline |fault                              |recovery   |",
        "flaky                         ████      ████      ████      ████",
        "slow                          ████████████████████████████████████",
        "slow                                    ██████████████████████████",
    ]


def test_what_is_in_force_for_a_moment_of_a_long_run_is_drawn_too(make_plan: MakePlan) -> None:
    (_, line) = timeline(make_plan(phases=(2, 100, 900, 100), faults=[LOSS | {"for": "1s"}]))
    assert line.count("█") == 1


def test_a_share_of_a_regions_links_is_drawn_by_the_scenarios_seed(make_plan) -> None:
    half = LOSS | {"share": 0.5, "per": "link"}
    lost = [make_plan(phases=PHASES, faults=[half], seed=seed).disturbances[0].links for seed in range(8)]
    whole = make_plan(phases=PHASES, faults=[LOSS]).disturbances[0].links
    assert {len(links) for links in lost} == {round(len(whole) / 2)}
    assert {link for links in lost for link in links} == set(whole)
    assert lost == [make_plan(phases=PHASES, faults=[half], seed=seed).disturbances[0].links for seed in range(8)]
