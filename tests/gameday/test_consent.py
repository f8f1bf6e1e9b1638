"""A game-day file's commands are run once somebody agreed to exactly what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from day_in_memory import Written

from harness.gameday.consent import consent
from harness.gameday.files import DayFiles, day_files
from harness.problems import UsageProblems
from harness.settings import Settings

COMMAND = "prerequisites: [{command: [make, 'smoke test']}]\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings({}, tmp_path / "cache", None, str(tmp_path / "state"))


def agree(files: DayFiles, settings: Settings, *, yes: bool = False) -> None:
    consent(files, settings, yes=yes, ask=None)


def test_without_commands_nobody_is_asked(written: Written, settings: Settings) -> None:
    agree(day_files(written(), None), settings)


def test_nothing_is_run_that_nobody_agreed_to_and_the_line_says_how(written: Written, settings: Settings) -> None:
    with pytest.raises(
        UsageProblems, match=r"a command \(make 'smoke test'\) run to which nobody here has agreed; .* --yes"
    ):
        agree(day_files(written(COMMAND), None), settings)


def test_who_agreed_once_is_not_asked_again_until_the_file_is_another(written: Written, settings: Settings) -> None:
    agree(day_files(written(COMMAND), None), settings, yes=True)
    agree(day_files(written(COMMAND), None), settings)
    with pytest.raises(UsageProblems):
        agree(day_files(written(COMMAND.replace("make", "rm")), None), settings)


def test_on_a_terminal_the_commands_are_shown_and_a_no_is_one(written: Written, settings: Settings) -> None:
    files, shown = day_files(written(COMMAND), None), list[list[str]]()

    def no(commands: list[str]) -> bool:
        shown.append(commands)
        return False

    with pytest.raises(UsageProblems):
        consent(files, settings, yes=False, ask=no)
    consent(files, settings, yes=False, ask=lambda commands: True)
    assert shown == [["make 'smoke test'"]]


def test_consent_is_one_machines_own_where_state_is_shared(written: Written, tmp_path: Path) -> None:
    shared = Settings({}, tmp_path / "cache", None, "https://state.example/harness")
    agree(day_files(written(COMMAND), None), shared, yes=True)
    assert list((tmp_path / "cache").glob("consent-*.json"))
