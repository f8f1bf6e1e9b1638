"""A load that is the service's own: the harness sends nothing, or a probe, and says what can be known of that and what cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from simulated_world import Memory, Plain, Resilient, SimWorld

from harness.judging.evidence import Evidence
from harness.judging.metrics import metrics
from harness.judging.on_links import a_second
from harness.judging.result import Result
from harness.judging.sample import pick
from harness.judging.verdict import judge
from harness.planning.outline import outline
from harness.planning.plan import Plan, plan
from harness.reading import expectation
from harness.reading.expectation import Selection
from harness.reading.scenario import Load, Scenario
from harness.reading.target import Target
from harness.record.columns import Table
from harness.record.rows import Arrival, Attempt, Traffic
from harness.record.tables import table
from harness.report.headline import beside
from harness.report.page import page
from harness.report.trust import checks
from harness.running import loop

LATE = {"kind": "latency", "on": {"kind": "provider"}, "base": "300ms"}
ERRORS = {"kind": "http_error", "on": {"kind": "provider"}, "status": 503}
PROBED = {"source": "service", "probe_per_s": 1, "questions": "q.yaml", "deadline": "4s"}
PHASES = {"warmup": "1s", "baseline": "12s", "fault": "6s", "recovery": "8s"}

EAST = "provider-east"

MakeWatched = Callable[..., Plan]


def scenario(load: Any = "none", **keys: Any) -> Scenario:
    """One that says *load*; keys replace the others of it."""
    document = {"schema": "harness.scenario/1", "name": "watched", "phases": PHASES, "faults": [LATE]}
    return Scenario.model_validate(document | {"load": load, "expect": ["attempts_per_s <= 40 in fault"]} | keys)


@pytest.fixture
def make_watched(target: Target) -> MakeWatched:
    """A plan of such a scenario, which has to be in order."""

    def make(load: Any = "none", **keys: Any) -> Plan:
        said = scenario(load, **keys)
        made, problems = plan(said, target, tuple(map(expectation.parse, said.expect)))
        assert problems == []
        return made

    return make


def run(made: Plan, service: Any = Plain, per_s: float = 10.0, **world: Any) -> Evidence:
    """A run of *made* in memory, of a *service* that *per_s* users a second come to by themselves."""
    sim = SimWorld(made, service, 1, own_per_s=per_s, **world)
    return sim.evidence(loop.run(made, sim.world, Memory()))


def wrongs(load: Any, **keys: Any) -> list[tuple[tuple[str | int, ...], str]]:
    """The place and the words of all that is wrong with a scenario of that *load*; of what is wrong with it as a whole no place."""
    with pytest.raises(ValidationError) as refused:
        scenario(load, **keys)
    placed = [error.get("ctx", {}).get("wrongs", [((), error["msg"])]) for error in refused.value.errors()]
    return [wrong for found in placed for wrong in found]


def of(name: str, evidence: Evidence, phase: str | None = "fault", **labels: str) -> Any:
    metric, _, part = name.partition(".")
    return metrics[metric].measure(pick(evidence, Selection(phase, tuple(labels.items()))), part or None)


# What a file says


def test_none_is_short_for_a_load_of_the_services_own() -> None:
    assert scenario("none").load == scenario({"source": "service"}).load
    assert scenario("none").load.known == {"attempts"}
    assert scenario(PROBED).load.known == {"attempts", "requests"}
    assert Load(questions="q.yaml").known == {"attempts", "requests", "joined"}


@pytest.mark.parametrize(
    ("load", "place", "said"),
    [
        ({"source": "service", "rate_per_s": 5}, ("rate_per_s",), "rate_per_s is for a load that the harness sends"),
        ({"source": "service", "locustfile": "u.py"}, ("locustfile",), "this one is the service's own"),
        (
            {"source": "service", "deadline": "3s"},
            (),
            "deadline is for probe requests, and none are sent; write probe_per_s: 1",
        ),
        ({"source": "service", "probe_per_s": 1}, (), "probes have nothing to ask"),
        ({"probe_per_s": 1, "questions": "q.yaml"}, (), "write source: service"),
    ],
)
def test_what_goes_with_another_load_is_refused_at_its_key(load: Any, place: Any, said: str) -> None:
    ((where, what),) = wrongs(load)
    assert where == place
    assert said in what


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"slo": {"good": 0.99, "over": "30d"}}, ("slo",)),
        ({"good": {"answers": {"matches": "[0-9]"}}}, ("good", "answers")),
    ],
)
def test_what_is_about_answers_needs_probes(keys: dict[str, Any], place: Any) -> None:
    ((where, what),) = wrongs("none", **keys)
    assert where == place
    assert "probe_per_s: 1" in what
    assert scenario(PROBED, **keys).load.asks


@pytest.mark.parametrize("load", ["none", PROBED])
def test_what_is_about_a_load_that_is_sent_is_refused_with_and_without_probes(load: Any) -> None:
    assert [place for place, _ in wrongs(load, recorded="curve.csv")] == [("recorded",)]
    shed = {"baseline": "12s", "fault": "6s", "load_shed": "5s", "recovery": "8s"}
    assert [place for place, _ in wrongs(load, phases=shed)] == [("phases", "load_shed")]


def test_a_fault_for_certain_tries_of_a_request_is_refused(target: Target) -> None:
    said = scenario(faults=[ERRORS | {"on": {"kind": "provider", "attempt": "2-"}}])
    _, (problem,) = plan(said, target, ())
    assert problem.path == "faults[0]"
    assert "leave attempt and per: conversation out" in problem.what


# What can be known of it


def test_each_metric_says_what_it_needs_and_says_nothing_where_that_is_not_known() -> None:
    none, probed, sent = scenario("none").load, scenario(PROBED).load, Load(questions="q.yaml")
    for name, metric in metrics.items():
        assert not metric.unsaid(sent), name
        assert bool(metric.unsaid(none)) is (metric.needs != "attempts"), name
        assert bool(metric.unsaid(probed)) is (metric.needs == "joined"), name


@pytest.mark.parametrize("name", ["recovery_time_s", "failover_time_s", "relapses"])
def test_a_time_until_answers_are_good_needs_a_probe_a_second(name: str) -> None:
    seldom = scenario(PROBED | {"probe_per_s": 0.5}).load
    assert metrics[name].unsaid(seldom) == "it needs 1 probe request a second, and probe_per_s is 0.5"
    assert metrics["good_ratio"].unsaid(seldom) == metrics[name].unsaid(scenario(PROBED).load) == ""


def test_the_plan_says_that_nothing_is_sent(make_watched: MakeWatched) -> None:
    made = make_watched()
    assert made.schedule.requests == 0
    said = "\n".join(outline(made))
    assert "27 s, in which the service's own traffic is watched; the harness sends nothing" in said
    assert "is not asked anything" in said
    probed = "\n".join(outline(make_watched(PROBED)))
    assert "the harness asks beside it at most 27 requests (1 per second, constant)" in probed


# What a run of it comes to


@pytest.fixture(scope="module")
def errors(target: Target) -> tuple[Evidence, Result]:
    """A run in which half of what came to the providers failed for 6 s."""
    expect = ["attempt_error_ratio <= 0.1 in fault", "attempt_error_ratio <= 0.05 in recovery"]
    said = scenario(faults=[ERRORS | {"share": 0.5}], expect=expect)
    made, _ = plan(said, target, tuple(map(expectation.parse, said.expect)))
    evidence = run(made, per_s=20)
    return evidence, judge(evidence)


def test_attempts_are_judged_though_nobody_knows_what_they_were_for(errors: tuple[Evidence, Result]) -> None:
    evidence, result = errors
    assert (evidence.column("attempts", "request") == -1).all()
    assert [finding.verdict for finding in result.findings] == ["fail", "pass"]
    assert result.verdict == "fail", result.reason
    assert result.findings[0].value == pytest.approx(0.5, abs=0.1)


def test_a_fault_under_it_is_seen_to_take_hold_and_its_share_is_counted(errors: tuple[Evidence, Result]) -> None:
    (fault,) = errors[1].faults
    assert fault.confirmed
    assert fault.share_delivered is not None
    assert fault.share_delivered.value == pytest.approx(0.5, abs=0.1)
    assert fault.attempts_affected == pytest.approx(60, abs=15)


def test_each_number_of_links_is_what_passed_there(errors: tuple[Evidence, Result]) -> None:
    evidence, result = errors
    rate = of("attempts_per_s", evidence)
    assert (rate.value, rate.low < 20 < rate.high) == (pytest.approx(20, abs=0.5), True)
    assert of("attempts_per_s", evidence, link="provider-east").value == pytest.approx(10, abs=0.5)
    assert of("attempt_error_ratio", evidence, "baseline").value == 0
    assert of("attempt_latency_ms.p50", evidence, "baseline").value == pytest.approx(450, abs=30)
    slow = of("attempt_latency_ms.p90", evidence)
    assert (slow.censored, slow.value > 450) == (True, True)
    assert {one.link for one in result.by_link} == {"provider-east", "provider-west"}
    ended = evidence.words("attempts", "outcome") != "unfinished"
    assert 0 < sum(one.attempts for one in result.by_link) == ended.sum() < len(evidence.attempt_table)


def test_what_needs_a_request_is_not_measured(errors: tuple[Evidence, Result]) -> None:
    _, result = errors
    unknown = [name for name in result.metrics if metrics[name].needs != "attempts"]
    assert {"good_ratio", "recovery_time_s", "retry_amplification", "answer_consistency"} <= set(unknown)
    assert {result.metrics[name].value for name in unknown} == {None}
    assert {phase.requests for phase in result.phases} == {0}
    assert {str(phase.attempts) for phase in result.phases} == {"{}"}
    assert result.diagnoses == result.failures == result.by_entry == []


def test_the_verdict_and_the_first_screen_say_whose_load_it_was(errors: tuple[Evidence, Result]) -> None:
    _, result = errors
    assert "the load was the service's own" in result.reason
    assert beside(result).startswith("The load was the service's own: what is told here is of attempts on links")
    asked = {check.question: check.said for check in checks(result)}
    assert asked["Did the harness send the load?"] == "no"
    assert "Did the load keep up?" not in asked
    assert "Were attempts joined to requests?" not in asked


def test_the_page_draws_what_passed_and_nothing_of_requests(errors: tuple[Evidence, Result]) -> None:
    evidence, result = errors
    drawn = page(result, evidence)
    assert "answered attempts a second" in drawn
    for key in ("lane-load", "lane-attempt_latency"):
        assert f'id="{key}"' in drawn
    for key in ("lane-goodput", "lane-latency", "lane-amplification", "retries came from"):
        assert key not in drawn
    assert "Failed attempts" in drawn


def test_of_a_load_that_the_harness_sent_nothing_of_this_is_said(make_plan: Any, make_evidence: Any) -> None:
    result = judge(make_evidence(make_plan()))
    assert result.quality.watched == ""
    assert "service's own" not in result.reason + beside(result)
    assert "attempts_per_s" not in result.metrics
    asked = judge(make_evidence(make_plan(expect=["attempts_per_s <= 40 in fault"])))
    assert asked.metrics["attempts_per_s"].value == pytest.approx(10, abs=0.5)
    assert (asked.verdict, asked.findings[0].verdict) == ("pass", "pass"), asked.reason


# What spoils it


def test_a_run_in_which_nothing_passed_is_no_pass(make_watched: MakeWatched) -> None:
    result = judge(run(make_watched(faults=[]), per_s=0))
    assert (result.verdict, [doubt.kind for doubt in result.doubts]) == ("invalid", ["no_traffic"])
    assert result.reason.startswith("Nothing passed on any link in the whole run: is anybody using the service")


def attempts(from_s: float, until_s: float, *, well: Callable[[int], bool] = lambda _: True) -> list[Attempt]:
    """Ten attempts a second, of which those are answered of which *well* says so."""
    begin, end = round(10 * from_s), round(10 * until_s)
    return [
        Attempt("provider-east", n / 10, end_s=n / 10 + 0.05, status=200 if well(n) else 500, outcome="complete")
        for n in range(begin, end)
    ]


@pytest.mark.parametrize(("from_s", "kinds"), [(0.0, []), (13.1, ["no_baseline"])])
def test_what_came_only_once_something_was_broken_shows_no_baseline(
    make_watched: MakeWatched, make_evidence: Any, from_s: float, kinds: list[str]
) -> None:
    result = judge(make_evidence(make_watched(), requests=[], attempts=attempts(from_s, 27)))
    assert [doubt.kind for doubt in result.doubts] == kinds, result.reason


@pytest.mark.parametrize(("every", "kinds"), [(100, []), (4, ["unsteady_baseline"])])
def test_a_service_whose_attempts_fail_before_anything_is_broken_is_not_steady(
    make_watched: MakeWatched, make_evidence: Any, every: int, kinds: list[str]
) -> None:
    tried = attempts(0, 27, well=lambda number: number % every > 0)
    result = judge(make_evidence(make_watched(), requests=[], attempts=tried))
    assert [doubt.kind for doubt in result.doubts] == kinds, result.reason
    assert ("75 % of 120 attempts on links were answered" in result.reason) is bool(kinds)


def traffic(*spans: tuple[float, float]) -> Any:
    """What passed on both providers' links in these spans."""
    rows = [
        Traffic(link, n / 10, connections=1, bytes_out=10, bytes_in=10)
        for link in ("provider-east", "provider-west")
        for start_s, end_s in spans
        for n in range(round(10 * start_s), round(10 * end_s))
    ]
    return table(rows, Traffic, 0.0)


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 27)], ""),
        ([(0, 12), (20, 27)], "met nobody: nothing was sent on provider-east, provider-west while it was in force"),
        ([(14, 27)], "nothing passed on any link before anything was broken"),
    ],
)
def test_a_fault_has_to_have_met_traffic_and_to_lie_on_what_was_used(
    make_watched: MakeWatched, make_evidence: Any, spans: list[tuple[float, float]], said: str
) -> None:
    made = make_evidence(make_watched(), requests=[], attempts=attempts(0, 27), traffic=traffic(*spans))
    result = judge(made)
    assert (result.verdict == "invalid") is bool(said), result.reason
    assert said in f"{result.reason[:1].lower()}{result.reason[1:]}"


