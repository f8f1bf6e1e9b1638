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
from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk
from harness.gameday.events import Called, Closed, PutBack, Stopped
from harness.gameday.files import DayFiles, day_files
from harness.gameday.folder import DayFolder
from harness.gameday.standing import Standing
from harness.judging.result import EXIT_STATUS
from harness.prepare import Prepared
from harness.problems import HarnessError, RefusedError
from harness.reading.load_hosts import LoadHosts, load_hosts
from harness.running.keeper.heal import Healed
from harness.running.keeper.means import HttpUndo
from harness.running.keeper.undo import UndoLog
from harness.running.world.haste import TakenBack
from harness.running.world.load_hosts import Gathering
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


def test_workers_of_other_machines_come_to_one_place_in_every_run_of_a_day_and_are_told_of_its_end(
    written: Written, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = day_files(written(), None, hosts=load_hosts(2, None, "5min"))
    places, dismissed = list[LoadHosts](), list[tuple[object, ...]]()

    def comes(prepared: Prepared, *_: object, gathering: Gathering, **__: object) -> SimpleNamespace:
        places.extend(gathering.place(prepared.asked.hosts) for _ in range(2))
        return run_of("pass", tmp_path)

    monkeypatch.setattr("harness.running.world.load_hosts.dismiss", lambda *at: dismissed.append(at))
    held(files, desk, tmp_path, comes, monkeypatch)
    (at,) = set(places)
    assert (at.many, at.stays_s, [told[:3] for told in dismissed]) == (2, 300.0, [(at.address, at.port, at.word)])


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


KILLED = "Toxiproxy did not answer, so it was killed, and what it had in force is gone with it"
SILENT = "the Toxiproxy at http://127.0.0.1:8474, which others use too, does not answer"
LATE = "latency 1500 ms on openai"


def taken_back(desk: Desk) -> list[PutBack]:
    return [event for event in desk.since(0) if isinstance(event, PutBack)]


def test_that_what_was_stopped_is_gone_is_a_line_of_the_day_before_its_run_is_over(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conduct(*_: object, taken_back: Callable[[TakenBack], None], **__: object) -> SimpleNamespace:
        desk.say(Stopped(by="Edsger"))
        taken_back(TakenBack((), KILLED))
        in_hand = desk.standing.in_hand
        assert in_hand is not None
        assert in_hand.id == "slow"
        return run_of("interrupted", tmp_path)

    held(files, desk, tmp_path, conduct, monkeypatch)
    assert [(event.step, event.left, event.told) for event in taken_back(desk)] == [("slow", [], KILLED)]


def test_that_a_shared_toxiproxy_does_not_answer_is_a_line_of_the_day_while_its_run_goes_on(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conduct(*_: object, warned: Callable[[str], None], **__: object) -> SimpleNamespace:
        warned("the Toxiproxy at http://127.0.0.1:8474 does not answer")
        assert [one.what for one in desk.standing.warnings] == [
            "the Toxiproxy at http://127.0.0.1:8474 does not answer"
        ]
        return run_of("invalid", tmp_path)

    held(files, desk, tmp_path, conduct, monkeypatch)


def leaves(run: SimpleNamespace, *keys: str) -> SimpleNamespace:
    """*run* with so much of it in force still, as its undo file says."""
    run.path.mkdir(parents=True)
    log = UndoLog(run.path / "undo.jsonl")
    for key in keys:
        log.promise(key, [HttpUndo("DELETE", "http://127.0.0.1:8474/proxies/harness-r1-openai")])
    log.close()
    return run


@pytest.mark.parametrize("secret", [True, False])
def test_what_a_shared_toxiproxy_may_have_in_force_still_is_said_at_once_and_tried_until_it_is_gone(
    secret: bool, written: Written, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run = written(), run_of("interrupted", tmp_path)
    path.write_text(path.read_text().replace("id: slow,", f"id: slow, secret: {str(secret).lower()},"))
    files = day_files(path, None)
    (late,) = files.runs["slow"].plan.disturbances
    answers = iter(["left", "left", "nothing"])

    def conduct(*_: object, taken_back: Callable[[TakenBack], None], **__: object) -> SimpleNamespace:
        desk.say(Stopped(by="Edsger"))
        taken_back(TakenBack((late.summary,), SILENT))
        return leaves(run, late.id)

    def heals(path: Path, *, ended: bool = False) -> Healed:
        assert (path, ended) == (run.path, True)
        return Healed(next(answers), ())

    def closes(_: RealWorld) -> None:
        if desk.standing.in_hand is None and len(taken_back(desk)) == 2:
            desk.say(Closed(by="Grace"))

    monkeypatch.setattr(conducting, "conduct", conduct)
    monkeypatch.setattr(conducting, "heal", heals)
    monkeypatch.setattr(conducting, "AGAIN_S", 0.0)
    desk.write(opened(files.day))
    desk.say(Called(by="Grace", step="slow"))
    with world_of(files, desk, tmp_path) as world:
        world.heed = lambda: closes(world)
        carry_out(files.day, desk, world)
    assert [(event.left, event.told) for event in taken_back(desk)] == [
        ([HIDDEN if secret else late.summary], SILENT),
        ([], ""),
    ]
    assert desk.standing.left == {}
    assert next(answers, "") == ""


def test_what_a_run_leaves_is_said_when_it_is_over_where_nobody_stopped_it_or_more_was_said_before(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of("invalid", tmp_path, "Toxiproxy no longer answered")
    (late,) = files.runs["slow"].plan.disturbances
    monkeypatch.setattr(conducting, "heal", lambda *_, **__: Healed("left", ()))

    def conduct(*_: object, taken_back: Callable[[TakenBack], None], **__: object) -> SimpleNamespace:
        taken_back(TakenBack((late.summary, "http_error 500"), SILENT))
        return leaves(run, "link openai", late.id)

    held(files, desk, tmp_path, conduct, monkeypatch)
    assert desk.standing.left == {"slow": (late.summary, "the proxy of link openai")}


def test_what_the_keeper_put_back_after_all_is_gone(
    files: DayFiles, desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def conduct(*_: object, taken_back: Callable[[TakenBack], None], **__: object) -> SimpleNamespace:
        taken_back(TakenBack((LATE,), SILENT))
        return run_of("interrupted", tmp_path)

    held(files, desk, tmp_path, conduct, monkeypatch)
    assert [event.left for event in taken_back(desk)] == [[LATE], []]


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
