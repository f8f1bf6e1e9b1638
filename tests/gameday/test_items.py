"""Action items of game days: open until somebody says that they are done, and told by when they are to be tested again."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from made_day import FIRST, SECOND, MadeDay
from typer.testing import CliRunner

import harness
from harness.gameday import days, items
from harness.gameday.events import Item
from harness.interfaces.cli import app
from harness.interfaces.listing import listed_due, told
from harness.problems import UsageProblems

TODAY = date(2026, 12, 1)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Two days of one name, the later one of which says more of an item of the earlier."""
    first = MadeDay(tmp_path / "gamedays" / "provider-loss" / "a", FIRST)
    first.at(10, Item(by="cyd", text="Raise the time-out", owner="ann", ticket="OPS-12", due="2026-12-24"))
    first.at(11, Item(by="cyd", text="Write a runbook", due="2026-11-20"))
    first.at(12, Item(by="cyd", text="Buy cake"))
    second = MadeDay(tmp_path / "gamedays" / "provider-loss" / "b", SECOND)
    second.at(10, Item(by="cyd", text="Raise  the time-out", due="2026-12-10"))
    second.at(11, Item(by="cyd", text="Test the pager", due="next sprint"))
    return tmp_path


def test_the_open_ones_come_by_date_and_those_without_one_last(out: Path) -> None:
    assert [(item.text, item.on) for item in harness.due(out)] == [
        ("Write a runbook", date(2026, 11, 20)),
        ("Raise the time-out", date(2026, 12, 10)),
        ("Buy cake", None),
        ("Test the pager", None),
    ]


def test_said_again_an_item_is_the_same_and_keeps_what_was_not_said_anew(out: Path) -> None:
    (item,) = [one for one in harness.due(out) if one.text == "Raise the time-out"]
    assert (item.owner, item.ticket, item.due, item.day) == ("ann", "OPS-12", "2026-12-10", "a")


def test_what_is_done_is_due_no_more_until_it_is_said_again(out: Path) -> None:
    third = MadeDay(out / "gamedays" / "provider-loss" / "c", SECOND.replace(hour=18))
    third.at(10, Item(by="ann", text="Write a runbook", done=True))
    assert "Write a runbook" not in [item.text for item in harness.due(out)]
    third.at(20, Item(by="cyd", text="Write a runbook"))
    assert "Write a runbook" in [item.text for item in harness.due(out)]


def test_the_same_words_on_days_of_another_name_are_another_item(out: Path) -> None:
    other = MadeDay(out / "gamedays" / "drill" / "a", SECOND, name="drill")
    other.at(10, Item(by="cyd", text="Buy cake", done=True))
    assert "Buy cake" in [item.text for item in harness.due(out)]
    assert len(items.items(days.find(out)[0])) == 5


def test_the_list_says_what_is_overdue_who_has_it_and_of_which_day_it_is(out: Path) -> None:
    assert listed_due(out, TODAY) == [
        ("2026-11-20", "overdue by 11 d: Write a runbook (nobody yet; provider-loss, 2026-10-02)"),
        ("2026-12-10", "Raise the time-out (ann; OPS-12; provider-loss, 2026-10-02)"),
        ("no date", "Buy cake (nobody yet; provider-loss, 2026-10-02)"),
        ("no date", "Test the pager (nobody yet; next sprint; provider-loss, 2026-11-27)"),
    ]


def test_on_its_day_nothing_is_overdue(out: Path) -> None:
    assert not listed_due(out, date(2026, 11, 20))[0][1].startswith("overdue")


def test_a_day_that_cannot_be_read_is_told_and_hides_none_of_the_others(out: Path) -> None:
    (out / "gamedays" / "provider-loss" / "broken").mkdir()
    (out / "gamedays" / "provider-loss" / "broken" / "day.jsonl").write_text("nonsense\n")
    assert [when for when, _ in listed_due(out, TODAY)] == [
        "2026-11-20",
        "2026-12-10",
        "no date",
        "no date",
        "not read",
    ]
    said: list[str] = []
    assert len(harness.due(out, say=said.append)) == 4
    assert "broken" in said[0]


def test_the_command_lists_them_below_reports_or_a_folder_that_is_named(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = CliRunner().invoke(app, ["list", "due", str(out)])
    assert (named.exit_code, named.output.count("\n")) == (0, 4)
    monkeypatch.chdir(out)
    assert CliRunner().invoke(app, ["list", "due"]).output == "nothing is to be done\n"
    (out / "gamedays").rename(out / "reports")
    assert CliRunner().invoke(app, ["list", "due"]).output == named.output
    with pytest.raises(UsageProblems, match="no such folder; name the one in which runs are stored"):
        told("due", "nowhere")


@pytest.mark.parametrize("evil", ["a\x1b[2J\nb", "\u202egnp.exe"])
def test_what_somebody_wrote_is_one_line_that_does_nothing(tmp_path: Path, evil: str) -> None:
    MadeDay(tmp_path / "a", FIRST).at(10, Item(by="cyd", text=evil, owner=evil, ticket=evil, due=evil))
    ((_, said),) = listed_due(tmp_path, TODAY)
    assert said.isprintable()
