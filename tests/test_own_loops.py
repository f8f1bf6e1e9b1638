"""Loops of the tests themselves: what a test leaves open in one is gone with it, so that no other test is blamed for it."""

from __future__ import annotations

import asyncio
import socket


def test_a_connection_that_nobody_closed_ends_with_its_loop() -> None:
    async def leave(port: int) -> asyncio.BaseTransport:
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "127.0.0.1", port)
        return transport

    with socket.create_server(("127.0.0.1", 0)) as server:
        left = asyncio.run(leave(server.getsockname()[1]))
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(30)
            assert left.is_closing()
            assert accepted.recv(1) == b""
