"""A game day carried out in memory: stopped, refused by its budget, left, and held with nobody there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from day_in_memory import OPENED_AT, Outside, People, WorldInMemory, day_of, head, lived, opened, willing

from harness.gameday.carrying import carry_out
from harness.gameday.control import HIDDEN
from harness.gameday.desk import Desk
from harness.gameday.events import Began, Called, Closed, Event, Noted, Over, Stopped, decode
from harness.gameday.standing import Standing, told

DAY = day_of()


def outcomes(standing: Standing) -> list[object]:
    return [step.outcome for step in standing.steps]


def stops_in(step: str) -> People:
    """Who does all that the day waits for, and stops it once while *step* goes on."""
    pressed: list[str] = []

    def people(now: Standing) -> Event | None:
        if now.in_hand is not None and now.in_hand.id == step and not pressed:
            pressed.append(step)
            return Stopped(by="Edsger", why="tickets come in")
        if now.stopped is not None and now.in_hand is None and now.next is not None:
            return Called(by="Grace", step=now.next.id)
        return willing(now)

    return people


@pytest.mark.parametrize(("step", "outcome"), [("known", "aborted"), ("manual", "not_done"), ("quiet", "not_done")])
def test_a_stop_ends_what_goes_on_and_people_go_on_when_they_say_so(step: str, outcome: str, tmp_path: Path) -> None:
    outside = Outside()
    standing = lived(tmp_path / "day.jsonl", DAY, outside, stops_in(step))
    stands = standing.step(step)
    assert stands is not None
    assert stands.outcome == outcome
    assert outside.in_force == set()
    assert standing.closed is not None


def test_a_scenario_that_was_aborted_stops_the_day_with_it(tmp_path: Path) -> None:
    def people(now: Standing) -> Event | None:
        return Called(by="Grace", step="talk") if now.stopped is not None and now.in_hand is None else willing(now)

    lived(tmp_path / "day.jsonl", DAY, Outside(), people, comes_to={"known": "aborted"})
    events = decode((tmp_path / "day.jsonl").read_bytes())
    place = next(number for number, event in enumerate(events) if isinstance(event, Over))
    assert isinstance(events[place + 1], Stopped)
    assert isinstance(events[place + 2], Called)


def test_a_scenario_that_the_budget_does_not_allow_is_left_out_and_said(tmp_path: Path) -> None:
    standing = lived(tmp_path / "day.jsonl", DAY, Outside(), refuses={"late": "late may take 50 s, and 9 s are left"})
    late = standing.step("late")
    assert late is not None
    assert (late.outcome, late.began) == ("skipped", "")
    assert [warned.what for warned in standing.warnings] == [
        f"{HIDDEN} was not begun: late may take 50 s, and 9 s are left"
    ]


def test_a_step_does_not_begin_where_somebody_stopped_the_day_while_it_was_looked_whether_it_may(
    tmp_path: Path,
) -> None:
    desk = Desk(tmp_path / "day.jsonl")
    desk.write(opened(DAY))

    class Stops(WorldInMemory):
        def refused(self, step: str) -> str:
            if not self.desk.standing.stopped and step == "late":
                self.desk.say(Stopped(by="Edsger"))
            return ""

    def people(now: Standing) -> Event | None:
        return Closed(by="Grace") if now.stopped is not None and now.in_hand is None else willing(now)

    world = Stops(DAY, desk, Outside(), people)
    carry_out(DAY, desk, world)
    desk.close()
    late = desk.standing.step("late")
    assert late is not None
    assert (late.began, world.begun[-1]) == ("", "quiet")


def test_a_day_that_nobody_attends_is_closed_with_what_it_waited_for(tmp_path: Path) -> None:
    standing = lived(tmp_path / "day.jsonl", DAY, Outside(), attended=False)
    assert standing.closed is not None
    assert standing.closed.held is None
    assert standing.closed.told == "prerequisite 1; Ada has not agreed"


def test_with_nobody_there_a_day_of_scenarios_goes_on_by_itself_to_its_end(tmp_path: Path) -> None:
    text = (
        head("nightly", "Nightly")
        + """agenda:
  - {scenario: a.yaml, start: next}
  - {wait: 1min, start: next}
  - {discuss: what, start: next}
  - {scenario: b.yaml, start: next}
"""
    )
    standing = lived(tmp_path / "day.jsonl", day_of(text), Outside(), attended=False)
    assert outcomes(standing) == ["held", "done", "not_done", "held"]
    assert standing.closed is not None
    assert standing.closed.held is True
    failed = lived(tmp_path / "other.jsonl", day_of(text), Outside(), attended=False, comes_to={"step-4": "failed"})
    assert failed.closed is not None
    assert failed.closed.held is False


def test_a_prerequisite_that_is_never_met_does_not_hang_a_day_that_nobody_attends(tmp_path: Path) -> None:
    standing = lived(tmp_path / "day.jsonl", DAY, Outside(), attended=False, met=False)
    assert standing.closed is not None
    assert standing.closed.told.startswith("prerequisite 1; prerequisite 2")


BY_HAND = """agenda:
  - {id: quiet, wait: 3h, start: next}
  - {id: talk, discuss: what, start: next}
  - {id: bad, scenario: a.yaml, start: next}
