"""The real world of a game day, with runs that are made up: what becomes of them, who stops them, and what is healed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from day_in_memory import Written, opened

from harness.gameday import conducting
from harness.gameday.carrying import carry_out
from harness.gameday.conducting import OUTCOMES, RealWorld
from harness.gameday.desk import Desk
from harness.gameday.events import Called, Closed, Stopped
from harness.gameday.files import DayFiles, day_files
from harness.gameday.folder import DayFolder
from harness.gameday.standing import Standing
from harness.judging.result import EXIT_STATUS
from harness.problems import HarnessError, RefusedError
from harness.running.keeper.heal import Healed
from harness.settings import Settings

Conduct = Callable[..., Any]


@pytest.fixture
def files(written: Written) -> DayFiles:
    return day_files(written(), None)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "day.jsonl")
    yield made
    made.close()


def world_of(files: DayFiles, desk: Desk, folder: Path, said: list[str] | None = None) -> RealWorld:
    settings = Settings({}, folder / "cache", None, str(folder / "state"))
    return RealWorld(files, DayFolder(folder), desk, settings, say=(said if said is not None else []).append)


def run_of(verdict: str, folder: Path, reason: str = "") -> SimpleNamespace:
    return SimpleNamespace(
        path=folder / "provider-latency" / "r1", verdict=verdict, result=SimpleNamespace(reason=reason), arrivals=None
    )


def held(
    files: DayFiles,
    desk: Desk,
    folder: Path,
    conduct: Conduct,
    monkeypatch: pytest.MonkeyPatch,
    said: list[str] | None = None,
) -> Standing:
    """The day in which the first step is called, and closed once it is over, with runs as *conduct* makes them."""
    monkeypatch.setattr(conducting, "conduct", conduct)
    desk.write(opened(files.day))
    desk.say(Called(by="Grace", step="slow"))
    with world_of(files, desk, folder, said) as world:
        world.heed = lambda: closes(desk)
        return carry_out(files.day, desk, world)


def closes(desk: Desk) -> None:
    step = desk.standing.step("slow")
    if step is not None and step.ended and desk.standing.in_hand is None:
        desk.say(Closed(by="Grace"))
    elif desk.standing.in_hand is not None and desk.standing.in_hand.id == "talk":
        desk.say(Stopped(by="Grace"))


@pytest.mark.parametrize(("verdict", "outcome"), [*OUTCOMES.items()])
def test_what_a_run_came_to_is_the_outcome_of_its_step(
    verdict: str, outcome: str, files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = held(files, desk, tmp_path, lambda *_, **__: run_of(verdict, tmp_path, "why"), monkeypatch)
    slow = standing.step("slow")
    assert slow is not None
    assert (slow.outcome, slow.run) == (outcome, "provider-latency/r1")


def test_every_verdict_has_an_outcome() -> None:
    assert set(OUTCOMES) == set(EXIT_STATUS)


@pytest.mark.parametrize(
    ("error", "outcome", "told"),
    [
        (RefusedError("held by run r0 of ann@host"), "aborted", "held by run r0 of ann@host"),
        (HarnessError("no Toxiproxy"), "invalid", "no Toxiproxy"),
    ],
)
def test_a_run_that_cannot_be_made_is_told_and_stops_the_day(
    error: Exception,
    outcome: str,
    told: str,
    files: DayFiles,
    desk: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise error

    slow = held(files, desk, tmp_path, refuses, monkeypatch).step("slow")
    assert slow is not None
    assert (slow.outcome, slow.told) == (outcome, told)
    assert any(isinstance(event, Stopped) for event in desk.since(0))


def test_a_stop_at_the_desk_sets_the_stop_of_the_run_in_hand(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conduct(*_: object, stop: threading.Event, **__: object) -> SimpleNamespace:
        desk.say(Stopped(by="Edsger", why="tickets"))
        assert stop.wait(10)
        return run_of("interrupted", tmp_path)

    slow = held(files, desk, tmp_path, conduct, monkeypatch).step("slow")
    assert slow is not None
    assert (slow.outcome, slow.told) == ("aborted", "stopped by Edsger: tickets")


def test_what_breaks_in_a_run_in_a_way_that_nobody_foresaw_is_raised_where_the_day_is_carried_out(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a defect")

    with pytest.raises(ZeroDivisionError, match="a defect"):
        held(files, desk, tmp_path, breaks, monkeypatch)


def test_who_ends_the_day_otherwise_ends_its_run_first(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = list[str]()

    def conduct(*_: object, stop: threading.Event, **__: object) -> SimpleNamespace:
        assert stop.wait(10)
        ended.append("faults first")
        return run_of("interrupted", tmp_path)

    monkeypatch.setattr(conducting, "conduct", conduct)
    desk.write(opened(files.day))
    with world_of(files, desk, tmp_path) as world:
        world.begin("slow")
    assert ended == ["faults first"]


def test_what_a_secret_run_says_of_itself_is_written_down_and_not_shown(
    written: Written, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written()
    path.write_text(path.read_text().replace("id: slow,", "id: slow, secret: true,"))

    def conduct(*_: object, say: Callable[[str], None], **__: object) -> SimpleNamespace:
        say("latency on provider-east")
        return run_of("pass", tmp_path)

    said = list[str]()
    held(day_files(path, None), desk, tmp_path, conduct, monkeypatch, said)
    assert said == []
    assert "latency on provider-east" in (tmp_path / "runs.log").read_text()


def test_a_day_does_not_go_on_while_something_is_left_in_force(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "provider-latency" / "r1"
    run.mkdir(parents=True)
    (run / "undo.jsonl").touch()
    world = world_of(files, desk, tmp_path)
    monkeypatch.setattr(conducting, "heal", lambda path: Healed("nothing", (f"{path}: late: put back",)))
    assert world.heal() == "late: put back"
    monkeypatch.setattr(conducting, "heal", lambda path: Healed("left", (f"{path}: late: NOT put back: no answer",)))
    with pytest.raises(HarnessError, match="late: NOT put back: no answer"):
        world.heal()


def test_the_budget_of_a_day_counts_from_when_it_was_opened(written: Written, desk: Desk, tmp_path: Path) -> None:
    files = day_files(written("budget: {time: 1min}\n"), None)
    desk.write(opened(files.day))
    assert (
        world_of(files, desk, tmp_path).refused("slow") == "slow may take 64 s, and 60 s are left of the budget of 60 s"
    )
    wide = day_files(written("budget: {time: 1h}\n"), None)
    assert world_of(wide, desk, tmp_path).refused("slow") == ""


def test_the_run_that_was_cut_short_is_the_one_of_which_nobody_told(
    files: DayFiles, desk: Desk, tmp_path: Path
) -> None:
    for name in ("20260101-1", "20260101-2"):
        (tmp_path / "provider-latency" / name).mkdir(parents=True)
        (tmp_path / "provider-latency" / name / "history.jsonl").touch()
    desk.write(opened(files.day))
    world = world_of(files, desk, tmp_path)
    assert world.cut_short("slow") == "provider-latency/20260101-2"
    assert world.cut_short("talk") == ""
