"""What pages are told as a day goes on: one task looks at the day for all of them, and each is told what it has not been told yet.

Nothing waits in a queue: a page that reads slowly is told where the day stands then, and no less of what happened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from harness.gameday.control import Control
from harness.gameday.desk import Desk
from harness.gameday.events import Event
from harness.interfaces.gameday_page.board import board
from harness.interfaces.gameday_page.figures import figures
from harness.interfaces.gameday_page.lines import line

LINES_AT_ONCE = 200


class Feed:
    """The day at *desk* as pages are told of it: what is said there at once, and the rest every *look_s* seconds; for one event loop."""

    def __init__(self, desk: Desk, control: Control, look_s: float) -> None:
        self._desk, self._control, self._look_s = desk, control, look_s
        self.events: list[Event] = []
        self.board = self.figures = b""
        self.news = asyncio.Event()
        """Set once there is something that was not there when it was looked up."""
        self.ended = False
        self._watching: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look at the day from now on."""
        self._watching = asyncio.create_task(self._watch())

    async def end(self) -> None:
        """Look a last time, and let every page go once it has been told."""
        if self._watching is not None:
            self._watching.cancel()
        await self._look(0.0)
        self.ended = True
        self._tell()

    async def _watch(self) -> None:
        while True:
            await self._look(self._look_s)

    async def _look(self, within_s: float) -> None:
        """What it waits for keeps nobody from being told, or from saying something."""
        came, board, figures = await asyncio.to_thread(self._looked, len(self.events), within_s)
        if came or (board, figures) != (self.board, self.figures):
            self.events += came
            self.board, self.figures = board, figures
            self._tell()

    def _tell(self) -> None:
        told, self.news = self.news, asyncio.Event()
        told.set()

    def _looked(self, seen: int, within_s: float) -> tuple[list[Event], bytes, bytes]:
        """What came after the first *seen* events, and what is to be shown then."""
        came = self._desk.since(seen, within_s)
        try:
            return came, self._board_now(), self._figures_now()
        except Exception as error:  # noqa: BLE001 - whatever cannot be shown keeps nobody from what happened, nor from the stop button
            why = f"the day cannot be shown whole ({type(error).__name__})"
            return came, self.board, msgspec.json.encode({"problem": why})

    def _board_now(self) -> bytes:
        control = self._control
        return msgspec.json.encode(board(self._desk.standing, control.about(), control.people(), control.agenda()))

    def _figures_now(self) -> bytes:
        live = self._control.live()
        return msgspec.json.encode(None if live is None else figures(live, self.numbers))

    @property
    def numbers(self) -> dict[str, int]:
        """Steps by their ids, from 1."""
        return {step.id: number for number, step in enumerate(self._desk.standing.steps, 1)}


class Told:
    """What one page has been told: the first *lines* of what happened, and where the day stood."""

    def __init__(self, feed: Feed, lines: int) -> None:
        self._feed = feed
        # Of a day that has had fewer, this page has seen none: it is told all of them.
        self._lines = lines if 0 <= lines <= len(feed.events) else 0
        self._board = self._figures = b""

    def next(self) -> bytes:
        """What it has to be told now, as server-sent events; nothing where it has been told all."""
        return b"".join(self._due())

    def _due(self) -> Iterator[bytes]:
        feed = self._feed
        if self._board != feed.board:
            self._board = feed.board
            yield sse("board", feed.board)
        if self._figures != feed.figures:
            self._figures = feed.figures
            yield sse("figures", feed.figures)
        if came := feed.events[self._lines : self._lines + LINES_AT_ONCE]:
            numbers = feed.numbers
            lines = [line(n, event, numbers) for n, event in enumerate(came, self._lines + 1)]
            self._lines += len(came)
            yield sse("lines", msgspec.json.encode(lines), self._lines)


def beat() -> bytes:
    """What tells a page that it is still told, and what time it is here."""
    return sse("beat", msgspec.json.encode(datetime.now(UTC).isoformat()))


def sse(event: str, json: bytes, id_: int | None = None) -> bytes:
    """One server-sent event; JSON has no line ends of its own."""
    return b"event: %s\n%sdata: %s\n\n" % (event.encode(), b"" if id_ is None else b"id: %d\n" % id_, json)
