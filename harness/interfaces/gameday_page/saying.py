"""What a person says on the page, as it is taken to the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import msgspec

from harness.gameday.control import Control
from harness.gameday.desk import Desk, SayError
from harness.gameday.events import HARNESS, Called, Event, Item, Marked, Over, Stopped, decode_one
from harness.gameday.standing import BY_CHARS_MAX, TEXT_CHARS_MAX, refusal
from harness.interfaces.gameday_page.hidden import as_shown, hidden, id_of

SOMEBODY = "somebody at the page"
"""Who pressed stop without having said who they are: whoever wants to stop is not asked anything first."""


@dataclass(frozen=True, slots=True)
class Saying:
    """Takes to *desk* what a person says; *control* tells which steps are secret still."""

    desk: Desk
    control: Control

    def take(self, body: bytes) -> None:
        """Raises ValueError where *body* is no event, SayError where a person cannot say it as the day stands, with the sentence that they
        are shown, and OSError where it cannot be written down."""
        said = _signed(decode_one(body))
        if isinstance(said, Stopped):
            # Nothing that could fail before it.
            self.desk.say(said)
            return
        if why := _objection(said):
            raise SayError(why)
        names = hidden(self.desk.standing, self.control.agenda())
        try:
            self.desk.say(_with_ids(said, names))
        except SayError as error:
            # The desk's own sentence has ids in it.
            shown = refusal(as_shown(self.desk.standing, names), said) if names else str(error)
            raise SayError(shown or "the day has gone on meanwhile; look again") from error


def _signed(said: Event) -> Event:
    """*said* without what is for the harness to write; nobody is kept from stopping by what they wrote beside it."""
    by = " ".join(said.by.split())
    if isinstance(said, Stopped):
        by = SOMEBODY if by in ("", HARNESS) else by[:BY_CHARS_MAX]
        return msgspec.structs.replace(said, by=by, why=said.why[:TEXT_CHARS_MAX])
    return msgspec.structs.replace(said, by=by, **({"run": ""} if isinstance(said, Over) else {}))


def _objection(said: Event) -> str:
    """What is wrong with *said* however the day stands, and the desk does not look at."""
    for name in said.__struct_fields__:
        text = getattr(said, name)
        if isinstance(text, str) and len(text) > TEXT_CHARS_MAX:
            return f"{name} has {len(text):,} characters; at most {TEXT_CHARS_MAX:,}"
    if isinstance(said, Item) and said.due and not _is_date(said.due):
        return f"{said.due!r} is no date; one is 2026-12-04"
    return ""


def _with_ids(said: Event, names: Mapping[str, str]) -> Event:
    if isinstance(said, Called | Over | Marked):
        return msgspec.structs.replace(said, step=id_of(said.step, names))
    return said


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
