"""How much of an SLO's error budget a run spends, and how fast: held against what is known of the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.plan import Plan
from harness.reading.expectation import Selection, parse
from harness.reading.scenario import Scenario
from harness.record.rows import Request
from harness.report.headline import headline

SLO = {"good": 0.999, "over": "30d"}
PHASES = (1, 10, 20, 10)
EXPECT = ["error_budget_spent <= 0.01", "burn_rate <= 14.4 in baseline"]
MONTH_S = 30 * 86400
Run = Callable[..., Evidence]


@pytest.fixture(scope="module")
def a_run(
    make_plan: Callable[..., Plan], make_evidence: Callable[..., Evidence], rows: Callable[..., list[Request]]
) -> Run:
    """A run of 400 requests, 10 a second, in the fault of which the first so many fail."""

    def made(failing: int, expect: list[str] = EXPECT, **slo: Any) -> Evidence:
        of = make_plan(phases=PHASES, expect=expect, slo=SLO | slo)

        def bad(index: int, due_s: float) -> dict[str, Any]:
            return {"outcome": "error", "status": 503} if 110 <= index < 110 + failing else {}

        return make_evidence(of, requests=rows(of, bad))

    return made


def spent(evidence: Evidence, **selection: Any) -> float:
    value = metrics["error_budget_spent"].measure(pick(evidence, Selection(**selection))).value
    assert value is not None
    return value


def test_a_full_outage_spends_its_minutes_of_the_minutes_that_may_be_lost(a_run: Run) -> None:
    # 99.9 % of 30 days leave 43.2 min; all of 20 s failed.
    assert spent(a_run(200)) == pytest.approx(20 / (0.001 * MONTH_S))


@pytest.mark.parametrize("failing", [0, 10, 40])
def test_what_was_spent_is_what_failed_over_what_may_fail(a_run: Run, failing: int) -> None:
    found = metrics["error_budget_spent"].measure(pick(a_run(failing)))
    truth = failing / (0.001 * 10 * MONTH_S)
    assert found.value == pytest.approx(truth)
    assert found.low <= truth <= found.high
    assert found.low >= 0


def test_phases_and_regions_spend_of_one_budget(a_run: Run) -> None:
    evidence = a_run(40)
    phases = [spent(evidence, phase=name) for name in ("baseline", "fault", "recovery")]
    regions = [spent(evidence, labels=(("region", name),)) for name in ("east", "west")]
    assert sum(phases) == pytest.approx(spent(evidence))
    assert sum(regions) == pytest.approx(spent(evidence))
    assert phases[1] == pytest.approx(spent(evidence))  # nothing failed in the others


def test_of_a_service_that_is_asked_more_over_the_month_the_same_failures_spend_less(a_run: Run) -> None:
    assert spent(a_run(40, rate_per_s=100)) == pytest.approx(spent(a_run(40)) / 10)
    assert spent(a_run(40, over="3d")) == pytest.approx(10 * spent(a_run(40)))


def test_the_burn_rate_is_the_share_that_failed_over_the_share_that_may(a_run: Run) -> None:
    metric, sample = metrics["burn_rate"], pick(a_run(40), Selection("fault"))
    assert metric.measure(sample).value == pytest.approx(40 / 200 / 0.001)
    assert metric.remark(sample) == "at this rate the budget is gone in 3.6 h"
    assert metric.remark(pick(a_run(40), Selection("baseline"))) == ""


@pytest.mark.parametrize(("limit", "verdict"), [(0.01, "pass"), (0.0005, "fail")])
def test_a_limit_is_held_against_what_was_spent(a_run: Run, limit: float, verdict: str) -> None:
    (finding,) = judge(a_run(40, [f"error_budget_spent <= {limit}"])).findings
    assert finding.verdict == verdict


def test_the_headline_says_how_much_it_was_in_per_cent(a_run: Run) -> None:
    result = judge(a_run(200, ["error_budget_spent <= 0.0005"]))
    assert headline(result).startswith("0.8 % of the error budget was spent; it should be 0.05 % or less.")


def test_without_an_slo_there_is_no_budget_and_nothing_is_told_of_it(
    make_plan: Callable[..., Plan], make_evidence: Callable[..., Evidence], rows: Callable[..., list[Request]]
) -> None:
    bare = make_plan(phases=PHASES)
    evidence = make_evidence(bare, requests=rows(bare))
    assert "error_budget_spent" not in judge(evidence).metrics
    assert metrics["burn_rate"].measure(pick(evidence)).value is None
    assert "the scenario says no slo" in str(metrics["burn_rate"].unsettled(bare, parse("burn_rate <= 14.4")))


def test_a_limit_that_so_few_requests_cannot_settle_is_told_of(make_plan: Callable[..., Plan]) -> None:
    of = make_plan(phases=PHASES, slo=SLO)
    why = metrics["burn_rate"].unsettled(of, parse("burn_rate <= 1 in fault"))
    assert "200 requests can never settle it, even when all go well" in str(why)
    assert metrics["burn_rate"].unsettled(of, parse("burn_rate <= 50 in fault")) is None
    assert metrics["error_budget_spent"].unsettled(of, parse("error_budget_spent <= 0.01")) is None


@pytest.mark.parametrize("wrong", [{"good": 99.9, "over": "30d"}, {"good": 0.999, "over": "30"}, {"good": 0.999}])
def test_a_promise_that_is_none_is_refused(make_scenario: Callable[..., Scenario], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="slo"):
        make_scenario(slo=wrong)
