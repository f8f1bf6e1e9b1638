"""A rate that changes: how many requests it makes due, and when."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.planning.curve import Linear, Sine, Stretch, due_between, due_in_all, most_per_s, per_s_at, when_due
from harness.planning.schedule import Schedule

RATES = st.floats(0, 500)
SPANS = st.floats(0.1, 100)
LINES = st.builds(Linear, SPANS, RATES, RATES)
SINES = st.builds(Sine, SPANS, st.floats(0.1, 200), st.floats(0.01, 1), st.floats(0.5, 60), st.floats(0, 60))
CURVES = st.lists(LINES | SINES, min_size=1, max_size=4).map(tuple)


def due(curve: tuple[Stretch, ...], numbers: Any) -> list[float]:
    return list(when_due(curve, map(float, numbers)))


@given(CURVES, st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_so_many_as_are_due_until_a_moment_are_due_at_it(curve: tuple[Stretch, ...], shares: list[float]) -> None:
    whole = due_in_all(curve)
    numbers = sorted(share * whole for share in shares)
    times = list(when_due(curve, numbers))
    assert len(times) == len(numbers) or not whole
    assert times == sorted(times)
    for number, at_s in zip(numbers, times, strict=bool(whole)):
        assert due_between(curve, 0.0, at_s) == pytest.approx(number, rel=1e-6, abs=1e-6)


@given(CURVES)
def test_what_is_due_is_the_sum_of_its_rates(curve: tuple[Stretch, ...]) -> None:
    span_s = sum(stretch.span_s for stretch in curve)
    steps = 2_000
    summed = sum(per_s_at(curve, span_s * (step + 0.5) / steps) for step in range(steps)) * span_s / steps
    assert due_in_all(curve) == pytest.approx(summed, rel=0.01, abs=most_per_s(curve) * span_s / 500)
    assert max(per_s_at(curve, span_s * step / 200) for step in range(200)) <= most_per_s(curve) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("curve", "numbers", "times_s"),
    [
        ((Linear(10, 2, 2),), [0, 1, 19, 20], [0.0, 0.5, 9.5, 10.0]),
        ((Linear(1, 2, 2), Linear(1, 4, 4)), [1, 2, 3, 4, 6], [0.5, 1.0, 1.25, 1.5, 2.0]),
        ((Linear(1, 2, 2), Linear(5, 0, 0), Linear(1, 2, 2)), [1, 2, 3], [0.5, 1.0, 6.5]),
        ((Linear(5, 0, 0), Linear(1, 2, 2)), [0, 1], [5.0, 5.5]),
        ((Linear(10, 0, 2),), [0, 2.5, 10], [0.0, 5.0, 10.0]),
        ((Linear(10, 2, 0),), [7.5, 10], [5.0, 10.0]),
        ((Sine(10, 3, 1.0, 10),), [30], [10.0]),
    ],
)
def test_requests_are_due_where_the_sum_of_the_rate_reaches_them(
    curve: tuple[Stretch, ...], numbers: list[float], times_s: list[float]
) -> None:
    assert due(curve, numbers) == pytest.approx(times_s)


def test_what_the_curve_never_reaches_is_not_due() -> None:
    assert due((Linear(1, 2, 2),), [1, 2, 3, 4]) == [0.5, 1.0]


@given(LINES.map(lambda line: (line,)), st.floats(0, 1), st.integers(0, 2**32))
def test_as_many_are_due_as_are_counted(curve: tuple[Stretch, ...], jitter: float, seed: int) -> None:
    schedule = Schedule("constant", curve, jitter, 5.0, seed)
    assert len(list(schedule.due_times())) == schedule.requests


def gaps(arrivals: Any, cv: float) -> list[float]:
    schedule = Schedule(arrivals, (Linear(400, 25, 25),), 0.2, 5.0, seed=3, cv=cv)
    return [later - earlier for earlier, later in pairwise(schedule.due_times())]


@pytest.mark.parametrize("cv", [0.5, 1.0, 3.0])
def test_bursty_gaps_vary_as_much_as_is_said_at_the_same_rate(cv: float) -> None:
    found = gaps("bursty", cv)
    mean = sum(found) / len(found)
    assert mean == pytest.approx(1 / 25, rel=0.1)
    assert (sum((gap - mean) ** 2 for gap in found) / len(found)) ** 0.5 / mean == pytest.approx(cv, rel=0.1)


@pytest.mark.parametrize("arrivals", ["constant", "poisson", "bursty"])
def test_whatever_the_arrivals_each_stretch_gets_its_part(arrivals: Any) -> None:
    schedule = Schedule(arrivals, (Linear(100, 10, 10), Linear(100, 40, 40)), 0.2, 5.0, seed=5)
    times = list(schedule.due_times())
    first = sum(at_s < 100 for at_s in times)
    assert first == pytest.approx(1000, rel=0.15)
    assert len(times) - first == pytest.approx(4000, rel=0.15)
    assert times == list(schedule.due_times())
