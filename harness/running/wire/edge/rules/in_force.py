"""The rules in force at one edge: what they say together of a request, and of each piece of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Union

import msgspec

from harness.faults.effects import Rule
from harness.running.wire.edge.rules import edge_rules
from harness.running.wire.edge.rules.base import Asked, Decision, EdgeRuleKind, Following, Lots, Pass


class RuleAsWritten(msgspec.Struct, frozen=True, tag="edge"):
    """An `EdgeRule` as it comes, its rule not read yet: which kinds there are is known where they are made true."""

    aim: str
    rule: msgspec.Raw


@cache
def _decoder() -> msgspec.json.Decoder[Any]:
    specs: Any = Union[tuple(kind.spec for _, kind in edge_rules.items())]  # noqa: UP007 - made of a table
    return msgspec.json.Decoder(specs)


def read_rule(text: msgspec.Raw) -> Rule:
    """The rule that *text* says. Raises msgspec.DecodeError for one of no kind that is registered."""
    rule: Rule = _decoder().decode(text)
    return rule


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one request: *decision*, for *fault*, which is empty where it passes; then *following* go along with its answer."""

    decision: Decision
    fault: str = ""
    following: tuple[tuple[str, Following], ...] = ()


PASSED = Ruling(Pass())


class Rules:
    """The rules in force on *link*, by the fault each belongs to.

    Every rule judges every request, so that no lot depends on another rule's clock; the one put first decides.
    """

    def __init__(self, seed: int, link: str) -> None:
        self._seed, self._link = seed, link
        self._rules: dict[str, EdgeRuleKind[Any]] = {}

    @property
    def faults(self) -> list[str]:
        """Ids of the faults that have a rule here."""
        return list(self._rules)

    def put(self, fault_id: str, rule: Rule) -> None:
        """Put *rule* in force; the same one again changes nothing, another of this fault's takes its place."""
        old = self._rules.get(fault_id)
        if old is None or old.told != rule:
            kind = next(kind for _, kind in edge_rules.items() if kind.spec is type(rule))
            self._rules[fault_id] = kind(rule, Lots(self._seed, self._link, fault_id))

    def drop(self, fault_id: str) -> None:
        """Put the rule of *fault_id* out of force, if there is one."""
        self._rules.pop(fault_id, None)

    def judge(self, asked: Asked) -> Ruling:
        """What becomes of a request that has just come."""
        decided, fault, following = PASSED.decision, "", []
        for fault_id, rule in self._rules.items():
            decision = rule.judge(asked)
            if isinstance(decision, Pass):
                goes_along = rule.follow(asked)
                if goes_along is not None:
                    following.append((fault_id, goes_along))
            elif isinstance(decided, Pass):
                decided, fault = decision, fault_id
        return Ruling(decided, fault, tuple(following))
