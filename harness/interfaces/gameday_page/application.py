"""The page's own server: the page, what it is told, and what people say on it.

::

    GET  /PATH/            the page; with ?token= the way in
    GET  /PATH/page.css    /PATH/page.js
    GET  /PATH/stream      server-sent events: board, figures, lines (their id is how many there were), beat
    POST /PATH/say         an event of `harness.gameday.events` as JSON: 204, or a sentence as {"error": …} with
                           400 where it is none, 409 where it cannot be said, 507 where it cannot be written down

Who is not let in at all has 403 (`door.py`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import web

from harness.gameday.control import Control
from harness.gameday.desk import Desk, SayError
from harness.interfaces.gameday_page.door import Door, protect
from harness.interfaces.gameday_page.feed import Feed, Told, beat
from harness.interfaces.gameday_page.saying import Saying
from harness.report.palette import custom_properties

_KINDS = {"page.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page may have of the process that leads the day."""

    body_bytes: int = 64 * 1024
    streams: int = 100
    look_s: float = 0.5
    """How often the figures are looked at."""
    beat_s: float = 10.0
    """After so long without news a page hears that it is still told."""
    slow_s: float = 20.0
    """A page that has not taken in what it was told by then is let go; it comes again by itself."""


def application(desk: Desk, control: Control, door: Door, limits: Limits) -> web.Application:
    """Serves the day at *desk* to whom *door* lets in."""
    served = web.Application(middlewares=[door.middleware], client_max_size=limits.body_bytes)
    served.on_response_prepare.append(protect)
    feed = Feed(desk, control, limits.look_s)
    pages, streams, said = _Files(), _Streams(feed, limits), _Said(Saying(desk, control))
    served.add_routes(
        [
            web.get(door.path, pages.page),
            web.get(f"{door.path}{{name:page\\.(?:css|js)}}", pages.file),
            web.get(f"{door.path}stream", streams.stream),
            web.post(f"{door.path}say", said.say),
        ]
    )

    async def begin(_: web.Application) -> None:
        feed.begin()

    async def end(_: web.Application) -> None:
        await feed.end()

    served.on_startup.append(begin)
    served.on_shutdown.append(end)
    return served


class _Files:
    """The page as it stands in the package; nothing of a day is in it."""

    def __init__(self) -> None:
        folder = Path(__file__).parent
        self._texts = {name: (folder / name).read_text("utf-8") for name in _KINDS}
        self._texts["page.css"] = custom_properties() + self._texts["page.css"]

    async def page(self, _: web.Request) -> web.Response:
        return self._file("page.html")

    async def file(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["name"])

    def _file(self, name: str) -> web.Response:
        return web.Response(text=self._texts[name], content_type=_KINDS[name], charset="utf-8")


class _Said:
    """What people say."""

    def __init__(self, saying: Saying) -> None:
        self._saying = saying

    async def say(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise _refusal(web.HTTPUnsupportedMediaType, "say it as application/json")
        body = await request.read()
        try:
            # The disk may take its time; the others are told meanwhile.
            await asyncio.to_thread(self._saying.take, body)
        except SayError as error:
            raise _refusal(web.HTTPConflict, str(error)) from error
        except OSError as error:
            raise _refusal(web.HTTPInsufficientStorage, f"it cannot be written down: {error.strerror}") from error
        except ValueError as error:
            raise _refusal(web.HTTPBadRequest, str(error)) from error
        return web.Response(status=204)


class _Streams:
    """Each page's own stream, of which there are at most so many."""

    def __init__(self, feed: Feed, limits: Limits) -> None:
        self._feed, self._limits, self._open = feed, limits, 0

    async def stream(self, request: web.Request) -> web.StreamResponse:
        if self._open >= self._limits.streams:
            raise _refusal(web.HTTPServiceUnavailable, f"{self._open} pages are open; close one of them")
        self._open += 1
        try:
            return await self._told(request)
        finally:
            self._open -= 1

    async def _told(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        told = Told(self._feed, _seen(request))
        await response.prepare(request)
        try:
            await response.write(b"retry: 1000\n\n" + beat())
            while due := await self._due(told):
                async with asyncio.timeout(self._limits.slow_s):
                    await response.write(due)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
        except ConnectionError:  # it has gone
            pass
        return response

    async def _due(self, told: Told) -> bytes:
        """What a page has to be told next; a beat where there was nothing for so long, and nothing once all is over."""
        while not (due := told.next()) and not self._feed.ended:
            try:
                async with asyncio.timeout(self._limits.beat_s):
                    await self._feed.news.wait()
            except TimeoutError:
                return beat()
        return due


def _seen(request: web.Request) -> int:
    """How many lines the page has, as a browser says that comes again by itself, or as the page does that was away."""
    said = request.headers.get("Last-Event-ID") or request.query.get("since", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 12 else 0


def _refusal(status: type[web.HTTPException], why: str) -> web.HTTPException:
    return status(text=msgspec.json.encode({"error": why}).decode(), content_type="application/json")
