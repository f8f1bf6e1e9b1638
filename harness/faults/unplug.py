"""The fault in which a container is on no network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import model_validator

from harness.faults.base import Aim, OfProcesses
from harness.faults.effects import Effect, Unplugged


class Unplug(OfProcesses):
    """A container is taken off all its networks: it runs on, and can reach nobody; nor can it be reached."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "container loses its network, network detached": "on: {container: api}",
    }

    kind: Literal["unplug"] = "unplug"

    @model_validator(mode="after")
    def _a_container(self) -> Unplug:
        if self.on.container is None:
            raise ValueError(
                "on: a process has no network of its own here; unplug a {container: NAME}, or break its links (blackhole, disconnect)"
            )
        return self

    def effect(self, aim: Aim) -> Effect:
        return Unplugged(aim.name)

    def summary(self) -> str:
        return f"unplug on {self.on}"
