"""Files kept on their schedules: begun once at most, whoever is killed and whatever clocks do, and nothing missed that is not told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from simulated_world.schedules import NOON, KilledError, MadeUpMachine, daily

from harness.reading.schedule import Window
from harness.reading.timetable import KEPT
from harness.schedules import hours
from harness.schedules.closed import parsed
from harness.schedules.keeping import Keeping, Obstacle
from harness.schedules.scheduled import Scheduled

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
TWO = NOON + 2 * HOUR


def kept(machine: MadeUpMachine, until: datetime, *, once: bool = False) -> int:
    """Keep the files until that time, and then tell the process to end."""
    machine.ends = until
    return Keeping(machine, once).run()


def times(machine: MadeUpMachine, name: str = "day") -> list[str]:
    return [f"{planned:%d %H:%M}" for one, planned in machine.begun if one == name]


def missed(machine: MadeUpMachine, name: str = "day") -> list[tuple[str, str]]:
    return [(f"{one.planned:%d %H:%M}", one.missed) for one in machine.disk[name].occurrences if one.missed]


def test_each_time_is_begun_when_it_comes_and_what_came_of_it_is_on_disk() -> None:
    machine = MadeUpMachine([daily()], status=1)
    kept(machine, NOON + 2 * DAY)
    assert machine.begun == {("day", TWO): TWO, ("day", TWO + DAY): TWO + DAY}
    first, _ = machine.disk["day"].occurrences
    assert (first.planned, first.status, first.missed) == (TWO, 1, "")
    assert first.ended is not None
    assert timedelta(minutes=30) <= first.ended - TWO <= timedelta(minutes=30, seconds=2)
    assert machine.told[:4] == [
        "day: next Mon 2026-06-01 14:00 UTC",
        "day: Mon 2026-06-01 14:00 UTC is begun",
        "day: Mon 2026-06-01 14:00 UTC ended with status 1",
        "day: next Tue 2026-06-02 14:00 UTC",
    ]


def test_it_is_on_disk_before_it_is_begun() -> None:
    machine = MadeUpMachine([daily()], dies_at=2, after=True)  # the first touch takes the file up
    with pytest.raises(KilledError):
        kept(machine, NOON + DAY)
    assert machine.disk["day"].until == TWO
    assert machine.begun == {}


def test_nobody_waits_for_more_than_half_a_minute_in_one_go() -> None:
    machine = MadeUpMachine([daily()], at=TWO - 3 * MINUTE, takes=MINUTE, hurries=False)
    kept(machine, TWO + 3 * MINUTE)
    assert max(machine.waits) == 30
    assert min(machine.waits) >= 0


@pytest.mark.parametrize("after", [False, True])
def test_whichever_touch_it_is_killed_at_each_time_is_begun_exactly_once(after: bool) -> None:
    whole = MadeUpMachine([daily(), daily("other", "30 14 * * *", target="another")])
    kept(whole, NOON + 2 * DAY)
    assert whole.touches > 10
    for touch in range(1, whole.touches + 1):
        machine = MadeUpMachine(whole.scheduled, dies_at=touch, after=after)
        with pytest.raises(KilledError):
            kept(machine, NOON + 2 * DAY)
        machine.goes_by(MINUTE)
        kept(machine, NOON + 2 * DAY)
        assert list(machine.begun) == list(whole.begun), touch
        assert [*missed(machine), *missed(machine, "other")] == [], touch


def test_what_was_taken_and_never_begun_is_missed_once_it_is_too_late_and_can_then_never_begin() -> None:
    machine = MadeUpMachine([daily()], dies_at=3)
    with pytest.raises(KilledError):
        kept(machine, NOON + DAY)
    machine.goes_by(HOUR)
    kept(machine, NOON + DAY)
    assert (times(machine), missed(machine)) == ([], [("01 14:00", "unbegun")])
    assert machine.given_up == {("day", TWO)}
    assert machine.told_outside == [(TWO, "unbegun")]


def test_what_goes_on_when_the_process_is_killed_is_followed_by_the_next_one() -> None:
    machine = MadeUpMachine([daily()], dies_at=3, after=True)
    with pytest.raises(KilledError):
        kept(machine, NOON + DAY)
    machine.goes_by(10 * MINUTE)
    kept(machine, NOON + DAY)
    (one,) = machine.disk["day"].occurrences
    assert (times(machine), one.status, one.missed) == (["01 14:00"], 0, "")
    assert machine.told[-3:-1] == [
        "day: Mon 2026-06-01 14:00 UTC goes on",
        "day: Mon 2026-06-01 14:00 UTC ended with status 0",
    ]


def test_times_that_passed_while_nothing_ran_are_told_and_not_run() -> None:
    machine = MadeUpMachine([daily()])
    kept(machine, NOON + HOUR)
    machine.goes_by(3 * DAY)
    kept(machine, NOON + 4 * DAY)
    assert times(machine) == ["04 14:00"]
    assert missed(machine) == [("01 14:00", "down"), ("02 14:00", "down"), ("03 14:00", "down")]
    assert "day: Tue 2026-06-02 14:00 UTC was missed: nothing ran that would have begun it" in machine.told
    assert machine.told_outside == [(TWO, "down"), (TWO + DAY, "down"), (TWO + 2 * DAY, "down")]


def test_a_time_that_is_late_by_less_than_late_is_begun_after_a_restart_and_the_ones_before_it_are_not() -> None:
    machine = MadeUpMachine([daily(cron="*/5 * * * *", late=20 * MINUTE)], takes=MINUTE)
    kept(machine, NOON + 6 * MINUTE)
    machine.goes_by(13 * MINUTE)
    kept(machine, NOON + 21 * MINUTE)
    assert times(machine) == ["01 12:05", "01 12:15", "01 12:20"]
    assert missed(machine) == [("01 12:10", "down")]


def test_many_missed_times_are_counted_and_the_last_of_them_shown() -> None:
    machine = MadeUpMachine([daily(cron="*/5 * * * *", late=MINUTE)], takes=MINUTE)
    kept(machine, NOON + MINUTE)
    machine.goes_by(2 * DAY + 2 * MINUTE)
    kept(machine, machine.at + timedelta(seconds=10))
    table = machine.disk["day"]
    assert (len(table.occurrences), table.earlier + len(table.occurrences)) == (KEPT, 2 * 288)
    assert machine.told[-8] == "day: 575 were missed until Wed 2026-06-03 11:55 UTC; the last of them:"


def test_a_file_that_is_taken_up_after_its_time_begins_nothing_before_the_next() -> None:
    machine = MadeUpMachine([daily()], at=TWO + MINUTE)
    kept(machine, NOON + DAY)
    assert (times(machine), missed(machine)) == ([], [])


def test_a_clock_that_jumps_forward_has_what_it_jumped_over_told_and_not_run() -> None:
    machine = MadeUpMachine([daily()])
    keeping = Keeping(machine)
    keeping.step()
    machine.at += 3 * DAY
    keeping.step()
    assert (times(machine), [why for _, why in missed(machine)]) == ([], ["clock"] * 3)
    assert any(
        line.startswith("the clock was put forward by 72 h 0 min, or the machine slept") for line in machine.told
    )


def test_a_clock_that_jumps_back_has_nothing_begun_twice_and_what_comes_then_is_begun() -> None:
    machine = MadeUpMachine([daily(cron="0 * * * *")], takes=MINUTE)
    keeping = Keeping(machine)
    for _ in range(4):
        machine.goes_by(30 * MINUTE)
        keeping.step()
    assert times(machine) == ["01 13:00", "01 14:00"]
    machine.at -= 90 * MINUTE
    for _ in range(6):
        machine.goes_by(30 * MINUTE)
        keeping.step()
    assert times(machine) == ["01 13:00", "01 14:00", "01 15:00"]
    assert missed(machine) == []
    assert any(
        line.startswith("the clock was put back by 1 h 30 min: it is 2026-06-01 13:00:00 UTC") for line in machine.told
    )


def test_what_ended_just_before_a_clock_is_put_back_is_not_begun_again_while_it_would_still_be_in_time() -> None:
    machine = MadeUpMachine([daily(cron="0 * * * *")], takes=MINUTE)
    keeping = Keeping(machine)
    keeping.step()
    for moves in (HOUR, 5 * MINUTE, -6 * MINUTE, MINUTE, MINUTE, MINUTE):
        machine.goes_by(moves) if moves > timedelta() else setattr(machine, "at", machine.at + moves)
        keeping.step()
    assert (times(machine), missed(machine)) == (["01 13:00"], [])


def test_a_clock_that_was_years_ahead_and_is_put_right_again_has_no_schedule_dead_for_years() -> None:
    machine = MadeUpMachine([daily()])
    keeping = Keeping(machine)
    keeping.step()
    machine.at += 1500 * DAY
    keeping.step()
    machine.at -= 1500 * DAY
    keeping.step()
    machine.goes_by(2 * HOUR)
    keeping.step()
    assert machine.begun == {("day", TWO): TWO}


@pytest.mark.parametrize(("window", "why"), [({"days": ["mon"], "start": "13:30", "end": "15:00"}, "blackout")])
def test_nothing_begins_in_a_blackout_and_that_is_told(window: dict[str, object], why: str) -> None:
    machine = MadeUpMachine([daily(windows=(parsed(Window.model_validate(window)),))])
    kept(machine, NOON + DAY + 3 * HOUR)
    assert (times(machine), missed(machine)) == (["02 14:00"], [("01 14:00", why)])
    # When it begins next is told without the time at which it does not.
    assert machine.told[0] == "day: next Tue 2026-06-02 14:00 UTC"


@pytest.mark.parametrize(
    ("zone", "cron", "begins", "begun"),
    [
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["29 01:00", "30 00:30"]),
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["25 00:30", "26 01:30"]),
        ("America/New_York", "30 1,2 * * *", "2026-03-08T00:00", ["08 06:30", "08 07:00", "09 05:30", "09 06:30"]),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T06:00", ["04 14:45", "05 15:15"]),
    ],
)
def test_on_days_on_which_clocks_are_changed_each_time_is_begun_once(
    zone: str, cron: str, begins: str, begun: list[str]
) -> None:
    at = datetime.fromisoformat(f"{begins}+00:00")
    machine = MadeUpMachine([daily(cron=cron, zone=zone)], at=at, takes=MINUTE)
    kept(machine, at + 42 * HOUR)
    assert (times(machine), missed(machine)) == (begun, [])


def test_what_is_come_to_late_in_a_blackout_does_not_begin() -> None:
    window = parsed(Window(start="14:05", end="15:00"))
    machine = MadeUpMachine([daily(windows=(window,))])
    kept(machine, NOON + HOUR)
    machine.goes_by(HOUR + 10 * MINUTE)
    kept(machine, NOON + 4 * HOUR)
    assert missed(machine) == [("01 14:00", "blackout")]


def test_the_holidays_are_those_of_the_schedules_own_clock() -> None:
    class Second:
        def on(self, day: object) -> str:
            return "a holiday" if str(day) == "2026-06-02" else ""

    # 08:00 in Auckland is on the day before in UTC.
    machine = MadeUpMachine([daily(cron="0 8 * * *", zone="Pacific/Auckland", holidays=Second())])
    kept(machine, NOON + 2 * DAY)
    assert [why for _, why in missed(machine)] == ["holiday"]
    assert list(machine.begun) == [("day", datetime(2026, 6, 2, 20, tzinfo=UTC))]


@pytest.mark.parametrize("why", ["frozen", "held", "unanswered"])
def test_what_is_in_the_way_is_waited_for_as_long_as_it_may_be_late(why: str) -> None:
    machine = MadeUpMachine([daily()], in_the_way=Obstacle(why, "somebody said so"))
    keeping = Keeping(machine)
    machine.ends = TWO + 10 * MINUTE
    keeping.run()
    assert (
        "day: Mon 2026-06-01 14:00 UTC waits until Mon 2026-06-01 14:15 UTC at most: somebody said so" in machine.told
    )
    machine.in_the_way, machine.ends = None, NOON + DAY
    Keeping(machine).run()
    assert (times(machine), missed(machine)) == (["01 14:00"], [])


@pytest.mark.parametrize("why", ["frozen", "held", "unanswered"])
def test_what_stays_in_the_way_has_it_missed_with_the_reason(why: str) -> None:
    machine = MadeUpMachine([daily()], in_the_way=Obstacle(why, "somebody said so"))
    kept(machine, NOON + DAY)
    assert (times(machine), missed(machine)) == ([], [("01 14:00", why)])
    assert machine.disk["day"].occurrences[0].told == "somebody said so"


def test_one_goes_on_at_a_time_on_a_target_and_on_others_at_the_same_time() -> None:
    machine = MadeUpMachine([daily("a"), daily("b"), daily("c", target="another")], takes=5 * MINUTE)
    kept(machine, NOON + DAY)
    begun = {name: at for (name, _), at in machine.begun.items()}
    assert begun["a"] == begun["c"] == TWO
    assert TWO + 5 * MINUTE <= begun["b"] <= TWO + 5 * MINUTE + timedelta(seconds=3)


def test_a_time_that_comes_while_the_last_one_still_goes_on_is_missed_and_told() -> None:
    machine = MadeUpMachine([daily(cron="0 * * * *")], takes=90 * MINUTE)
    kept(machine, NOON + 4 * HOUR)
    assert (times(machine), missed(machine)) == (["01 13:00", "01 15:00"], [("01 14:00", "held")])
    assert "day: Mon 2026-06-01 14:00 UTC was missed: day of Mon 2026-06-01 13:00 UTC still goes on" in machine.told


def test_a_schedule_that_is_changed_holds_from_then_on_and_nothing_of_it_was_missed_before() -> None:
    machine = MadeUpMachine([daily()], takes=MINUTE)
    kept(machine, TWO + HOUR)
    machine.scheduled = [daily(cron="30 14,16 * * *", late=2 * HOUR)]
    kept(machine, TWO + 3 * HOUR)
    assert (times(machine), missed(machine)) == (["01 14:00", "01 16:30"], [])
    assert "day: its schedule was changed, and is 30 14,16 * * * UTC from now on" in machine.told


def test_a_disk_that_is_full_has_nothing_begun_and_is_tried_again_until_it_is_too_late() -> None:
    machine = MadeUpMachine([daily()])
    keeping = Keeping(machine)
    keeping.step()
    machine.full = True
    machine.goes_by(2 * HOUR)
    keeping.step()
    assert machine.begun == {}
    assert machine.told[-1] == "day: what is begun cannot be written down: /state/day.json: No space left on device"
    machine.full = False
    machine.goes_by(MINUTE)
    keeping.step()
    assert times(machine) == ["01 14:00"]


def test_what_goes_on_is_told_to_end_and_waited_for_when_the_process_is() -> None:
    machine = MadeUpMachine([daily()])
    assert kept(machine, TWO + MINUTE) == 130
    assert machine.told_to_end == [("day", TWO)]
    assert machine.disk["day"].occurrences[0].status == 130


@pytest.mark.parametrize(
    ("at", "status", "begun"),
    [
        (TWO, 0, ["01 14:00"]),
        (TWO, 3, ["01 14:00"]),
        (TWO + 14 * MINUTE, 1, ["01 14:00"]),
        (TWO + 15 * MINUTE, 4, ["01 14:00"]),
    ],
)
def test_whoever_asks_once_begins_what_is_due_and_ends_with_its_status(
    at: datetime, status: int, begun: list[str]
) -> None:
    machine = MadeUpMachine([daily()], at=at, status=status)
    assert (kept(machine, NOON + DAY, once=True), times(machine)) == (status, begun)
    assert machine.at < TWO + HOUR


@pytest.mark.parametrize("at", [TWO - MINUTE, TWO + 16 * MINUTE, TWO + DAY / 2])
def test_whoever_asks_once_while_nothing_is_due_begins_nothing(at: datetime) -> None:
    machine = MadeUpMachine([daily()], at=at)
    assert (kept(machine, at + DAY, once=True), times(machine), machine.at) == (0, [], at)


def test_whoever_asks_once_twice_begins_it_once() -> None:
    machine = MadeUpMachine([daily()], at=TWO, takes=MINUTE)
    assert [kept(machine, NOON + DAY, once=True) for _ in range(2)] == [0, 0]
    assert times(machine) == ["01 14:00"]


def test_whoever_asks_once_after_the_schedule_was_changed_begins_what_is_due_by_it() -> None:
    machine = MadeUpMachine([daily()], at=TWO, takes=MINUTE)
    kept(machine, NOON + DAY, once=True)
    machine.scheduled = [daily(cron="0,5 14 * * *")]
    machine.at = TWO + 5 * MINUTE
    kept(machine, NOON + DAY, once=True)
    assert (times(machine), missed(machine)) == (["01 14:00", "01 14:05"], [])


def test_whoever_asks_once_and_finds_the_target_frozen_ends_as_a_run_that_is_refused() -> None:
    machine = MadeUpMachine([daily()], at=TWO, in_the_way=Obstacle("frozen", "frozen by ann"))
    assert kept(machine, NOON + DAY, once=True) == 5
    assert machine.at - TWO <= 15 * MINUTE + timedelta(seconds=2)


def test_whoever_asks_once_ends_with_the_worst_of_several() -> None:
    machine = MadeUpMachine(
        [daily("a"), daily("b", target="another", windows=(parsed(Window(start="13:00", end="15:00")),))],
        at=TWO,
        status=1,
    )
    assert kept(machine, NOON + DAY, once=True) == 1
    assert (times(machine, "a"), missed(machine, "b")) == (["01 14:00"], [("01 14:00", "blackout")])


def test_an_error_while_files_are_kept_tells_what_goes_on_to_end_first(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = MadeUpMachine([daily()])
    kept_well, raised = machine.files, []

    def files() -> list[Scheduled]:
        if machine.begun and not raised:
            raised.append(machine.at)
            raise RuntimeError("nobody can read it")
        return list(kept_well())

    monkeypatch.setattr(machine, "files", files)
    with pytest.raises(RuntimeError, match="nobody can read it"):
        kept(machine, NOON + DAY)
    assert machine.told_to_end == [("day", TWO)]


def test_a_disk_that_was_full_once_is_not_the_reason_for_what_is_missed_later() -> None:
    machine = MadeUpMachine([daily()])
    keeping = Keeping(machine)
    keeping.step()
    keeping._in_the_way["day"] = Obstacle("unanswered", "No space left on device")
    keeping.step()
    assert not keeping._busy


def test_a_schedule_that_is_closed_more_often_than_anybody_looks_may_still_begin() -> None:
    holidays = parsed(Window(start="2026-06-01T00:00", end="2026-06-20T00:00", why="moving"))
    often = daily("often", "*/15 * * * *", windows=(holidays,)).hours
    assert hours._never(often, NOON) == ""
    assert "nothing begins within a year" in hours._never(daily("day", "0 14 10 6 *", windows=(holidays,)).hours, NOON)
