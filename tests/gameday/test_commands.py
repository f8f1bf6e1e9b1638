"""`harness gameday …` as a person or a script has it: what is shown, what is asked, and what it ends with."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace

import pytest
from day_in_memory import SCENARIOS, Harness, Written

from harness.gameday import conducting
from harness.gameday.events import Agreed, Called, Closed, Looked, Marked, Noted, Opened, Over, decode
from harness.gameday.folder import DayFolder, held
from harness.gameday.standing import Standing, told
from harness.interfaces.gameday_commands import _awaited
from harness.problems import HarnessError
from harness.reading.gameday import GameDay
from harness.reading.yaml import read
from harness.running.world import real
from harness.settings import Settings


def day(folder: Path) -> DayFolder:
    (found,) = folder.glob("reports/gamedays/friday/*/day.jsonl")
    return DayFolder(found.parent)


def standing(folder: Path) -> Standing:
    return told(decode(day(folder).events.read_bytes()))


def test_a_plan_shows_people_steps_costs_and_every_command(
    harness: Harness, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("plan", SCENARIOS / "gamedays" / "friday.yaml") == 0
    said = capsys.readouterr().out
    for line in (
        "  approves     Ada: has to agree to breaking staging until 16:00",
        "  harness doctor",
        "secret step",
        "verify    The entry east gets no requests in Grafana.",
        "good_ratio < 0.02 for 10s",
        "time   no scenario is begun that might end later than 3 h 0 min after the day was opened",
    ):
        assert line in said
    assert "region-loss" not in said


def test_a_check_runs_what_somebody_agreed_to_and_says_what_is_missing(
    harness: Harness, written: Written, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(
        "prerequisites: [{tick: quiet}, {command: ['true']}, {command: ['false'], about: smoke}]\napprovals: [{by: Ada}]\n"
    )
    assert harness("check", path) == 2
    assert "agree with --yes" in capsys.readouterr().err
    assert harness("check", path, "--yes") == 4
    assert harness("check", path) == 4
    said = capsys.readouterr().out
    assert "NO 3  smoke: ended with 1" in said
    assert "?     Ada has to agree to the day" in said
    assert harness("check", written("prerequisites: [{command: ['true']}]\n"), "--yes") == 0


def test_a_tabletop_through_a_pipe_is_read_out_noted_and_closed(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = (
        "go\nnote [red]late[/]\ndecide fail over\ndone\nwhere\ndone\nby Ada: item page earlier; owner Ada\nclose held\n"
    )
    assert harness("run", written("prerequisites: [{command: [rm, x]}]\n"), "--tabletop", typed=typed) == 0
    now = standing(tmp_path)
    assert now.tabletop
    assert [step.outcome for step in now.steps] == ["done", "done"]
    assert [(note.text, note.decision) for note in now.notes] == [("[red]late[/]", False), ("fail over", True)]
    assert [(item.text, item.owner, item.by) for item in now.items] == [("page earlier", "Ada", "Ada")]
    said = capsys.readouterr().out
    assert "Grace notes: [red]late[/]" in said
    assert "discuss: what was [bold]seen[/]?" in said
    assert "inject latency 1500 ± 200 ms on kind provider" in said  # what would happen, read out
    assert "runs no command" not in said


def test_what_nobody_can_say_any_more_closes_the_day(harness: Harness, written: Written, tmp_path: Path) -> None:
    assert harness("run", written(), "--tabletop") == 0
    closed = standing(tmp_path).closed
    assert closed is not None
    assert closed.told == "nobody was there to begin slow"


def test_what_is_typed_wrong_is_answered_and_changes_nothing(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("run", written(), "--tabletop", typed="stpo\ndone\nhelp\nclose broken\n") == 1
    said = capsys.readouterr().out
    assert "not said: unknown word 'stpo'; did you mean 'stop'?" in said
    assert "not said: no step goes on that could be over" in said
    assert "begin a step: the next one, or that" in said
    assert not any(step.began for step in standing(tmp_path).steps)


def refuses(*_: object, **__: object) -> None:
    raise HarnessError("there is no Toxiproxy")


def test_a_day_is_held_through_a_pipe_and_its_files_are_kept(
    harness: Harness, written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conducting, "conduct", refuses)
    path = written("prerequisites: [{tick: quiet}]\napprovals: [{by: Ada}]\n")
    typed = "go\ntick 1\nby Ada: yes\ngo\nwait\nby Barbara: detected in Grafana\ngo talk\ndone\nclose\n"
    assert harness("run", path, typed=typed) == 3
    events = decode(day(tmp_path).events.read_bytes())
    said = [type(event) for event in events if event.by != "harness"]
    assert said == [Opened, Looked, Agreed, Called, Marked, Called, Over, Closed]
    slow = standing(tmp_path).step("slow")
    assert slow is not None
    assert (slow.outcome, slow.told) == ("invalid", "there is no Toxiproxy")
    assert {path.name for path in day(tmp_path).files.iterdir()} == {
        "gameday.yaml",
        "target.yaml",
        "slow.scenario.yaml",
    }


def test_a_toxiproxy_that_has_to_be_built_is_there_before_the_day_is_opened(
    harness: Harness,
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def built(_: Settings, url: str | None, say: Callable[[str], None]) -> None:
        assert url is None
        assert not (tmp_path / "reports").exists()
        say("building toxiproxy-server")

    monkeypatch.setattr(real, "find_proxy", built)
    monkeypatch.setattr(conducting, "conduct", refuses)
    assert harness("run", written(), typed="close unknown\n") == 3
    assert capsys.readouterr().out.splitlines()[0] == "building toxiproxy-server"


def test_a_day_without_a_toxiproxy_is_not_opened(
    harness: Harness,
    written: Written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(real, "find_proxy", refuses)
    assert harness("run", written(), typed="go\n") == 70
    assert "there is no Toxiproxy" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()
    assert harness("run", written(), "--tabletop", typed="close held\n") == 0
    of_people = written(agenda="agenda: [{id: talk, discuss: what was seen}]\n")
    assert harness("run", of_people, typed="close unknown\n") == 3


def test_a_day_that_was_left_open_goes_on_with_all_that_was_said(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written()
    harness("run", path, "--tabletop", typed="go\nnote first\n")
    lines = day(tmp_path).events.read_bytes().splitlines(keepends=True)
    kept = takewhile(lambda line: json.loads(line)["type"] != "over", lines)
    day(tmp_path).events.write_bytes(b"".join(kept))
    assert harness("resume", path, typed="note second\ndone\ndone\nclose held\n") == 0
    assert [note.text for note in standing(tmp_path).notes] == ["first", "second"]
    assert standing(tmp_path).steps[0].outcome == "done"
    said = capsys.readouterr().out
    assert "putting back what may be in force still\n" in said
    assert "the day goes on after its process had ended; nothing was left in force" in said
    assert harness("resume", path) == 2
    assert "was closed at" in capsys.readouterr().err


def test_a_day_that_goes_on_is_not_taken_over_and_says_whose_it_is(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written()
    harness("run", path, "--tabletop", typed="go\n")
    events = day(tmp_path).events
    events.write_bytes(events.read_bytes().splitlines(keepends=True)[0])
    with held(day(tmp_path)):
        assert harness("resume", day(tmp_path).path) == 5
    assert "goes on in process" in capsys.readouterr().err
    assert harness("resume", day(tmp_path).path, typed="close held\n") == 0


def test_a_file_that_was_changed_since_is_warned_of_and_its_game_day_is_the_one_that_was_opened(
    harness: Harness, written: Written, tmp_path: Path
) -> None:
    target = tmp_path / "target.yaml"
    target.write_text((SCENARIOS / "targets" / "resilient.yaml").read_text())
    path = written()
    path.write_text(path.read_text().replace(f"{SCENARIOS}/targets/resilient.yaml", "target.yaml"))
    harness("run", path, "--tabletop", typed="go\n")
    events = day(tmp_path).events
    events.write_bytes(events.read_bytes().splitlines(keepends=True)[0])
    target.write_text(target.read_text() + "# changed\n")
    path.write_text(path.read_text().replace("id: talk", "id: chat"))
    harness("resume", path, typed="close held\n")
    now = standing(tmp_path)
    assert [step.id for step in now.steps] == ["slow", "talk"]
    assert [warned.what for warned in now.warnings] == [
        "target.yaml is not as it was when the day was opened (in files/)"
    ]


def test_a_report_tells_what_happened_of_a_file_and_of_a_folder(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written()
    harness("run", path, "--tabletop", typed="go\nnote first\ndone\ndone\nclose held\n")
    capsys.readouterr()
    for named in (path, day(tmp_path).path):
        assert harness("report", named) == 0
        assert "Grace notes: first" in capsys.readouterr().out
    assert harness("report", tmp_path) == 2
    assert (
        harness("report", written(name="other.yaml").rename(tmp_path / "b.yaml"), "--out", tmp_path / "elsewhere") == 2
    )


def test_with_a_page_its_address_is_told_and_the_day_is_open_until_somebody_closes_it(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("run", written(), "--tabletop", "--page", ":0", typed="note seen\nclose held\n") == 0
    assert re.search(r"page: http://127\.0\.0\.1:\d+/[0-9a-f]{12}/\?token=[\w-]{32}", capsys.readouterr().out)
    assert standing(tmp_path).closed is not None


def test_a_page_that_nobody_can_be_served_opens_no_day(
    harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert harness("run", written(), "--tabletop", "--page", f":{taken.getsockname()[1]}") == 2
    assert "(Address already in use); name another place" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_a_day_that_goes_on_by_itself_is_closed_though_it_has_a_page_unless_somebody_came_to_it(
    harness: Harness, written: Written, tmp_path: Path
) -> None:
    path = written(agenda="agenda: [{id: quiet, wait: 1ms, start: next}]\n")
    assert harness("run", path, "--page", ":0") == 3
    assert standing(tmp_path).closed is not None
    going = SimpleNamespace(files=SimpleNamespace(day=read(path.read_text(), GameDay, "friday.yaml").value))
    for by, awaited in (("harness", False), ("Ada", True)):
        going.desk = SimpleNamespace(since=lambda _, by=by: [Noted(by=by, text="hello")])
        assert _awaited(going) == awaited
    going.files.day = read(written().read_text(), GameDay, "friday.yaml").value
    going.desk = SimpleNamespace(since=lambda _: [])
    assert _awaited(going)


@pytest.mark.parametrize(
    ("words", "wrong"), [(["--by", "harness"], "nobody's name"), (["--page", "here"], "not [HOST]:PORT")]
)
def test_what_is_wrong_on_the_command_line_opens_no_day(
    words: list[str], wrong: str, harness: Harness, written: Written, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness("run", written(), "--tabletop", *words) == 2
    assert wrong in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_notes_of_a_day_are_the_same_from_python(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import harness
    from harness.gameday.desk import Desk

    monkeypatch.chdir(tmp_path)

    def watch(desk: Desk) -> None:
        desk.say(Noted(by="nightly", text="hello"))
        desk.say(Closed(by="nightly", held=True))

    made = harness.gameday_run(written(), by="nightly", watch=watch, tabletop=True)
    assert (made.held, made.exit_status, [note.text for note in made.standing.notes]) == (True, 0, ["hello"])
    assert harness.gameday_report(made.path).standing == made.standing
    events = made.path / "day.jsonl"
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:2]))
    again = harness.gameday_resume(made.path, by="nightly", watch=watch)
    assert (again.held, [note.text for note in again.standing.notes]) == (True, ["hello", "hello"])
    assert harness.gameday_plan(written())[0] == "Slow answers (friday) on resilient"
    assert harness.gameday_check(written())
