from __future__ import annotations

from math import inf

import numpy as np

from harness.scoring.interval import UNMEASURED
from harness.scoring.latency import latency_ms, since_due_ms, ttft_ms


def test_latency_counts_from_when_the_request_was_due() -> None:
    assert list(since_due_ms([0.0, 1.0], [0.25, 3.0], [True, True])) == [250, 2000]


def test_what_did_not_complete_has_no_latency() -> None:
    due_s, end_s = np.zeros(4), np.array([0.3, 0.001, 10.0, np.nan])
    assert list(since_due_ms(due_s, end_s, [True, False, False, True])) == [300]


def test_an_outage_does_not_look_fast() -> None:
    due_s = np.zeros(1_000)
    end_s, completed = np.where(np.arange(1_000) < 500, 0.3, 0.001), np.arange(1_000) < 500
    assert latency_ms(since_due_ms(due_s, end_s, completed), 0.5).value == 300
    assert latency_ms(since_due_ms(due_s, end_s, np.ones(1_000)), 0.4).value == 1


def test_nothing_completed_is_unmeasured_and_few_have_no_upper_bound() -> None:
    assert latency_ms([], 0.95) == UNMEASURED
    assert ttft_ms([250.0, 300.0], 0.95).high == inf
    assert ttft_ms(np.arange(1_000.0), 0.5).value == 499