def test_a_fault_that_does_not_take_hold_spoils_it(make_watched: MakeWatched) -> None:
    result = judge(run(make_watched(), idle=["latency-1"]))
    assert (result.verdict, result.doubts[0].kind) == ("invalid", "not_in_force")


def test_a_phase_in_which_nothing_passed_is_told_beside_a_pass(make_watched: MakeWatched, make_evidence: Any) -> None:
    result = judge(make_evidence(make_watched(), requests=[], attempts=attempts(0, 19)))
    assert result.verdict == "pass", result.reason
    assert "nothing passed on any link in recovery: either the service gave up, or nobody used it;" in result.reason


@pytest.mark.parametrize(("load", "other"), [("none", "nobody used it"), (PROBED, "what it was asked needed none")])
def test_that_nothing_passed_is_not_told_as_giving_up_where_who_is_refused_leaves_no_trace(
    make_watched: MakeWatched, load: Any, other: str
) -> None:
    lost = [{"kind": "regional_loss", "region": region, "mode": "refuse"} for region in ("east", "west")]
    result = judge(run(make_watched(load, faults=lost, expect=["attempts_per_s <= 40 in recovery"])))
    said = f"the service gave up, or {other}, or it was refused all that it tried (regional_loss-1, regional_loss-2)"
    assert f"nothing passed on any link in fault: either {said}, which leaves no trace" in result.reason


