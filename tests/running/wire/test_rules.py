from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.dialects import dialects
from harness.faults.effects import CutStream, Delay, EdgeRule, Fail, HangUp, Rule, SlowStream, Throttle
from harness.faults.requests import ALL, Attempt, Attempted, Lots, Per, Ramp, Requests, draw
from harness.running.wire.edge.rules.base import PASS, Answer, Asked, Cut, EdgeRuleKind, Wait, edge_rules
from harness.running.wire.edge.rules.in_force import PASSED, Rules, Ruling, read_rule

Made = TypeVar("Made")


def _judged(rules: Rules, nonce: str, now_s: float) -> tuple[str, int]:
    """The fault that answers, and its status; neither where the request passes."""
    ruling = rules.judge(Asked(Attempted(nonce), [], b"", "req_1", now_s, dialects["openai"]))
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
    rules.put("0", Fail(503), Requests(share_ratio=0.5), 0.0)
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
    rules.put("0", Fail(500), Requests(share_ratio=share_ratio), 0.0)
    assert {_judged(rules, f"n-{number:010x}", 0.0)[1] for number in range(50)} == {status}


def test_where_no_rule_is_in_force_all_pass() -> None:
    rules = Rules(7, "east")
    rules.put("0", Fail(500), ALL, 0.0)
    assert rules.faults == ["0"]
    rules.drop("0")
    rules.drop("0")
    assert rules.faults == []
    assert rules.judge(Asked(Attempted(""), [], b"", "", 0.0, dialects["openai"])) == PASSED


def test_putting_the_same_rule_again_does_not_refill_it_and_another_does() -> None:
    rules = Rules(7, "east")
    rules.put("0", Throttle(60, 1), ALL, 0.0)
    assert _judged(rules, "", 0.0)[1] == 0
    rules.put("0", Throttle(60, 1), ALL, 0.0)
    assert _judged(rules, "", 0.1)[1] == 429
    rules.put("0", Throttle(60, 2), ALL, 0.0)
    assert _judged(rules, "", 0.2)[1] == 0


def test_of_two_rules_that_answer_the_one_put_first_does_and_both_are_asked() -> None:
    rules = Rules(7, "east")
    rules.put("errors", Fail(500), ALL, 0.0)
    rules.put("limit", Throttle(60, 1), ALL, 0.0)
    assert [_judged(rules, "", 0.0) for _ in range(2)] == [("errors", 500), ("errors", 500)]
    rules.drop("errors")
    assert _judged(rules, "", 0.0) == ("limit", 429)


def _rulings(rules: Rules, *attempts: Attempted, now_s: float = 0.0) -> list[Ruling]:
    return [rules.judge(Asked(attempt, [], b"", "req_1", now_s, dialects["openai"])) for attempt in attempts]


@pytest.mark.parametrize(("per", "alike"), [("conversation", True), ("connection", True), ("attempt", False)])
def test_a_fault_that_comes_back_hits_the_same_conversations_and_connections_again(per: Per, alike: bool) -> None:
    rules = Rules(7, "east")
    attempts = [Attempted(f"{n:06x}", conversation=n, connection=n) for n in range(200)]
    hit = []
    for stretch in ("flaky.1", "flaky.2"):
        rules.put(stretch, Fail(500), Requests(share_ratio=0.5, per=per), 0.0)
        hit.append([bool(ruling.fault) for ruling in _rulings(rules, *attempts)])
        rules.drop(stretch)
    assert (hit[0] == hit[1]) is alike
    assert 60 < sum(hit[0]) < 140


def test_a_rule_is_asked_of_nothing_but_the_requests_that_it_is_for() -> None:
    rules = Rules(7, "east")
    rules.put("limit", Throttle(60, 1), Requests(model="gpt-*"), 0.0)
    others = [Attempted("00000a", model="claude-x")] * 5
    first, *rest = _rulings(rules, *others, Attempted("00000a", model="gpt-4o"), Attempted("00000b", model="gpt-4o"))
    assert {(first.fault, first.came_to, first.following)} == {("", (), ())}
    assert [ruling.fault for ruling in rest[-2:]] == ["", "limit"]
    assert [ruling.came_to for ruling in rest[-2:]] == [("limit",)] * 2


