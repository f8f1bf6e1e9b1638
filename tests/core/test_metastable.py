"""A service that keeps itself down when nothing is broken any more is named, and one that is merely down, slow or dear is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from concluded import concluded
from simulated_world import Fragile, Memory, Resilient, SimWorld

from harness.judging.evidence import Evidence
from harness.judging.metastable import metastable
from harness.planning.plan import Plan
from harness.record.history import Event, Reverted
from harness.record.rows import Attempt, Request
from harness.running import loop

MakePlan = Callable[..., Plan]
MakeEvidence = Callable[..., Evidence]
Rows = Callable[..., list[Request]]
EXPECT = ["recovery_time_s <= 5"]
# The fault lasts from 11 s to 17 s.
PHASES = (1, 10, 6, 20)


@pytest.fixture
def lived(
    make_plan: MakePlan, make_evidence: MakeEvidence, rows: Rows, attempt: Callable[..., Attempt]
) -> Callable[..., Evidence]:
    """A run in which answers are bad from the fault on until *bad_until_s*, and requests made so many attempts until *dear_until_s*."""

    def made(bad_until_s: float, tries: int = 4, dear_until_s: float = 99.0, every: int = 1, **keys: Any) -> Evidence:
        plan = make_plan(
            phases=keys.pop("phases", PHASES), expect=EXPECT, load={"rate_per_s": 20} | keys.pop("load", {})
        )
        well_s, ill_s = keys.pop("well", (0, 0))
        presses = keys.pop("presses", 1)

        def change(index: int, due_s: float) -> dict[str, Any]:
            bad = 11 <= due_s < bad_until_s and not well_s <= due_s < ill_s
            return {"outcome": "error", "status": 503, "presses": presses} if bad and not index % every else {}

        asked = rows(plan, change)
        attempts = [
            attempt(row, start_s=row.due_s + n / 100)
            for row in asked
            for n in range(tries if 11 <= row.due_s < dear_until_s else 1)
        ]
        return make_evidence(plan, requests=asked, attempts=attempts, **keys)

    return made


def test_one_that_stays_down_while_its_retries_go_on_is_named_with_the_figures(lived: Callable[..., Evidence]) -> None:
    evidence = lived(bad_until_s=99)
    (said,) = metastable(evidence)
    assert said == (
        "it kept itself down (metastable): from 5 s after the last fault had ended to the end of the run 0 % of answers were good, "
        "while each request cost 4 attempts (1 in the baseline)"
    )
    result = concluded(evidence)
    assert result.verdict == "fail"
    assert result.metastable == said
    assert result.reason.endswith(f"{said}.")


def test_where_clients_ask_more_often_than_they_did_it_is_not_said_to_be_the_services_doing_alone(
    lived: Callable[..., Evidence],
) -> None:
    (said,) = metastable(lived(bad_until_s=99, presses=3))
    assert said.endswith("while each request cost 4 attempts (1 in the baseline), and was asked for 3 times (1)")


@pytest.mark.parametrize(
    ("bad_until_s", "keys"),
    [
        (22.0, {}),  # well again, though late
        (99.0, {"tries": 1}),  # down, and nothing of its own keeps it there
        (99.0, {"dear_until_s": 20.0}),  # down, and its retries are over
        (11.0, {}),  # dear, and every answer is good
        (99.0, {"every": 10}),  # one answer in ten is bad
        (99.0, {"phases": (1, 10, 6, 9)}),  # nobody watched for long enough
    ],
)
def test_one_that_is_well_or_merely_down_or_merely_dear_is_not(
    lived: Callable[..., Evidence], bad_until_s: float, keys: dict[str, Any]
) -> None:
    evidence = lived(bad_until_s=bad_until_s, **keys)
    assert list(metastable(evidence)) == []
    assert concluded(evidence).metastable == ""


# The load is shed from 37 s to 47 s.
SHED = {"warmup": 1, "baseline": 10, "fault": 6, "stuck": 20, "load_shed": 10, "recovery": 20}
DOWN = (
    "it kept itself down (metastable): from 5 s after the last fault had ended to when its load was shed 0 % of answers were good, "
    "while each request cost 4 attempts (1 in the baseline); with 20 % of the load "
)


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"bad_until_s": 40}, "100 % were good, and 100 % once all of it was back, which confirms that it was its load that held it there"),
        ({"bad_until_s": 99, "well": (40, 47)}, "100 % were good, and 0 % once all of it was back, which confirms"),
        ({"bad_until_s": 47}, "0 % were good, and 100 % once all of it was back: it stayed down without the load"),
        ({"bad_until_s": 99}, "0 % were good, and 0 % once all of it was back: it stayed down without the load"),
    ],
)  # fmt: skip
def test_a_phase_of_low_load_shows_whether_it_was_the_load_that_kept_it_down(
    lived: Callable[..., Evidence], keys: dict[str, Any], told: str
) -> None:
    (said,) = metastable(lived(phases=SHED, **keys))
    assert said.startswith(DOWN + told)


@pytest.mark.parametrize("bad_until_s", [22.0, 30.0])
def test_one_that_came_back_by_itself_before_its_load_was_shed_is_not(
    lived: Callable[..., Evidence], bad_until_s: float
) -> None:
    assert list(metastable(lived(phases=SHED, bad_until_s=bad_until_s, tries=1))) == []
    assert list(metastable(lived(phases=SHED, bad_until_s=22.0))) == []


@pytest.mark.parametrize("arrivals", ["constant", "poisson"])
def test_in_a_phase_of_low_load_a_fifth_is_sent_and_around_it_all(make_plan: MakePlan, arrivals: str) -> None:
    load = {"rate_per_s": 20, "arrivals": arrivals}
    sent = [*make_plan(phases=SHED, load=load).schedule.due_times()]
    quiet = {name.replace("load_shed", "quiet"): span_s for name, span_s in SHED.items()}
    whole = [*make_plan(phases=quiet, load=load).schedule.due_times()]
    assert [at_s for at_s in sent if at_s < 37] == [at_s for at_s in whole if at_s < 37]
    during, behind = (sum(first <= at_s < last for at_s in sent) for first, last in ((37, 47), (47, 1000)))
    assert during == pytest.approx(40, rel=0.3)
    assert behind == pytest.approx(sum(at_s >= 47 for at_s in whole), rel=0.1)


def test_a_rate_of_its_own_goes_before_the_usual_share_and_every_shape_is_shed(make_plan: MakePlan) -> None:
    rates = [
        make_plan(phases=SHED, load={"rate_per_s": 20, "shape": shape}).schedule.per_s_at(42.0)
        for shape in (
            None,
            {"steps": {"fault": 40}},
            {"steps": {"load_shed": 1}},
            {"ramp": {"over": "fault", "to": 50}},
        )
    ]
    assert rates == [4.0, 4.0, 1.0, 10.0]


def test_one_that_is_down_under_more_load_than_it_is_known_to_carry_is_not(lived: Callable[..., Evidence]) -> None:
    assert list(metastable(lived(bad_until_s=99, load={"shape": {"steps": {"recovery": 40}}}))) == []
    assert list(metastable(lived(bad_until_s=99, load={"shape": {"steps": {"recovery": 21}}})))


def test_while_a_fault_may_still_be_in_force_nothing_is_said(
    lived: Callable[..., Evidence], events: Callable[[Plan], list[Event]]
) -> None:
    evidence = lived(bad_until_s=99)
    never = [event for event in events(evidence.plan) if not isinstance(event, Reverted)]
    assert list(metastable(lived(bad_until_s=99, history=never))) == []


@pytest.mark.parametrize(("service", "named"), [(Fragile, True), (Resilient, False)])
@pytest.mark.parametrize("shed", [False, True])
def test_of_two_services_behind_one_provider_of_little_capacity_only_the_one_that_retries_keeps_itself_down(
    service: Any, named: bool, shed: bool, make_target: Callable[..., Any], make_plan: MakePlan
) -> None:
    tight = {
        "simulated": {
            "first_token": "250ms",
            "sigma": 0,
            "tokens": 3,
            "token_gap": "100ms",
            "capacity": 12,
            "queue": 40,
        }
    }
    links = {
        "provider-east": {"kind": "provider", "region": "east", "upstream": tight},
        "provider-west": {"kind": "provider", "region": "west", "upstream": tight},
    }
    loss = {"kind": "regional_loss", "region": "east", "mode": "blackhole"}
    plan = make_plan(
        of=make_target(links=links, publish=None),
        phases={**SHED, "fault": 12, "load_shed": 15} if shed else (1, 10, 12, 30),
        faults=[loss],
        load={"rate_per_s": 20},
        expect=EXPECT,
    )
    sim = SimWorld(plan, service, 1)
    said = list(metastable(sim.evidence(loop.run(plan, sim.world, Memory()))))
    assert bool(said) is named
    assert ("which confirms that it was its load" in " ".join(said)) is (named and shed)