def test_a_second_holds_what_came_in_it_and_what_comes_as_it_ends_is_of_the_next() -> None:
    assert a_second([(0, 1), (1, 3)], np.array([0.5, 1.0, 2.0, 3.0])).tolist() == [1, 1, 1]


def test_where_none_came_the_rate_may_be_that_of_what_is_usual_and_not_of_one_token(
    make_target: Any, make_evidence: Any
) -> None:
    said = scenario(expect=["tokens_per_s <= 40 in fault"])
    made, _ = plan(said, make_target(prices={EAST: {"in": 2, "out": 10}}), tuple(map(expectation.parse, said.expect)))
    came = [_answered(n) for n in range(12)]
    evidence = make_evidence(made, requests=[], attempts=attempts(0, 27), arrivals=came)
    # 3.689 answers of 150 tokens each may have been missed in 6 s.
    assert of("tokens_per_s", evidence).high == pytest.approx(3.689 * 150 / 6, rel=1e-3)
    assert of("cost_per_min", evidence).high == pytest.approx(3.689 * 10 * (100 * 2 + 50 * 10) / 1e6, rel=1e-3)
    assert of("attempts_per_s", evidence, link="provider-west").high == pytest.approx(3.689 / 6, rel=1e-3)
    assert judge(evidence).findings[0].verdict == "inconclusive"
    passed = table([Traffic("store-east", n, commands=20, bytes_out=9) for n in range(12)], Traffic, 0.0)
    asked = make_evidence(made, requests=[], attempts=attempts(0, 27), arrivals=came, traffic=passed)
    assert of("commands_per_s", asked).high == pytest.approx(3.689 * 20 / 6, rel=1e-3)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("attempts_per_s <= 0.5 in fault", "6 s can never settle it, since 0.615 attempts per second may be usual"),
        ("connections_per_s < 0.1 in fault", "even where there are none; at least 37 s are needed"),
        ("tokens_per_s <= 0", "no time could"),
        ("attempts_per_s <= 0.7 in fault", ""),
        ("attempts_per_s >= 0.1 in fault", ""),
        ("attempts_per_s <= 0.5", ""),
    ],
)
def test_a_limit_that_even_none_would_not_show_to_hold_is_told_before_the_run(
    make_watched: MakeWatched, written: str, said: str
) -> None:
    expected = expectation.parse(written)
    found = metrics[expected.metric].unsettled(make_watched(), expected) or ""
    assert (said in found, bool(found)) == (True, bool(said))


