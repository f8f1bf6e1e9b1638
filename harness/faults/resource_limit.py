"""The fault in which a process of the target has less of the processors, or less memory, than it could use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from harness.faults.base import CONTAINER, Aim, OfProcesses
from harness.faults.effects import Effect, Limited, LimitedContainer
from harness.reading.quantities import ByteCount, byte_count_said

LEAST_BYTES = 6 * 2**20
"""Docker sets no limit below this ("Minimum memory limit allowed is 6MB")."""


def _enough(count: int) -> int:
    if count < LEAST_BYTES:
        raise ValueError(
            f"{byte_count_said(count)} is too little for anything to run in; write {byte_count_said(LEAST_BYTES)} or more"
        )
    return count


class ResourceLimit(OfProcesses):
    """A process of the target with all that it started, or a container, has only so much of the processors, or so much memory."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "CPU throttling, noisy neighbour, CPU starvation": "on: {process: target}, cpu: 0.2",
        "memory limit, memory pressure": "on: {process: target}, memory: 200MB",
    }

    kind: Literal["resource_limit"] = "resource_limit"
    cpu: Annotated[float, Field(ge=0.01, le=1024)] | None = Field(
        default=None,
        description="how many processors it has at most, as docker's --cpus: 0.2 is a fifth of the time of one",
    )
    memory: Annotated[ByteCount, AfterValidator(_enough)] | None = Field(
        default=None,
        description="how much memory it has at most: of a container all of it together, of a process each that it started by itself",
    )

    @model_validator(mode="after")
    def _of_something(self) -> ResourceLimit:
        if self.cpu is None and self.memory is None:
            raise ValueError("say what there is less of: cpu: 0.2, memory: 200MB, or both")
        return self

    def effect(self, aim: Aim) -> Effect:
        made = LimitedContainer if aim.what == CONTAINER else Limited
        return made(aim.name, self.cpu, self.memory)

    def summary(self) -> str:
        said = [f"{self.cpu:g} processor{'' if self.cpu == 1 else 's'}"] if self.cpu is not None else []
        said += [byte_count_said(self.memory)] if self.memory is not None else []
        return f"resource_limit · {', '.join(said)} on {self.on}"
