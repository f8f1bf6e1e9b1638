"""A limiter lets a burst through and then its rate, whoever asks it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.limiter import RateLimiter


def test_a_burst_is_allowed_at_once_and_no_more() -> None:
    limiter = RateLimiter(per_min=120, burst=2)

    said = [limiter.ask(10.0) for _ in range(3)]

    assert [allowance.allowed for allowance in said] == [True, True, False]
    assert [allowance.remaining for allowance in said] == [1, 0, 0]
    assert [allowance.retry_s for allowance in said] == pytest.approx([0, 0.5, 0.5])
    assert [allowance.reset_s for allowance in said] == pytest.approx([0.5, 1.0, 1.0])


def test_who_comes_again_when_told_to_is_allowed_and_who_comes_sooner_is_not() -> None:
    limiter = RateLimiter(per_min=60, burst=1)
    limiter.ask(0.0)
    told_s = limiter.ask(0.25).retry_s

    assert told_s == pytest.approx(0.75)
    assert not limiter.ask(0.25 + told_s - 0.001).allowed
    assert limiter.ask(0.25 + told_s).allowed


def test_a_denied_attempt_uses_nothing_up() -> None:
    limiter = RateLimiter(per_min=60, burst=1)
    limiter.ask(0.0)
    for tenth in range(1, 10):
        assert not limiter.ask(tenth / 10).allowed
    assert limiter.ask(1.0).allowed


@given(
    gaps_s=st.lists(st.floats(0, 5), min_size=1, max_size=80),
    requests_per_min=st.floats(1, 6000),
    burst=st.integers(1, 20),
)
def test_no_stretch_of_time_holds_more_than_its_burst_and_its_rate(
    gaps_s: list[float], requests_per_min: float, burst: int
) -> None:
    limiter, now_s, allowed_s = RateLimiter(requests_per_min, burst), 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        allowance = limiter.ask(now_s)
        assert 0 <= allowance.remaining < burst
        assert (allowance.retry_s > 0) == (allowance.remaining == 0)
        if allowance.allowed:
            allowed_s.append(now_s)

    for first, start_s in enumerate(allowed_s):
        for last, end_s in enumerate(allowed_s[first:], first):
            assert last - first + 1 <= burst + (end_s - start_s) * requests_per_min / 60 + 1e-6


@given(
    asked=st.lists(st.tuples(st.floats(0, 5), st.integers(1, 60)), min_size=1, max_size=60),
    per_min=st.floats(10, 60_000),
    burst=st.integers(1, 50),
)
def test_no_stretch_of_time_holds_more_than_its_burst_and_its_rate_whatever_each_costs(
    asked: list[tuple[float, int]], per_min: float, burst: int
) -> None:
    limiter, now_s, let_through = RateLimiter(per_min, burst), 0.0, []
    for gap_s, cost in asked:
        now_s += gap_s
        allowance = limiter.ask(now_s, cost)
        assert 0 <= allowance.remaining <= burst
        assert (allowance.retry_s == math.inf) == (cost > burst)
        if allowance.allowed:
            let_through.append((now_s, cost))
        elif allowance.retry_s < math.inf:
            # Who waits as long as it is told is let through, and nobody is told more than that takes.
            assert limiter.look(now_s + allowance.retry_s + 1e-6, cost).allowed
            assert not limiter.look(now_s + allowance.retry_s * 0.99 - 1e-6, cost).allowed

    for first, (start_s, _) in enumerate(let_through):
        total = 0
        for end_s, cost in let_through[first:]:
            total += cost
            assert total <= burst + (end_s - start_s) * per_min / 60 + 1e-6
