"""``python -m harness.reference.pool``: an assistant that reads who asks out of a store, over a pool of connections, in two forms.

``POST /ask`` takes a question and who asks it; the user's record is read from Redis within a moment, and stands in the prompt. As in the
incident of 2023-03-20 (redis-py before 4.5.3, issue 2624): a read that is given up while it waits is cancelled, an error closes its
connection and a cancellation does not, so that the connection goes back with an answer on its way that the next user will read. And a
connection is kept until the provider has answered as well, so that a slow provider leaves none for anybody. With ``--resilient``: whatever
ends a read before its answer has come closes the connection, and it is given back as soon as the record is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web
from openai import AsyncOpenAI, OpenAIError

from harness.reference.accounts import RECORDS, Asked, record
from harness.reference.assistant import MODEL, prompt
from harness.reference.small_service import answering, listen, of_two_forms, tries_once

TIMEOUT_S = 2.5
READ_WITHIN_S = 0.3
CONNECTIONS = 12
READY_WITHIN_S, TRY_AGAIN_S = 30.0, 0.1


class Connection:
    """One connection to a Redis server, on which one command is said at a time (RESP 2, redis.io/docs/reference/protocol-spec)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @property
    def open(self) -> bool:
        return not self._writer.is_closing()

    async def say(self, *words: str) -> str:
        """What the server answers; raises OSError where it answers an error or nothing."""
        said = [word.encode() for word in words]
        self._writer.write(b"*%d\r\n" % len(said) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in said))
        head = await self._reader.readline()
        if head[:1] == b"$" and (length := int(head[1:])) >= 0:
            return (await self._reader.readexactly(length + 2))[:-2].decode()
        if head[:1] in (b"+", b"$"):
            return head[1:].strip().decode() if head[:1] == b"+" else ""
        raise ConnectionError(head.decode(errors="replace").strip() or "the server hung up")

    def close(self) -> None:
        self._writer.close()


class Pool:
    """Connections to the server at *address* that are kept for the next who needs one; *clean*: none with an answer still to come."""

    def __init__(self, address: str, *, clean: bool) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._closed_by: type[BaseException] = BaseException if clean else Exception

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """One of the connections is the caller's to use; raises OSError where none comes free within a moment."""
        async with asyncio.timeout(READ_WITHIN_S):
            await self._free.acquire()
        try:
            yield
        finally:
            self._free.release()

    async def say(self, *words: str) -> str:
        """What the server answers within a moment, to who has a place; raises OSError."""
        async with asyncio.timeout(READ_WITHIN_S):
            connection = self._idle.pop() if self._idle else await self._opened()
            try:
                return await connection.say(*words)
            except self._closed_by:  # A cancellation is no Exception (since Python 3.8).
                connection.close()
                raise
            finally:
                if connection.open:
                    self._idle.append(connection)

    def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def _opened(self) -> Connection:
        return Connection(*await asyncio.open_connection(self._host, int(self._port)))


class Assistant:
    """Answers from the provider, with the user's own record in the prompt; a *brief* one gives its place back before it asks there."""

    def __init__(self, model: AsyncOpenAI, pool: Pool, *, brief: bool) -> None:
        self._model, self._pool, self._brief = model, pool, brief

    async def begin(self) -> None:
        """Have the records in the store; raises OSError where it cannot be reached."""
        async with asyncio.timeout(READY_WITHIN_S):
            for user in RECORDS:
                while not await self._wrote(user):
                    await asyncio.sleep(TRY_AGAIN_S)

    async def answer(self, asked: Asked) -> str | None:
        """None where the store or the provider gave none."""
        try:
            async with AsyncExitStack() as held:
                await held.enter_async_context(self._pool.place())
                known = await self._pool.say("GET", f"record:{asked.user}")
                if self._brief:
                    await held.aclose()
                messages = prompt(asked.question, known)
                completion = await self._model.chat.completions.create(model=MODEL, messages=messages)
        except (OSError, EOFError, OpenAIError):
            return None
        return completion.choices[0].message.content or ""

    async def end(self) -> None:
        self._pool.close()
        await self._model.close()

    async def _wrote(self, user: str) -> bool:
        try:
            async with self._pool.place():
                return await self._pool.say("SET", f"record:{user}", record(user)) == "OK"
        except (OSError, EOFError):
            return False


def application(assistant: Assistant) -> web.Application:
    """``POST /ask`` and ``GET /healthz``."""
    return answering(assistant, Asked, assistant.answer, "the store or the provider gave no answer")


def main() -> None:
    parser = of_two_forms(__doc__)
    parser.add_argument("--store", required=True, metavar="HOST:PORT")
    read = parser.parse_args()
    model = tries_once(read.provider, TIMEOUT_S)
    app = application(Assistant(model, Pool(read.store, clean=read.resilient), brief=read.resilient))
    listen(app, read.port)


if __name__ == "__main__":
    main()
