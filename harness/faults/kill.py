"""The fault in which a process of the target is ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from harness.faults.base import CONTAINER, Aim, OfProcesses
from harness.faults.effects import Back, Effect, Killed, KilledContainer, Signal


class Kill(OfProcesses):
    """A process of the target with all that it started, or a container, is ended; it is started again later, at once, or never."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "crash, out of memory, OOM killed, segfault, process or pod killed": "on: {process: target}",
        "restart, deploy, rolling update, SIGTERM": "on: {process: target}, signal: TERM, back: at_once",
        "crash loop, CrashLoopBackOff": "on: {process: target}, back: at_once, flap: {period: 5s}",
    }

    kind: Literal["kill"] = "kill"
    signal: Signal = Field(
        default="KILL",
        description="by which signal; KILL is a crash, TERM lets it end in good order, as a deployment does",
    )
    back: Back = Field(
        default="at_end",
        description="at_end: it is started again when the fault ends; at_once: as soon as it has ended, as a supervisor does "
        "(with flap: a crash loop); never",
    )

    @model_validator(mode="after")
    def _what_never_comes_back_ends_once(self) -> Kill:
        if self.back == "never" and self.flap is not None:
            raise ValueError("flap: what never comes back ends once; leave flap out, or write back: at_end")
        return self

    @model_validator(mode="after")
    def _a_container_comes_back(self) -> Kill:
        if self.back == "never" and self.on.container:
            raise ValueError("back: a container is somebody's who wants it back after the run; write at_end or at_once")
        return self

    def effect(self, aim: Aim) -> Effect:
        made = KilledContainer if aim.what == CONTAINER else Killed
        return made(aim.name, self.signal, self.back)

    def summary(self) -> str:
        back = {"at_end": "", "at_once": ", back at once", "never": ", never back"}[self.back]
        return f"kill · SIG{self.signal}{back} on {self.on}"
