"""The workers of a load as their master knows them, in one file: who they are, what they wrote, how their clocks stand."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

from harness.record.clocks import Look, may_be_one
from harness.record.workers import Seal
from harness.running.load import handshake

NAME = "LOAD_NAME"
"""In the environment of a worker: what its host is called, where that is not the system's name of it."""
LOOKS_FIRST = 20
"""So many looks at its clock come before a load begins, and all of them are kept."""


class Member(msgspec.Struct):
    """One worker: *clock* says which monotonic clock it goes by (see `own_clock`), *lost* why it will not send its share to the end.

    The *seal* is of the file in the run's folder; *torn*: how that of a worker of another machine differs from what it wrote.
    """

    number: int
    host: str = ""
    pid: int = 0
    clock: str = ""
    lost: str = ""
    lost_s: float | None = None
    seal: Seal | None = None
    begun: Seal | None = (
        None  # likewise of the file in which its users' requests stand as they begin, where there is one
    )
    torn: str = ""
    another_clock: bool = False  # than the master's
    ahead_s: float = (
        0.0  # how far its clock was ahead of the master's before the load began; its rows and looks are earlier by that
    )
    looks: list[Look] = []

    def saw(self, look: Look) -> None:
        """Keep *look* where it says more than those before it: not of a clock that has been found to be its master's."""
        if self.another_clock or len(self.looks) < LOOKS_FIRST or not may_be_one([look]):
            self.looks.append(look)

    def settle(self, masters: str) -> None:
        """Say whether it goes by another clock than its master, whose is *masters*, and from now on by how much that is ahead."""
        self.another_clock = not masters or self.clock != masters or not may_be_one(self.looks)
        if self.another_clock and self.looks:
            best = min(self.looks, key=lambda look: look.heard_s - look.sent_s)
            self.ahead_s = best.theirs_s - (best.sent_s + best.heard_s) / 2
            self.looks = [look._replace(theirs_s=look.theirs_s - self.ahead_s) for look in self.looks]


def own_clock() -> str:
    """Which monotonic clock this process goes by: equal for all who share it, empty where the system does not tell.

    On Linux it is that of the kernel since it was booted, but for an offset of the time namespace (time_namespaces(7)). On macOS all
    processes of a host share one (clock_gettime(3)), and there are no such namespaces.
    """
    if sys.platform == "darwin":
        return f"{sys.platform} {socket.gethostname()}"
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        offsets = Path("/proc/self/timens_offsets")
        return f"{boot} {' '.join(offsets.read_text().split()) if offsets.exists() else ''}"
    return ""


def here(name: str = "") -> tuple[str, int, str]:
    """What a worker says of itself: its host, which may have a *name* that says more than the system's, its pid and its clock."""
    return name or socket.gethostname(), os.getpid(), own_clock()


def write(path: Path, crew: list[Member]) -> None:
    handshake.write_whole(path, msgspec.json.encode(crew))


def read(path: Path) -> list[Member]:
    """The workers that are known so far; none before the first has come."""
    return msgspec.json.decode(path.read_bytes(), type=list[Member]) if path.exists() else []
