"""Numbers in words."""

from __future__ import annotations

import pytest

from harness.judging.result import Measured
from harness.report import words
from harness.report.headline import headline


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (9.61, "s", "9.6 s"),
        (20.0, "s", "20 s"),
        (0.34, "s", "0.34 s"),
        (0.0012, "s", "0.0012 s"),
        (0.0, "s", "0 s"),
        (123.4, "s", "123 s"),
        (3.017, "attempts per request", "3.02 ×"),
        (1.0, "attempts per request", "1.00 ×"),
        (55.6, "attempts per second", "55.6/s"),
        (0.97, "ratio", "0.97"),
        (0.955, "ratio", "0.955"),
        (1.0, "ratio", "1.00"),
        (0.0, "ratio", "0.00"),
        (812.4, "ms", "812 ms"),
        (12345.6, "ms", "12,346 ms"),
        (2.14, "ms", "2.1 ms"),
        (1200.0, "", "1,200"),
        (0.01234, "", "0.0123"),
        (None, "s", "not measured"),
        (None, "ratio", "not measured"),
    ],
)
def test_a_quantity_has_its_unit_and_as_many_digits_as_it_is_worth(value: float | None, unit: str, text: str) -> None:
    assert words.quantity(value, unit) == text


@pytest.mark.parametrize("value", [0.9996, 0.99996, 0.0004])
def test_a_ratio_that_is_not_0_or_1_does_not_look_so(value: float) -> None:
    assert float(words.ratio(value)) not in (0.0, 1.0)
    assert words.share(value) not in ("0 %", "100 %")


@pytest.mark.parametrize(
    ("low", "high", "unit", "text"),
    [
        (9.1, 10.2, "s", "9.1 to 10.2 s"),
        (2.93, 3.05, "attempts per request", "2.93 to 3.05 ×"),
        (0.0, 4.0, "attempts per second", "0 to 4/s"),
        (0.955, 0.981, "ratio", "0.955 to 0.981"),
        (9.1, None, "s", "at least 9.1 s"),
        (None, 5.0, "s", "at most 5 s"),
        (None, None, "s", ""),
        (14, 14, "answers", "exact"),
    ],
)
def test_an_interval_says_which_end_is_open(low: float | None, high: float | None, unit: str, text: str) -> None:
    assert words.interval(low, high, unit) == text


def test_what_lies_beyond_the_observed_is_more_than_it_and_what_was_not_measured_is_no_number() -> None:
    assert words.measured(Measured(value=20, low=20, high=None, censored=True, n=9), "s") == "> 20 s"
    assert words.measured(Measured(value=20, low=19, high=21, censored=False, n=9), "s") == "20 s"
    assert words.measured(Measured(value=None, low=None, high=None, censored=False, n=0), "s") == "not measured"


@pytest.mark.parametrize(
    ("value_s", "text"),
    [(0.2, "0.20 s"), (63.0, "63 s"), (119.7, "2 min 0 s"), (725, "12 min 5 s"), (7384, "2 h 3 min")],
)
def test_a_duration_is_told_in_the_units_of_a_clock(value_s: float, text: str) -> None:
    assert words.duration(value_s) == text


def test_wall_time_is_told_in_utc_and_what_is_none_stays_as_it_is() -> None:
    assert words.wall_time("2026-11-21T07:31:02+02:00") == "21 Nov 2026, 05:31:02 UTC"
    assert words.wall_time("yesterday") == "yesterday"


def test_a_metric_that_nobody_knows_keeps_its_own_words() -> None:
    assert words.title("latency_ms.p95") == "Latency p95"
    assert words.title("cost_per_answer") == "Cost per answer"


def test_a_limit_stands_in_the_metrics_unit(run_with, finding) -> None:
    result = run_with()
    assert words.limit(result, finding("recovery_time_s <= 5")) == "at most 5 s"
    assert words.limit(result, finding("retry_amplification <= 1.5 in fault")) == "at most 1.5 ×"
    assert words.limit(result, finding("good_ratio >= 0.9 in fault")) == "at least 0.9"
    assert words.limit(result, finding("latency_ms.p95 < 1200")) == "below 1,200 ms"


def test_a_share_never_looks_like_the_limit_that_it_missed() -> None:
    assert words.share(0.948) == "95 %"
    assert words.share(0.948, 0.95) == "94.8 %"
    assert words.share(0.9496, 0.95) == "94.96 %"
    assert words.share(0.95, 0.95) == "95 %"
    assert words.share(0.5, 0.95) == "50 %"
    assert words.share(0.005) == "0.5 %"


def test_one_thing_is_named_as_one() -> None:
    assert [words.counted(n, "attempt") for n in (0, 1, 1200)] == ["0 attempts", "1 attempt", "1,200 attempts"]


def test_what_was_good_from_the_first_moment_and_not_watched_long_enough_is_open_and_not_more_than_0(
    finding, run_with
) -> None:
    assert words.measured(Measured(value=0, low=0, high=None, censored=True, n=9), "s") == "open"
    assert words.interval(0, None, "s") == "0 s or more"
    unsettled = finding("recovery_time_s <= 5", value=0.0, low=0.0, high=None, censored=True, verdict="inconclusive")
    result = run_with(unsettled, verdict="inconclusive")
    assert words.value_of(result, unsettled) == "open"
    assert headline(result) == (
        "Too little evidence to say. Recovery time is open: 0 s or more; it should be at most 5 s."
    )
    assert words.measured(Measured(value=0.2, low=0.2, high=None, censored=True, n=9), "s") == "> 0.20 s"
