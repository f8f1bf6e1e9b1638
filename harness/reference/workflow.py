"""``python -m harness.reference.workflow``: a workflow of several steps, one of which does something in the world, in two forms.

``POST /workflows`` takes an order and answers 202 with an id; ``GET /workflows/ID`` says how far it has come. In each the model
calls a tool, which books what is ordered in the ledger, and confirms it when it is told. As such workflows often are, what has been done
stands in memory: a process that ends forgets what it had taken on, and whoever submits the same again has it booked again. With
``--resilient``: what was taken on, and what came of each step, is written ahead and on the disk before anything goes on; the next process
of its log resumes where the last one was, and books under a key, so that what was booked and not yet written down is not booked twice.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, web

from harness.reference.assistant import PROMPT_VERSION
from harness.reference.clerk import Clerk, UnansweredError, clerk
from harness.reference.small_service import body, listen, of_two_forms, well

STEPS = ("understood", "booked", "confirmed")
TIMEOUT_S = 3.0
AGAIN_S = 0.25


class Ordered(msgspec.Struct, frozen=True):
    """What a client submits; what has one *key* is one order, where that is looked at."""

    question: str
    key: str = ""


class Entry(msgspec.Struct, frozen=True):
    """A line of the log: an *ordered* workflow, or what came of one *step* of it."""

    id: str
    ordered: Ordered | None = None
    step: str = ""
    came_to: str = ""


class Workflow(msgspec.Struct):
    """How far one has come: what each step came to, by its name."""

    id: str
    ordered: Ordered
    done: dict[str, str] = {}

    @property
    def status(self) -> str:
        return "done" if STEPS[-1] in self.done else "running"


class Log:
    """The write-ahead log at *path*, a line of JSON for each entry; None: what is done is kept in memory alone."""

    def __init__(self, path: Path | None) -> None:
        self.durable = path is not None
        self._file: IO[bytes] | None = path.open("ab+") if path else None

    def entries(self) -> list[Entry]:
        """All that was written so far; a last line that a crash cut short had not been acted on."""
        if self._file is None:
            return []
        self._file.seek(0)
        *whole, torn = self._file.read().split(b"\n")
        if torn:
            self._file.truncate(sum(len(line) + 1 for line in whole))
        return [msgspec.json.decode(line, type=Entry) for line in whole]

    def append(self, entry: Entry) -> None:
        """On the disk when it returns."""
        if self._file is not None:
            self._file.write(msgspec.json.encode(entry) + b"\n")
            self._file.flush()
            os.fdatasync(self._file.fileno())

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Workflows:
    """All workflows, each carried out by a task of its own; *book* does something in the world, under a key or under none."""

    def __init__(self, clerk: Clerk, book: Callable[[str, str], Awaitable[None]], log: Log) -> None:
        self._clerk, self._book, self._log = clerk, book, log
        self._known: dict[str, Workflow] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def resume(self) -> None:
        """Go on with all that the log has and that had not come to its end."""
        for entry in self._log.entries():
            if entry.ordered is not None:
                self._known[entry.id] = Workflow(entry.id, entry.ordered)
            else:
                self._known[entry.id].done[entry.step] = entry.came_to
        for one in self._known.values():
            self._carry_out(one)

    def submit(self, ordered: Ordered) -> Workflow:
        name = ordered.key if self._log.durable and ordered.key else uuid4().hex
        if name not in self._known:
            self._log.append(Entry(name, ordered))
            self._known[name] = Workflow(name, ordered)
            self._carry_out(self._known[name])
        return self._known[name]

    def known(self, name: str) -> Workflow | None:
        return self._known.get(name)

    def _carry_out(self, one: Workflow) -> None:
        task = asyncio.create_task(self._steps(one))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _steps(self, one: Workflow) -> None:
        for step in STEPS:
            while step not in one.done:
                try:
                    came_to = await self._step(one, step)
                except (UnansweredError, ClientError, TimeoutError):
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._log.append(Entry(one.id, step=step, came_to=came_to))
                one.done[step] = came_to

    async def _step(self, one: Workflow, step: str) -> str:
        if step == "booked":
            await self._book(one.ordered.question, f"{one.id}/{step}" if self._log.durable else "")
            return "booked"
        if step == "understood":
            return await self._clerk.understand(one.ordered.question)
        return await self._clerk.confirm(one.ordered.question, one.done["understood"], one.done["booked"])


def application(workflows: Workflows) -> web.Application:
    """``POST /workflows``, ``GET /workflows/ID`` and ``GET /healthz``."""

    async def submit(request: web.Request) -> web.Response:
        ordered = await body(request, Ordered, "order")
        return _told(workflows.submit(ordered), 202)

    async def tell(request: web.Request) -> web.Response:
        one = workflows.known(request.match_info["name"])
        return web.json_response({"error": "no such order"}, status=404) if one is None else _told(one, 200)

    async def resumed(_: web.Application) -> AsyncIterator[None]:
        workflows.resume()
        yield

    app = web.Application()
    app.cleanup_ctx.append(resumed)
    app.add_routes([web.post("/workflows", submit), web.get("/workflows/{name}", tell), web.get("/healthz", well)])
    return app


def _told(one: Workflow, status: int) -> web.Response:
    said = {"id": one.id, "status": one.status, "answer": one.done.get(STEPS[-1]), "prompt_version": PROMPT_VERSION}
    return web.json_response(said, status=status)


def main() -> None:
    parser = of_two_forms(__doc__)
    parser.add_argument("--ledger", required=True, metavar="URL", help="where orders are booked")
    parser.add_argument("--log", type=Path, required=True, help="the file of the write-ahead log")
    parser.add_argument("--api", choices=["openai", "anthropic"], default="openai", help="what the provider speaks")
    read = parser.parse_args()
    served = _serving(clerk(read.api, read.provider, TIMEOUT_S), read.ledger, Log(read.log if read.resilient else None))
    listen(served, read.port)


async def _serving(clerk: Clerk, ledger: str, log: Log) -> web.Application:
    session = ClientSession(timeout=ClientTimeout(TIMEOUT_S))

    async def book(order: str, key: str) -> None:
        async with session.post(f"{ledger}/bookings", json={"order": order, "key": key}) as answer:
            answer.raise_for_status()

    return application(Workflows(clerk, book, log))


if __name__ == "__main__":
    main()
