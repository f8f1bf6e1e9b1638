"""A process that somebody stopped is told of within seconds, and one that only takes its time is waited for."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from harness.problems import HarnessError
from harness.running.keeper.processes import is_stopped
from harness.running.world.stillness import Stillness


class Machine:
    """Two processes, which of them is stopped, and a clock that only a test moves."""

    def __init__(self) -> None:
        self.now_s, self.stopped = 0.0, set[int]()
        self.still = Stillness({"load": 7, "wire": 8}, self.stopped.__contains__, lambda: self.now_s)

    def pass_s(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            self.now_s += 0.02
            self.still.check()


def test_one_that_stays_stopped_is_told_of_by_its_name() -> None:
    machine = Machine()
    machine.pass_s(100)
    machine.stopped.add(7)
    machine.pass_s(4)
    with pytest.raises(
        HarnessError, match=r"process load \(pid 7\) was stopped \(SIGSTOP\) while it was waited for.*kill -CONT 7"
    ):
        machine.pass_s(2)


def test_one_that_goes_on_in_time_is_waited_for() -> None:
    machine = Machine()
    for _ in range(5):
        machine.stopped.add(8)
        machine.pass_s(4)
        machine.stopped.clear()
        machine.pass_s(1)


def test_time_in_which_nobody_looked_stops_nobody() -> None:
    machine = Machine()
    machine.stopped.add(7)
    machine.now_s += 1_000  # as when the harness was stopped with them
    machine.still.check()
    machine.stopped.clear()
    machine.pass_s(10)


def test_the_machine_tells_who_is_stopped() -> None:
    with subprocess.Popen(["sleep", "1000"]) as process:
        assert not is_stopped(process.pid)
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert is_stopped(process.pid)
        process.kill()
    assert not is_stopped(process.pid)
