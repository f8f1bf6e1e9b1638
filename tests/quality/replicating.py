"""A replicated snapshot store, and a service that hides that its replica is behind.

``python replicating.py --port PORT primary`` keeps the snapshots: it tells each follower the newest version in a line of
text, over plain TCP, and ``POST /publish`` makes the next one. ``python replicating.py --port PORT WAY --replica HOST:PORT
--primary HOST:PORT`` answers ``POST /ask`` out of the replica's snapshot; what is newest it knows from the primary itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web


@dataclass
class Heard:
    """The newest version that the replica, and the primary itself, told of; 0 for none yet."""

    replica: int = 0
    primary: int = 0


def pretending(heard: Heard) -> tuple[int, int]:
    """Answers from its replica, and says that it was the newest snapshot."""
    return heard.replica, heard.primary


def checking(heard: Heard) -> tuple[int, int]:
    """Copes: what its replica does not have yet it takes from the primary."""
    newest = max(heard.replica, heard.primary)
    return newest, newest


# From what was heard, the version that an answer is made from, and the one that it is said to be.
WAYS: dict[str, Callable[[Heard], tuple[int, int]]] = {way.__name__: way for way in (pretending, checking)}


class Primary:
    """The one place where snapshots are published."""

    def __init__(self) -> None:
        self._version = 1
        self._published = asyncio.Condition()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """HTTP for who publishes, and versions line by line for who follows."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            first = await reader.readline()
            if first.startswith(b"POST "):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._publish())
                writer.close()
            else:
                await self._tell(writer)

    async def _publish(self) -> bytes:
        async with self._published:
            self._version += 1
            self._published.notify_all()
        body = json.dumps({"version": self._version}).encode()
        return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body)

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        told = 0
        while not writer.is_closing():
            async with self._published:
                while self._version == told:
                    await self._published.wait()
                told = self._version
            writer.write(b"%d\n" % told)
            await writer.drain()


async def follow(address: str, note: Callable[[int], None]) -> None:
    """*note* each version that is told at *address*, for ever; a connection that ends is made anew."""
    host, _, port = address.rpartition(":")
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"follow\n")
            while line := await reader.readline():
                note(int(line))
            writer.close()
        await asyncio.sleep(0.05)


def application(way: str, replica: str, primary: str) -> web.Application:
    heard = Heard()

    async def ask(request: web.Request) -> web.Response:
        made_from, said_to_be = WAYS[way](heard)
        question = (await request.json())["question"]
        return web.json_response({"answer": f"{question} In {10 * made_from} days.", "version": said_to_be})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(status=200 if heard.replica and heard.primary else 503)

    async def following(_: web.Application) -> AsyncIterator[None]:
        both = asyncio.gather(
            follow(replica, lambda version: setattr(heard, "replica", version)),
            follow(primary, lambda version: setattr(heard, "primary", version)),
        )
        yield
        both.cancel()

    app = web.Application()
    app.cleanup_ctx.append(following)
    app.add_routes([web.post("/ask", ask), web.get("/healthz", healthz)])
    return app


async def _keep_snapshots(port: int) -> None:
    async with await asyncio.start_server(Primary().serve, "127.0.0.1", port) as server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(prog="replicating.py", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("part", choices=["primary", *WAYS])
    parser.add_argument("--replica", default="")
    parser.add_argument("--primary", default="")
    options = parser.parse_args()
    if options.part == "primary":
        asyncio.run(_keep_snapshots(options.port))
    else:
        app = application(options.part, options.replica, options.primary)
        web.run_app(app, host="127.0.0.1", port=options.port, shutdown_timeout=0.1, print=None, access_log=None)


if __name__ == "__main__":
    main()
