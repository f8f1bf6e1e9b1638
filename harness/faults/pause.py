"""The fault in which a process of the target stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from harness.faults.base import CONTAINER, Aim, OfProcesses
from harness.faults.effects import Effect, Paused, PausedContainer


class Pause(OfProcesses):
    """A process of the target with all that it started, or a container, stands still as a frozen machine does, its connections open."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "garbage collection pause, frozen machine, hung process, VM migration": "on: {process: target}, for: 3s",
    }

    kind: Literal["pause"] = "pause"

    def effect(self, aim: Aim) -> Effect:
        return PausedContainer(aim.name) if aim.what == CONTAINER else Paused(aim.name)

    def summary(self) -> str:
        return f"pause on {self.on}"
