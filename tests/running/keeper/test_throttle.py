"""What is held to so many processors has its share of each tenth of a second, owes what it had too much, and saves nothing up."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import cast

import pytest

from harness.running.keeper.children import Children
from harness.running.keeper.processes import Process
from harness.running.keeper.throttle import LOOK_S, PERIOD_S, Allowance, Throttles


def had(allowance: Allowance, busy: float, until_s: float, late_s: float = 0.0) -> tuple[float, int]:
    """What something had that uses *busy* processors whenever it may, each look *late_s* too late; and how many looks there were."""
    now_s = total_s = spent_s = 0.0
    looks = 0
    while now_s < until_s:
        wait_s, looks = allowance.after(now_s, spent_s), looks + 1
        spent_s = busy * (wait_s + late_s) if wait_s > 0 else 0.0
        total_s += spent_s
        now_s += abs(wait_s) + late_s
    return total_s, looks


@pytest.mark.parametrize("cpu", [0.05, 0.2, 1.0, 2.5])
@pytest.mark.parametrize("busy", [1, 4, 64])
@pytest.mark.parametrize("late_s", [0.0, 0.03])
def test_over_any_time_it_has_its_share_however_many_processors_it_would_use(
    cpu: float, busy: int, late_s: float
) -> None:
    had_s, _ = had(Allowance(cpu, 0.0, 64), busy, 60.0, late_s)
    assert had_s <= cpu * 60.0 + cpu * PERIOD_S + busy * (LOOK_S + late_s)
    if busy > cpu and not late_s:
        assert had_s >= 0.9 * cpu * 60.0


def test_one_that_uses_less_than_its_share_is_never_stopped_and_seldom_looked_at() -> None:
    allowance = Allowance(0.5, 0.0, 2)
    assert had(allowance, 0.3, 10.0)[0] == pytest.approx(3.0, abs=0.05)
    assert had(Allowance(0.5, 0.0, 2), 0.3, 10.0)[1] < 10 / PERIOD_S * 10


def test_what_was_not_used_is_not_saved_up() -> None:
    allowance = Allowance(0.2, 0.0, 1)
    assert allowance.after(50.0, 0.0) > 0
    assert allowance.after(50.03, 0.03) < 0


class Family:
    """One child, which does nothing; *told* is what was sent to it."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.pid = 4_194_305  # beyond what Linux gives

    def signal(self, name: str, signum: int) -> int:
        if signum:
            self.told.append(signum)
        return 1

    def runs(self, name: str) -> int:
        return self.pid

    def family(self, name: str) -> list[Process]:
        return [Process(self.pid, 1, self.pid, self.pid, 1)]

    def tell(self, name: str, family: Sequence[Process], signum: int) -> None:
        self.told.append(signum)


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the child has had of the processors."""
    made = Clock()
    monkeypatch.setattr("harness.running.keeper.throttle.cpu_s", lambda _: made.now_s)
    return made


def test_it_stands_still_once_it_has_had_its_share_and_goes_on_in_the_next_tenth_of_a_second(cpu: Clock) -> None:
    family, clock = Family(), Clock()
    throttles = Throttles(cast("Children", family), clock)
    assert throttles.wait_ms is None
    assert throttles.limit("target", 0.2) == 1
    assert family.told == []
    clock.now_s, cpu.now_s = 0.02, 0.025
    throttles.turn()
    assert family.told == [signal.SIGSTOP]
    assert throttles.wait_ms == pytest.approx(80)
    clock.now_s = 0.05
    throttles.turn()  # too soon
    assert family.told == [signal.SIGSTOP]
    clock.now_s = 0.1
    throttles.turn()
    assert family.told == [signal.SIGSTOP, signal.SIGCONT]


@pytest.mark.parametrize("end", ["no limit", "all", "another process"])
def test_what_stands_still_goes_on_when_it_is_held_no_longer(cpu: Clock, end: str) -> None:
    family, clock = Family(), Clock()
    throttles = Throttles(cast("Children", family), clock)
    throttles.limit("target", 0.2)
    clock.now_s, cpu.now_s = 0.05, 0.05
    throttles.turn()
    if end == "no limit":
        throttles.limit("target", 0.0)
    elif end == "all":
        throttles.free_all()
    else:  # it was ended, and started again
        family.pid += 1
        throttles.turn()
    assert family.told == [signal.SIGSTOP, signal.SIGCONT]
    assert throttles.wait_ms is None
