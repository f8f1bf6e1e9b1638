"""Who is told while a game day goes on: a POST of JSON at the moments that its file names; one that fails is a line of the day."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from html import escape

from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk
from harness.gameday.events import (
    Agreed,
    Began,
    Closed,
    Event,
    Marked,
    Noted,
    Opened,
    Over,
    Stopped,
    Told,
)
from harness.gameday.files import DayFiles
from harness.gameday.sentences import sentence
from harness.gameday.shown import is_hidden, title
from harness.http1.asked_url import NoAnswerError, ask
from harness.reading.gameday import Moment, Webhook
from harness.reading.hosts import address
from harness.reading.proxies import proxy_for
from harness.reading.templates import secrets

WITHIN_S = 5.0
"""How long one of them may take to answer."""
LAST_WITHIN_S = 8.0
"""How long the end of a day waits for those that have not been told yet."""
_LISTENS_S = 0.5
_MOMENTS: dict[type, Moment] = {
    Opened: "opened", Began: "began", Over: "ended", Stopped: "stopped", Noted: "note", Marked: "mark", Closed: "closed"
}  # fmt: skip

Post = Callable[[str, str], str]
"""Sends a body to a URL; why that failed, or nothing."""


def moment_of(event: Event) -> Moment | None:
    """The moment that *event* is to those who are told; None where it is none."""
    if isinstance(event, Agreed):
        return None if event.yes else "refused"
    return _MOMENTS.get(type(event))


def body(event: Event, files: DayFiles, desk: Desk) -> dict[str, object]:
    """What is sent of *event*: as sentences under ``text``, which chats show, and as values. Nothing in it tells of a secret step."""
    now, step = desk.standing, getattr(event, "step", "")
    told = f"{files.day.title}: {sentence(event)}"
    said: dict[str, object] = {
        "schema": "harness.gameday.told/1",
        "text": for_chats(f"[tabletop] {told}" if now.tabletop else told),
        "moment": moment_of(event),
        "day": now.day,
        "name": files.day.name,
        "title": files.day.title,
        "tabletop": now.tabletop,
        "at": event.at,
        "by": event.by,
    }
    if step in files.day.ids:
        hidden = is_hidden(files.day.step(step), step, now)
        said |= {"step": step, "step_title": HIDDEN if hidden else title(files, step)}
    extra = {name: getattr(event, name, "") for name in ("outcome", "kind", "why", "told", "held")}
    return said | {name: value for name, value in extra.items() if value not in ("", None)}


def for_chats(text: str) -> str:
    """*text* as chats show it: to Slack what stands in ``<>`` is a link, or calls everybody in the room, unless it is escaped."""
    return escape(text, quote=False)


def posted(url: str, text: str, environment: Mapping[str, str]) -> str:
    """Why *url* could not be told *text*; empty where it answered 2xx."""
    headers = {"content-type": "application/json"}
    try:
        answer = ask(
            url, proxy=proxy_for(url, environment), method="POST", body=text, headers=headers, within_s=WITHIN_S
        )
    except (NoAnswerError, ValueError) as error:
        return str(error).replace(url, "it")
    return "" if 200 <= answer.status < 300 else f"answered {answer.status}"


class Telling:
    """Tells each webhook of the day's file in a thread of its own, of what happens after the first *seen* events of *desk*."""

    def __init__(
        self, files: DayFiles, desk: Desk, environment: Mapping[str, str], seen: int, post: Post | None = None
    ) -> None:
        self._files, self._desk, self._environment = files, desk, environment
        self._post = post or (lambda url, text: posted(url, text, environment))
        self._over = threading.Event()
        self._reached = [seen] * len(files.day.notify)
        """How many events each webhook has been told of, or need not be."""
        self._threads = [
            threading.Thread(target=self._tell, args=(number, hook), name="tells", daemon=True)
            for number, hook in enumerate(files.day.notify)
        ]

    def __enter__(self) -> Telling:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        over_s = time.monotonic() + LAST_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, over_s - time.monotonic()))
        for number, (hook, thread) in enumerate(zip(self._files.day.notify, self._threads, strict=True)):
            if thread.is_alive():
                self._untold(hook, self._desk.since(self._reached[number]))

    def _untold(self, hook: Webhook, events: Sequence[Event]) -> None:
        """The day is over, and a webhook has not been told of these."""
        url = whom(hook.url, secrets(hook.url, self._environment))
        for event in events:
            if moment_of(event) in hook.on:
                with suppress(OSError):
                    self._desk.write(
                        Told(url=url, moment=str(moment_of(event)), error="the day was over before it answered")
                    )

    def _tell(self, number: int, hook: Webhook) -> None:
        url = secrets(hook.url, self._environment)
        while True:
            # Once the day is over nothing more comes, and what is there is told to the end.
            last = self._over.is_set()
            events = self._desk.since(self._reached[number], 0.0 if last else _LISTENS_S)
            for event in events:
                if moment_of(event) in hook.on:
                    self._told(hook, url, event)
                self._reached[number] += 1
            if last and not events:
                return

    def _told(self, hook: Webhook, url: str, event: Event) -> None:
        error = self._post(url, json.dumps(body(event, self._files, self._desk), ensure_ascii=False))
        # Where the day cannot be written down any more, whoever carries it out ends for it.
        with suppress(OSError):
            self._desk.write(Told(url=whom(hook.url, url), moment=str(moment_of(event)), error=error))


def whom(written: str, url: str) -> str:
    """Who is told, with neither a path, which may be a secret of a chat, nor a host that is one."""
    if written != url:
        return written
    found = address(url)
    return f"{found.scheme}://{found.host}{':' if found.port else ''}{found.port}/…"
