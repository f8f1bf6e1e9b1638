"""The search for the highest rate: which one is tried next, and between which two the highest lies."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.judging.capacity.search import CameTo, Found, Rate, Search, found

Service = Callable[[float, int], CameTo]


def searched(service: Service, search: Search | None = None) -> list[Rate]:
    """Every rate that is tried of a *service*, which is told the rate and how often it was tried before."""
    search, rates = search or Search(first_per_s=5), list[Rate]()
    while (per_s := search.next_per_s(rates)) is not None:
        times = sum(one.per_s == per_s for one in rates)
        rates.append(Rate(per_s, service(per_s, times)))
    return rates


def keeps_up_to(most_per_s: float) -> Service:
    return lambda per_s, _: "kept up" if per_s <= most_per_s else "fell behind"


@given(st.floats(0.6, 9_000), st.floats(0.5, 5_000))
def test_a_service_of_any_capacity_is_found_within_a_tenth_and_both_ends_are_seen_twice(
    most_per_s: float, first: float
) -> None:
    lies = found(searched(keeps_up_to(most_per_s), Search(first_per_s=first, tries_most=60)))
    assert lies.low is not None
    assert lies.high is not None
    assert lies.low <= most_per_s < lies.high <= 1.1 * lies.low
    assert lies.sure


def test_a_rate_is_doubled_until_it_is_too_much_then_the_gap_is_halved_on_a_scale_of_ratios() -> None:
    rates = [one.per_s for one in searched(keeps_up_to(48))]
    assert rates[:5] == [5, 10, 20, 40, 80]
    assert rates[5] == pytest.approx((40 * 80) ** 0.5, rel=0.02)
    assert len(rates) <= 11


def test_what_nobody_can_tell_makes_the_interval_wider_and_never_shifts_it() -> None:
    def service(per_s: float, _: int) -> CameTo:
        return "unclear" if 40 < per_s < 60 else keeps_up_to(48)(per_s, _)

    lies = found(searched(service))
    assert lies.low is not None
    assert lies.high is not None
    assert lies.low <= 40
    assert 60 <= lies.high <= 70


def test_an_unclear_rate_is_tried_again_before_another_is() -> None:
    def service(per_s: float, times: int) -> CameTo:
        return "unclear" if per_s == 10 and times == 0 else keeps_up_to(12)(per_s, times)

    assert [one.per_s for one in searched(service)][:4] == [5, 10, 10, 20]


def test_one_chance_against_two_does_not_move_an_end() -> None:
    def service(per_s: float, times: int) -> CameTo:
        # The first time at 40 it happens to fall behind.
        return "fell behind" if per_s == 40 and times == 0 else keeps_up_to(48)(per_s, times)

    lies = found(searched(service))
    assert lies.low is not None
    assert lies.high is not None
    assert lies.low <= 48 < lies.high
    # At one it is tried again, and a third time, as the two do not agree.
    assert found([Rate(20, "kept up"), Rate(40, "fell behind"), Rate(40, "kept up")]) == Found(20, None, sure=False)


@pytest.mark.parametrize(
    ("service", "lies"),
    [
        (keeps_up_to(0.1), Found(None, 0.5, sure=True)),
        (keeps_up_to(1e9), Found(100, None, sure=True)),
        (lambda _rate, _times: "unclear", Found(None, None, sure=False)),
        (lambda _rate, _times: "untrusted", Found(None, None, sure=False, ceiling=True)),
    ],
    ids=["never kept up", "always kept up", "never clear", "never trusted"],
)
def test_an_end_that_was_not_found_is_open(service: Service, lies: Found) -> None:
    assert found(searched(service, Search(first_per_s=5, most_per_s=100))) == lies


def test_where_the_measurement_is_at_its_end_the_service_need_not_be() -> None:
    def service(per_s: float, _: int) -> CameTo:
        return "untrusted" if per_s > 48 else "kept up"

    lies = found(searched(service))
    assert lies.ceiling
    assert lies.high is None
    assert lies.low is not None
    assert 43 <= lies.low <= 48


def test_what_was_not_to_be_trusted_once_is_tried_again() -> None:
    def service(per_s: float, times: int) -> CameTo:
        return "untrusted" if times == 0 and per_s == 20 else keeps_up_to(48)(per_s, times)

    lies = found(searched(service))
    assert (lies.ceiling, lies.sure) == (False, True)


def test_it_ends_after_so_many_rates_however_unclear_it_is() -> None:
    flips = iter(range(1_000))
    assert len(searched(lambda _rate, _times: ("kept up", "fell behind", "unclear")[next(flips) % 3])) <= 20


def test_no_more_than_the_most_and_no_less_than_the_least_is_tried() -> None:
    rates = {
        one.per_s
        for most in (0.1, 48, 1e9)
        for one in searched(keeps_up_to(most), Search(first_per_s=5, least_per_s=2, most_per_s=70))
    }
    assert (min(rates), max(rates)) == (2, 70)


def test_a_rate_that_was_too_much_is_the_upper_end_also_where_one_below_it_could_not_be_measured() -> None:
    kept = [Rate(10.0, "kept up"), Rate(10.0, "kept up"), Rate(11.0, "untrusted"), Rate(11.0, "untrusted")]
    assert found([*kept, Rate(16.0, "fell behind")]) == Found(10.0, 16.0, sure=False)
    assert found([*kept, Rate(16.0, "fell behind"), Rate(16.0, "fell behind")]) == Found(10.0, 16.0, sure=True)
    assert found(kept) == Found(10.0, None, sure=True, ceiling=True)
    assert found([*kept, Rate(16.0, "untrusted")]) == Found(10.0, None, sure=True, ceiling=True)
