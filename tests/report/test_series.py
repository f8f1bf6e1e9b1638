"""What the charts draw, held against the rows it was made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from harness.record.columns import Table
from harness.report.series import POINTS_MOST, Bins, Stretch, _apart, timeline, tries


def spread(bins: Bins, rates) -> float:
    """How many there are in all."""
    return float(np.dot([rate or 0.0 for rate in rates], np.diff(bins.edges_s)))


def test_every_request_is_in_one_bin(failing, passing, cut_short) -> None:
    for made in (failing, passing, cut_short):
        rows, drawn = made.evidence.requests, timeline(made.evidence)
        assert spread(drawn.bins, drawn.offered) == pytest.approx(len(rows))
        assert spread(drawn.bins, drawn.good) == pytest.approx(rows["good"].sum())


def test_a_rate_is_a_second_however_long_its_bin() -> None:
    assert Bins(10, 5).per_s([1, 2, 3, 4, 6]) == (0.8, 0.2)
    assert Bins(3, 2).per_s([0.5, 2.5]) == (0.5, 1.0)


def test_a_short_rest_joins_the_bin_before_it() -> None:
    assert Bins(21.3, 1.0).n == 21
    assert Bins(21.7, 1.0).n == 22
    assert Bins(21.3, 1.0).edges_s[-1] == 21.3


def test_instants_outside_and_no_instants_are_in_no_bin() -> None:
    assert list(Bins(10, 1).places([-0.1, 0, 9.99, 10, 10.1, np.nan])) == [-1, 0, 9, 9, -1, -1]


def test_a_fault_that_takes_good_answers_is_seen_when_it_was_there(failing, undisturbed) -> None:
    drawn = timeline(failing.evidence)
    assert drawn.good[17] < 0.7 * drawn.offered[17]
    assert drawn.good[10] == drawn.offered[10]
    calm = timeline(undisturbed.evidence)
    assert calm.good == calm.offered


def test_what_the_health_url_said_is_the_share_of_its_looks_in_each_bin(failing) -> None:
    assert timeline(failing.evidence).healthy == ()
    looks = pd.DataFrame({"start_s": [0.0, 0.5, 1.0, 1.5, 3.0], "healthy": [True, True, True, False, False]})
    drawn = timeline(replace(failing.evidence, health_checks=looks, _made={}))
    assert drawn.healthy[:5] == (1.0, 0.5, None, 0.0, None)


def test_where_no_answer_was_complete_there_is_no_latency(failing) -> None:
    rows, drawn = failing.evidence.requests, timeline(failing.evidence)
    for second, p50 in enumerate(drawn.p50_ms):
        inside = rows[(rows["due_s"] >= second) & (rows["due_s"] < second + 1)]["latency_ms"].dropna()
        assert (p50 is None) == inside.empty
        assert p50 is None or p50 == pytest.approx(inside.median())
    assert None in drawn.p50_ms


def test_a_window_of_amplification_never_mixes_two_phases(failing) -> None:
    drawn = timeline(failing.evidence)
    starts = [window.start_s for window in drawn.amplification]
    assert {0.0, 3.0, 15.0, 30.0} <= set(starts)
    assert sum(window.n for window in drawn.amplification) == len(failing.evidence.requests)
    assert drawn.amplification_at()[16] > 3
    assert drawn.amplification_at()[10] == 1


def test_amplification_is_unmeasured_while_a_fault_hides_attempts(refused, failing) -> None:
    hidden = [window for window in timeline(refused.evidence).amplification if window.value is None]
    assert [(window.start_s, window.end_s) for window in hidden] == [(15, 20), (20, 25), (25, 30)]
    assert all(window.value is not None for window in timeline(failing.evidence).amplification)
    assert [phase.phase for phase in tries(refused.evidence) if not phase.seen] == ["fault"]


def test_the_snapshots_change_when_they_did_and_the_entries_are_apart_in_between(diverging, failing) -> None:
    drawn = timeline(diverging.evidence)
    east, west = ([s for s in drawn.versions[entry] if s.version is not None] for entry in ("east", "west"))
    assert [s.version for s in east] == [41, 42]
    assert east[1].start_s == pytest.approx(18.1, abs=0.3)
    assert west[1].start_s == pytest.approx(30.4, abs=0.3)
    (span,) = drawn.apart
    assert span == pytest.approx((18.1, 30.4), abs=0.4)
    assert timeline(failing.evidence).apart == ()


def test_entries_that_agree_are_not_apart_and_one_that_mixes_two_is() -> None:
    assert _apart({"east": (Stretch(0, 9, 1),), "west": (Stretch(0, 9, 1),)}) == ()
    assert _apart({"east": (Stretch(0, 4, 1), Stretch(4, 9, None))}) == ((4, 9),)


def test_a_run_that_was_cut_short_ends_when_its_last_request_was_sent(cut_short) -> None:
    drawn = timeline(cut_short.evidence)
    assert drawn.bins.until_s == pytest.approx(21.3, abs=0.1)
    assert drawn.end_s == 50
    assert max(value or 0 for value in drawn.attempts) < 100


def test_without_a_request_there_is_nothing_to_draw(unheard) -> None:
    assert timeline(unheard.evidence) is None


def test_a_long_run_has_no_more_points_than_can_be_seen(story, tell, monkeypatch) -> None:
    made = tell(story(rate=0.5))
    rows = made.evidence.requests.copy()
    rows["due_s"] *= 80
    plan = made.evidence.plan
    longer = type(plan)(
        plan.scenario, plan.target, plan.seed, tuple(_stretched(plan.phases, 80)), plan.disturbances, plan.expectations
    )
    evidence = type(made.evidence)(
        longer,
        made.evidence.begun,
        made.evidence.history,
        Table.of(rows),
        made.evidence.attempt_table,
        made.evidence.arrival_table,
    )
    drawn = timeline(evidence)
    assert drawn.bins.n <= POINTS_MOST
    assert len(drawn.amplification) <= POINTS_MOST
    assert spread(drawn.bins, drawn.offered) == pytest.approx(len(rows))


def _stretched(phases, times):
    return [type(phase)(phase.name, phase.start_s * times, phase.end_s * times) for phase in phases]


def test_tries_add_up_to_the_attempts_that_were_joined(failing, passing) -> None:
    for made in (failing, passing):
        found = tries(made.evidence)
        assert sum(phase.attempts for phase in found) == (made.evidence.attempts["request"] >= 0).sum()
        assert sum(phase.requests for phase in found) == len(made.evidence.requests)
        assert sum(phase.arrived for phase in found) == len(made.evidence.arrivals)
    fault = next(phase for phase in tries(passing.evidence) if phase.phase == "fault")
    assert fault.by_layer["failover"] > 0
    assert fault.by_layer["sdk"] == 0
