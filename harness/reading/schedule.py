"""When a file begins by itself, as it stands in it: cron's five fields on the clock of a zone, and when nothing begins all the same."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from harness.reading.quantities import Seconds
from harness.reading.strict import Strict

HOLIDAYS = "days-off.ics"


class Window(Strict):
    """A stretch of time in which nothing begins: every week, or once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"days": ["sat", "sun"], "start": "00:00", "end": "00:00"},
                {"start": "2026-12-20T00:00", "end": "2027-01-04T00:00"},
            ]
        }
    )

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default_factory=list)
    start: str = Field(description="18:00, or 2026-12-20T00:00 for one that comes once")
    end: str = Field(description="likewise; a time of day before start means the next day's")
    why: str = ""


class Schedule(Strict):
    """When a file begins by itself."""

    cron: str = Field(
        description="minute hour day month weekday, as in crontab(5): 0 14 * * FRI", examples=["0 14 * * FRI"]
    )
    zone: str = Field(description="whose clock that is: Europe/Berlin, UTC", examples=["Europe/Berlin", "UTC"])
    blackout: list[Window] = Field(default_factory=list, description="when it does not begin all the same")
    holidays: str | None = Field(
        default=None, description="an .ics file beside this one; on its days nothing begins", examples=[HOLIDAYS]
    )
    late: Annotated[Seconds, Field(ge=0)] = Field(
        default=900.0, description="how late it may begin, as after a restart; a later one is missed, and told"
    )
    waits: Annotated[Seconds, Field(gt=0)] = Field(
        default=7200.0,
        description="how long a game day that it begins waits for people who say nothing; then it is stopped and closed",
    )