@pytest.mark.parametrize(
    ("ceases_s", "phase", "verdicts"),
    [
        ((13, 19), " in fault", ["inconclusive", "inconclusive", "pass"]),
        ((13, 19), "", ["inconclusive", "inconclusive", "pass"]),
        ((13, 18.9), " in fault", ["pass", "pass", "pass"]),
        ((19, 27), " in fault", ["pass", "pass", "pass"]),
    ],
)
def test_a_limit_on_a_rate_is_not_held_by_who_has_given_up(
    make_watched: MakeWatched, make_evidence: Any, ceases_s: tuple[float, float], phase: str, verdicts: list[str]
) -> None:
    expect = [f"{name} <= 99{phase}" for name in ("attempts_per_s", "commands_per_s", "connections_per_s")]
    tried = [one for one in attempts(0, 27) if not ceases_s[0] <= one.start_s < ceases_s[1]]
    passed = [Traffic("store-east", one.start_s, connections=1, commands=2, bytes_out=9) for one in tried]
    made = make_evidence(make_watched(expect=expect), requests=[], attempts=tried, traffic=table(passed, Traffic, 0.0))
    found = judge(made).findings
    assert [one.verdict for one in found] == verdicts
    ceased = "in fault there were none, and 10 attempts per second in the baseline"
    assert found[0].remark.startswith(ceased) is (verdicts[0] != "pass")


