from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.faults.effects import EdgeRule, HttpError, RateLimit
from harness.running.wire.edge.rules import RateLimiter, Rules, Verdict, draw


def test_a_burst_is_allowed_at_once_and_no_more() -> None:
    limiter = RateLimiter(requests_per_min=120, burst=2)

    said = [limiter.ask(10.0) for _ in range(3)]

    assert [allowance.allowed for allowance in said] == [True, True, False]
    assert [allowance.remaining for allowance in said] == [1, 0, 0]
    assert [allowance.retry_s for allowance in said] == pytest.approx([0, 0.5, 0.5])
    assert [allowance.reset_s for allowance in said] == pytest.approx([0.5, 1.0, 1.0])


def test_who_comes_again_when_told_to_is_allowed_and_who_comes_sooner_is_not() -> None:
    limiter = RateLimiter(requests_per_min=60, burst=1)
    limiter.ask(0.0)
    told_s = limiter.ask(0.25).retry_s

    assert told_s == pytest.approx(0.75)
    assert not limiter.ask(0.25 + told_s - 0.001).allowed
    assert limiter.ask(0.25 + told_s).allowed


def test_a_denied_attempt_uses_nothing_up() -> None:
    limiter = RateLimiter(requests_per_min=60, burst=1)
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


def test_a_lot_depends_on_seed_link_fault_nonce_and_try_and_on_nothing_else() -> None:
    assert draw(7, "east", "0", "n-00000000aa", 1) == draw(7, "east", "0", "n-00000000aa", 1)
    others = {
        draw(8, "east", "0", "n-00000000aa", 1),
        draw(7, "west", "0", "n-00000000aa", 1),
        draw(7, "east", "1", "n-00000000aa", 1),
        draw(7, "east", "0", "n-00000000ab", 1),
    }
    assert len({*others, draw(7, "east", "0", "n-00000000aa", 1), draw(7, "east", "0", "n-00000000aa", 2)}) == 6


def test_lots_are_even() -> None:
    lots = [draw(7, "east", "0", f"n-{number:010x}", 1) for number in range(4000)]
    assert all(0 <= lot < 1 for lot in lots)
    assert [sum(lot < edge for lot in lots) / 4000 for edge in (0.1, 0.5, 0.9)] == pytest.approx(
        [0.1, 0.5, 0.9], abs=0.03
    )


def _errors(order: list[str]) -> dict[tuple[str, int], int]:
    rules, tries = Rules(7, "east"), dict.fromkeys(order, 0)
    rules.put("0", EdgeRule("east", HttpError(503, 0.5)))
    said = {}
    for nonce in order:
        tries[nonce] += 1
        said[nonce, tries[nonce]] = rules.judge(nonce, now_s=0.0).status
    return said


def test_the_same_attempts_fail_in_whatever_order_they_come() -> None:
    nonces = [f"n-{number:010x}" for number in range(40)] * 3

    said = _errors(nonces)

    assert said == _errors(sorted(nonces, reverse=True))
    assert set(said.values()) == {0, 503}


@pytest.mark.parametrize(("share_ratio", "status"), [(1.0, 500), (0.0, 0)])
def test_a_share_of_one_fails_all_and_a_share_of_none_fails_nothing(share_ratio: float, status: int) -> None:
    rules = Rules(7, "east")
    rules.put("0", EdgeRule("east", HttpError(500, share_ratio)))
    assert {rules.judge(f"n-{number:010x}", 0.0).status for number in range(50)} == {status}


def test_where_no_rule_is_in_force_all_pass() -> None:
    rules = Rules(7, "east")
    rules.put("0", EdgeRule("east", HttpError(500, 1.0)))
    rules.drop("0")
    rules.drop("0")
    assert rules.judge("n-00000000aa", 0.0) == Verdict()


def test_putting_the_same_rule_again_does_not_refill_it_and_another_does() -> None:
    rules = Rules(7, "east")
    limit = EdgeRule("east", RateLimit(60, 1))
    rules.put("0", limit)
    assert rules.judge("", 0.0).status == 0
    rules.put("0", limit)
    assert rules.judge("", 0.1).status == 429
    rules.put("0", EdgeRule("east", RateLimit(60, 2)))
    assert rules.judge("", 0.2).status == 0


def test_of_two_rules_that_answer_the_one_put_first_does() -> None:
    rules = Rules(7, "east")
    rules.put("errors", EdgeRule("east", HttpError(500, 1.0)))
    rules.put("limit", EdgeRule("east", RateLimit(60, 1)))
    assert [rules.judge("", 0.0).fault_id for _ in range(2)] == ["errors", "errors"]
    rules.drop("errors")
    assert rules.judge("", 0.0) == Verdict("limit", 429, rules.judge("", 0.0).limited)


def test_an_attempt_that_a_limit_lets_pass_is_told_of_the_limit() -> None:
    rules = Rules(7, "east")
    rules.put("0", EdgeRule("east", RateLimit(60, 3)))
    verdict = rules.judge("", 0.0)
    assert (verdict.status, verdict.fault_id) == (0, "")
    assert verdict.limited is not None
    assert verdict.limited.allowance.remaining == 2
