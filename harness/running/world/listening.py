"""On which TCP ports a process and all that it started listen, as Linux tells; elsewhere nothing is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from harness.running.keeper.processes import below, everyone

_LISTENS = "0A"
_TABLES = ("tcp", "tcp6")


def ports(pid: int) -> list[int]:
    """In order; empty where it listens on none, or nobody can tell."""
    family = [pid, *(process.pid for process in below({pid}, everyone()))]
    sockets = {socket for member in family for socket in _sockets(member)}
    return sorted({port for inode, port in _listening(pid) if inode in sockets})


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of the sockets that *pid* has open."""
    with suppress(OSError):  # it has ended, is somebody else's, or there is no /proc
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


def _listening(pid: int) -> Iterator[tuple[str, int]]:
    """Inode and port of every socket that listens where *pid* sees it."""
    for table in _TABLES:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *more = line.split()
                if state == _LISTENS:
                    yield more[5], int(local.rpartition(":")[2], 16)
