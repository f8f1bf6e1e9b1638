"""Equal seeds draw alike, whatever else differs between two runs."""

from __future__ import annotations

from collections.abc import Callable

from simulated_world import Plain, simulate

from harness.faults.requests import draw
from harness.judging.evidence import Evidence
from harness.planning.plan import Plan
from harness.protocols.nonce import lot, nonce
from harness.running import loop

MakePlan = Callable[..., Plan]

SHARE = 0.4
FAULT = {"kind": "http_error", "on": {"kind": "provider"}, "status": 503, "share": SHARE}
PHASES = (1, 2, 6, 1)


def hit(evidence: Evidence) -> set[str]:
    """What chance hangs on, of each request that the fault answered."""
    arrivals = evidence.arrivals
    return {lot(mark) for mark in arrivals.loc[arrivals["fault"] != "", "nonce"]}


def test_two_simulated_runs_with_one_seed_hit_the_same_requests_though_all_else_goes_otherwise(
    make_plan: MakePlan,
) -> None:
    plan = make_plan(phases=PHASES, faults=[FAULT], seed=5)
    first, again = (hit(simulate(plan, Plain, world, loop.run)) for world in (1, 2))
    assert first == again
    assert 0.2 < len(first) / 60 < 0.6
    assert hit(simulate(make_plan(phases=PHASES, faults=[FAULT], seed=6), Plain, 1, loop.run)) != first


def test_the_lot_of_a_request_is_the_same_in_the_simulated_world_and_on_the_wire(make_plan: MakePlan) -> None:
    plan = make_plan(phases=PHASES, faults=[FAULT], seed=5)
    found = hit(simulate(plan, Plain, 1, loop.run))
    links = {index: ("provider-east", "provider-west")[(index + index // 50) % 2] for index in range(32, 88)}
    of_the_wire = {
        lot(nonce("a real run", index))
        for index, link in links.items()
        if draw(5, link, "http_error-1", lot(nonce("a real run", index)), 1) < SHARE
    }
    known = {lot(nonce("a real run", index)) for index in links}
    assert found & known == of_the_wire