def test_waits_add_up_and_do_not_keep_another_rule_from_answering() -> None:
    rules = Rules(7, "east")
    rules.put("slow", Delay(0.5), ALL, 0.0)
    rules.put("slower", Delay(1.25), ALL, 0.0)
    (late,) = _rulings(rules, Attempted("00000a"))
    assert (late.decision, late.fault, late.wait_s, late.waits_for) == (PASSED.decision, "", 1.75, "slow")
    rules.put("down", Fail(503), ALL, 0.0)
    rules.put("after that", Fail(500), ALL, 0.0)
    (down,) = _rulings(rules, Attempted("00000a"))
    assert isinstance(down.decision, Answer)
    assert (down.decision.status, down.fault, down.wait_s) == (503, "down", 1.75)
    # What another one had answered already never came to the last.
    assert down.came_to == ("slow", "slower", "down")


def test_what_was_answered_does_not_wait_for_a_rule_behind() -> None:
    rules = Rules(7, "east")
    rules.put("down", Fail(503), ALL, 0.0)
    rules.put("slow", Delay(0.5), ALL, 0.0)
    (down,) = _rulings(rules, Attempted("00000a"))
    assert (down.fault, down.wait_s, down.came_to) == ("down", 0.0, ("down",))


def test_a_delay_climbs_for_as_long_as_it_was_told_and_falls_where_it_begins_higher() -> None:
    for start_s, base_s, seen in ((0.0, 2.0, [0.0, 1.0, 2.0, 2.0]), (3.0, 1.0, [3.0, 2.0, 1.0, 1.0])):
        rules = Rules(7, "east")
        rules.put("slow", Delay(base_s, ramp=Ramp(start_s, 10.0)), ALL, 100.0)
        waits = [_rulings(rules, Attempted("00000a"), now_s=100.0 + after_s)[0].wait_s for after_s in (0, 5, 10, 60)]
        assert waits == pytest.approx(seen)


def test_jitter_is_even_both_ways_and_the_same_for_equal_seeds() -> None:
    def waits(seed: int) -> list[float]:
        rules = Rules(seed, "east")
        rules.put("slow", Delay(1.0, 0.5), ALL, 0.0)
        return [ruling.wait_s for ruling in _rulings(rules, *[Attempted(f"{number:06x}") for number in range(400)])]

    assert waits(7) == waits(7) != waits(8)
    assert 0.5 <= min(waits(7)) < 0.52
    assert 1.48 < max(waits(7)) <= 1.5


def test_an_attempt_that_a_limit_lets_pass_is_told_of_the_limit() -> None:
    rules = Rules(7, "east")
    rules.put("0", Throttle(60, 3), ALL, 0.0)
    ruling = rules.judge(Asked(Attempted(""), [], b"", "", 0.0, dialects["openai"]))
    assert (ruling.decision, ruling.fault) == (PASSED.decision, "")
    ((fault, following),) = ruling.following
    assert fault == "0"
    assert dict(following.head(200, [(b"Date", b"now")]))[b"x-ratelimit-remaining-requests"] == b"2"


def test_a_rule_is_read_by_its_kind_and_one_of_no_kind_is_refused() -> None:
    for rule in (Throttle(60, 3), Fail(500), Delay(1.0, 0.5, Ramp(0.0, 5.0))):
        written = msgspec.json.encode(EdgeRule("east", rule))
        assert read_rule(msgspec.json.decode(written, type=dict[str, msgspec.Raw])["rule"]) == rule
    with pytest.raises(msgspec.DecodeError, match="Invalid value 'thrttle'"):
        read_rule(msgspec.Raw(b'{"type":"thrttle"}'))


KINDS: list[Rule] = [
    Fail(503), Throttle(60, 2), HangUp(), Delay(0.5), Delay(1.0, 0.5), SlowStream(1.0), CutStream(1, "end")
]  # fmt: skip


def _some(chance: Random, kind: Callable[..., Made], **values: Sequence[Any]) -> Made:
    return kind(**{name: chance.choice(of) for name, of in values.items()})


def _put(chance: Random) -> tuple[str, Rule, Requests]:
    requests = _some(
        chance,
        Requests,
        model=["", "", "", "gpt-*"],
        path=["", "", "", "*/chat"],
        method=["", "", "", "POST"],
        stream=[None, None, None, True],
        attempt_min=[1, 1, 2],
        attempt_max=[None, None, 2],
        share_ratio=[1.0, 0.5, 0.3],
        share_ramp=[None, None, Ramp(0.0, 20.0)],
        per=["attempt", "attempt", "connection", "conversation"],
        last_role=["", "", "", "tool"],
    )
    return chance.choice("abcde"), chance.choice(KINDS), requests


