"""``python -m harness.reference.users``: users of a service that the harness does not send, so that there is traffic to be watched.

They ask ``--ask URL`` the corpus's questions, in turn, ``--per-s`` of them a second whether or not earlier ones were answered, and leave
after 4 s. ``GET /healthz`` tells how many of them were answered so far.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import count

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from harness.reference.corpus import POLICIES
from harness.reference.small_service import command_line, listen

PATIENCE_S = 4.0


class Users:
    """Whoever asks the service at *url*, *per_s* times a second."""

    def __init__(self, url: str, per_s: float) -> None:
        self._url, self._gap_s = url, 1 / per_s
        self.asked = self.answered = 0

    async def ask_on(self, session: ClientSession) -> None:
        """Ask until cancelled; the n-th question is asked n gaps after the first."""
        clock = asyncio.get_running_loop()
        begun_s = clock.time()
        async with asyncio.TaskGroup() as waiting:
            for number in count():
                await asyncio.sleep(begun_s + number * self._gap_s - clock.time())
                self.asked += 1
                waiting.create_task(self._ask(session, POLICIES[number % len(POLICIES)].question))

    async def _ask(self, session: ClientSession, question: str) -> None:
        with contextlib.suppress(ClientError, TimeoutError):
            async with session.post(self._url, json={"question": question}) as answer:
                await answer.read()
                self.answered += answer.status < web.HTTPBadRequest.status_code


def application(users: Users) -> web.Application:
    """``GET /healthz``; the users ask for as long as it is served."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"asked": users.asked, "answered": users.answered})

    async def asking(_: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(total=PATIENCE_S)) as session:
            task = asyncio.create_task(users.ask_on(session))
            yield
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    app = web.Application()
    app.cleanup_ctx.append(asking)
    app.add_routes([web.get("/healthz", healthz)])
    return app


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--ask", required=True, metavar="URL")
    parser.add_argument("--per-s", type=float, default=8.0, metavar="NUMBER")
    read = parser.parse_args()
    listen(application(Users(read.ask, read.per_s)), read.port)


if __name__ == "__main__":
    main()
