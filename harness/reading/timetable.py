"""What a state folder keeps of a file on a schedule: which of its times were begun and how that ended, and which were missed and why."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from harness.reading.state_document import StateDocument, parsed

MISSED: dict[str, str] = {
    "down": "nothing ran that would have begun it",
    "clock": "the clock was put forward over it, or the machine slept",
    "overtaken": "the next one came before it could begin",
    "blackout": "a blackout window",
    "holiday": "a holiday",
    "frozen": "somebody had frozen the target, or every target",
    "held": "the target was held by another run, or what was begun before still went on",
    "unanswered": "nobody could tell whether the target was free",
    "unbegun": "it was taken, and what was to begin it ended before it did",
}
"""Why an occurrence is missed, by the word that stands in the file."""
KEPT = 200
"""So many occurrences stand in the file."""


class Occurrence(StateDocument):
    """One time of a schedule that has come, and what became of it: begun where *missed* is empty."""

    planned: AwareDatetime
    decided: Annotated[AwareDatetime, Field(description="when it was taken to be begun, or given up")]
    missed: Annotated[str, Field(description=f"why it was not begun: {', '.join(MISSED)}; empty where it was")] = ""
    told: Annotated[str, Field(description="more of it, for a person")] = ""
    ended: AwareDatetime | None = None
    status: Annotated[int | None, Field(description="its exit status; null where nobody saw it, or it goes on")] = None

    @property
    def goes_on(self) -> bool:
        """Whether it was begun, as far as is known, and has not ended."""
        return not self.missed and self.ended is None


class Timetable(StateDocument):
    """What became of a file on a schedule; every time up to *until* is decided."""

    schema_: Literal["harness.schedule/1"] = Field(default="harness.schedule/1", alias="schema")
    by: Annotated[str, Field(description="who: user@host")]
    name: Annotated[str, Field(description="that of the file")]
    file: Annotated[str, Field(description="where the file is on that machine")]
    host: Annotated[str, Field(description="the machine on which it is kept")]
    cron: str
    zone: str
    since: Annotated[AwareDatetime, Field(description="when cron and zone were taken up as they stand here")]
    until: AwareDatetime
    occurrences: list[Occurrence] = Field(
        default=[], description=f"the last {KEPT}, in the order in which they were decided"
    )
    earlier: Annotated[int, Field(ge=0, description="how many there were before these")] = 0

    @property
    def going_on(self) -> Occurrence | None:
        """The one that was begun last, where it has not ended."""
        last = next((one for one in reversed(self.occurrences) if not one.missed), None)
        return last if last is not None and last.goes_on else None

    def with_one(self, one: Occurrence) -> Timetable:
        """The same with *one* more, and its time decided."""
        longer = [*self.occurrences, one]
        over = max(0, len(longer) - KEPT)
        # What goes on is never one of those that stand there no more.
        kept = [before for before in longer[:over] if before.goes_on] + longer[over:]
        decided = {"until": max(self.until, one.planned), "earlier": self.earlier + len(longer) - len(kept)}
        return self.model_copy(update={"occurrences": kept, **decided})

    def instead(self, old: Occurrence, new: Occurrence) -> Timetable:
        """The same with *new* in the place of *old*."""
        return self.model_copy(update={"occurrences": [new if one is old else one for one in self.occurrences]})


def parse_timetable(text: str) -> Timetable:
    """The timetable that *text* is; raises ValueError that says what is wrong with it."""
    return parsed(Timetable, text, "schedule")