"""


def test_a_day_that_waits_for_people_who_say_nothing_is_stopped_and_closed_in_time(tmp_path: Path) -> None:
    day, outside = day_of(head("by-hand", "By hand") + BY_HAND), Outside()
    standing = lived(tmp_path / "day.jsonl", day, outside, lambda _: None, waits_s=3600.0)
    assert outside.at - OPENED_AT == timedelta(hours=4), "what goes on by itself for longer is no waiting"
    assert outcomes(standing) == ["done", "not_done", None], "and nothing is broken with nobody there"
    assert standing.stopped is not None
    assert standing.stopped.why == "nobody said anything for 60 min; it waited until talk is over"
    assert [one.what for one in standing.warnings] == [
        "nobody has said anything for 30 min; unless somebody does within 30 min more, the day is stopped and closed"
    ]
    assert standing.closed is not None
    assert standing.closed.held is None


def test_who_says_something_has_the_whole_time_again(tmp_path: Path) -> None:
    day, outside, said = day_of(head("by-hand", "By hand") + BY_HAND), Outside(), list[Event]()

    def people(now: Standing) -> Event | None:
        if outside.at - OPENED_AT == timedelta(hours=3, minutes=30) and not said:
            said.append(Noted(by="Ada", text="still here"))
            return said[0]
        return None

    standing = lived(tmp_path / "day.jsonl", day, outside, people, waits_s=3600.0)
    assert (outside.at - OPENED_AT, len(standing.warnings)) == (timedelta(hours=4, minutes=30), 2)


def test_a_day_whose_prerequisites_are_never_met_or_that_nobody_agrees_to_waits_no_longer(tmp_path: Path) -> None:
    outside = Outside()
    standing = lived(tmp_path / "day.jsonl", DAY, outside, lambda _: None, met=False, waits_s=600.0)
    assert outside.at - OPENED_AT == timedelta(minutes=10)
    assert standing.stopped is not None
    assert standing.stopped.why.startswith(
        "nobody said anything for 10 min; it waited until nothing stands in its way: prerequisite 1"
    )
    assert standing.closed is not None


def test_a_secret_step_that_is_waited_for_is_not_named(tmp_path: Path) -> None:
    text = head("by-hand", "By hand") + "agenda:\n  - {id: outage, scenario: a.yaml, secret: true}\n"
    standing = lived(tmp_path / "day.jsonl", day_of(text), Outside(), lambda _: None, waits_s=60.0)
    assert standing.stopped is not None
    assert standing.stopped.why == f"nobody said anything for 60 s; it waited until {HIDDEN} begins"


def test_what_is_not_met_is_looked_at_every_half_a_minute_until_it_is(tmp_path: Path) -> None:
    outside = Outside()
    desk = Desk(tmp_path / "day.jsonl", now=outside.now)
    desk.write(opened(DAY))
    world = WorldInMemory(DAY, desk, outside, met=False)

    def people(now: Standing) -> Event | None:
        world.met = len(world.looks) >= 2
        return willing(now)

    world.people = people
    carry_out(DAY, desk, world)
    desk.close()
    assert [(at - OPENED_AT).total_seconds() for at in world.looks] == [0, 30, 60]


def test_a_process_that_has_to_end_takes_back_what_is_in_force_and_leaves_the_day_open(tmp_path: Path) -> None:
    outside = Outside()
    desk = Desk(tmp_path / "day.jsonl", now=outside.now)
    desk.write(opened(DAY))
    world = WorldInMemory(DAY, desk, outside)

    def people(now: Standing) -> Event | None:
        world.leaving = world.leaving or now.in_hand is not None
        return willing(now)

    world.people = people
    standing = carry_out(DAY, desk, world)
    desk.close()
    assert standing.closed is None
    assert standing.in_hand is None
    assert outside.in_force == set()


def test_on_a_tabletop_nothing_is_in_force_at_any_time(tmp_path: Path) -> None:
    outside, seen = Outside(), list[int]()
    desk = Desk(tmp_path / "day.jsonl", now=outside.now)
    desk.write(opened(DAY, tabletop=True))

    def people(now: Standing) -> Event | None:
        seen.append(len(outside.in_force))
        if now.in_hand is not None and now.in_hand.kind in ("scenario", "wait"):
            return Over(by="Grace", step=now.in_hand.id, outcome="done")
        if now.in_hand is None and now.next is not None:
            return Called(by="Grace", step=now.next.id)
        return willing(now)

    standing = carry_out(DAY, desk, WorldInMemory(DAY, desk, outside, people))
    desk.close()
    assert set(outcomes(standing)) == {"done"}
    assert set(seen) == {0}
    assert outside.at == OPENED_AT


def test_each_step_is_on_disk_before_it_begins(tmp_path: Path) -> None:
    file, outside = tmp_path / "day.jsonl", Outside()

    class Looking(WorldInMemory):
        def begin(self, step: str) -> None:
            assert told(decode(file.read_bytes())).in_hand is not None
            super().begin(step)

    desk = Desk(file, now=outside.now)
    desk.write(opened(DAY))
    carry_out(DAY, desk, Looking(DAY, desk, outside))
    desk.close()
    assert sum(isinstance(event, Began) for event in decode(file.read_bytes())) == 5


def test_where_the_disk_is_full_the_day_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.gameday.desk.os.write", lambda *_: 0)
    with pytest.raises(OSError, match=r"No space left on device: '.*day\.jsonl'"):
        lived(tmp_path / "day.jsonl", DAY, Outside())
    assert (tmp_path / "day.jsonl").read_bytes() == b""
