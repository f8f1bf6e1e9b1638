"""Ground truth of fidelity: a run of ours, as a log, imported and run: the same service comes close to it, and another one does not."""

from __future__ import annotations

import json
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from incidents.synthetic import START_S, Stretch, csv_file, made, otlp, span
from simulated_world import Plain, Resilient, simulate

import harness
from harness.incidents.imported import Imported
from harness.judging.evidence import Evidence
from harness.judging.fidelity import bins
from harness.judging.result import Result
from harness.judging.scoring.fidelity import AGREE, APART, agreement, newcombe
from harness.judging.verdict import judge
from harness.planning.outline import outline
from harness.planning.plan import Plan
from harness.prepare import Asked, prepare
from harness.reading.expectation import parse
from harness.reading.recorded_curves import read_curve
from harness.record.history import Ended
from harness.report.headline import headline
from harness.report.page import page
from harness.report.summary import summary
from harness.running import loop
from harness.suites.turns import with_seed

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "scenarios" / "targets" / "fragile.yaml"
SCENARIO = {
    "schema": "harness.scenario/1",
    "name": "truth",
    "load": {"rate_per_s": 10, "arrivals": "poisson", "questions": str(ROOT / "scenarios/questions/facts.yaml")},
    "phases": {"warmup": "1s", "baseline": "24s", "fault": "20s", "recovery": "36s"},
    "faults": [
        {"kind": "http_error", "on": {"kind": "provider"}, "status": 503, "share": 0.4},
        {"kind": "latency", "on": {"kind": "provider"}, "base": "400ms"},
    ],
    "expect": ["good_ratio >= 0.5 in baseline"],
}


def planned(path: Path, *expect: str) -> Plan:
    return prepare(path, TARGET, Asked(expectations=expect), None).plan


def as_log(evidence: Evidence, path: Path) -> Path:
    """What a tracer would have written of a run: a span of a server for each request, and in it one of a client for each attempt."""
    requests, attempts, spans = evidence.requests, evidence.attempts, []
    for row in requests.itertuples():
        said = {"http.request.method": "POST", "http.response.status_code": 200 if row.outcome == "complete" else 502}
        spans.append(span(row.index + 1, START_S + row.due_s, 1000 * (row.end_s - row.due_s), said, kind=2))
    for number, row in enumerate(attempts.itertuples(), start=len(spans) + 1):
        said = {"http.request.method": "POST", "server.address": "llm", "http.response.status_code": int(row.status)}
        inside = {"trace": row.request + 1, "parentSpanId": f"{row.request + 1:016x}"}
        spans.append(span(number, START_S + row.start_s, 1000 * (row.end_s - row.start_s), said, **inside))
    path.write_text(otlp(spans))
    return path


class Truth(NamedTuple):
    """A run that was the incident, what its log was imported into, and the plan of that."""

    incident: Evidence
    imported: Imported
    plan: Plan
    path: Path


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    folder = tmp_path_factory.mktemp("truth")
    (folder / "truth.yaml").write_text(json.dumps(SCENARIO))
    incident = simulate(planned(folder / "truth.yaml"), Plain, 1, loop.run)
    out = folder / "incident.yaml"
    imported = harness.import_(as_log(incident, folder / "log.json"), out=out)
    return Truth(incident, imported, planned(out, "fidelity >= 0.9"), out)


@pytest.fixture(scope="module")
def again(truth: Truth) -> tuple[Evidence, Result]:
    evidence = simulate(truth.plan, Plain, 2, loop.run)
    return evidence, judge(evidence)


@pytest.fixture(scope="module")
def otherwise(truth: Truth) -> tuple[Evidence, Result]:
    """A run of a service that tries again elsewhere what fails."""
    evidence = simulate(truth.plan, Resilient, 2, loop.run)
    return evidence, judge(evidence)


def test_what_was_a_run_of_ours_and_is_imported_and_run_comes_close_to_itself(again: tuple[Evidence, Result]) -> None:
    evidence, result = again
    found, every = result.fidelity, bins(evidence)
    assert found is not None
    low, high = newcombe(every.run.failed, every.run.came, every.logged.failed, every.logged.came)
    assert every.width_s == 5
    assert ((low <= 0) & (high >= 0)).mean() >= 0.9
    assert [edge.phase for edge in found.edges] == ["outage", "recovery"]
    assert all(edge.shift_s is not None and abs(edge.shift_s) <= 1 for edge in found.edges)
    assert found.latency_ratio == pytest.approx(1, abs=0.1)
    assert found.rate_ratio == pytest.approx(1, abs=0.01)
    assert [finding.verdict for finding in result.findings if finding.metric == "fidelity"] == ["pass"]


