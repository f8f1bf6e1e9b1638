"""The fault in which a Redis store answers commands an error, or never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from harness.faults.base import OfStores
from harness.faults.effects import Effect, TapAnswers
from harness.faults.redis_commands import FILL, KNOWN, OTHER_TALK, SPARED, WRITE
from harness.reading import quantities
from harness.reading.target import Link
from harness.registry import nearest

_ERRORS = {
    "loading": "LOADING Redis is loading the dataset in memory",
    "readonly": "READONLY You can't write against a read only replica.",
    "oom": "OOM command not allowed when used memory > 'maxmemory'.",
    "busy": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "noauth": "NOAUTH Authentication required.",
    "masterdown": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "clusterdown": "CLUSTERDOWN The cluster is down",
    "timeout": "",
}
"""As the server words them (redis, src/server.c, `createSharedObjects`); nothing where it never answers."""
_REFUSED: Mapping[str, tuple[str, ...]] = {"readonly": WRITE, "oom": FILL}
"""The commands that such a server refuses, where not all; who frees memory is served when it is full."""


def _known(written: str) -> str:
    """The name of a command; one that is nearly one of Redis is mistyped, another may be of a server that is like it."""
    name = written.upper()
    if name in SPARED | OTHER_TALK:
        raise ValueError(
            f"{name} is always passed on, since it opens, closes or holds a connection together; say one such as GET"
        )
    near = [] if name in KNOWN or "." in name else nearest(name, list(KNOWN))
    if near:
        raise ValueError(f"Redis has no command {name}; did you mean {near[0]}?")
    return name


class StoreError(OfStores):
    """A Redis store answers commands, or a share of them, an error in the server's words, or never (timeout)."""

    seen_as: ClassVar[Mapping[str, str]] = {
        "Redis errors: LOADING, READONLY, OOM, CLUSTERDOWN, failover of the store": "on: {kind: store}, error: loading",
        "Redis timeout, a store that does not answer": "on: {kind: store}, error: timeout",
    }

    kind: Literal["store_error"] = "store_error"
    error: Literal["loading", "readonly", "oom", "busy", "noauth", "masterdown", "clusterdown", "timeout"]
    commands: list[Annotated[str, Field(pattern=r"^[A-Za-z_]+(\.[A-Za-z_]+)*$"), AfterValidator(_known)]] = Field(
        default_factory=list,
        description="which ones, such as GET; default: all, of readonly those that write, of oom those that take memory",
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of those commands, 0 to 1, drawn by the seed"
    )

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        commands = tuple(self.commands) or _REFUSED.get(self.error, ())
        return tuple(TapAnswers(link, _ERRORS[self.error], commands, self.share) for link in links)

    def summary(self) -> str:
        share = f" for {quantities.share(self.share)}" if self.share < 1 else ""
        which = f" of {', '.join(self.commands)}" if self.commands else ""
        return f"store_error {self.error}{share}{which} on {self.on}"
