"""The fault in which a Redis store answers commands an error, or never."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from harness.faults.base import Aimed, Looked
from harness.faults.effects import Effect, TapAnswers
from harness.reading import quantities
from harness.reading.target import Link

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
_WRITES = (
    "SET", "SETEX", "PSETEX", "SETNX", "SETRANGE", "GETSET", "GETDEL", "GETEX", "MSET", "MSETNX", "APPEND", "INCR",
    "INCRBY", "INCRBYFLOAT", "DECR", "DECRBY", "DEL", "UNLINK", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT",
    "PERSIST", "RENAME", "RENAMENX", "COPY", "RESTORE", "HSET", "HMSET", "HSETNX", "HDEL", "HINCRBY", "HINCRBYFLOAT",
    "LPUSH", "RPUSH", "LPUSHX", "RPUSHX", "LPOP", "RPOP", "LTRIM", "LREM", "LSET", "LINSERT", "SADD", "SREM", "SPOP",
    "SMOVE", "ZADD", "ZREM", "ZINCRBY", "ZPOPMIN", "ZPOPMAX", "XADD", "XDEL", "XTRIM", "XACK", "PFADD", "SETBIT",
    "FLUSHDB", "FLUSHALL",
)  # fmt: skip
_OF_WRITES = ("readonly", "oom")


def _in_capitals(name: str) -> str:
    return name.upper()


class StoreError(Aimed):
    """A Redis store answers commands, or a share of them, an error in the server's words, or never (timeout)."""

    kind: Literal["store_error"] = "store_error"
    error: Literal["loading", "readonly", "oom", "busy", "noauth", "masterdown", "clusterdown", "timeout"]
    commands: list[Annotated[str, Field(pattern=r"^[A-Za-z]+$"), AfterValidator(_in_capitals)]] = Field(
        default_factory=list, description="which ones, such as GET; default: all, of readonly and oom those that write"
    )
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="of those commands, 0 to 1, drawn by the seed"
    )

    @property
    def probes(self) -> bool:
        return False

    def misfit(self, link: Link) -> str:
        return "" if link.carries == "redis" else f"carries {link.carries}, and {self.kind} is for redis:// upstreams"

    def effects(self, links: Mapping[str, Link]) -> tuple[Effect, ...]:
        commands = tuple(self.commands) or (_WRITES if self.error in _OF_WRITES else ())
        return tuple(TapAnswers(link, _ERRORS[self.error], commands, self.share) for link in links)

    def took_hold(self, looked: Looked) -> bool:
        return looked.answered > 0

    def summary(self) -> str:
        share = f" for {quantities.share(self.share)}" if self.share < 1 else ""
        which = f" of {', '.join(self.commands)}" if self.commands else ""
        return f"store_error {self.error}{share}{which} on {self.on}"
