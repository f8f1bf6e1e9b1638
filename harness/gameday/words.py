"""What people type on a game day: a line each, a word first, as the event that it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import partial

from harness.gameday.carrying import held_by_verdicts
from harness.gameday.events import Agreed, Called, Closed, Event, Item, Kind, Looked, Marked, Noted, Over, Stopped
from harness.gameday.standing import MARKS, Standing
from harness.registry import suggestion

HELP: dict[str, str] = {
    "go [STEP]": "begin a step: the next one, or that",
    "stop [WHY]": "take back what is in force; nothing more begins until somebody says go",
    "done [TEXT]": "the manual step, wait or talk in hand is over",
    "undone [TEXT]": "it is over, and was not done",
    "skip [STEP] [WHY]": "leave a step out",
    "tick N [TEXT]": "prerequisite N is met; untick N WHY: it is not",
    "yes [NAME]": "agree; no NAME WHY: refuse",
    "note TEXT": "write something down; surprise TEXT and decide TEXT are notes, too",
    "detected [TEXT]": "responders saw it; likewise acknowledged, mitigated, resolved",
    "item TEXT [; owner NAME] [; ticket ID] [; due DATE] [; done]": "something to be done after the day, or that it is done",
    "close [held|broken|unknown] [TEXT]": "the day is over, and its hypothesis was that; default: as the verdicts say",
    "where": "where the day stands",
    "wait": "for scripts: nothing more is read before the step in hand is over",
    "by NAME: …": "any of these, said by somebody else",
}
"""What can be typed, and what it does."""

_BY = re.compile(r"by\s+(?P<by>[^:]{1,80}?)\s*:\s*(?P<rest>.*)", re.DOTALL)
_HELD = {"held": True, "broken": False, "unknown": None}
_DETAILS = ("owner", "ticket", "due")
Said = Callable[[str, Standing, str], Event]


def said(line: str, now: Standing, by: str) -> Event:
    """What *line* says, typed by the person called *by*. Raises ValueError that says what would be right."""
    if match := _BY.fullmatch(line.strip()):
        by, line = match["by"], match["rest"]
    word, _, rest = line.strip().partition(" ")
    known = _WORDS.get(word.lower())
    if known is None:
        what = f"unknown word {word[:40]!r}; {suggestion(word.lower(), list(_WORDS))}"
        raise ValueError(f"{what} To write something down, type note and then the text; help lists all words")
    return known(rest.strip(), now, by)


def _go(rest: str, now: Standing, by: str) -> Event:
    if rest:
        return Called(by=by, step=rest)
    if now.next is None:
        raise ValueError("every step has begun; name the one that is to begin again, such as go step-1")
    return Called(by=by, step=now.next.id)


def _over(rest: str, now: Standing, by: str, *, done: bool) -> Event:
    if now.in_hand is None:
        raise ValueError("no step goes on that could be over")
    return Over(by=by, step=now.in_hand.id, outcome="done" if done else "not_done", told=rest)


def _skip(rest: str, now: Standing, by: str) -> Event:
    first, _, why = rest.partition(" ")
    if now.step(first) is not None:
        return Over(by=by, step=first, outcome="skipped", told=why.strip())
    if now.next is None:
        raise ValueError("every step has begun; there is none to skip")
    return Over(by=by, step=now.next.id, outcome="skipped", told=rest)


def _tick(rest: str, now: Standing, by: str, *, ok: bool) -> Event:
    number, _, told = rest.partition(" ")
    if not number.isdecimal():
        raise ValueError(f"say which prerequisite, by its number from 1 to {len(now.looked)}, such as tick 1")
    return Looked(by=by, prerequisite=int(number) - 1, ok=ok, told=told.strip())


def _agree(rest: str, now: Standing, by: str, *, yes: bool) -> Event:
    named = max((who for who in now.agreed if _begins_with(rest, who)), key=len, default="")
    pending = [who for who, told in now.agreed.items() if told is None or not told.yes]
    own = by in now.agreed and not (yes and rest)
    of = named or (by if own else pending[0] if len(pending) == 1 and (not rest or not yes) else "")
    if not of:
        raise ValueError(f"say whose word that is; asked were {', '.join(now.agreed) or 'none'}")
    why = rest[len(named) :].strip(" :")
    return Agreed(by=by, of=of, yes=yes, why=why)


def _note(rest: str, _now: Standing, by: str, *, decision: bool = False, surprise: bool = False) -> Event:
    return Noted(by=by, text=rest, decision=decision, surprise=surprise)


def _begins_with(text: str, name: str) -> bool:
    """Whether *text* begins with that *name*, and not with a longer word."""
    return text.lower().startswith(name.lower()) and not text[len(name) :][:1].isalnum()


def _mark(rest: str, _now: Standing, by: str, *, kind: Kind) -> Event:
    return Marked(by=by, kind=kind, text=rest)


def _item(rest: str, _now: Standing, by: str) -> Event:
    text, *more = (part.strip() for part in rest.split(";"))
    details = dict.fromkeys(_DETAILS, "")
    done = "done" in more
    for part in (part for part in more if part != "done"):
        name, _, value = part.partition(" ")
        if name not in details:
            raise ValueError(f"unknown word {name!r} in an item; {suggestion(name, [*_DETAILS, 'done'])}")
        details[name] = value.strip()
    if details["due"]:
        try:
            details["due"] = date.fromisoformat(details["due"]).isoformat()
        except ValueError:
            raise ValueError(f"due {details['due']!r} is no date; write it such as 2027-01-15") from None
    return Item(by=by, text=text, done=done, **details)


def _close(rest: str, now: Standing, by: str) -> Event:
    word, _, told = rest.partition(" ")
    if word in _HELD:
        return Closed(by=by, held=_HELD[word], told=told.strip())
    return Closed(by=by, held=held_by_verdicts(now), told=rest)


_WORDS: dict[str, Said] = {
    "go": _go,
    "stop": lambda rest, _now, by: Stopped(by=by, why=rest),
    "done": lambda rest, now, by: _over(rest, now, by, done=True),
    "undone": lambda rest, now, by: _over(rest, now, by, done=False),
    "skip": _skip,
    "tick": lambda rest, now, by: _tick(rest, now, by, ok=True),
    "untick": lambda rest, now, by: _tick(rest, now, by, ok=False),
    "yes": lambda rest, now, by: _agree(rest, now, by, yes=True),
    "no": lambda rest, now, by: _agree(rest, now, by, yes=False),
    "note": _note,
    "surprise": lambda rest, now, by: _note(rest, now, by, surprise=True),
    "decide": lambda rest, now, by: _note(rest, now, by, decision=True),
    "item": _item,
    "close": _close,
    **{kind: partial(_mark, kind=kind) for kind in MARKS},
}
