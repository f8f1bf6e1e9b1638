"""What is said of a game day once it is over: an item, what has changed of it, and that it is done, with the document anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from day_in_memory import SCENARIOS, Harness, Written
from made_day import FIRST, MadeDay, closed

import harness as package
from harness.gameday import afterwards
from harness.gameday.document import read
from harness.gameday.events import Item
from harness.gameday.folder import DayFolder, held
from harness.problems import RefusedError


@pytest.fixture
def day(tmp_path: Path) -> MadeDay:
    made = MadeDay(tmp_path / "reports" / "gamedays" / "provider-loss" / "a", FIRST)
    target = (SCENARIOS / "targets" / "resilient.yaml").read_text()
    (made.folder / "files" / "target.yaml").write_text(
        target.replace("  protocol:", "  headers: {key: '${MY_KEY}'}\n  protocol:", 1)
    )
    return closed(made, 60, True)


def test_an_item_is_said_of_a_day_that_was_closed_and_stands_in_its_document(day: MadeDay, harness: Harness) -> None:
    more = ("--owner", "Ada", "--ticket", "OPS-12", "--due", "2027-01-15")
    assert harness("item", day.folder, "Write a runbook", *more) == 0
    (item,) = read(day.folder).items
    assert (item.text, item.owner, item.ticket, item.due, item.by) == (
        "Write a runbook",
        "Ada",
        "OPS-12",
        "2027-01-15",
        "bob",
    )
    assert [one.text for one in package.due()] == ["Write a runbook"]
    assert harness("item", day.folder, "Write a runbook", "--done", "--by", "Ada") == 0
    assert [one.done for one in read(day.folder).items] == [True]
    assert package.due() == []


def test_the_newest_day_of_a_file_is_meant_where_a_file_is_named(harness: Harness, written: Written) -> None:
    file = written()
    assert harness("run", file, "--tabletop") == 0
    assert harness("item", file, "Write a runbook") == 0
    assert [(one.text, one.gameday) for one in package.due()] == [("Write a runbook", "friday")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("",), "is empty"),
        (("x", "--due", "tomorrow"), "'tomorrow' is no date; write it as 2027-01-15"),
        (("x", "--by", "harness"), "'harness' is nobody's name"),
    ],
)
def test_what_cannot_be_said_is_refused_and_nothing_is_written(
    day: MadeDay, harness: Harness, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    before = (day.folder / "day.jsonl").read_bytes()
    assert harness("item", day.folder, *words) == 2
    assert why in capsys.readouterr().err
    assert (day.folder / "day.jsonl").read_bytes() == before


def test_of_a_day_that_another_process_carries_out_nothing_is_said_from_beside_it(day: MadeDay) -> None:
    folder = DayFolder(day.folder)
    with held(folder), pytest.raises(RefusedError, match="say it there"):
        afterwards.say(folder, Item(by="Ada", text="Write a runbook"), {})


def test_a_secret_of_the_target_does_not_reach_the_day(day: MadeDay) -> None:
    said = afterwards.say(
        DayFolder(day.folder), Item(by="Ada", text="rotate sk-1234567890abcdef"), {"MY_KEY": "sk-1234567890abcdef"}
    )
    assert isinstance(said, Item)
    assert "MY_KEY" in said.text
    for file in ("day.jsonl", "gameday.html", "gameday.md", "gameday.json"):
        assert "sk-1234567890abcdef" not in (day.folder / file).read_text()