def _attempt(chance: Random) -> Attempted:
    return _some(
        chance,
        Attempted,
        lot=["", "00000a", "00000a", "00000b"],
        number=[1, 2, 3],
        model=["gpt-4o", "gpt-4o", "o3"],
        path=["/v1/chat", "/v1/chat", "/v1/files"],
        method=["POST", "POST", "GET"],
        stream=[True, False],
        connection=[1, 2],
        conversation=[None, 1, 2],
        last_role=["user", "tool"],
    )


class OneByOne:
    """What `Rules` promises, in the plainest way: every rule is asked of every request whether that is one of those it is for."""

    def __init__(self) -> None:
        self.rules: dict[str, tuple[EdgeRuleKind[Any], Requests, float, Counter[str]]] = {}

    def put(self, fault: str, rule: Rule, requests: Requests, now_s: float) -> None:
        if fault in self.rules and (self.rules[fault][0].told, self.rules[fault][1]) == (rule, requests):
            return
        self.rules.pop(fault, None)
        kind = next(kind for _, kind in edge_rules.items() if kind.spec is type(rule))
        lots = Lots(7, "east", f"{fault}/{type(rule).__name__}")
        self.rules[fault] = (kind(rule, lots, now_s), requests, now_s, Counter())

    def judge(self, asked: Asked) -> Ruling:
        came_to, picked, following, wait_s, waits_for = [], [], [], 0.0, ""
        decision, by = None, ""
        for fault, (rule, requests, since_s, tries) in self.rules.items():
            if not _is_one_of(requests, asked.attempt):
                continue
            hit = _is_drawn(fault, requests, asked.attempt, asked.now_s - since_s, tries)
            said = rule.judge(asked) if hit else PASS
            if decision is not None:
                continue
            came_to.append(fault)
            if not hit:
                continue
            picked.append(fault)
            if isinstance(said, Answer | Cut):
                decision, by = said, fault
                continue
            if isinstance(said, Wait):
                wait_s, waits_for = wait_s + said.seconds, waits_for or fault
            if (goes_along := rule.follow(asked)) is not None:
                following.append((fault, goes_along))
        return Ruling(decision or PASS, by, tuple(following), wait_s, waits_for, tuple(came_to), tuple(picked))


def _is_one_of(requests: Requests, attempt: Attempt) -> bool:
    least, most = requests.attempt_min, requests.attempt_max
    return (
        fnmatchcase(attempt.model, requests.model or "*")
        and fnmatchcase(attempt.path, requests.path or "*")
        and attempt.method == (requests.method or attempt.method)
        and requests.stream in (None, attempt.stream)
        and attempt.last_role == (requests.last_role or attempt.last_role)
        and (bool(attempt.lot) or (least, most, requests.per == "conversation") == (1, None, False))
        and least <= attempt.number <= (most or attempt.number)
    )


def _is_drawn(fault: str, requests: Requests, attempt: Attempt, after_s: float, tries: Counter[str]) -> bool:
    if requests.share_ratio == 1 and requests.share_ramp is None:
        return True
    if requests.per == "attempt":
        tries[attempt.lot] += 1
        lot = draw(7, "east", fault, attempt.lot, tries[attempt.lot])
    else:
        whose = attempt.connection if requests.per == "connection" else attempt.conversation
        lot = draw(7, "east", fault, f"{requests.per} {whose}", 1)
    return lot < requests.share_at(after_s)


def _told(ruling: Ruling) -> tuple[object, ...]:
    """*ruling*, so that it can be compared with another one: what goes along with an answer by its kind."""
    return (*ruling._replace(following=()), [(fault, type(each)) for fault, each in ruling.following])


@settings(max_examples=30)
@given(st.integers(0, 1 << 32))
def test_whatever_is_in_force_a_request_comes_to_what_asking_each_rule_of_it_in_order_does(seed: int) -> None:
    chance, rules, one_by_one = Random(seed), Rules(7, "east"), OneByOne()
    for now_s in map(float, range(60)):
        if chance.random() < 0.2:
            put = _put(chance)
            rules.put(*put, now_s)
            one_by_one.put(*put, now_s)
        elif chance.random() < 0.05:
            fault = chance.choice("abcde")
            rules.drop(fault)
            one_by_one.rules.pop(fault, None)
        attempt = _attempt(chance)
        seen, again = (Asked(attempt, [], b"", "req_1", now_s, dialects["openai"], at_s=1e9) for _ in range(2))
        expected = one_by_one.judge(again)
        concern = rules.concern(attempt)
        assert concern is bool(expected.came_to)
        assert _told(rules.judge(seen) if concern else PASSED) == _told(expected)
