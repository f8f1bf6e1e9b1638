"""A fault of a kind that is not installed here, known by what its run wrote down of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from harness.faults.base import Aim, Fault, Looked, Selector
from harness.faults.effects import Effect
from harness.reading.target import Link, Target


class Recalled(Fault):
    """What was injected by a kind that is not installed here; it can be judged, and not injected again.

    *said* is what the scenario says of it; *words* and *hides* are what its kind said when it was run, and *probed* is whether a probe
    was sent to show it.
    """

    said: dict[str, Any]
    words: str = ""
    hides: bool = False
    probed: bool = True

    def aim(self, target: Target) -> tuple[Aim, ...]:
        """The links that the usual words of a selector pick; its own kind may have picked others."""
        try:
            return Selector.model_validate(self.said.get("on") or {"region": self.said["region"]}).picks(target.links)
        except (KeyError, ValidationError):
            return ()

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        return ()

    @property
    def probes(self) -> bool:
        return self.probed

    def took_hold(self, looked: Looked) -> bool:
        # What shows it, only its own kind knows. Whether it stood is what those who carried it said, and that is judged by itself.
        return True

    def hides_attempts(self) -> bool:
        return self.hides

    def summary(self) -> str:
        return self.words or f"{self.kind} (of a kind that is not installed)"
