"""What is found in logs whose truth is known: change points, shares, latency, two faults at once, and nothing where there was nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from incidents.synthetic import START_S, Made, Stretch, csv_file, made, otlp_file

from harness.incidents.calls import OK, Call, Calls, at_once
from harness.incidents.imported import Imported, ImportOptions, imported
from harness.incidents.segments import edges
from harness.problems import UsageProblems

INCIDENT = (
    Stretch(40),
    Stretch(60, {"503": 0.25}, 900),
    Stretch(90, {"503": 0.5, "429": 0.2}, 1500),
    Stretch(110, {"503": 0.25}, 900),
    Stretch(160),
)
WRITERS: list[Callable[[Path, Sequence[Made]], Path]] = [csv_file, otlp_file]


def found(path: Path, **wanted: Any) -> Imported:
    return imported([path], ImportOptions(**wanted), path.with_suffix(".yaml"))


@pytest.fixture(scope="module", params=WRITERS, ids=["csv", "otlp"])
def incident(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return found(request.param(tmp_path_factory.mktemp("logs") / "log", made(INCIDENT, 40)))


def test_each_change_is_found_within_a_second_and_has_its_name(incident: Imported) -> None:
    assert [phase.name for phase in incident.phases] == ["baseline", "onset", "outage", "return", "recovery"]
    changes = [phase.start_s - START_S for phase in incident.phases[1:]]
    assert changes == pytest.approx([40, 60, 90, 110], abs=1.0)


def _hit(incident: Imported, at: str) -> dict[object, float]:
    """The share of all calls of a phase that each error is to be given to, whatever those before it have left."""
    left, shares = 1.0, {}
    for fault in (fault for fault in incident.faults if fault.at == at and fault.kind == "http_error"):
        shares[fault.settings["status"]] = left * float(str(fault.settings.get("share", 1.0)))
        left -= shares[fault.settings["status"]]
    return shares


@pytest.mark.parametrize(
    ("at", "truth"), [("onset", {503: 0.25}), ("outage", {503: 0.5, 429: 0.2}), ("return", {503: 0.25})]
)
def test_shares_of_errors_lie_within_their_binomial_interval_two_at_once_too(
    incident: Imported, at: str, truth: dict[int, float]
) -> None:
    phase = next(phase for phase in incident.phases if phase.name == at)
    size = incident.log.calls.between(phase.start_s, phase.end_s).size
    shares = _hit(incident, at)
    assert set(shares) == set(truth)
    for status, share in truth.items():
        assert abs(shares[status] - share) <= 2.81 * sqrt(share * (1 - share) / size) + 0.001, (at, status)


def test_answers_are_made_as_late_as_they_were(incident: Imported) -> None:
    late = {fault.at: fault.settings for fault in incident.faults if fault.kind == "latency"}
    assert set(late) == {"onset", "outage", "return"}
    for at, truth_ms in (("onset", 300), ("outage", 900), ("return", 300)):
        base = str(late[at]["base"])
        base_ms = float(base.removesuffix("ms")) if base.endswith("ms") else 1e3 * float(base.removesuffix("s"))
        assert 600 + base_ms == pytest.approx(600 + truth_ms, rel=0.1)


def test_a_fault_tells_the_counts_that_it_was_told_by(incident: Imported) -> None:
    outage = next(phase for phase in incident.phases if phase.name == "outage")
    here = incident.log.calls.between(outage.start_s, outage.end_s)
    share = 100 * float((here.came_to == 503).mean())
    assert f"# {share:.1f} % of {here.size:,} calls were 503 here; 0.0 % of" in incident.scenario


@pytest.mark.parametrize("seed", range(5))
def test_of_an_even_log_all_is_baseline_and_nothing_is_broken(tmp_path: Path, seed: int) -> None:
    even = found(csv_file(tmp_path / "log.csv", made([Stretch(100, {"500": 0.03})], 20, seed)))
    assert [phase.name for phase in even.phases] == ["baseline"]
    assert even.faults == ()
    assert not any("by its name in the log" in note for note in even.notes)
    assert "Nothing that a fault could be made of" in even.scenario


@pytest.mark.parametrize("share", [0.2, 0.45, 1.0])
def test_a_log_that_is_all_of_an_outage_has_no_other_phase_and_its_fault(tmp_path: Path, share: float) -> None:
    log = found(csv_file(tmp_path / "log.csv", made([Stretch(60, {"503": share})], 20)))
    assert [phase.name for phase in log.phases] == ["outage"]
    assert [fault.kind for fault in log.faults] == ["http_error"]
    assert [stretch.logged.name for stretch in log.course.stretches] == ["baseline", "outage", "recovery"]


def test_failures_that_come_in_clumps_are_no_phase() -> None:
    rng = np.random.default_rng(5)
    clumps = rng.uniform(0, 600, 40)
    at_s = np.sort(rng.uniform(0, 600, 6000))
    bad = (np.abs(at_s[:, None] - clumps[None, :]).min(axis=1) < 0.15) & (rng.random(at_s.size) < 0.6)
    calls = at_once(Call(START_S + at, 503 if failed else 0, 500.0) for at, failed in zip(at_s, bad, strict=True))
    assert len(edges(calls)) <= 2


def test_what_lasts_less_than_a_second_within_an_outage_is_no_phase(tmp_path: Path) -> None:
    blip = [
        Stretch(30),
        Stretch(50, {"503": 0.5}),
        Stretch(50.6, {"timeout": 1.0}),
        Stretch(75, {"503": 0.5}),
        Stretch(110),
    ]
    log = found(csv_file(tmp_path / "log.csv", made(blip, 30)))
    assert len(edges(log.log.calls)) == 4
    assert min(phase.span_s for phase in log.phases) >= 1
    assert [phase.name for phase in log.phases][0::3] == ["baseline", "recovery"]


def test_one_silent_moment_between_two_outages_is_a_lull(tmp_path: Path) -> None:
    flapping = [Stretch(30), Stretch(50, {"503": 0.6}), Stretch(80), Stretch(100, {"503": 0.6}), Stretch(140)]
    log = found(csv_file(tmp_path / "log.csv", made(flapping, 20)))
    assert [phase.name for phase in log.phases] == ["baseline", "outage", "lull", "outage-2", "recovery"]
    assert {fault.at for fault in log.faults} == {"outage", "outage-2"}


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_model_with_few_calls_is_hit_as_the_others_of_its_link_where_its_share_is_no_other(
    tmp_path: Path, seed: int
) -> None:
    hit = [Stretch(30), Stretch(60, {"503": 0.12}), Stretch(100)]
    calls = [
        *made(hit, 5, seed, link="api.openai.com", model="gpt-4o"),
        *made(hit, 1.5, seed + 100, link="api.openai.com", model="gpt-4o-mini"),
    ]
    log = found(csv_file(tmp_path / "log.csv", sorted(calls)))
    assert [dict(fault.on) for fault in log.faults] == [{"kind": "provider"}]


def test_only_the_link_and_the_model_that_were_hit_are(tmp_path: Path) -> None:
    hit = [Stretch(30), Stretch(60, {"503": 0.5}), Stretch(110)]
    well = [Stretch(110)]
    calls = [
        *made(hit, 15, 1, link="api.openai.com", model="gpt-4o"),
        *made(well, 15, 2, link="api.openai.com", model="gpt-4o-mini"),
        *made(well, 15, 3, link="api.anthropic.com", model="claude"),
    ]
    log = found(csv_file(tmp_path / "log.csv", sorted(calls)))
    assert [dict(fault.on) for fault in log.faults] == [{"link": "api-openai-com", "model": "gpt-4o"}]
    assert "api-openai-com (api.openai.com)" in log.scenario
    assert any("by its name in the log (gpt-4o)" in note for note in log.notes)
    renamed = found(tmp_path / "log.csv", links={"api.openai.com": "east"})
    assert "east (api.openai.com)" not in renamed.scenario, "it has the name that it was given"
    assert [dict(fault.on) for fault in renamed.faults] == [{"link": "east", "model": "gpt-4o"}]
    with pytest.raises(
        UsageProblems, match=r"--link: the log has no dependency 'api.opnai.com'; did you mean 'api.openai.com'\?"
    ):
        found(tmp_path / "log.csv", links={"api.opnai.com": "east"})


def test_calls_that_ran_out_of_time_are_answers_later_than_anybody_waited(tmp_path: Path) -> None:
    log = found(csv_file(tmp_path / "log.csv", made([Stretch(40), Stretch(70, {"timeout": 0.4}), Stretch(120)], 20)))
    (fault,) = log.faults
    assert (fault.kind, fault.settings["base"]) == ("latency", "12s")
    assert float(str(fault.settings["share"])) == pytest.approx(0.4, abs=0.06)


def test_where_nothing_was_answered_any_more_there_is_silence_or_nobody(tmp_path: Path) -> None:
    log = found(csv_file(tmp_path / "log.csv", made([Stretch(40), Stretch(70, {"timeout": 1.0}), Stretch(120)], 20)))
    assert [fault.kind for fault in log.faults] == ["blackhole"]
    log = found(
        csv_file(tmp_path / "log.csv", made([Stretch(40), Stretch(70, {"connect_error": 1.0}), Stretch(120)], 20))
    )
    assert [(fault.kind, fault.settings) for fault in log.faults] == [("disconnect", {"mode": "refuse"})]


def test_of_a_log_in_which_all_failed_all_is_outage(tmp_path: Path) -> None:
    incident = found(csv_file(tmp_path / "log.csv", made([Stretch(60, {"503": 1.0})], 15)))
    assert [phase.name for phase in incident.phases] == ["outage"]
    assert [(fault.kind, fault.settings["status"]) for fault in incident.faults] == [("http_error", 503)]


def counted(came_to: Sequence[int], every_s: float = 1.0) -> Calls:
    """A call every so many seconds, with latencies that vary by chance."""
    took_ms = 500 * np.exp(0.3 * np.random.default_rng(3).standard_normal(len(came_to)))
    return at_once(Call(START_S + every_s * at, one, took_ms[at]) for at, one in enumerate(came_to))


@pytest.mark.parametrize(("before", "bad", "after"), [(35, 20, 35), (37, 20, 33), (20, 20, 20), (45, 8, 37)])
def test_an_outage_in_a_small_log_is_no_chance(before: int, bad: int, after: int) -> None:
    found = edges(counted([OK] * before + [503] * bad + [OK] * after))
    assert [at - START_S for at in found] == [before, before + bad]


def test_of_a_small_log_in_which_now_and_then_something_fails_there_is_no_edge() -> None:
    for seed in range(10):
        bad = np.random.default_rng(seed).random(90) < 0.1
        assert edges(counted([503 if one else OK for one in bad])) == [], seed


def test_connections_that_were_refused_where_others_failed_hide_nothing_of_those(tmp_path: Path) -> None:
    calls = []
    for number in range(3000):
        status = ("503", "503", "refused", "503", "refused")[number % 5] if 40 <= number / 20 < 90 else "200"
        calls.append(Made(START_S + number / 20, 500.0, status))
    log = found(csv_file(tmp_path / "log.csv", calls))
    assert [(fault.kind, fault.settings.get("share")) for fault in log.faults] == [
        ("http_error", pytest.approx(0.6, abs=0.02)),
        ("hang_up", None),
    ]


def test_a_fault_of_one_model_is_of_what_one_of_all_has_left(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    calls = []
    for number in range(3000):
        at_s, model, status = START_S + number / 20, "ab"[number % 2], "200"
        if 40 <= number / 20 < 90:
            both, one = rng.random(2)
            status = "503" if both < 0.5 else "429" if model == "a" and one < 0.6 else "200"
        calls.append(Made(at_s, 500.0, status, model=model))
    log = found(csv_file(tmp_path / "log.csv", calls))
    shares = {(fault.settings["status"], fault.on.get("model")): fault.settings["share"] for fault in log.faults}
    assert shares == {(503, None): pytest.approx(0.5, abs=0.05), (429, "a"): pytest.approx(0.6, abs=0.07)}
