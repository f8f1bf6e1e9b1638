"""The users that a reference service has of its own: they ask at their pace, whatever becomes of it."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from aiohttp import ClientSession, TCPConnector, web
from aiohttp.test_utils import TestServer

from harness.reference.users import Users


@pytest.mark.parametrize(("status", "answered"), [(200, 3), (503, 0)])
def test_they_ask_one_question_after_the_other_and_count_those_that_were_answered(status: int, answered: int) -> None:
    asked: list[str] = []

    async def ask_three() -> Users:
        enough = asyncio.Event()

        async def ask(request: web.Request) -> web.Response:
            asked.append((await request.json())["question"])
            if len(asked) == 4:
                enough.set()
            return web.json_response({}, status=status)

        app = web.Application()
        app.add_routes([web.post("/ask", ask)])
        # Over one connection each is asked when the one before was answered.
        async with TestServer(app) as server, ClientSession(connector=TCPConnector(limit=1)) as session:
            users = Users(str(server.make_url("/ask")), per_s=1_000)
            going = asyncio.create_task(users.ask_on(session))
            await asyncio.wait_for(enough.wait(), 10)
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going
        return users

    users = asyncio.run(ask_three())
    assert len(set(asked[:3])) == 3
    assert users.asked >= 4
    assert min(users.answered, 3) == answered
