"""Who is told that a game day was missed, by POST of JSON: the webhooks of its file that name that moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from threading import Thread

from harness.gameday.telling import Post, for_chats, posted, whom
from harness.reading.gameday import Webhook
from harness.reading.templates import secrets
from harness.reading.timetable import MISSED, Occurrence
from harness.schedules.scheduled import Scheduled


def tell_missed(
    one: Scheduled,
    missed: Occurrence,
    environment: Mapping[str, str],
    say: Callable[[str], None],
    post: Post | None = None,
) -> list[Thread]:
    """Begin to tell each webhook of *one* that wants to hear of it that an occurrence was *missed*; one that fails is said.

    Nobody waits for them: each has a thread of its own, which is returned, and which this process does not end before.
    """
    send = post or (lambda url, text: posted(url, text, environment))
    text = json.dumps(body(one, missed), ensure_ascii=False)
    hooks = [hook for hook in one.notify if "missed" in hook.on]
    threads = [Thread(target=_tell, args=(one, hook, text, environment, send, say), name="tells") for hook in hooks]
    for thread in threads:
        thread.start()
    return threads


def body(one: Scheduled, missed: Occurrence) -> dict[str, str]:
    """What is sent: a sentence under ``text``, which chats show, and the same as values."""
    why = missed.told or MISSED.get(missed.missed, missed.missed)
    return {
        "schema": "harness.gameday.told/1",
        "text": for_chats(f"{one.title}: {one.hours.said(missed.planned)} was missed: {why}"),
        "moment": "missed",
        "name": one.name,
        "title": one.title,
        "at": missed.planned.isoformat(timespec="seconds"),
        "kind": missed.missed,
        "why": why,
    }


def _tell(
    one: Scheduled, hook: Webhook, text: str, environment: Mapping[str, str], send: Post, say: Callable[[str], None]
) -> None:
    url = secrets(hook.url, environment)
    if error := send(url, text):
        say(f"{one.name}: {whom(hook.url, url)} could not be told that it was missed: {error}")
