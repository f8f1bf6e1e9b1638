"""The fault in which a process of the target stands still."""

from __future__ import annotations

from typing import Literal

from harness.faults.base import CONTAINER, Aim, OfProcesses
from harness.faults.effects import Effect, Paused, PausedContainer


class Pause(OfProcesses):
    """A process of the target with all that it started, or a container, stands still as a frozen machine does, its connections open."""

    kind: Literal["pause"] = "pause"

    def effect(self, aim: Aim) -> Effect:
        return PausedContainer(aim.name) if aim.what == CONTAINER else Paused(aim.name)

    def summary(self) -> str:
        return f"pause on {self.on}"