def _answered(at_s: float, **keys: Any) -> Arrival:
    told = {"status": 200, "outcome": "complete", "tokens_in": 100, "tokens_out": 50, "tokens_from": "provider"}
    return Arrival(EAST, at_s, end_s=at_s + 0.1, **(told | keys))


@pytest.mark.parametrize(
    ("every", "unknown", "limit", "verdicts"),
    [
        (2, {"tokens_in": None, "tokens_out": None, "tokens_from": "unread"}, 9e3, ["inconclusive", "inconclusive"]),
        (200, {"tokens_in": None, "tokens_out": None, "tokens_from": "unread"}, 9e3, ["pass", "pass"]),
        (2, {"model": "new"}, 9e3, ["pass", "inconclusive"]),
        (2, {"model": "new"}, 1e-9, ["fail", "fail"]),
    ],
)
def test_a_limit_on_tokens_or_cost_is_not_held_by_what_nobody_could_count(
    make_target: Any, make_evidence: Any, every: int, unknown: dict[str, Any], limit: float, verdicts: list[str]
) -> None:
    said = scenario(expect=[f"tokens_per_s <= {limit:.9f}", f"cost_per_min <= {limit:.9f}"])
    prices = {"old": {"in": 2, "out": 10}}
    made, _ = plan(said, make_target(prices=prices), tuple(map(expectation.parse, said.expect)))
    came = [_answered(n / 10, **({"model": "old"} | (unknown if n % every == 1 else {}))) for n in range(270)]
    result = judge(make_evidence(made, requests=[], attempts=attempts(0, 27), arrivals=came))
    assert [finding.verdict for finding in result.findings] == verdicts


