"""Where a process and all that it started listen for TCP, as Linux tells, and whether it is found there; elsewhere nothing is known."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

from harness.running.keeper.processes import below, everyone

_LISTENS = "0A"
_TABLES = ("tcp", "tcp6")


class Listener(NamedTuple):
    """An address and a port at which something listens."""

    address: IPv4Address | IPv6Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"

    def takes(self, port: int, *, refused: bool) -> bool:
        """Whether who connects to *port* of 127.0.0.1 comes here; *refused*: somebody tried, and did not."""
        mapped = self.address.ipv4_mapped if isinstance(self.address, IPv6Address) else self.address
        if mapped is None:
            # Where it takes IPv6 alone does not stand in the table.
            return self.port == port and self.address.is_unspecified and not refused
        return self.port == port and (mapped == IPv4Address("127.0.0.1") or mapped.is_unspecified)


def listeners(pid: int) -> list[Listener]:
    """Of process *pid*, in the order of their ports; empty where it listens on none, or nobody can tell."""
    family = [pid, *(process.pid for process in below({pid}, everyone()))]
    sockets = {socket for member in family for socket in _sockets(member)}
    found = {listener for inode, listener in _listening(pid) if inode in sockets}
    return sorted(found, key=lambda listener: (listener.port, str(listener.address)))


def elsewhere(found: Sequence[Listener], port: int, *, refused: bool) -> str:
    """Where somebody listens who is looked for at *port* of 127.0.0.1; empty where that is there, or nowhere.

    *refused*: nobody took a connection there.
    """
    if not found or any(listener.takes(port, refused=refused) for listener in found):
        return ""
    said = f"it listens on {', '.join(map(str, found))}"
    if all(listener.port != port for listener in found):
        return f"{said}, not on its {{port}}, which is {port}"
    return f"{said}, and is looked for on 127.0.0.1:{port}; have it listen on 127.0.0.1"


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of the sockets that *pid* has open."""
    with suppress(OSError):  # it has ended, is somebody else's, or there is no /proc
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                kind, _, inode = str(descriptor.readlink()).partition(":")
                if kind == "socket":
                    yield inode.strip("[]")


def _listening(pid: int) -> Iterator[tuple[str, Listener]]:
    """Every socket that listens where *pid* sees it, by its inode."""
    for table in _TABLES:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
                _, local, _, state, *more = line.split()
                if state == _LISTENS:
                    address, _, port = local.rpartition(":")
                    yield more[5], Listener(_address(address), int(port, 16))


def _address(written: str) -> IPv4Address | IPv6Address:
    """Each four bytes of it are written as a number of this machine's."""
    words = [int(written[at : at + 8], 16) for at in range(0, len(written), 8)]
    return ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
