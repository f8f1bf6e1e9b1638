"""What happened on a day, each event as a line that a page shows: when, who, and what, with no word of a step that is a secret."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec

from harness.gameday.events import (
    Agreed,
    Began,
    Called,
    Closed,
    Event,
    Item,
    Looked,
    Marked,
    Noted,
    Opened,
    Over,
    PutBack,
    Stopped,
    Told,
    Warned,
    WentOn,
)
from harness.gameday.sentences import HELD, put_back
from harness.gameday.standing import TEXT_CHARS_MAX
from harness.report.plain_text import one_line, visible

_CHARS_MAX = TEXT_CHARS_MAX + 200  # with the words around it


class Line(msgspec.Struct):
    """A line. *step* is a number, for the page knows what that step may be called by now; 0 where it is about none."""

    n: int  # from 1
    at: str
    by: str
    kind: str  # the event's, or what sort of note it is
    text: str
    step: int = 0


def line(n: int, event: Event, numbers: dict[str, int]) -> Line:
    """The event of that number, from 1; *numbers* of steps by their ids."""
    of = getattr(event, "step", "")
    return Line(
        n, event.at, one_line(event.by, 80), _kind(event), visible(_text(event), _CHARS_MAX), numbers.get(of, 0)
    )


def _kind(event: Event) -> str:
    match event:
        case Noted(surprise=True):
            return "surprise"
        case Noted(decision=True):
            return "decision"
        case Agreed(yes=False):
            return "refused"
        case PutBack() if event.left:
            return "left"
        case _:
            return str(type(event).__struct_config__.tag)


def _text(event: Event) -> str:
    match event:
        case Noted():
            return event.text
        case Warned():
            return event.what
        case Marked():
            return _and(event.kind, event.text)
        case Called():
            return "is to begin"
        case Began():
            return "began"
        case Over():
            return _and(event.outcome.replace("_", " "), event.told)
        case Stopped():
            return _and("stopped everything", event.why)
        case PutBack():
            return put_back(event)
        case Item():
            said = [event.owner, event.ticket, event.due and f"to be tested again on {event.due}"]
            return _and("done" if event.done else "to do", event.text) + "".join(f" · {one}" for one in said if one)
        case _:
            return _of_the_day(event)


def _of_the_day(event: Event) -> str:
    match event:
        case Opened():
            return "opened the day" + (" as a tabletop: nothing is broken" if event.tabletop else "")
        case WentOn():
            return _and("the day goes on after its process had ended", event.healed)
        case Looked():
            is_so = "is met" if event.ok else "is not met"
            return _and(f"prerequisite {event.prerequisite + 1} {is_so}", event.told)
        case Agreed():
            who = "" if event.by == event.of else f" for {event.of}"
            return _and(f"agreed{who}" if event.yes else f"refused{who}", event.why)
        case Told():
            whom = _host(event.url)
            return (
                _and(f"could not tell {whom} ({event.moment})", event.error)
                if event.error
                else f"told {whom}: {event.moment}"
            )
        case Closed():
            return _and(f"closed the day: {HELD[event.held]}", event.told)
        case _:
            return ""


def _host(url: str) -> str:
    """Of an address, which beside its host may have in it what lets others write there."""
    try:
        return urlsplit(url).hostname or "somebody outside"
    except ValueError:  # what a mask put in may make it none
        return "somebody outside"


def _and(said: str, more: str) -> str:
    return f"{said}: {more}" if more else said
