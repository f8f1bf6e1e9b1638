"""A gate is red where trials show that an expectation is broken, green where they show that all hold, and says when it can stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from harness.judging.trials.gate import over_trials
from harness.judging.trials.policy import SHOWING, Policy
from harness.judging.trials.trial import Trial, Value
from harness.reading.expectation import Expectation, parse

FIVE = Policy(most=5)
P95 = parse("latency_ms.p95 <= 1000 in fault")
GOOD = parse("good_ratio >= 0.9 in fault")
TRIES = parse("retry_amplification <= 1.5")
NEVER = parse("monotonic_violations <= 0")


def of(expectation: Expectation, *values: Value | float | None, unit: str = "ms") -> list[Trial]:
    """Trials of one expectation; a bare number is known exactly, and None was not measured."""
    known = [value if isinstance(value, Value) else Value(value, value, value, unit) for value in values]
    return [Trial(f"run-{place}", place, "pass", {str(expectation): value}) for place, value in enumerate(known)]


def verdict(expectation: Expectation, trials: Sequence[Trial], policy: Policy = FIVE) -> str:
    return over_trials([expectation], trials, policy).verdict


def test_what_is_far_beyond_its_limit_is_red_and_what_is_far_within_is_green() -> None:
    assert verdict(P95, of(P95, 1490, 1510, 1550, 1505)) == "fail"
    assert verdict(P95, of(P95, 690, 710, 700)) == "pass"
    assert verdict(GOOD, of(GOOD, 0.5, 0.52, 0.51, unit="ratio")) == "fail"
    assert verdict(GOOD, of(GOOD, 0.99, 0.985, 0.99, unit="ratio")) == "pass"


def test_what_is_at_its_limit_is_neither_and_further_trials_are_said_to_be_no_use() -> None:
    standing = over_trials([P95], of(P95, 1001, 998, 1003, 999), FIVE)
    assert (standing.verdict, standing.decided, standing.because) == ("inconclusive", True, "no use")


def test_one_trial_decides_nothing_but_what_happened_that_never_may() -> None:
    assert over_trials([P95], of(P95, 9000), FIVE).verdict == "inconclusive"
    assert over_trials([P95], of(P95, 9000), FIVE).decided is False
    leaked = over_trials([NEVER], of(NEVER, 3, unit="answers"), FIVE)
    assert (leaked.verdict, leaked.because, leaked.each[0].certain) == ("fail", "red", True)


def test_what_never_happened_holds_and_the_gate_says_how_rare_it_may_still_be() -> None:
    standing = over_trials([NEVER], of(NEVER, 0, 0, 0, unit="answers"), FIVE)
    assert standing.verdict == "pass"
    assert standing.each[0].detectable.runs == pytest.approx(1 - 0.05 ** (1 / 3))


def test_values_that_are_all_the_same_are_not_endlessly_sure() -> None:
    assert verdict(P95, of(P95, 999, 999, 999, 999, 999)) == "inconclusive"
    held = over_trials([P95], of(P95, 999, 999, 999, 999, 999), FIVE).each[0]
    assert held.low is not None
    assert held.high is not None
    assert held.low < 970 < 1030 < held.high


def test_values_that_are_all_the_same_are_no_surer_than_each_run_is_of_itself() -> None:
    of_300, of_8 = Value(1.0, 0.987, 1.0, "ratio"), Value(1.0, 0.68, 1.0, "ratio")
    assert verdict(GOOD, of(GOOD, *[of_300] * 3)) == "pass"
    assert verdict(GOOD, of(GOOD, *[of_8] * 3)) == "inconclusive"


def test_a_time_that_was_cut_off_can_be_too_long_and_never_short_enough() -> None:
    recovery = parse("recovery_time_s <= 5")
    cut_off = Value(19.9, 19.9, None, "s", censored=True)
    assert verdict(recovery, of(recovery, *[cut_off] * 3)) == "fail"
    short = Value(3.0, 3.0, None, "s", censored=True)
    assert verdict(recovery, of(recovery, *[short] * 5)) == "inconclusive"
    quick = Value(0.1, 0.0, 0.2, "s")
    assert verdict(recovery, of(recovery, *[quick] * 3)) == "pass"
    assert verdict(recovery, of(recovery, *[quick] * 4, cut_off)) == "inconclusive"


def test_a_run_that_relapsed_keeps_a_gate_from_green_though_its_number_is_small() -> None:
    recovery = parse("recovery_time_s <= 5")
    quick = Value(0.1, 0.0, 0.2, "s")
    assert verdict(recovery, of(recovery, *[quick] * 4, replace(quick, at_best="fail"))) == "inconclusive"


def test_what_was_not_measured_in_more_than_one_trial_of_five_is_not_said_to_hold() -> None:
    assert verdict(P95, of(P95, 500, 510, 505, 495, None)) == "pass"
    assert verdict(P95, of(P95, 500, 510, 505, None, None)) == "inconclusive"
    assert verdict(P95, of(P95, 2500, 2510, 2505, None, None)) == "fail"
    assert over_trials([P95], of(P95, None, None), FIVE).each[0].missing == 2


def test_a_run_that_says_nothing_of_the_service_is_no_trial_and_never_a_fail() -> None:
    good, bad = of(P95, 700, 710, 690), [replace(one, verdict="invalid") for one in of(P95, 9000, 9000, 9000)]
    standing = over_trials([P95], [*good, *bad], FIVE)
    assert (standing.verdict, standing.n, len(standing.not_counted)) == ("pass", 3, 3)
    assert over_trials([P95], bad, FIVE).verdict == "inconclusive"


def test_a_service_that_died_of_it_once_is_red() -> None:
    trials = of(P95, 700, 710, 690)
    standing = over_trials([P95], [*trials[:2], replace(trials[2], died="it ended with status 1")], FIVE)
    assert (standing.verdict, standing.died) == ("fail", ("it ended with status 1",))


def test_one_run_that_a_busy_machine_slowed_does_not_make_a_gate_red() -> None:
    assert verdict(P95, of(P95, 700, 710, 690, 705, 3000)) == "inconclusive"


def test_each_expectation_has_to_bear_the_others_chances_of_error() -> None:
    asked = [parse(f"latency_ms.p95 <= 1000 in phase{place}") for place in range(20)]
    beyond = [1050.0, 1150.0, 1090.0, 1130.0, 1110.0]

    def standing(count: int, others: float = 990.0) -> str:
        trials = [
            Trial(
                str(place),
                place,
                "pass",
                {str(one): Value(v := value if one is asked[0] else others, v, v, "ms") for one in asked[:count]},
            )
            for place, value in enumerate(beyond)
        ]
        return over_trials(asked[:count], trials, FIVE).each[0].verdict

    assert [standing(1), standing(20)] == ["fail", "inconclusive"]
    # Those that lie far within their limits could not be broken by chance, and have none to be borne.
    assert standing(20, 600.0) == "fail"


def test_a_fail_is_where_the_interval_lies_beyond_the_limit_and_a_pass_where_it_lies_within() -> None:
    for shift in range(700, 1500, 10):
        held = over_trials([P95], of(P95, shift, shift * 1.06, shift * 0.97, shift * 1.01), FIVE).each[0]
        assert held.low is not None
        assert held.high is not None
        assert (held.verdict == "fail") == (held.low > 1000) == (held.p <= FIVE.error_rate)
        assert (held.verdict == "pass") == (held.high <= 1000)


def test_the_order_of_trials_changes_nothing() -> None:
    trials = of(P95, 1180, 1280, 1220, 950)
    assert len({over_trials([P95], order, FIVE) for order in permutations(trials)}) == 1


def test_another_unit_of_what_is_costly_changes_nothing() -> None:
    cost, cents = parse("cost_per_good <= 2"), parse("cost_per_good <= 200")
    for dear in (1.0, 1.9, 2.6, 4.0):
        in_money = over_trials([cost], of(cost, dear, dear * 1.1, dear * 0.95, unit="cost"), FIVE).each[0]
        in_cents = over_trials([cents], of(cents, dear * 100, dear * 110, dear * 95, unit="cost"), FIVE).each[0]
        assert (in_money.verdict, in_money.p) == (in_cents.verdict, pytest.approx(in_cents.p))


def test_a_gate_says_after_how_many_trials_it_could_be_red_or_green() -> None:
    standing = over_trials([P95, GOOD], [], Policy(most=3))
    assert (standing.least_red, standing.least_green) == (2, 2)
    never = over_trials([parse("mislabelled_ratio <= 0")], [], Policy(most=3))
    assert never.least_green is None


def test_the_least_number_is_not_beaten_by_the_clearest_trials_there_can_be() -> None:
    close = parse("good_ratio >= 0.97")
    least = over_trials([close], [], FIVE).least_green
    assert least is not None
    best = of(close, *[1.0] * 5, unit="ratio")
    assert [verdict(close, best[:n]) for n in (least - 1, least)] == ["inconclusive", "pass"]


def test_a_gate_says_what_it_could_have_detected() -> None:
    found = over_trials([P95], of(P95, 800, 840, 820, 790, 810), FIVE).each[0].detectable
    assert found.ratio is not None
    assert 1.05 < found.ratio < 1.25
    assert found.value == pytest.approx(1000 * found.ratio)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"error_rate": 0.0}, "error rate"),
        ({"most": 1}, "2 or more"),
        ({"margin": 1.0}, "factor above 1"),
        ({"no_use": 1.0}, "chance from 0"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Policy(**wrong)  # type: ignore[arg-type]  # each is of one field, and most is whole


def test_a_policy_spends_its_error_rate_and_no_more() -> None:
    for most in (2, 3, 5, 10, 30):
        policy = Policy(most=most)
        for showing in SHOWING:
            assert sum(policy.level(n, showing) for n in range(1, most + 1)) == pytest.approx(policy.error_rate)


def test_a_gate_that_expects_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is expected"):
        over_trials([], [], FIVE)


def test_a_service_that_relapses_in_most_runs_is_red_though_each_recovered_in_time() -> None:
    recovery = parse("recovery_time_s <= 5")
    quick = Value(0.1, 0.0, 0.2, "s")
    again = replace(quick, at_best="fail")
    assert over_trials([recovery], of(recovery, quick, again), FIVE).decided is False
    standing = over_trials([recovery], of(recovery, again, quick, again, again, again), FIVE)
    assert (standing.verdict, standing.each[0].against) == ("fail", 4)


def test_gates_that_share_an_error_rate_are_red_less_easily_and_green_as_easily() -> None:
    beyond = of(P95, 1050.0, 1150.0, 1090.0, 1130.0, 1110.0)
    assert [verdict(P95, beyond, Policy(most=5, gates=count)) for count in (1, 40)] == ["fail", "inconclusive"]
    within = of(P95, 850.0, 860.0, 840.0, 850.0, 855.0)
    assert [verdict(P95, within, Policy(most=5, gates=count)) for count in (1, 40)] == ["pass", "pass"]


def test_runs_that_are_left_open_beside_their_numbers_keep_a_gate_from_green() -> None:
    recovery = parse("recovery_time_s <= 5")
    quick = Value(0.1, 0.0, 0.2, "s")
    doubtful = replace(quick, at_best="inconclusive")
    assert verdict(recovery, of(recovery, *[quick] * 4, doubtful)) == "pass"
    assert verdict(recovery, of(recovery, *[quick] * 3, *[doubtful] * 2)) == "inconclusive"


def test_trials_that_were_looked_at_by_another_plan_have_spent_by_that_plan() -> None:
    for most, looked, then in ((5, 3, 10), (10, 4, 5), (5, 2, 3), (20, 19, 40)):
        policy = Policy(most=then, before=Policy(most=most), looked=looked)
        for showing in SHOWING:
            levels = [policy.level(n, showing) for n in range(1, then + 1)]
            assert levels[:looked] == [Policy(most=most).level(n, showing) for n in range(1, looked + 1)]
            assert sum(levels) == pytest.approx(policy.error_rate)


def test_a_gate_that_was_looked_at_to_its_end_has_nothing_left_for_more_trials_unless_more_is_allowed() -> None:
    beyond = of(P95, 1050.0, 1100.0, 990.0, 1060.0, 1010.0, *[1150.0] * 5)
    assert verdict(P95, beyond, Policy(most=10)) == "fail"
    after = Policy(most=10, before=FIVE, looked=5)
    assert over_trials([P95], beyond, after).verdict == "inconclusive"
    assert [after.left(showing) for showing in SHOWING] == [0, 0]
    more = replace(after, error_rate=0.1)
    assert [more.left(showing) for showing in SHOWING] == pytest.approx([0.05, 0.05])
    assert over_trials([P95], beyond, more).verdict == "fail"
    assert over_trials([P95], beyond[:5], after).because == "no use"


def test_an_interval_reaches_no_lower_than_there_are_values() -> None:
    amplified = parse("retry_amplification <= 1.5 in fault")
    values = [Value(value, value, value, "attempts per request", least=1.0) for value in (1.0, 1.0, 1.2)]
    held = over_trials([amplified], of(amplified, *values), FIVE).each[0]
    assert held.low == 1.0
    elsewhere = over_trials([amplified], of(amplified, *[replace(one, least=0.0) for one in values]), FIVE).each[0]
    assert elsewhere.low is not None
    assert elsewhere.low < 1.0
