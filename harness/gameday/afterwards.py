"""What is said of a game day once it is over: items and that they are done, written down as on the day itself, and its document anew."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing, suppress

from harness.gameday import document
from harness.gameday import folder as folders
from harness.gameday.desk import Desk, SayError
from harness.gameday.events import Event
from harness.gameday.folder import DayFolder
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.placeholders import told_secrets
from harness.reading.target import Target
from harness.reading.yaml.recall import recall
from harness.record.masking import Mask


def say(folder: DayFolder, event: Event, environment: Mapping[str, str]) -> Event:
    """Write *event* down on the day in *folder*, without secrets of its target, and its document again; the event as it was written.

    Raises RefusedError where the day goes on in another process, UsageProblems where it cannot be said, and OSError where it cannot be
    written.
    """
    with folders.held(folder), closing(Desk(folder.events, _mask(folder, environment))) as desk:
        try:
            said = desk.say(event)
        except SayError as error:
            raise UsageProblems(Problem(str(error), file=str(folder.path))) from None
    document.write(folder.path)
    return said


def coordinator(folder: DayFolder) -> str:
    """Who leads through the day in *folder*, by the copy of its file; raises UsageProblems where that is gone."""
    return recall(folder.files / "gameday.yaml", GameDay)[0].value.coordinator


def _mask(folder: DayFolder, environment: Mapping[str, str]) -> Mask:
    """What hides the secrets of the day's target, as far as the copy of its file tells them."""
    with suppress(UsageProblems):
        return Mask(told_secrets(recall(folder.files / "target.yaml", Target)[0].value, environment))
    return Mask({})