def test_a_service_that_answers_otherwise_is_far_from_it_and_it_is_said_where(
    otherwise: tuple[Evidence, Result],
) -> None:
    found = (result := otherwise[1]).fidelity
    assert found is not None
    assert [finding.verdict for finding in result.findings if finding.metric == "fidelity"] == ["fail"]
    assert found.apart_most[0].startswith("in outage, ")
    assert "failed, this run" in found.apart_most[0]
    assert found.said.startswith("recorded curve: ")
    assert "The run was close to the recorded curve in 0 % of the time (broken or not, whichever is less)" in headline(
        result
    )


def held_against(truth: Truth, run: Evidence, rows: list[str]) -> Result:
    """What *run* comes to where other *rows* had been recorded."""
    path = truth.path.with_name("other.recorded.csv")
    path.write_text("\n".join(["second,requests,failed,p50_ms", *rows]) + "\n")
    return judge(replace(run, plan=replace(run.plan, logged=read_curve(path)), _made={}))


def test_what_was_not_recorded_is_left_out_and_said(truth: Truth, again: tuple[Evidence, Result]) -> None:
    assert truth.plan.logged is not None
    rows = [f"{one.second},{one.came},{one.failed}," for one in truth.plan.logged.seconds if one.second >= 40]
    found = held_against(truth, again[0], rows).fidelity
    assert found is not None
    assert found.seconds == {"held": 40, "not_recorded": 38, "not_run": 0}
    assert found.while_broken.agree + found.while_well.agree == 8
    assert [(edge.phase, edge.shift_s) for edge in found.edges if edge.logged_s is not None] == [("recovery", 0.0)]


def test_where_too_little_was_recorded_nothing_is_ever_close(truth: Truth, again: tuple[Evidence, Result]) -> None:
    thin = [second for second in range(80) if second % 20 == 0]
    result = held_against(truth, again[0], [f"{second},1,0," for second in thin])
    (finding,) = (one for one in result.findings if one.metric == "fidelity")
    assert (finding.verdict, finding.value) == ("inconclusive", None)
    assert finding.remark == "too little was recorded, run or answered there to say how close it came"


def test_of_a_curve_of_which_nothing_can_be_said_nothing_is_measured() -> None:
    none = np.zeros(8, np.int64)
    assert agreement(none, none > 0).value is None
    few = np.array([AGREE, AGREE, AGREE])
    assert agreement(few, few < 0).value is None
    unknown = np.array([AGREE] * 8 + [0, 0])
    found = agreement(unknown, np.arange(10) >= 8)
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)


def test_a_long_time_in_which_all_is_well_hides_no_outage_and_chance_alone_is_no_failure() -> None:
    states = np.array([AGREE] * 96 + [APART] * 4)
    broken = np.arange(100) >= 96
    assert agreement(states, broken).high < 0.5
    assert agreement(states, broken < 0).high == 1
    assert agreement(states, broken < 0).value == 0.96


def test_of_a_run_that_was_cut_short_what_was_not_run_is_left_out(again: tuple[Evidence, Result]) -> None:
    evidence, _ = again
    cut = replace(evidence, history=(*evidence.history[:-1], Ended(30.0, "interrupted")), _made={})
    found = judge(cut).fidelity
    assert found is not None
    assert found.seconds["not_run"] == 50
    assert found.while_broken.agree + found.while_broken.apart <= 1


def test_a_curve_of_calls_is_held_against_the_attempts_that_the_service_made(
    truth: Truth, again: tuple[Evidence, Result], otherwise: tuple[Evidence, Result]
) -> None:
    rows = truth.incident.attempts
    log = truth.path.parent / "calls.csv"
    lines = [
        f"{START_S + row.start_s:.3f},{1000 * (row.end_s - row.start_s):.1f},{int(row.status)}"
        for row in rows.itertuples()
    ]
    log.write_text("\n".join(["start,duration_ms,status", *lines]) + "\n")
    out = truth.path.parent / "calls.yaml"
    assert "a run's attempts are held" in harness.import_(log, out=out).scenario
    plan = planned(out)
    plan = replace(plan, expectations=(parse("fidelity.rate >= 0.9"), parse("fidelity.errors >= 0.9")))
    for evidence, verdict in ((again[0], "pass"), (otherwise[0], "fail")):
        # Its load is the same, and so are its faults but for what is told of them from calls.
        result = judge(replace(evidence, plan=replace(plan, disturbances=evidence.plan.disturbances), _made={}))
        assert result.fidelity is not None
        assert result.fidelity.of == "calls"
        # Who tries again makes more attempts than there were calls, of which as many fail.
        assert [one.verdict for one in result.findings] == [verdict, "pass"]
        assert "since the curve is of calls" in result.findings[0].remark


