from __future__ import annotations

import msgspec
import pytest

from harness.faults.effects import EdgeRule, FailShare, Throttle
from harness.running.wire.edge import openai_errors
from harness.running.wire.edge.rules.base import Answer, Asked
from harness.running.wire.edge.rules.fail_share import draw
from harness.running.wire.edge.rules.in_force import PASSED, Rules, read_rule


def _judged(rules: Rules, nonce: str, now_s: float) -> tuple[str, int]:
    """The fault that answers, and its status; neither where the request passes."""
    ruling = rules.judge(Asked(nonce, b"POST", b"/", [], b"", "", "req_1", now_s, openai_errors))
    return ruling.fault, ruling.decision.status if isinstance(ruling.decision, Answer) else 0


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
    rules.put("0", FailShare(503, 0.5))
    said = {}
    for nonce in order:
        tries[nonce] += 1
        said[nonce, tries[nonce]] = _judged(rules, nonce, 0.0)[1]
    return said


def test_the_same_attempts_fail_in_whatever_order_they_come() -> None:
    nonces = [f"n-{number:010x}" for number in range(40)] * 3

    said = _errors(nonces)

    assert said == _errors(sorted(nonces, reverse=True))
    assert set(said.values()) == {0, 503}


@pytest.mark.parametrize(("share_ratio", "status"), [(1.0, 500), (0.0, 0)])
def test_a_share_of_one_fails_all_and_a_share_of_none_fails_nothing(share_ratio: float, status: int) -> None:
    rules = Rules(7, "east")
    rules.put("0", FailShare(500, share_ratio))
    assert {_judged(rules, f"n-{number:010x}", 0.0)[1] for number in range(50)} == {status}


def test_where_no_rule_is_in_force_all_pass() -> None:
    rules = Rules(7, "east")
    rules.put("0", FailShare(500, 1.0))
    assert rules.faults == ["0"]
    rules.drop("0")
    rules.drop("0")
    assert rules.faults == []
    assert rules.judge(Asked("", b"GET", b"/", [], b"", "", "", 0.0, openai_errors)) == PASSED


def test_putting_the_same_rule_again_does_not_refill_it_and_another_does() -> None:
    rules = Rules(7, "east")
    rules.put("0", Throttle(60, 1))
    assert _judged(rules, "", 0.0)[1] == 0
    rules.put("0", Throttle(60, 1))
    assert _judged(rules, "", 0.1)[1] == 429
    rules.put("0", Throttle(60, 2))
    assert _judged(rules, "", 0.2)[1] == 0


def test_of_two_rules_that_answer_the_one_put_first_does_and_both_are_asked() -> None:
    rules = Rules(7, "east")
    rules.put("errors", FailShare(500, 1.0))
    rules.put("limit", Throttle(60, 1))
    assert [_judged(rules, "", 0.0) for _ in range(2)] == [("errors", 500), ("errors", 500)]
    rules.drop("errors")
    assert _judged(rules, "", 0.0) == ("limit", 429)


def test_an_attempt_that_a_limit_lets_pass_is_told_of_the_limit() -> None:
    rules = Rules(7, "east")
    rules.put("0", Throttle(60, 3))
    ruling = rules.judge(Asked("", b"POST", b"/", [], b"", "", "", 0.0, openai_errors))
    assert (ruling.decision, ruling.fault) == (PASSED.decision, "")
    ((fault, following),) = ruling.following
    assert fault == "0"
    assert dict(following.head(200, [(b"Date", b"now")]))[b"x-ratelimit-remaining-requests"] == b"2"


def test_a_rule_is_read_by_its_kind_and_one_of_no_kind_is_refused() -> None:
    for rule in (Throttle(60, 3), FailShare(500, 0.5)):
        written = msgspec.json.encode(EdgeRule("east", rule))
        assert read_rule(msgspec.json.decode(written, type=dict[str, msgspec.Raw])["rule"]) == rule
    with pytest.raises(msgspec.DecodeError, match="Invalid value 'thrttle'"):
        read_rule(msgspec.Raw(b'{"type":"thrttle"}'))
