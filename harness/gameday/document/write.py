"""The document of a game day on disk: a page, the same in Markdown, and for programs as JSON."""

from __future__ import annotations

from pathlib import Path

from harness.gameday import days
from harness.gameday.document.told import told
from harness.judging.gameday import GameDayResult
from harness.reading.yaml.recall import recall
from harness.record import run_folder
from harness.report import gameday as report

PAGE, MARKDOWN, JSON = "gameday.html", "gameday.md", "gameday.json"


def write(folder: Path) -> None:
    """Write what came of the day in *folder* beside its events: `PAGE`, `MARKDOWN` and `JSON`, each whole or not at all.

    It is made of the events, the copy of the game-day file, the runs, and the earlier days of that name beside it; these the same, so is
    each byte. A day that goes on has one, too: of a secret step that is not over it says nothing. Raises UsageProblems where *folder*
    holds no day, and OSError where it cannot be written to.
    """
    day = days.read(folder)
    made = told(day, days.before(day))
    run_folder.write(folder / JSON, made.to_json())
    run_folder.write(folder / MARKDOWN, report.markdown(made))
    run_folder.write(folder / PAGE, report.page(made))


def read(folder: Path) -> GameDayResult:
    """What came of the day in *folder*, as it was last written; raises UsageProblems where that is not there."""
    return recall(folder / JSON, GameDayResult)[0].value
