"""The fault in which nothing is broken: the target puts its next version in the place of the one that serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from harness.faults.base import Aim, Fault, Looked, Selector
from harness.faults.effects import Effect
from harness.reading.target import Link, Target


class Switch(Fault):
    """The target is told to put its next version in the place of the one that serves, and nothing is broken."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "release, blue-green switch, rollout, new version under load": "",
    }

    kind: Literal["switch"] = "switch"

    @property
    def probes(self) -> bool:
        return False

    @property
    def breaks(self) -> bool:
        return False

    def nothing_such(self, target: Target) -> str:
        return f"target {target.name!r} has no links, by which it is looked at; add one"

    def aim(self, target: Target) -> tuple[Aim, ...]:
        return Selector().picks(target.links)

    @classmethod
    def suits(cls, link: Link) -> bool:
        return False

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return ()

    def publishes_at_s(self) -> tuple[float, ...]:
        return (0.0,)

    def took_hold(self, looked: Looked) -> bool:
        """The target has answered that it did, or the run would be over."""
        return True

    def summary(self) -> str:
        return "switch"