def test_what_passes_at_stores_and_what_it_costs_is_told_by_the_second(make_target: Any, make_evidence: Any) -> None:
    prices = {"provider-east": {"in": 2, "out": 10}}
    said = scenario(expect=["cost_per_min <= 9 in fault"])
    made, problems = plan(said, make_target(prices=prices), tuple(map(expectation.parse, said.expect)))
    assert problems == []
    passed = [Traffic("store-east", n / 10, connections=n % 10 == 0, bytes_out=9, commands=3) for n in range(270)]
    came = [
        Arrival("provider-east", n / 2, end_s=n / 2 + 0.1, status=200, outcome="complete", tokens_in=100, tokens_out=50)
        for n in range(54)
    ]
    evidence = make_evidence(
        made, requests=[], attempts=attempts(0, 27), arrivals=came, traffic=table(passed, Traffic, 0.0)
    )
    rate = of("commands_per_s", evidence)
    assert (rate.value, rate.low < 30 < rate.high) == (pytest.approx(30), True)
    assert of("connections_per_s", evidence).value == pytest.approx(1)
    assert of("tokens_per_s", evidence).value == pytest.approx(300)
    assert of("tokens_per_s.out", evidence).value == pytest.approx(100)
    # Two answers a second, each of 100 tokens at 2 and of 50 at 10 for a million.
    assert of("cost_per_min", evidence).value == pytest.approx(120 * (100 * 2 + 50 * 10) / 1e6)
    quiet = make_evidence(made, requests=[], attempts=attempts(0, 27), traffic=table([], Traffic, 0.0))
    for name in ("commands_per_s", "connections_per_s", "tokens_per_s", "cost_per_min"):
        assert of(name, quiet).value is None, name


