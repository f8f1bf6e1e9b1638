"""This machine as the world of schedules: what is on disk whoever is killed, who keeps what, and the process that begins a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from simulated_world.schedules import daily

from harness.problems import RefusedError, UnansweredError, UsageProblems
from harness.reading.gameday import Webhook
from harness.reading.timetable import Occurrence
from harness.running.leases import started_here
from harness.running.state.folder import FolderStore
from harness.running.state.target_state import TargetState, me
from harness.schedules import claims
from harness.schedules.keeping import Ended, Obstacle
from harness.schedules.machine import Machine, folder_of
from harness.schedules.telling import tell_missed
from harness.settings import Settings

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = """
schema: harness.gameday/1
name: {name}
title: A day
objective: to learn
hypothesis: it holds
owner: Ann
coordinator: Ann
reporter: Ann
target: shop.yaml
agenda: [{{wait: 1s, start: next}}]
schedule: {{cron: {cron}, zone: UTC}}
"""
TARGET = """
schema: harness.target/1
name: shop
entries: [{url: "http://127.0.0.1:1"}]
ask: {protocol: openai-chat, model: small}
"""
Made = Callable[..., Machine]


def write(folder: Path, name: str = "friday", cron: str = "0 14 * * FRI", file: str = "") -> Path:
    path = folder / (file or f"{name}.yaml")
    path.write_text(DAY.format(name=name, cron=cron))
    (folder / "shop.yaml").write_text(TARGET)
    return path


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def machine(tmp_path: Path, told: list[str]) -> Made:
    def made(*paths: Path, inherit: bool = False) -> Machine:
        settings = Settings(dict(os.environ), tmp_path / "cache", None, str(tmp_path / "state"))
        return Machine(paths or [write(tmp_path)], settings, told.append, inherit=inherit)

    return made


# --- claims


def test_an_occurrence_is_claimed_by_one_alone(tmp_path: Path) -> None:
    won: list[bool] = []
    rivals = [Thread(target=lambda: won.append(claims.begin(tmp_path / "x" / "claim"))) for _ in range(8)]
    for one in rivals:
        one.start()
    for one in rivals:
        one.join()
    assert sorted(won) == [False] * 7 + [True]
    assert [path.name for path in (tmp_path / "x").iterdir()] == ["claim"]


def test_who_claims_lives_until_it_has_ended_and_the_status_is_known_then(tmp_path: Path) -> None:
    claim = tmp_path / "claim"
    assert claims.read(claim) is None
    claims.begin(claim)
    found = claims.read(claim)
    assert found is not None
    assert (found.pid, found.started, found.status, found.lives) == (os.getpid(), started_here(), None, True)
    claims.end(claim, 3)
    assert (claims.read(claim) or found).status == 3


@pytest.mark.parametrize(
    "text", ["", "begun", "begun x y z\n", "\x00\xff", "begun 1 1 another-boot\n", "begun PID 1 \n"]
)
def test_a_claim_of_who_is_gone_or_that_nobody_understands_is_still_one(tmp_path: Path, text: str) -> None:
    claim = tmp_path / "claim"
    claim.write_text(text.replace("PID", str(os.getpid())))
    found = claims.read(claim)
    assert found is not None
    assert not found.lives
    assert not claims.begin(claim)


# --- on disk


def test_what_is_kept_is_read_again_and_only_by_its_owner(machine: Made) -> None:
    here = machine()
    (one,) = here.files()
    assert here.kept(one) is None
    table = here.fresh(one, NOON, NOON)
    here.keep(table)
    assert machine().kept(one) == table
    path = here.folder / "friday.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [other.name for other in here.folder.iterdir()] == ["friday.json"]


def test_what_cannot_be_read_of_what_was_kept_begins_nothing(machine: Made) -> None:
    here = machine()
    (one,) = here.files()
    here.keep(here.fresh(one, NOON, NOON))
    (here.folder / "friday.json").write_text("{")
    with pytest.raises(
        UnansweredError, match=r"friday\.json is no schedule that this version can read: .*remove it by hand"
    ):
        here.kept(one)


def test_two_files_of_one_name_are_not_kept_as_one(machine: Made, tmp_path: Path) -> None:
    with pytest.raises(UsageProblems, match=r"other\.yaml name: is called 'friday', as .*friday\.yaml is"):
        machine(write(tmp_path), write(tmp_path, file="other.yaml"))
    here = machine()
    here.keep(here.fresh(here.files()[0], NOON, NOON))
    other = machine(tmp_path / "other.yaml")
    with pytest.raises(UsageProblems, match="each schedule is kept by its name"):
        other.kept(other.files()[0])
    # One that was moved goes on where it was.
    (tmp_path / "friday.yaml").unlink()
    assert (other.kept(other.files()[0]) or here.fresh(other.files()[0], NOON, NOON)).file == str(
        tmp_path / "other.yaml"
    )


def test_where_state_is_kept_at_a_url_schedules_are_on_this_machine(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert (
        folder_of(Settings(environment, tmp_path, None, "https://state.example"))
        == tmp_path / "resilience-harness" / "_schedules"
    )
    assert (
        folder_of(Settings(environment, tmp_path, None, str(tmp_path / "state"))) == tmp_path / "state" / "_schedules"
    )


def test_the_folder_of_schedules_is_no_target(machine: Made, tmp_path: Path) -> None:
    here = machine()
    here.keep(here.fresh(here.files()[0], NOON, NOON))
    TargetState(FolderStore(tmp_path / "state"), "shop").freeze("audit")
    assert FolderStore(tmp_path / "state").targets() == ["shop"]


# --- who keeps what


def test_a_second_one_that_keeps_schedules_is_told_who_the_first_is(machine: Made, tmp_path: Path) -> None:
    first, second = machine(), machine(write(tmp_path, "monday"))
    with first.held(alone=True):
        with pytest.raises(
            RefusedError, match=rf"^the schedules are kept by process {os.getpid()} of {me()} since .* one at a time$"
        ):
            second.held(alone=True).__enter__()
        # Of another file somebody may ask once all the same, and not of the same.
        with second.held(alone=False):
            pass
        with pytest.raises(RefusedError, match=r"^friday is kept by process"):
            machine().held(alone=False).__enter__()
    with second.held(alone=True):
        pass


# --- files


def test_a_file_that_is_changed_is_read_again_and_one_that_cannot_be_kept_to_is_told(
    machine: Made, tmp_path: Path, told: list[str]
) -> None:
    here = machine()
    write(tmp_path, cron="30 15 * * MON")
    assert here.files()[0].hours.cron == "30 15 * * MON"
    write(tmp_path, cron="30 25 * * MON#1")
    assert here.files()[0].hours.cron == "30 15 * * MON"
    path = write(tmp_path, cron="0 16 * * MON")
    path.write_text(path.read_text().replace(", start: next", ""))
    assert here.files()[0].hours.cron == "30 15 * * MON"
    write(tmp_path, name="saturday", cron="0 9 * * *", file="friday.yaml")
    assert here.files()[0].name == "friday"
    assert [line.split("friday.yaml")[-1] for line in told] == [
        "friday: is kept as it was, since it was changed into what cannot be kept:",
        ":12 schedule.cron: '25' is no hour; it is 0-23, a list or a range of these, or *",
        "friday: is kept as it was, since it was changed into what cannot be kept:",
        ": waits for people (step-1 begins by hand), and by the clock nobody is there; write --page :8707, so that they can come to a page "
        "of it, or have it go on by itself, with scenarios and waits that say start: next",
        "friday: is kept as it was: it is called saturday now, which takes a new start",
    ]


def test_all_that_is_wrong_with_all_files_is_told_at_once_with_lines(machine: Made, tmp_path: Path) -> None:
    one, other = write(tmp_path), write(tmp_path, "monday")
    one.write_text(
        one.read_text().replace("zone: UTC", "zone: UTV, holidays: none.ics, blackout: [{start: 6pm, end: '07:00'}]")
    )
    other.write_text(other.read_text().replace("schedule:", "# schedule:"))
    with pytest.raises(UsageProblems) as found:
        machine(one, other)
    assert [str(problem).split(f"{tmp_path}/", 1)[1][:62] for problem in found.value.problems] == [
        "friday.yaml:12 schedule.zone: there is no time zone 'UTV'; did",
        "friday.yaml:12 schedule.blackout[0].start: '6pm' is no time; w",
        f"friday.yaml:12 schedule.holidays: there is no {tmp_path}/none"[:62],
        "monday.yaml: says no schedule; add one, such as schedule: {cron"[:62],
    ]


def test_a_schedule_of_which_nothing_ever_begins_is_told(machine: Made, tmp_path: Path) -> None:
    one = write(tmp_path)
    one.write_text(
        one.read_text().replace(
            "zone: UTC", "zone: UTC, blackout: [{days: [fri], start: '12:00', end: '18:00', why: lunch}]"
        )
    )
    with pytest.raises(
        UsageProblems,
        match="nothing begins within a year: it is closed each time, as by blackout fri 12:00 to 18:00: lunch",
    ):
        machine(one)


# --- targets


def test_a_target_that_is_held_or_frozen_is_in_the_way_and_one_that_nobody_can_read(
    machine: Made, tmp_path: Path
) -> None:
    here, state = machine(), TargetState(FolderStore(tmp_path / "state"), "shop")
    (one,) = here.files()
    assert here.obstacle(one) is None
    lease = state.take("run-1", tmp_path)
    assert (here.obstacle(one) or Obstacle("")).why == "held"
    assert "run run-1" in (here.obstacle(one) or Obstacle("")).told
    state.release(lease)
    state.freeze("incident 4711")
    assert (here.obstacle(one) or Obstacle("")).why == "frozen"
    state.unfreeze()
    (tmp_path / "shop.yaml").unlink()
    assert (here.obstacle(one) or Obstacle("")).why == "unanswered"


# --- the process


def test_what_is_begun_says_on_disk_that_it_was_and_how_it_ended_and_begins_once(machine: Made, tmp_path: Path) -> None:
    here = machine()
    (one,) = here.files()
    object.__setattr__(one, "words", ("--version",))
    assert here.standing(one, NOON) == "never"
    here.begin(one, NOON)
    assert here.standing(one, NOON) == "on"
    (process,) = here._begun.values()
    process.wait()
    assert here.standing(one, NOON) == Ended(0)
    # Whoever comes after a crash knows it, too, and cannot begin it again.
    other = machine()
    assert other.standing(one, NOON) == Ended(0)
    assert not other.give_up(one, NOON)
    other.begin(one, NOON)
    (again,) = other._begun.values()
    assert again.wait() == 0
    log = here.folder / "friday" / "20260601T120000Z.log"
    assert log.read_text().startswith("harness ")
    assert log.read_text().count("harness ") == 1


def test_what_was_given_up_never_begins(machine: Made) -> None:
    here = machine()
    (one,) = here.files()
    assert here.give_up(one, NOON)
    assert here.standing(one, NOON) == Ended(None)
    assert not claims.begin(here.folder / "friday" / "20260601T120000Z")
    assert here.standing(one, NOON + timedelta(days=7)) == "never"


# --- who is told


def test_webhooks_that_want_to_hear_of_it_are_told_what_was_missed_and_no_secret_is_shown() -> None:
    hooks = [Webhook(url="http://127.0.0.1/${KEY}", on=["missed"]), Webhook(url="http://127.0.0.1/b")]
    one = replace(daily(), notify=tuple(hooks))
    missed = Occurrence(planned=NOON, decided=NOON, missed="frozen", told="every target is frozen by <!here> ann")
    sent: list[tuple[str, dict[str, str]]] = []
    said: list[str] = []

    def post(url: str, text: str) -> str:
        sent.append((url, json.loads(text)))
        return "answered 500"

    for thread in tell_missed(one, missed, {"KEY": "s3cret"}, said.append, post):
        thread.join()
    ((url, body),) = sent
    assert url == "http://127.0.0.1/s3cret"
    assert body["text"] == "day: Mon 2026-06-01 12:00 UTC was missed: every target is frozen by &lt;!here&gt; ann"
    assert (body["moment"], body["kind"], body["at"]) == ("missed", "frozen", "2026-06-01T12:00:00+00:00")
    assert said == ["day: http://127.0.0.1/${KEY} could not be told that it was missed: answered 500"]
