"""`harness schedule`, as a person calls it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from icalendar import Calendar

from harness.interfaces import scheduling
from harness.interfaces.cli import main
from harness.problems import UsageProblems
from harness.schedules.scheduled import scheduled
from harness.suites.validating import validate_file

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FRIDAY = """
schema: harness.gameday/1
name: friday
title: A day
objective: to learn
hypothesis: it holds
owner: Ann
coordinator: Ann
reporter: Ann
target: shop.yaml
agenda: [{wait: 1s, start: next}]
budget: {time: 90min}
schedule:
  cron: 0 14 * * FRI
  zone: Europe/Berlin
  holidays: days-off.ics
"""
SHOP = """
schema: harness.target/1
name: shop
entries: [{url: "http://127.0.0.1:1"}]
ask: {protocol: openai-chat, model: small}
"""
DAYS_OFF = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20201225
RRULE:FREQ=YEARLY
SUMMARY:Christmas
END:VEVENT
END:VCALENDAR
"""
Asked = Callable[..., tuple[int, str, str]]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asked:
    """What `harness schedule` of a file ends with and says, at noon on a Friday (UTC)."""
    (tmp_path / "friday.yaml").write_text(FRIDAY)
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "days-off.ics").write_text(DAYS_OFF)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(scheduling, "utc_now", lambda: NOW)
    monkeypatch.setattr("harness.schedules.machine.Machine.now", lambda _: NOW)

    def called(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["harness", "schedule", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return called


def test_the_next_times_are_shown_on_both_clocks_with_those_at_which_nothing_begins(asked: Asked) -> None:
    assert asked("friday.yaml", "--next", "5") == (
        0,
        "Fri 2026-11-27 14:00 CET  2026-11-27 13:00 UTC  friday\n"
        "Fri 2026-12-04 14:00 CET  2026-12-04 13:00 UTC  friday\n"
        "Fri 2026-12-11 14:00 CET  2026-12-11 13:00 UTC  friday\n"
        "Fri 2026-12-18 14:00 CET  2026-12-18 13:00 UTC  friday\n"
        "Fri 2026-12-25 14:00 CET  2026-12-25 13:00 UTC  friday  not begun: holiday 2026-12-25: Christmas\n",
        "",
    )


def test_a_calendar_has_a_year_without_the_times_at_which_nothing_begins(asked: Asked, tmp_path: Path) -> None:
    assert asked("friday.yaml", "--ics", "times.ics")[:2] == (0, "times.ics: 52 times until 2027-11-27\n")
    events = Calendar.from_ical((tmp_path / "times.ics").read_bytes()).walk("VEVENT")
    assert len(events) == 52
    assert (events[0].start, events[0].duration.total_seconds()) == (datetime(2026, 11, 27, 13, tzinfo=UTC), 5400)
    assert not any(event.start.astimezone(UTC).date().isoformat() == "2026-12-25" for event in events)


def test_a_suite_can_be_on_a_schedule_and_is_run_on_all_its_targets(asked: Asked, tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2] / "scenarios"
    text = f"schema: harness.suite/1\nname: nightly\nscenarios: {root}/region-loss.yaml\ntargets: {root}/targets/resilient.yaml\n"
    (tmp_path / "nightly.yaml").write_text(f"{text}schedule: {{cron: 0 2 * * *, zone: UTC}}\n")
    found = scheduled(tmp_path / "nightly.yaml")
    assert (found.words, found.targets) == (
        ("run", str(tmp_path / "nightly.yaml")),
        (root / "targets" / "resilient.yaml",),
    )
    assert found.takes.total_seconds() > 30
    assert validate_file(tmp_path / "nightly.yaml").ok
    (tmp_path / "nightly.yaml").write_text(f"{text}schedule:\n  cron: 0 2 * * *\n  zone: UTV\n")
    assert [(one.line, one.path) for one in validate_file(tmp_path / "nightly.yaml").problems] == [(7, "schedule.zone")]
    (tmp_path / "nightly.yaml").write_text(text)
    with pytest.raises(UsageProblems, match="says no schedule; add one"):
        scheduled(tmp_path / "nightly.yaml")
    with pytest.raises(UsageProblems, match="does not say when it begins; name a game day"):
        scheduled(root / "region-loss.yaml")


def test_a_day_that_is_begun_waits_for_people_as_long_as_its_schedule_says(asked: Asked, tmp_path: Path) -> None:
    asked("friday.yaml", "--next", "1")
    day = tmp_path / "friday.yaml"
    assert scheduled(day).words == ("gameday", "run", str(day), "--waits", "7200s")
    day.write_text(f"{FRIDAY}  waits: 30min\n")
    assert scheduled(day).words[-1] == "1800s"
    day.write_text(f"{FRIDAY}  waits: 0s\n")
    assert [one.path for one in validate_file(day).problems] == ["schedule.waits"]


def test_the_game_day_that_ships_begins_on_first_fridays_but_for_its_blackout(asked: Asked) -> None:
    friday = Path(__file__).resolve().parents[2] / "scenarios" / "gamedays" / "friday.yaml"
    status, out, _ = asked(str(friday), "--next", "3")
    assert status == 0
    assert [line[:20] for line in out.splitlines()] == [
        "Fri 2026-12-04 14:00",
        "Fri 2027-01-01 14:00",
        "Fri 2027-02-05 14:00",
    ]
    assert "the year's end" in out.splitlines()[1]


def test_lines_for_another_system_are_printed(asked: Asked) -> None:
    status, out, _ = asked("friday.yaml", "--print", "cron")
    assert status == 0
    assert f"CRON_TZ=Europe/Berlin\nPATH={os.environ['PATH']}\n0 14 * * 5 cd " in out
    _, unit, _ = asked("friday.yaml", "--print", "systemd")
    assert f"PATH={os.environ['PATH'].partition(':')[0]}" in unit


WAITS = """prerequisites: [{tick: quiet}, {command: ["true"]}]
approvals: [{by: Ann}]
agenda:
  - {id: look, wait: 1s}
  - {id: talk, discuss: "what was seen?", start: next}
"""


@pytest.mark.parametrize("words", [(), ("--once",), ("--print", "systemd")])
def test_a_day_that_waits_for_people_is_refused_unless_they_can_come_to_a_page(
    words: tuple[str, ...], asked: Asked, tmp_path: Path
) -> None:
    text = FRIDAY.replace("agenda: [{wait: 1s, start: next}]\n", WAITS)
    (tmp_path / "friday.yaml").write_text(text)
    status, out, err = asked("friday.yaml", *words)
    assert (status, out) == (2, "")
    assert err == (
        f"{tmp_path}/friday.yaml: waits for people (prerequisite 1 is ticked; Ann has to agree; look begins by hand and 1 more), "
        "and by the clock nobody is there; write --page :8707, so that they can come to a page of it, or have it go on by itself, "
        "with scenarios and waits that say start: next\n"
    )


def test_with_a_page_it_is_kept_and_other_systems_are_told_of_the_page_too(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "friday.yaml").write_text(FRIDAY.replace("agenda: [{wait: 1s, start: next}]\n", WAITS))
    status, out, _ = asked("friday.yaml", "--print", "cron", "--page", ":8707")
    assert (status, "--page :8707" in out) == (0, True)
    assert asked("friday.yaml", "--once", "--yes", "--page", ":0")[0] == 0
    # It is only shown, and whoever looks need not serve anything.
    assert asked("friday.yaml", "--next", "1")[0] == 0


def test_a_page_that_could_not_be_served_is_told_when_the_schedule_is_taken_up(asked: Asked) -> None:
    status, _, err = asked("friday.yaml", "--page", "here")
    assert (status, err) == (2, "--page: 'here' is not [HOST]:PORT, such as :8707\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("friday.yaml", "--print", "systmd"), "--print: there is no system 'systmd'; did you mean 'systemd'?\n"),
        (("friday.yaml", "--once", "--next", "3"), "--once and --next ask for different things; give one of them\n"),
        (("fridy.yaml",), "fridy.yaml: there is no such file; did you mean friday.yaml?\n"),
        (
            ("friday.yaml", "friday.yaml", "quarter-of-a-year", "--next", "1"),
            "quarter-of-a-year: there is no such file\n",
        ),
    ],
)
def test_what_is_asked_wrongly_is_told(asked: Asked, words: tuple[str, ...], told: str) -> None:
    assert asked(*words) == (2, "", told)


def test_asking_once_while_nothing_is_due_says_when_it_is_next_and_ends_well(asked: Asked) -> None:
    status, out, err = asked("friday.yaml", "--once")
    assert (status, err) == (0, "")
    assert out.startswith("friday: next Fri ")