@pytest.mark.parametrize(
    ("refused", "unknown"),
    [
        ("store", {"commands_per_s", "connections_per_s"}),
        ("provider", {"attempts_per_s", "attempt_error_ratio", "attempt_latency_ms.p95", "connections_per_s"}),
    ],
)
def test_where_nobody_listens_only_what_would_come_there_is_unknown(
    target: Target, make_evidence: Any, refused: str, unknown: set[str]
) -> None:
    limits = {
        "attempts_per_s": 40, "attempt_error_ratio": 0.9, "attempt_latency_ms.p95": 900, "commands_per_s": 90,
        "connections_per_s": 9,
    }  # fmt: skip
    said = scenario(
        expect=[f"{name} <= {limit} in fault" for name, limit in limits.items()],
        faults=[{"kind": "disconnect", "on": {"kind": refused}, "mode": "refuse"}],
    )
    made, problems = plan(said, target, tuple(map(expectation.parse, said.expect)))
    assert problems == []
    passed = [Traffic("store-east", n / 10, connections=n % 10 == 0, bytes_out=9, commands=3) for n in range(270)]
    evidence = make_evidence(
        made, requests=[], attempts=attempts(0, 27), arrivals=[], traffic=table(passed, Traffic, 0.0)
    )
    assert {name for name in limits if of(name, evidence).value is None} == unknown
    assert all(of(name, evidence, "baseline").value is not None for name in limits)
    unsettled = {
        str(one).partition(" ")[0] for one in made.expectations if metrics[one.metric].unsettled(made, one) is not None
    }
    assert unsettled == unknown


def test_what_was_under_way_when_the_clock_began_is_no_attempt_that_was_lost(
    make_watched: MakeWatched, make_plan: Any, make_evidence: Any
) -> None:
    own = make_evidence(make_watched(), requests=[], attempts=attempts(0, 27), accepted={"provider-east": 1})
    assert not any("they counted" in note for note in judge(own).quality.notes)
    sent = judge(make_evidence(make_plan(), accepted={"provider-east": 1}))
    assert "the edge wrote 0 attempts to the simulated providers, and they counted 1" in sent.quality.notes


# Probes beside it


@pytest.fixture(scope="module")
def probed(target: Target) -> Result:
    """A run of 20 s of errors, under 10 users a second and one probe a second."""
    said = scenario(
        PROBED,
        phases={"warmup": "1s", "baseline": "60s", "fault": "10s", "recovery": "45s"},
        good={"within": "3s", "ratio": 0.9},
        faults=[ERRORS],
        expect=["recovery_time_s <= 15", "attempt_error_ratio <= 0.05 in recovery"],
    )
    made, problems = plan(said, target, tuple(map(expectation.parse, said.expect)))
    assert problems == []
    return judge(run(made, Resilient))


def test_with_a_probe_a_second_a_recovery_is_measured(probed: Result) -> None:
    assert [finding.verdict for finding in probed.findings] == ["pass", "pass"], probed.reason
    assert probed.verdict == "pass", probed.reason
    assert sum(phase.requests for phase in probed.phases) == 116
    assert (probed.metrics["recovery_time_s"].value or 0) < 15


def test_what_probes_came_to_is_told_as_that_and_their_attempts_are_not_told_apart(probed: Result) -> None:
    assert "beside 1 probe request a second" in beside(probed)
    assert probed.metrics["retry_amplification"].value is None
    assert probed.quality.join_ratio is None
    assert not any(doubt.kind == "not_joined" for doubt in probed.doubts)
    asked = {check.question: check.said for check in checks(probed)}
    assert (asked["Did the harness send the load?"], asked["Did the load keep up?"]) == ("no", "yes")


def test_probes_that_nobody_answers_break_what_was_expected(make_watched: MakeWatched) -> None:
    made = make_watched(
        PROBED,
        phases={"warmup": "1s", "baseline": "40s", "fault": "20s", "recovery": "9s"},
        good={"within": "3s", "ratio": 0.8},
        faults=[ERRORS],
        expect=["good_ratio >= 0.8 in fault"],
    )
    result = judge(run(made))
    assert (result.verdict, result.findings[0].value) == ("fail", 0), result.reason


def test_an_empty_table_of_requests_has_its_columns(errors: tuple[Evidence, Result]) -> None:
    evidence, _ = errors
    assert isinstance(evidence.request_table, Table)
    assert {"good", "phase", "attempts"} <= set(evidence.requests.columns)
