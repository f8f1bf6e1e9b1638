"""The workers of a load as their master knows them, in one file: who they are, what they wrote, how their clocks stand."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.record.workers import Seal
from harness.running.load import handshake


class Ping(NamedTuple):
    """One look at a worker's clock: sent and heard of on the master's, answered on the worker's; all in seconds."""

    sent_s: float
    theirs_s: float
    heard_s: float


class Member(msgspec.Struct):
    """One worker: *clock* says which monotonic clock it goes by (see `own_clock`), *lost* why it will not send its share to the end."""

    number: int
    host: str = ""
    pid: int = 0
    clock: str = ""
    lost: str = ""
    lost_s: float | None = None
    seal: Seal | None = None
    pings: list[Ping] = []


def own_clock() -> str:
    """Which monotonic clock this process goes by: equal for all who share it, empty where the system does not tell.

    On Linux it is that of the kernel since it was booted, but for an offset of the time namespace (time_namespaces(7)).
    """
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        offsets = Path("/proc/self/timens_offsets")
        return f"{boot} {' '.join(offsets.read_text().split()) if offsets.exists() else ''}"
    return ""


def here() -> tuple[str, int, str]:
    """What a worker says of itself: its host, its pid and its clock."""
    return socket.gethostname(), os.getpid(), own_clock()


def write(path: Path, crew: list[Member]) -> None:
    handshake.write_whole(path, msgspec.json.encode(crew))


def read(path: Path) -> list[Member]:
    """The workers that are known so far; none before the first has come."""
    return msgspec.json.decode(path.read_bytes(), type=list[Member]) if path.exists() else []
