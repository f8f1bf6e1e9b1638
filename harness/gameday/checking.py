"""Whether a game day could begin now: its prerequisites looked at, and what only people can say told as that."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.gameday.files import DayFiles
from harness.gameday.looking import met


def checked(files: DayFiles, environment: Mapping[str, str], say: Callable[[str], object]) -> bool:
    """Whether all is met that can be found out without a person; *say* is told of each, with no secret in it."""
    day, mask = files.day, files.mask(environment)
    every = True
    for number, one in enumerate(day.prerequisites, 1):
        if one.tick is not None:
            say(f"  ?  {number}  {one.said}: to be ticked by a person")
            continue
        ok, told = met(one, files.beside, environment, mask=mask)
        every = every and ok
        say(f"  {'ok' if ok else 'NO'} {number}  {one.said}: {mask.text(told)}")
    for approval in day.approvals:
        say(f"  ?     {approval.by} has to agree to {approval.of or 'the day'}")
    say("nothing that can be found out is missing" if every else "not all prerequisites are met")
    return every
