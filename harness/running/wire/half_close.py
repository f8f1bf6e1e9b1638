"""Whether who said that it says no more still listens: on the wire both are one FIN, and the kernel that has both ends knows the rest."""

from __future__ import annotations

import asyncio
import atexit
import socket
import struct
from contextlib import suppress
from functools import cache
from itertools import count

_SOCK_DIAG = 4  # the protocol, of linux/netlink.h
_BY_FAMILY = 20  # SOCK_DIAG_BY_FAMILY and NLM_F_REQUEST, of linux/sock_diag.h and linux/netlink.h
_REQUEST = 1
_SHUTDOWN = 8  # INET_DIAG_SHUTDOWN, of linux/inet_diag.h
_SEND_ALONE = 2  # SEND_SHUTDOWN without RCV_SHUTDOWN, of net/sock.h; a close sets both, and before its FIN is sent
_HEAD, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
_ANSWER_BYTES = 72  # of an inet_diag_msg, behind which attributes stand
_INODE_AT = 68
_numbers = count(1)


def still_listens(transport: asyncio.Transport) -> bool:
    """Whether the client of *transport*, whose FIN has come, has closed half of the connection alone (shutdown(2)) and can be told more.

    False where nobody can tell: on a system that is not Linux, and of a client that has a network of its own, as in a container.
    """
    ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
    with suppress(OSError, AttributeError, TypeError, struct.error):  # AttributeError: a system without netlink
        return _shutdown(_looked_up(theirs, ours)) == _SEND_ALONE
    return False


def _looked_up(near: tuple[str, int], far: tuple[str, int]) -> bytes:
    """What the kernel says of the TCP socket at *near* that is connected to *far*."""
    number, kernel = next(_numbers), _kernel()
    addresses = (socket.inet_aton(near[0]), socket.inet_aton(far[0]))
    which = struct.pack("!HH16s16s", near[1], far[1], *addresses) + struct.pack("=I8s", 0, b"\xff" * 8)
    asked = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + which
    kernel.send(_HEAD.pack(_HEAD.size + len(asked), _BY_FAMILY, _REQUEST, number, 0) + asked)
    while _HEAD.unpack_from(said := kernel.recv(8192))[3] != number:
        pass  # an answer that nobody waited for
    return said


def _shutdown(said: bytes) -> int | None:
    """Which halves the socket has shut down; None where no process has it any more, or there is none."""
    length, kind, *_ = _HEAD.unpack_from(said)
    if kind != _BY_FAMILY or not struct.unpack_from("=I", said, _HEAD.size + _INODE_AT)[0]:
        return None
    at = _HEAD.size + _ANSWER_BYTES
    while at + _ATTRIBUTE.size < length:
        size, attribute = _ATTRIBUTE.unpack_from(said, at)
        if attribute == _SHUTDOWN:
            return said[at + _ATTRIBUTE.size]
        at += max(size + 3 & ~3, _ATTRIBUTE.size)
    return None


@cache
def _kernel() -> socket.socket:
    # It answers at once; a deadline is for a kernel that does not.
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG)
    kernel.settimeout(0.1)
    atexit.register(kernel.close)
    return kernel
