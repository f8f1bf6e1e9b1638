"""What is to be done next on a game day: nothing before everybody agreed, one step at a time, and nothing by itself after a stop."""

from __future__ import annotations

from datetime import timedelta

import pytest
from day_in_memory import OPENED_AT, TEXT, day_of, opened
from msgspec.structs import replace

from harness.gameday.events import Agreed, Began, Called, Event, Looked, Over, Stopped
from harness.gameday.moves import LOOK_AGAIN, Begin, Finish, Look, TakeBack, Until, next_move, waits_for_people
from harness.gameday.standing import refusal, told

DAY = day_of()
AT = OPENED_AT.isoformat()
READY: list[Event] = [
    Looked(at=AT, by="Grace", prerequisite=0, ok=True),
    Looked(at=AT, prerequisite=1, ok=True),
    Agreed(at=AT, by="Ada", of="Ada"),
]
KNOWN: list[Event] = [*READY, Began(at=AT, step="known")]


def after(*events: Event, minutes: float = 0.0, tabletop: bool = False) -> object:
    now = told([replace(opened(DAY, tabletop=tabletop), at=AT), *events])
    return next_move(DAY, now, OPENED_AT + timedelta(minutes=minutes))


def over(step: str, outcome: str = "done") -> list[Event]:
    return [Began(at=AT, step=step), Over(at=AT, step=step, outcome=outcome)]  # type: ignore[arg-type]  # as the test says


def test_what_can_be_found_out_is_looked_at_first() -> None:
    assert after() == Look(1)


def test_what_is_not_met_is_looked_at_again_and_not_at_once() -> None:
    unmet = Looked(at=AT, prerequisite=1, ok=False)
    assert after(unmet) == Until(OPENED_AT + LOOK_AGAIN, people=True)
    assert after(unmet, minutes=1) == Look(1)


@pytest.mark.parametrize("left_out", range(3))
def test_nothing_can_be_called_while_a_prerequisite_is_not_met_or_somebody_has_not_agreed(left_out: int) -> None:
    some = [event for number, event in enumerate(READY) if number != left_out]
    assert refusal(told([opened(DAY), *some]), Called(by="Grace", step="known")).startswith("not yet: ")
    assert refusal(told([opened(DAY), *READY]), Called(by="Grace", step="known")) == ""


def test_who_takes_back_their_yes_keeps_the_next_step_from_beginning() -> None:
    no = Agreed(at=AT, by="Ada", of="Ada", yes=False, why="an incident")
    held = over("known", "held")
    assert after(*READY, *held) == Begin("talk")
    assert after(*READY, *held, no) == Until(people=True)


def test_a_step_by_hand_waits_for_somebody_and_one_that_was_called_begins() -> None:
    assert after(*READY, minutes=600) == Until(people=True)
    assert after(*READY, Called(at=AT, by="Grace", step="known")) == Begin("known")


def test_a_timed_step_begins_at_its_time_or_once_the_one_before_is_over() -> None:
    before = [*READY, *over("known", "held"), *over("talk"), *over("manual"), *over("quiet")]
    assert after(*before, minutes=29) == Until(OPENED_AT + timedelta(minutes=30))
    assert after(*before, minutes=30) == Begin("late")
    assert after(*before[:-1], minutes=31) == Finish("quiet", "done")


def test_a_wait_is_over_by_itself_and_a_talk_is_not() -> None:
    assert after(*READY, Began(at=AT, step="quiet"), minutes=1) == Until(OPENED_AT + timedelta(minutes=2))
    assert after(*READY, Began(at=AT, step="quiet"), minutes=2) == Finish("quiet", "done")
    assert after(*READY, Began(at=AT, step="talk"), minutes=600) == Until(people=True)


def test_a_run_in_hand_waits_for_nobody() -> None:
    assert after(*KNOWN) == Until(people=False)


def test_a_stop_takes_a_run_back_and_ends_what_people_do() -> None:
    stop = Stopped(at=AT, by="Edsger", why="tickets")
    assert after(*KNOWN, stop) == TakeBack("known")
    assert after(*READY, Began(at=AT, step="manual"), stop) == Finish("manual", "not_done", "stopped by Edsger")


@pytest.mark.parametrize("outcome", ["aborted", "interrupted"])
def test_after_what_was_cut_short_nothing_begins_by_itself(outcome: str) -> None:
    assert after(*READY, *over("known", outcome)) == Until(people=True)
    assert after(*READY, *over("known", "failed")) == Begin("talk")


def test_after_a_stop_nothing_begins_before_a_step_is_called() -> None:
    stopped = [*READY, *over("known", "held"), Stopped(at=AT, by="Edsger")]
    assert after(*stopped) == Until(people=True)
    assert after(*stopped, Called(at=AT, by="Grace", step="talk")) == Begin("talk")
    assert after(*READY, Called(at=AT, by="Grace", step="known"), Stopped(at=AT, by="Edsger")) == Until(people=True)


def test_a_tabletop_needs_nobodys_yes_and_breaks_nothing() -> None:
    assert after(tabletop=True) == Until(people=True)
    assert after(Called(at=AT, by="Grace", step="known"), tabletop=True) == Begin("known")
    assert after(Began(at=AT, step="known"), tabletop=True) == Until(people=True)
    assert after(Began(at=AT, step="quiet"), minutes=600, tabletop=True) == Until(people=True)
    assert after(*over("known"), *over("talk"), *over("manual"), *over("quiet"), minutes=60, tabletop=True) == Until(
        people=True
    )


def test_all_that_waits_for_people_is_named_in_its_order() -> None:
    assert list(waits_for_people(DAY)) == [
        "prerequisite 1 is ticked",
        "Ada has to agree",
        "known begins by hand",
        "talk is over when somebody says so",
        "manual begins by hand",
        "manual is over when somebody says so",
    ]
    nightly = TEXT.replace("prerequisites: [{tick: quiet}, {command: [make, smoke]}]\napprovals: [{by: Ada}]\n", "")
    by_itself = (
        "agenda: [{scenario: a.yaml, start: next}, {wait: 1min, start: next}, {scenario: b.yaml, start: 30min}]\n"
    )
    assert list(waits_for_people(day_of(nightly.partition("agenda:")[0] + by_itself))) == []
