"""What a health URL said, held against what became of users, in runs of which the truth is known; beside each the twin that is in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from concluded import concluded
from pydantic import ValidationError
from simulated_world import GoesByConnections, GoesByOutcomes, Service, simulate

from harness.checks import foreign_hosts
from harness.interval import Interval
from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.sample import pick
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.reading.expectation import WHOLE, Selection
from harness.reading.placeholders import unknown_placeholders
from harness.reading.target import Target
from harness.reading.yaml import read
from harness.record.rows import HealthCheck, Request
from harness.record.tables import table
from harness.running import loop

Rows = Callable[..., list[Request]]
Told = Callable[..., Evidence]
Says = Callable[[str, float], bool]
SCENARIOS = Path(__file__).parents[2] / "scenarios"
EVERY_S, LASTS_S = 0.5, 41
FROM_S, UNTIL_S = 13, 25
"""Between these all that is asked fails."""
OF_EACH, OF_ALL = {"get": "/healthz"}, {"get": "http://127.0.0.1:7/healthz"}


def failing(due_s: float) -> bool:
    return FROM_S <= due_s < UNTIL_S


def always(entry: str, at_s: float) -> bool:
    return True


def honest(entry: str, at_s: float) -> bool:
    return not failing(at_s)


def late(entry: str, at_s: float) -> bool:
    """Two seconds until it sees that something is wrong, and one until it sees that it is over."""
    return not FROM_S + 2 <= at_s < UNTIL_S + 1


def startled(entry: str, at_s: float) -> bool:
    """Unhealthy for five seconds, although nothing is wrong."""
    return not 3 <= at_s < 8


@pytest.fixture
def told(make_plan: Callable[..., Plan], make_evidence: Told, make_target: Callable[..., Target], rows: Rows) -> Told:
    """A run in which the health URL *says* at each look whether all is well, and the answers of those entries are bad that *fail*."""

    def evidence(
        says: Says,
        fail: tuple[str, ...] = ("east", "west"),
        health: dict[str, Any] = OF_EACH,
        missed: Callable[[float], bool] = lambda at_s: False,
        waiting: bool = False,
        **keys: Any,
    ) -> Evidence:
        plan = make_plan(of=make_target(health=health), phases=(1, 10, 20, 10), **keys)
        asked = rows(plan)
        bad = [row for row in asked if failing(row.due_s) and row.entry in fail]
        for row in bad:
            row.outcome, row.status = "error", 503
        if waiting:
            asked = [row for row in asked if not FROM_S + 1 <= row.due_s < UNTIL_S]
            for row in asked:
                row.end_s = UNTIL_S if failing(row.due_s) else row.end_s
        at_s = [number * EVERY_S for number in range(int(LASTS_S / EVERY_S))]
        names = ("east", "west") if health is OF_EACH else ("",)
        looks = [
            HealthCheck(name, at, at + 0.01, 200 if says(name, at) else 503, says(name, at))
            for at in at_s
            for name in names
            if not missed(at)
        ]
        return make_evidence(plan, requests=asked, health_checks=table(looks, HealthCheck, 0.0))

    return evidence


def healthy(evidence: Evidence, selection: Selection = WHOLE) -> Interval:
    return metrics["healthy_while_failing_s"].measure(pick(evidence, selection))


def unhealthy(evidence: Evidence, selection: Selection = WHOLE) -> Interval:
    return metrics["unhealthy_while_serving_s"].measure(pick(evidence, selection))


def test_a_url_that_always_says_healthy_does_so_for_as_long_as_users_fail(told: Told) -> None:
    found = healthy(told(always))
    assert (found.low, found.value, found.high) == (UNTIL_S - FROM_S,) * 3
    assert found.n == 2 * LASTS_S / EVERY_S, "looks, at two entries"
    assert unhealthy(told(always)).value == 0


def test_users_who_wait_for_an_answer_and_ask_nothing_meanwhile_fail_until_it_comes(told: Told) -> None:
    found = healthy(told(always, waiting=True))
    assert found.value == pytest.approx(UNTIL_S - FROM_S, abs=20 / 18), "to a window: so few were asked"


def test_one_that_says_what_users_see_never_does(told: Told) -> None:
    assert healthy(told(honest)).value == unhealthy(told(honest)).value == 0


def test_the_time_until_it_notices_counts_and_so_does_the_time_until_it_notices_the_end(told: Told) -> None:
    evidence = told(late)
    assert (healthy(evidence).value, unhealthy(evidence).value) == (2, 1)
    assert healthy(evidence).low == 2 - EVERY_S, "between two looks it may have been the other way"
    assert healthy(evidence, Selection("baseline")).value == 0
    assert healthy(evidence, Selection("fault")).value == 2


def test_what_is_unhealthy_while_nothing_is_wrong_is_counted_apart(told: Told) -> None:
    evidence = told(startled, fail=())
    assert (healthy(evidence).value, unhealthy(evidence).value) == (0, 5)


def test_of_several_entries_the_worst_counts_and_is_named(told: Told) -> None:
    evidence = told(always, fail=("west",))
    assert healthy(evidence).value == UNTIL_S - FROM_S
    assert metrics["healthy_while_failing_s"].remark(pick(evidence)) == "at west"
    assert healthy(evidence, Selection(labels=(("region", "east"),))).value == 0
    assert healthy(evidence, Selection(labels=(("entry", "west"),))).value == UNTIL_S - FROM_S


def test_one_url_for_all_is_held_against_the_answers_of_all(told: Told) -> None:
    assert healthy(told(always, health=OF_ALL)).value == UNTIL_S - FROM_S
    assert healthy(told(always, fail=("west",), health=OF_ALL)).value == 0, "half of the answers are good"


def test_behind_the_last_look_nothing_is_known_and_no_limit_is_held(told: Told) -> None:
    found = unhealthy(told(honest, fail=(), missed=lambda at_s: at_s > 20))
    assert found.value == 20 + 2 * EVERY_S - FROM_S, "what the last look said holds for twice as long as until the next"
    assert found.high >= LASTS_S - FROM_S


def test_of_a_time_in_which_nobody_looked_nothing_is_known(told: Told) -> None:
    evidence = told(always, missed=lambda at_s: 15 < at_s < 20)
    found = healthy(evidence)
    assert (found.low, found.value, found.high) == (UNTIL_S - FROM_S - 5, UNTIL_S - FROM_S - 4, UNTIL_S - FROM_S)


def test_limits_are_held_and_broken(told: Told) -> None:
    expect = ["healthy_while_failing_s <= 4", "unhealthy_while_serving_s <= 2 in fault"]
    assert [finding.verdict for finding in concluded(told(late, expect=expect)).findings] == ["pass", "pass"]
    assert [finding.verdict for finding in concluded(told(always, expect=expect)).findings] == ["fail", "pass"]
    never = concluded(told(lambda entry, at_s: False, expect=expect))
    assert [finding.verdict for finding in never.findings] == ["pass", "fail"]


def test_where_the_target_names_no_url_there_is_no_such_metric_and_a_limit_is_refused(
    make_plan: Callable[..., Plan], make_evidence: Told
) -> None:
    plan = make_plan(expect=["healthy_while_failing_s <= 4"])
    assert healthy(make_evidence(plan)).value is None
    assert not metrics["healthy_while_failing_s"].there(plan)
    why = metrics["healthy_while_failing_s"].unsettled(plan, plan.expectations[0])
    assert "does not say which URL tells whether it is well (health)" in str(why)


def test_a_limit_that_no_look_could_show_is_refused(told: Told) -> None:
    plan = told(always, expect=["healthy_while_failing_s <= 0.4"]).plan
    why = metrics["healthy_while_failing_s"].unsettled(plan, plan.expectations[0])
    assert "a look every 0.5 s (health.every) can never settle it" in str(why)


def test_the_plan_says_what_is_asked_and_how_often(
    make_plan: Callable[..., Plan], make_target: Callable[..., Target]
) -> None:
    def told(health: dict[str, Any]) -> list[str]:
        lines = outline(make_plan(of=make_target(health=health)))
        return [" ".join(line.split()) for line in lines if line.startswith("  health ")]

    assert told(OF_EACH) == ["health GET /healthz of each entry, every 0.5 s while the load runs"]
    slowly = told(OF_ALL | {"every": "2s"})
    assert slowly == ["health GET http://127.0.0.1:7/healthz, every 2 s while the load runs"]


def test_a_health_url_off_this_machine_has_to_be_allowed_and_has_no_unknown_placeholder() -> None:
    text = (SCENARIOS / "targets" / "health-resilient.yaml").read_text()
    away = read(text.replace("get: /healthz, every", 'get: "https://status.example.com/up", every'), Target, "t.yaml")
    (problem,) = foreign_hosts(away, ())
    assert "status.example.com" in str(problem)
    assert list(foreign_hosts(away, ("status.example.com",))) == []
    unknown = read(text.replace("get: /healthz, every", 'get: "/healthz/{port}", every'), Target, "t.yaml")
    (problem,) = unknown_placeholders(unknown)
    assert "unknown placeholder {port}" in str(problem)


def test_a_run_that_stored_no_looks_is_not_measured(told: Told) -> None:
    evidence = replace(told(always), health_checks=table([], HealthCheck, 0.0), _made={})
    assert healthy(evidence).value is None


@pytest.mark.parametrize(
    ("service", "target", "verdict"),
    [(GoesByConnections, "health-fragile", "fail"), (GoesByOutcomes, "health-resilient", "pass")],
)
def test_a_hiccup_and_an_outage_tell_a_url_that_goes_by_what_users_get_from_one_that_does_not(
    service: type[Service], target: str, verdict: str
) -> None:
    path = SCENARIOS / "health" / "hiccup-and-outage.yaml"
    plan = prepare(path, SCENARIOS / "targets" / f"{target}.yaml", Asked(), None).plan
    result = concluded(simulate(replace(plan, seed=1), service, 1, loop.run))
    assert {finding.verdict for finding in result.findings} == {verdict}
    assert result.verdict == verdict, result.reason


@pytest.mark.parametrize(
    ("health", "what"),
    [
        ({"get": "/healthz", "every": "500ms", "within": "1s"}, "let every be as long as within, or longer"),
        ({"get": "/healthz", "every": "50ms"}, "greater than or equal to 0.1"),
        ({"get": "healthz"}, "is not an HTTP address"),
        ({"get": ""}, "at least 1 character"),
    ],
)
def test_what_is_wrong_with_a_health_url_is_told(
    make_target: Callable[..., Target], health: dict[str, Any], what: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        make_target(health=health)
    wrongs = raised.value.errors()[0].get("ctx", {}).get("wrongs", ())
    assert what in f"{raised.value} {wrongs}"


def test_where_few_are_asked_no_limit_can_be_shorter_than_the_time_in_which_five_are(
    make_plan: Callable[..., Plan], make_target: Callable[..., Target]
) -> None:
    for limit, settled in ((6, False), (30, True)):
        plan = make_plan(
            of=make_target(health=OF_ALL),
            phases=(1, 30, 60, 60),
            load={"rate_per_s": 0.4},
            expect=[f"healthy_while_failing_s <= {limit}"],
        )
        why = metrics["healthy_while_failing_s"].unsettled(plan, plan.expectations[0])
        assert (why is None) == settled
        assert settled or "here for 12.5 s" in str(why)
