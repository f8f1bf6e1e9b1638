"""The files of a state folder: who holds a target and until when, who asked its run to stop, and who froze it and why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, Field

from harness.reading.state_document import StateDocument, parsed


class _State(StateDocument):
    by: Annotated[str, Field(description="who: user@host")]


class Lease(_State):
    """That a run holds a target: no other one begins before it lets go, or has not been heard of until *until*."""

    schema_: Literal["harness.lease/1"] = Field(default="harness.lease/1", alias="schema")
    target: str
    run: Annotated[str, Field(description="the run's id")]
    host: Annotated[str, Field(description="the machine it is on")]
    boot: Annotated[
        str, Field(description="which start of that machine it is; empty where the system does not tell")
    ] = ""
    pids: Annotated[
        str, Field(description="among which processes of that machine it counts; empty where the system does not tell")
    ] = ""
    pid: Annotated[int, Field(ge=0, description="its process there")]
    started: Annotated[int, Field(ge=0, description="tells that process from a later one of the same number")] = 0
    folder: Annotated[str, Field(description="where the run is stored on that machine")] = ""
    since: AwareDatetime
    until: Annotated[AwareDatetime, Field(description="when it is nobody's any more, unless it is renewed")]
    ends: Annotated[AwareDatetime | None, Field(description="when the run is planned to end")] = None

    def held(self, now: datetime) -> str:
        """By whom the target is held, since when and until when, as of *now*."""
        planned = f", planned to end at {_clock(self.ends)}" if self.ends is not None else ""
        return (
            f"held by run {self.run} of {self.by} (process {self.pid}) since {_clock(self.since)}, "
            f"until {_clock(self.until)} unless renewed{planned}; it is {_clock(now)} now"
        )


class Stop(_State):
    """That somebody asked a run to end."""

    schema_: Literal["harness.stop/1"] = Field(default="harness.stop/1", alias="schema")
    run: Annotated[str, Field(description="the run's id, and no other one obeys it; empty for whichever goes on")]
    at: AwareDatetime
    why: str = ""

    def __str__(self) -> str:
        return f"stopped by {self.by} at {_clock(self.at)}: {self.why or 'no reason was given'}"


class Freeze(_State):
    """That nobody may break anything: no run begins, and one that goes on ends."""

    schema_: Literal["harness.freeze/1"] = Field(default="harness.freeze/1", alias="schema")
    since: AwareDatetime
    why: Annotated[str, Field(min_length=1)]

    def __str__(self) -> str:
        return f"frozen by {self.by} since {_clock(self.since)}: {self.why}"


StateFile = Lease | Stop | Freeze
_F = TypeVar("_F", Lease, Stop, Freeze)
FILES: Mapping[type[StateFile], str] = {Lease: "lease.json", Stop: "stop.json", Freeze: "freeze.json"}
"""What the file of each is called."""


def parse(kind: type[_F], text: str) -> _F:
    """The document of that *kind* which *text* is; raises ValueError that says what is wrong with it."""
    return parsed(kind, text, FILES[kind].removesuffix(".json"))


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
