"""A time at which a file on a schedule comes, as a person or a program is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Coming:
    """That the file called *name* comes *at* this instant (UTC), *said* as its own clock shows it; *closed*: why nothing begins then."""

    name: str
    at: datetime
    said: str
    closed: str = ""
