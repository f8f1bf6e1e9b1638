"""Sockets of this machine: ports that stay ours while nobody listens, and connections that end by a reset."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
from typing import cast

_NO_LINGER = struct.pack("ii", 1, 0)


def bound(port: int = 0, *, again: bool = False, host: str = "127.0.0.1") -> socket.socket:
    """A socket bound to *port* of *host* (0: one that is free) that does not listen: who connects is refused.

    *host* is an address of this machine. The port cannot be given to anybody else while it is open, but this same function can bind it
    *again*. Raises OSError that names the port when somebody has it.
    """
    held = socket.socket()
    try:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if port and not again:
            # A tap of another run would share its port with us, and the kernel deal out connections between the two.
            _refuse_shared(port, host)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as error:
        held.close()
        raise OSError(f"port {port} of {host} cannot be listened on: {error.strerror}") from error
    return held


def _refuse_shared(port: int, host: str) -> None:
    with socket.socket() as alone:
        alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        alone.bind((host, port))


def reset(transport: asyncio.Transport) -> None:
    """End a connection by an RST; what was not sent yet is lost."""
    if transport.is_closing():
        transport.abort()
        return
    with _same(transport) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def unread(transport: asyncio.Transport) -> bool:
    """Whether bytes have come that have not been read."""
    if transport.is_closing():
        return False
    with _same(transport) as connection:
        try:
            return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False


def left_unread(transport: asyncio.Transport) -> bytes:
    """What had come on a connection that has failed, and was not read; nothing can be told of one with TLS."""
    if transport.get_extra_info("sslcontext") is not None:
        return b""
    pieces: list[bytes] = []
    try:
        with _same(transport) as connection:
            connection.setblocking(False)
            while piece := connection.recv(1 << 16):
                pieces.append(piece)
    except OSError:
        pass  # There is no more.
    return b"".join(pieces)


class Ear:
    """Hears of *transport* what its event loop may not have read yet."""

    __slots__ = ("_heard", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._heard: select.poll | None = None

    @property
    def spoken(self) -> bool:
        """Whether the other end has ended the connection or said something."""
        # The number of one that is closing may be another's by now.
        if self._transport.is_closing():
            return True
        if self._heard is None:
            self._heard = select.poll()
            self._heard.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(self._heard.poll(0))


def unbuffered(transport: asyncio.BaseTransport) -> asyncio.Transport:
    """*transport*, which from now on writes at once what it can; `resume_writing` tells when the last of the rest is out.

    uvloop would wait for the end of its turn.
    """
    plain = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
    # With TLS both event loops would take 0 for a buffer that is always full.
    plain.set_write_buffer_limits(high=0 if plain.get_extra_info("sslcontext") is None else 1, low=0)
    return plain


def _same(transport: asyncio.Transport) -> socket.socket:
    # A second descriptor of the same socket: neither event loop lends its own.
    return socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
