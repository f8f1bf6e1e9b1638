"""Many claims at once: none is wrong more often than is said, however they hang together, and what cannot be true costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from harness.judging.scoring.distributions import student_tail
from harness.judging.trials import family
from harness.judging.trials.family import SHARE, Asserted, adjusted, least_size

LEVEL = 0.05
FAR, FREEDOM = 8.0, 18.0


def sizes(*tests: Asserted, level: float = LEVEL) -> list[float]:
    return [one.size for one in adjusted(tests, level)]


def test_a_claim_alone_is_as_sure_as_it_is() -> None:
    (one,) = adjusted([Asserted(0.03, 2.0, FREEDOM)], LEVEL)
    assert (one.chance, one.size) == (0.03, 1.0)
    assert adjusted([], LEVEL) == []


def test_claims_that_may_all_be_true_share_the_rate_and_each_that_is_made_leaves_the_others_more() -> None:
    tests = [Asserted(0.5), Asserted(0.001), Asserted(0.012), Asserted(0.03)]
    found = adjusted(tests, LEVEL)
    paid = 1 / (1 - SHARE)
    # By Holm's steps of 4, 3 and 2; the third is not shown, and what is behind it is tested no more.
    assert [one.size / paid for one in found] == pytest.approx([2, 4, 3, 2])
    assert [one.chance <= LEVEL for one in found] == [False, True, True, False]


def test_claims_that_are_far_from_being_true_take_next_to_nothing_from_one_that_may_be() -> None:
    others = [Asserted(1.0, FAR, FREEDOM)] * 19
    size, *_ = sizes(Asserted(0.02), *others)
    assert least_size(20) < size < 1.4
    # Near ones take their part, and so does what is known by too little.
    assert sizes(Asserted(0.02), *[Asserted(0.6, 0.3, FREEDOM)] * 19)[0] > 15
    assert sizes(Asserted(0.02), *[Asserted(1.0, FAR, 1.0)] * 19)[0] > 15
    assert sizes(Asserted(0.02), *others, level=0.0)[0] > 15


def wrong(draws: int, away: tuple[float, ...], level: float, freedom: int = 6) -> int:
    """In how many of *draws* a claim is made, though all are so far *away* from being true; where one half is high the other is low."""
    chance = np.random.default_rng(1)
    made = 0
    for _ in range(draws):
        half = chance.normal(size=len(away) // 2)
        spread = np.sqrt(chance.chisquare(freedom, len(away)) / freedom)
        at = (np.r_[half, -half] - away) / spread
        tests = [Asserted(student_tail(t, freedom), -t, float(freedom)) for t in at.tolist()]
        made += any(one.chance <= level for one in adjusted(tests, level))
    return made


@pytest.mark.parametrize("away", [(0.0,) * 8, (0.0, 0.0), (0.0, 2.0, 1.0, 4.0) * 2, (0.0,) * 2 + (1.5,) * 6])
def test_of_claims_that_are_not_true_one_is_made_no_more_often_than_is_said(away: tuple[float, ...]) -> None:
    # Of 200 with a chance of 20 % each, 60 and more are in one of two thousand such tests.
    assert wrong(200, away, 0.2) < 60


def test_without_a_bound_for_how_far_they_are_from_being_true_it_is_made_too_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(family, "_bound", lambda away, freedom, chance: away)
    # Of two of which one is high where the other is low, each is alone in its family then.
    assert wrong(400, (0.0, 0.0), 0.2) > 100
