"""Looks once a second at what keeps the machine busy, and for how long the run's processes wait; Linux tells that in /proc."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from harness.record.instrument import InstrumentFile, Machine, OwnLateness
from harness.running.keeper.processes import below, everyone

_EVERY_S = 1.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_OWN = "harness"
_NS_PER_S = 1e9
_US_PER_S = 1e6


class Busy(NamedTuple):
    """Seconds of all processors since the machine began; *stalled_s* of time in which something waited, None where nobody tells."""

    busy_s: float
    steal_s: float
    iowait_s: float
    stalled_s: float | None


class Thread(NamedTuple):
    """Seconds for which a thread of the process called *name* has run, and for which it could have run and had to wait."""

    name: str
    ran_s: float
    waited_s: float


class Look(NamedTuple):
    """One look at the machine: what the run's processes have used, its *threads* by number, and the others by pid, with their names."""

    at_s: float
    machine: Busy | None
    ours_s: float
    threads: Mapping[int, Thread]
    others: Mapping[int, tuple[str, float]]


class MachineWatch:
    """A thread that samples the machine, and how late it is run itself, into *file*.

    *keeper* started the run's children, whose pids by name are *pids*, as they come. Where there is no /proc only the lateness is known.
    """

    def __init__(self, file: InstrumentFile, keeper: int, pids: Mapping[str, int]) -> None:
        self._file, self._keeper, self._pids = file, keeper, pids
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="machine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(timeout=5.0)

    def _watch(self) -> None:
        own, last = OwnLateness(self._file, _OWN, time.monotonic()), self._look()
        while not self._over.wait(max(0.0, own.due_s - time.monotonic())):
            own.ran(time.monotonic())
            if time.monotonic() >= last.at_s + _EVERY_S:
                now = self._look()
                self._file.add(between(last, now, os.cpu_count() or 1))
                last = now

    def _look(self) -> Look:
        names = {os.getpid(): _OWN, self._keeper: "keeper"}
        there = everyone()
        for name, pid in list(self._pids.items()):
            names |= {pid: name} | {process.pid: name for process in below({pid}, there)}
        names |= {
            process.pid: "others of the run" for process in below({self._keeper}, there) if process.pid not in names
        }
        threads = {number: thread for pid, name in names.items() for number, thread in _threads(pid, name)}
        ours_s = sum(used_s for _, used_s in map(_used, names))
        others = {process.pid: _used(process.pid) for process in there if process.pid not in names}
        return Look(time.monotonic(), _machine(), ours_s, threads, others)


def between(before: Look, after: Look, cores: int) -> Machine:
    """What happened between two looks."""
    span_s = max(after.at_s - before.at_s, 1e-6)
    sample = Machine(before.at_s, round(span_s, 4), cores, threads=_busiest(before, after), rival=_rival(before, after))
    if before.machine is None or after.machine is None:
        return sample

    def share(seconds: float) -> float:
        return round(min(1.0, max(0.0, seconds / (span_s * cores))), 4)

    one, other = before.machine, after.machine
    stalled = one.stalled_s is not None and other.stalled_s is not None
    return msgspec.structs.replace(
        sample,
        busy=share(other.busy_s - one.busy_s),
        ours=share(after.ours_s - before.ours_s),
        steal=share(other.steal_s - one.steal_s),
        iowait=share(other.iowait_s - one.iowait_s),
        pressure=share(cores * ((other.stalled_s or 0.0) - (one.stalled_s or 0.0))) if stalled else None,
    )


def _busiest(before: Look, after: Look) -> dict[str, tuple[float, float]]:
    """Of each process the thread that ran and waited most."""
    found: dict[str, tuple[float, float]] = {}
    for number, thread in after.threads.items():
        # A thread that was not there before has run and waited since it began.
        _, ran_s, waited_s = before.threads.get(number, Thread("", 0.0, 0.0))
        ran_s, waited_s = round(thread.ran_s - ran_s, 4), round(thread.waited_s - waited_s, 4)
        if ran_s + waited_s > sum(found.get(thread.name, (0.0, 0.0))):
            found[thread.name] = ran_s, waited_s
    return found


def _rival(before: Look, after: Look) -> str:
    used = {pid: used_s - before.others.get(pid, ("", 0.0))[1] for pid, (_, used_s) in after.others.items()}
    pid = max(used, key=used.__getitem__, default=0)
    return f"{after.others[pid][0]} (pid {pid})" if used.get(pid, 0.0) > 0 else ""


def _machine() -> Busy | None:
    """None where there is no /proc."""
    try:
        first = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return None
    # user, nice, system, idle, iowait, irq, softirq, steal; what guests used is in the first two already.
    user, nice, system, _, iowait, irq, softirq, steal = (int(ticks) / _TICKS_PER_S for ticks in first[:8])
    return Busy(user + nice + system + irq + softirq, steal, iowait, _stalled_s())


def _stalled_s() -> float | None:
    with suppress(OSError, ValueError, IndexError):
        some = Path("/proc/pressure/cpu").read_text().split("\n", 1)[0]
        return int(some.rpartition("total=")[2]) / _US_PER_S
    return None


def _used(pid: int) -> tuple[str, float]:
    """The name of *pid*, and the seconds used by it and by those of its children that it has taken leave of; none where it is gone."""
    try:
        line = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return "", 0.0
    end = line.rindex(b")")
    name = line[line.index(b"(") + 1 : end].decode(errors="backslashreplace")
    return name, sum(map(int, line[end + 2 :].split()[11:15])) / _TICKS_PER_S


def _threads(pid: int, name: str) -> Iterator[tuple[int, Thread]]:
    with suppress(OSError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, ValueError, IndexError):  # it ended meanwhile, or the kernel does not count that
                ran_ns, waited_ns = map(int, (thread / "schedstat").read_text().split()[:2])
                yield int(thread.name), Thread(name, ran_ns / _NS_PER_S, waited_ns / _NS_PER_S)
