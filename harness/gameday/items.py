"""What game days left to be done: items with an owner, a ticket and a date to test again, until somebody says that they are done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from harness.gameday.days import PastDay
from harness.gameday.events import Item


@dataclass(frozen=True, slots=True)
class Due:
    """An action item, as last said; *day* is the id of the day on which it was first said, in *folder*, and *gameday* that day's name.

    *due* is when it is to be tested again, as it was written.
    """

    text: str
    owner: str
    ticket: str
    due: str
    day: str
    gameday: str
    folder: Path
    said: Item
    """The event with which it was first said."""
    done: bool = False

    @property
    def on(self) -> date | None:
        """The date on which it is to be tested again; None where nobody wrote one."""
        try:
            return date.fromisoformat(self.due.strip()[:10])
        except ValueError:
            return None

    def overdue(self, today: date) -> bool:
        """Whether it should have been tested again before *today*."""
        return not self.done and self.on is not None and self.on < today


def items(days: Iterable[PastDay]) -> list[Due]:
    """Every item of *days*, the oldest day first, in the order in which they were first said.

    Days of one name share their items: the same text again is the same item, and says what has changed of it: an owner, a ticket, a
    date, or that it is done. Said once more without that, it is open again.
    """
    found: dict[tuple[str, str], Due] = {}
    for day in days:
        for event in day.events:
            if isinstance(event, Item):
                key = day.opened.name, alike(event.text)
                found[key] = _said(found.get(key), event, day)
    return list(found.values())


def due(days: Iterable[PastDay]) -> list[Due]:
    """The items that are open, by when they are to be tested again; last those of which nobody said when."""
    still = [item for item in items(days) if not item.done]
    return sorted(still, key=lambda item: (item.on or date.max, item.gameday, item.text))


def spoken_of(item: Due, day: PastDay) -> bool:
    """Whether *item* was said on *day*, for the first time or again."""
    return any(isinstance(event, Item) and alike(event.text) == alike(item.text) for event in day.events)


def alike(text: str) -> str:
    """What two texts of one item have in common."""
    return " ".join(text.split())


def _said(before: Due | None, event: Item, day: PastDay) -> Due:
    if before is None:
        opened = day.opened
        return Due(
            event.text,
            event.owner,
            event.ticket,
            event.due,
            opened.day,
            opened.name,
            day.folder.path,
            event,
            event.done,
        )
    return replace(
        before,
        owner=event.owner or before.owner,
        ticket=event.ticket or before.ticket,
        due=event.due or before.due,
        done=event.done,
    )