def test_hours_in_minutes_keep_their_shares_and_are_come_close_to_by_what_all_that_was_logged_says(
    tmp_path: Path,
) -> None:
    log = csv_file(
        tmp_path / "log.csv", made([Stretch(120, {}, 560), Stretch(240, {"503": 0.4}, 560), Stretch(420, {}, 560)], 10)
    )
    harness.import_(log, out=tmp_path / "i.yaml", compress=5)
    plan = planned(tmp_path / "i.yaml", "fidelity >= 0.9")
    assert plan.logged is not None
    assert sum(one.came for one in plan.logged.seconds) == pytest.approx(4200, rel=0.1)
    assert np.mean([one.per_s for one in plan.logged.seconds]) == pytest.approx(10, rel=0.1)
    result = judge(simulate(plan, Plain, 2, loop.run))
    assert result.fidelity is not None
    assert result.fidelity.failed_run == pytest.approx(result.fidelity.failed_logged, abs=0.05)
    assert [one.verdict for one in result.findings if one.metric == "fidelity"] == ["pass"]


def test_what_is_made_up_is_not_in_the_curve(tmp_path: Path) -> None:
    log = csv_file(tmp_path / "log.csv", made([Stretch(30, {"503": 0.5}), Stretch(80)], 12))
    found = harness.import_(log, out=tmp_path / "i.yaml")
    made_up_s = sum(one.made_up_s for one in found.course.stretches)
    seconds = [one.second for one in read_curve(tmp_path / "i.recorded.csv").seconds]
    assert (made_up_s, seconds[0]) == (15, 15)


def test_close_to_what_is_refused_where_the_scenario_names_no_curve_and_the_result_has_no_such_number(
    truth: Truth, again: tuple[Evidence, Result]
) -> None:
    path = truth.path.with_name("without.yaml")
    path.write_text(truth.path.read_text().replace("recorded: ", "# recorded: "))
    with pytest.raises(
        harness.UsageProblems,
        match="names no recorded curve, so there is nothing to come close to; write recorded: FILE",
    ):
        planned(path, "fidelity >= 0.9")
    bare = judge(replace(again[0], plan=planned(path), _made={}))
    assert ("fidelity" in bare.metrics, bare.fidelity) == (False, None)


def test_a_scenario_with_phases_cut_down_is_warned_of_and_one_that_never_meets_its_curve_refused(truth: Truth) -> None:
    short = Asked(overrides=("phases.recovery=31s",))
    assert any("ends at 80 s" in str(one) for one in prepare(truth.path, TARGET, short, None).warnings)
    truth.path.with_name("late.recorded.csv").write_text("second,requests,failed\n500,20,0\n")
    with pytest.raises(harness.UsageProblems, match="nothing could be held against it"):
        prepare(truth.path, TARGET, Asked(overrides=("recorded=late.recorded.csv",)), None)


def test_what_would_be_run_says_against_what_it_is_held(truth: Truth) -> None:
    assert any(
        line.endswith("incident.recorded.csv: 80 s of requests that were recorded") for line in outline(truth.plan)
    )


def test_the_report_draws_both_and_says_where_they_part(otherwise: tuple[Evidence, Result]) -> None:
    evidence, result = otherwise
    html = page(result, evidence)
    assert html.count('id="lane-recorded-') == 3
    assert result.fidelity is not None
    assert f"<li>{result.fidelity.apart_most[0]}</li>" in html
    assert "; outage recorded " in html  # what is drawn, in words
    assert 'id="beside-recorded"' not in page(result.model_copy(update={"fidelity": None}), evidence)
    assert "recorded curve: 0 of 4 bins" in summary(result)


def test_another_seed_of_a_scenario_is_held_against_the_same_curve(truth: Truth) -> None:
    prepared = prepare(truth.path, TARGET, Asked(), None)
    assert with_seed(prepared, 99).plan.logged == prepared.plan.logged is not None
    assert with_seed(prepared, 99).recorded_sha256 == prepared.recorded_sha256 != ""


def test_a_curve_without_the_outage_settles_nothing_of_the_whole_run(
    truth: Truth, again: tuple[Evidence, Result]
) -> None:
    evidence, _ = again
    (outage,) = [phase for phase in evidence.plan.phases if phase.name == "outage"]
    assert evidence.plan.logged is not None
    rows = [
        f"{one.second},{one.came},{one.failed},{'' if isnan(one.p50_ms) else one.p50_ms}"
        for one in evidence.plan.logged.seconds
        if not outage.start_s - 5 <= one.second < outage.end_s + 5
    ]
    result = held_against(truth, evidence, rows)
    (found,) = [finding for finding in result.findings if finding.metric == "fidelity"]
    assert (found.verdict, found.low) == ("inconclusive", 0.0)
    assert result.fidelity is not None
    assert "nothing is known of the time in which something is broken" in result.fidelity.said
