"""What is wrong with one file of whatever kind, and with all files that it names; nothing is run."""

from __future__ import annotations

from pathlib import Path

from harness.gameday.files import validate_day
from harness.prepare import Asked, Validated, validate
from harness.problems import Problem, UsageProblems
from harness.reading.gameday import GameDay
from harness.reading.kinds import kind_of
from harness.reading.suite import Suite
from harness.reading.yaml import load
from harness.suites.asking import wanted


def validate_file(path: Path, target: Path | None = None) -> Validated:
    """All that is wrong with one file, as `prepare.validate` says; a suite or a game day is wrong where any file that it names is."""
    try:
        if kind_of(path) is GameDay:
            return validate_day(path)
        if kind_of(path) is not Suite:
            return validate(path, target)
        asked = wanted([path], [target] if target else (), Asked(), None)
    except UsageProblems as found:
        return Validated(found.problems)
    return Validated(tuple(_unscheduled(path)), warnings=asked.warnings)


def _unscheduled(path: Path) -> list[Problem]:
    """What is wrong with the schedule of the suite in *path*, if it has one."""
    from harness.schedules.hours import of_document  # few have one

    suite = load(path, Suite)
    return of_document(suite, suite.value.schedule, path.absolute().parent) if suite.value.schedule else []
