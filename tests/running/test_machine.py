"""What happened on the machine between two looks, and that a real look sees the work of this very process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.record.instrument import InstrumentFile, Lateness, Machine, read
from harness.running.world.machine import Busy, Look, MachineWatch, Thread, between

BEFORE = Look(
    10.0,
    Busy(100.0, 1.0, 2.0, 50.0),
    20.0,
    {1: Thread("wire", 5.0, 1.0), 2: Thread("load", 1.0, 1.0)},
    {77: ("compiler", 60.0), 78: ("idle", 1.0)},
)


def after(**keys: object) -> Look:
    return Look(
        12.0,
        Busy(103.0, 1.2, 2.4, 51.0),
        21.0,
        {1: Thread("wire", 5.5, 1.9), 2: Thread("load", 1.1, 1.0), 3: Thread("wire", 0.1, 0.2)},
        {77: ("compiler", 61.5), 78: ("idle", 1.0), 79: ("new", 0.5)},
    )._replace(**keys)


def test_shares_are_of_all_processors() -> None:
    sample = between(BEFORE, after(), 2)
    assert (sample.at_s, sample.span_s, sample.cores) == (10.0, 2.0, 2)
    assert (sample.busy, sample.ours, sample.steal, sample.iowait) == (0.75, 0.25, 0.05, 0.1)
    assert sample.pressure == 0.5  # of the time, not of the processors


def test_the_busiest_thread_of_each_process_and_whoever_else_used_most_are_named() -> None:
    sample = between(BEFORE, after(), 2)
    assert sample.threads == {"wire": (0.5, 0.9), "load": (0.1, 0.0)}
    assert sample.rival == "compiler (pid 77)"


def test_what_is_not_told_is_none_and_never_0() -> None:
    quiet = between(BEFORE, after(machine=Busy(103.0, 1.2, 2.4, None)), 2)
    assert (quiet.pressure, quiet.busy) == (None, 0.75)
    silent = between(BEFORE._replace(machine=None), after(machine=None, threads={}, others={}), 2)
    assert (silent.busy, silent.ours, silent.steal, silent.pressure, silent.threads) == (None, None, None, None, {})


@pytest.fixture
def keeper() -> Iterator[int]:
    """Stands in for the keeper, and ends when it is no longer needed."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        process.communicate()


def test_a_real_watch_writes_down_the_machine_and_how_late_it_was_itself(tmp_path: Path, keeper: int) -> None:
    file = InstrumentFile(tmp_path / "file")
    watch = MachineWatch(file, keeper, {})
    while not any(isinstance(sample, Machine) for sample in read(tmp_path / "file", 0.0)):
        sum(range(100_000))  # something to be seen
    watch.close()
    file.close()
    samples = read(tmp_path / "file", 0.0)
    (machine, *_) = [sample for sample in samples if isinstance(sample, Machine)]
    assert any(isinstance(sample, Lateness) and sample.process == "harness" for sample in samples)
    if sys.platform == "linux":
        assert machine.busy
        assert machine.ours
        assert machine.ours <= machine.busy + 0.1
        assert "harness" in machine.threads
