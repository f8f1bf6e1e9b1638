"""The rules in force at one edge: what they say together of a request, and of each piece of its answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, Union

import msgspec

from harness.faults.effects import Rule
from harness.faults.requests import ALL, Attempt, Choosing, Lots, Requests, Sorting
from harness.faults.stretches import fault_of
from harness.running.wire.edge.rules import edge_rules
from harness.running.wire.edge.rules.base import PASS, Answer, Asked, Cut, EdgeRuleKind, Following, Pass, Wait


class RuleAsWritten(msgspec.Struct, frozen=True, tag="edge"):
    """An `EdgeRule` as it comes, its rule not read yet: which kinds there are is known where they are made true."""

    aim: str
    rule: msgspec.Raw
    requests: Requests = ALL


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    specs: Any = Union[tuple(kind.spec for _, kind in edge_rules.items())]  # noqa: UP007 - made of a table
    return msgspec.json.Decoder(specs)


def read_rule(text: msgspec.Raw) -> Rule:
    """The rule that *text* says. Raises msgspec.DecodeError for one of no kind that is registered."""
    rule: Rule = _decoder().decode(text)
    return rule


class Ruling(NamedTuple):
    """What becomes of one request: after *wait_s*, which *waits_for* asks for, *decision*, for *fault*; both are empty where it passes.

    Then *following* go along with its answer. *came_to*: the faults that were for such a request and had a say, whether
    they hit it or not; *picked*: those of them that drew it, whatever they then find to do.
    """

    decision: Pass | Answer | Cut
    fault: str = ""
    following: tuple[tuple[str, Following], ...] = ()
    wait_s: float = 0.0
    waits_for: str = ""
    came_to: tuple[str, ...] = ()
    picked: tuple[str, ...] = ()


PASSED = Ruling(PASS)


class _InForce(NamedTuple):
    fault_id: str
    rule: EdgeRuleKind[Any]
    choosing: Choosing

    def is_of(self, rule: Rule, requests: Requests) -> bool:
        return self.rule.told == rule and self.choosing.requests == requests


class Shared:
    """What the links of one account have in common: the rules in force on any of them, by fault.

    A fault that reaches one link after the other is several to the wire, and one here: they share what is left of its limits.
    """

    def __init__(self) -> None:
        self._rules: dict[str, list[EdgeRuleKind[Any]]] = {}

    def add(self, fault_id: str, rule: EdgeRuleKind[Any]) -> None:
        others = self._rules.setdefault(fault_of(fault_id), [])
        same = next((other for other in others if other.told == rule.told), None)
        if same is not None:
            rule.join(same)
        others.append(rule)

    def remove(self, fault_id: str, rule: EdgeRuleKind[Any]) -> None:
        self._rules[fault_of(fault_id)].remove(rule)


class Rules:
    """The rules in force on *link*, by the fault each belongs to; *shared* with the other links of its account.

    A request meets them in the order in which they were put: waits add up until one answers or cuts, and none behind that has a say.
    Each judges every request that its fault is for all the same, so that no lot depends on another rule.
    """

    def __init__(self, seed: int, link: str, shared: Shared | None = None) -> None:
        self._seed, self._link = seed, link
        self._shared = shared or Shared()
        self._rules: dict[str, _InForce] = {}
        self._sorting = Sorting[_InForce]([])
        self.going: set[Callable[[str], None]] = set()
        """To be told of each fault that ends: those with whose answers rules go along."""

    def __bool__(self) -> bool:
        """Whether any is in force."""
        return bool(self._rules)

    def __contains__(self, fault_id: str) -> bool:
        """Whether that fault has a rule here."""
        return fault_id in self._rules

    @property
    def faults(self) -> list[str]:
        """Ids of the faults that have a rule here."""
        return list(self._rules)

    def put(self, fault_id: str, rule: Rule, requests: Requests, now_s: float) -> None:
        """Put *rule* in force for *requests*; the same again changes nothing, another of this fault's takes its place."""
        old = self._rules.get(fault_id)
        if old is None or not old.is_of(rule, requests):
            kind = next(kind for _, kind in edge_rules.items() if kind.spec is type(rule))
            # A connection or a conversation that is hit once is hit each time that a fault comes back.
            drawn_for = fault_id if requests.per == "attempt" else fault_of(fault_id)
            choosing = Choosing(requests, Lots(self._seed, self._link, drawn_for))
            # Chance hangs on the name of the rule's class, too: under another one equal seeds would draw otherwise.
            lots = Lots(self._seed, self._link, f"{fault_id}/{type(rule).__name__}")
            self.drop(fault_id)
            in_force = kind(rule, lots, now_s)
            self._shared.add(fault_id, in_force)
            self._rules[fault_id] = _InForce(fault_id, in_force, choosing)
            self._sort()

    def drop(self, fault_id: str) -> None:
        """Put the rule of *fault_id* out of force, if there is one."""
        if (dropped := self._rules.pop(fault_id, None)) is not None:
            self._sort()
            self._shared.remove(fault_id, dropped.rule)
            for ended in list(self.going):
                ended(fault_id)

    def concern(self, attempt: Attempt) -> bool:
        """Whether any is for *attempt*; where none is, it passes, and `judge` need not be asked."""
        return any(choosing.is_for_try(attempt) for _, _, choosing in self._sorting.concerned(attempt))

    def judge(self, asked: Asked) -> Ruling:
        """What becomes of a request that has just come."""
        decided: Answer | Cut | None = None
        by = waits_for = ""
        wait_s = 0.0
        following, came_to, picked = list[tuple[str, Following]](), list[str](), list[str]()
        attempt, now_s = asked.attempt, asked.now_s
        for fault_id, rule, choosing in self._sorting.concerned(attempt):
            if choosing.of_joined and not choosing.is_for_try(attempt):
                continue
            if decided is None:
                came_to.append(fault_id)
            if choosing.by_chance and not choosing.draws(attempt, now_s - rule.since_s):
                continue
            decision = rule.judge(asked)
            if decided is not None:
                continue
            picked.append(fault_id)
            match decision:
                case _ if decision is PASS:
                    pass  # as nearly always
                case Answer() | Cut():
                    decided, by = decision, fault_id
                    continue
                case Wait(seconds):
                    wait_s, waits_for = wait_s + seconds, waits_for or fault_id
            if (goes_along := rule.follow(asked)) is not None:
                following.append((fault_id, goes_along))
        return Ruling(decided or PASS, by, tuple(following), wait_s, waits_for, tuple(came_to), tuple(picked))

    def _sort(self) -> None:
        self._sorting = Sorting([(each, each.choosing) for each in self._rules.values()])
