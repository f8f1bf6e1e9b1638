"""Of two things that run in pairs it is told which is better, by how much, and where that cannot be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from harness.judging.trials.compared import Better, ComparedMetric, Pair, compared, of_expectations
from harness.judging.trials.policy import Policy
from harness.judging.trials.trial import Trial, Value
from harness.reading.expectation import parse

FIVE = Policy(most=5)


def trial(**values: tuple[Value | float | None, str]) -> Trial:
    known = {
        name: found if isinstance(found, Value) else Value(found, found, found, unit)
        for name, (found, unit) in values.items()
    }
    return Trial("run", 0, "pass", known)


def pairs(base: Sequence[float], head: Sequence[float], unit: str = "ms") -> list[Pair]:
    return [(trial(it=(then, unit)), trial(it=(now, unit))) for then, now in zip(base, head, strict=True)]


def of(found: Sequence[Pair], metrics: Mapping[str, Better] | None = None, policy: Policy = FIVE) -> ComparedMetric:
    return compared(found, metrics or {"it": "lower"}, policy).each[0]


BASE = (400.0, 420.0, 410.0, 395.0, 405.0)


@pytest.mark.parametrize(
    ("times", "state", "not_worse"),
    [
        (1.6, "worse", False),
        (1.0, "same", True),
        (0.6, "better", True),
        (1.2, "unknown", False),
        (0.85, "unknown", True),
    ],
)
def test_a_number_is_better_the_same_or_worse_than_it_was(times: float, state: str, not_worse: bool) -> None:
    found = of(pairs(BASE, [value * times for value in BASE]))
    assert (found.state, found.not_worse) == (state, not_worse)
    assert found.as_ratio
    assert found.change == pytest.approx(times)
    assert found.margin == pytest.approx(1.2)


@pytest.mark.parametrize(("times", "state"), [(0.6, "worse"), (1.6, "better"), (1.0, "same")])
def test_where_more_is_better_less_is_worse(times: float, state: str) -> None:
    assert of(pairs(BASE, [value * times for value in BASE]), {"it": "higher"}).state == state


def test_a_share_and_a_count_are_told_as_a_difference() -> None:
    fell = of(pairs([0.99, 0.985, 0.99], [0.7, 0.72, 0.71], "ratio"), {"it": "higher"})
    assert (fell.state, fell.as_ratio) == ("worse", False)
    assert fell.change == pytest.approx(-0.278, abs=0.005)
    counts = of(pairs([0, 0, 0], [0, 0, 0], "times"))
    assert (counts.change, counts.state) == (0.0, "same")


def test_next_to_nothing_is_told_as_a_difference() -> None:
    assert not of(pairs([0.0, 0.01, 0.0], [0.05, 0.0, 0.02], "s")).as_ratio


def test_two_runs_on_each_side_seldom_tell_and_one_never_does() -> None:
    assert of(pairs(BASE[:1], [9000])).state == "unknown"
    assert compared([], {"it": "lower"}, FIVE).verdict == "inconclusive"


def test_a_comparison_fails_by_one_metric_and_passes_by_all() -> None:
    def both(second: float) -> list[Pair]:
        return [(trial(a=(ms, "ms"), b=(ms, "ms")), trial(a=(ms, "ms"), b=(ms * second, "ms"))) for ms in BASE]

    metrics: dict[str, Better] = {"a": "lower", "b": "lower"}
    assert compared(both(1.0), metrics, FIVE).verdict == "pass"
    assert compared(both(1.8), metrics, FIVE).verdict == "fail"
    assert compared(both(1.2), metrics, FIVE).verdict == "inconclusive"


def test_a_pair_counts_where_both_of_its_runs_do() -> None:
    found = pairs(BASE, BASE)
    found[0] = (found[0][0], replace(found[0][1], verdict="invalid"))
    assert compared(found, {"it": "lower"}, FIVE).n == 4


def test_a_metric_that_one_side_lacks_is_unknown() -> None:
    found = [(trial(it=(ms, "ms")), trial(it=(None, "ms"))) for ms in BASE]
    told = of(found)
    assert (told.state, told.n, told.missing, told.change) == ("unknown", 0, 5, None)


def test_a_head_that_never_recovers_is_worse_and_a_base_that_never_did_is_no_excuse() -> None:
    cut_off, quick = Value(20.0, 20.0, None, "s", censored=True), Value(4.0, 3.9, 4.1, "s")
    worse = [(trial(it=(quick, "s")), trial(it=(cut_off, "s"))) for _ in range(4)]
    assert of(worse).state == "worse"
    assert of([(head, base) for base, head in worse]).state == "better"
    assert of([(trial(it=(cut_off, "s")), trial(it=(cut_off, "s"))) for _ in range(5)]).state == "unknown"


def test_the_interval_says_what_the_state_says() -> None:
    for percent in range(60, 200, 4):
        told = of(pairs(BASE, [value * percent / 100 * (1.03 if value > 405 else 0.98) for value in BASE]))
        assert told.low is not None
        assert told.high is not None
        assert told.margin is not None
        assert (told.state == "worse") == (told.low > told.margin)
        assert told.not_worse == (told.high < told.margin)


def test_what_a_scenario_limits_is_what_is_compared() -> None:
    asked = [parse("good_ratio{region=east} >= 0.9 in fault"), parse("recovery_time_s <= 5")]
    assert of_expectations(asked) == {"good_ratio{region=east} in fault": "higher", "recovery_time_s": "lower"}


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to compare"):
        compared(pairs(BASE, BASE), {}, FIVE)


def test_what_never_happened_to_the_base_and_does_to_the_head_is_not_the_same() -> None:
    assert of(pairs([0, 0, 0, 0, 0], [0, 1, 0, 0, 0], "attempts")).state == "unknown"
    found = of(pairs([0, 0, 0, 0, 0], [1, 1, 1, 1, 1], "attempts"))
    assert (found.state, found.appeared) == ("worse", 5)
    assert of(pairs([0, 1, 0, 0, 0], [0, 1, 0, 0, 0], "attempts")).state == "same"


def test_a_head_that_relapses_is_not_the_same_as_a_base_that_does_not() -> None:
    quick = Value(0.1, 0.0, 0.2, "s")
    again = replace(quick, at_best="fail")
    assert of([(trial(it=(quick, "s")), trial(it=(again, "s"))) for _ in range(5)]).state == "worse"
    assert of([(trial(it=(again, "s")), trial(it=(again, "s"))) for _ in range(5)]).state == "same"
