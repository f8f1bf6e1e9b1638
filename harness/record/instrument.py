"""How the instrument itself did while it measured: how late its own loops ran, and what else kept the machine busy.

JSON lines, each appended whole by the process that measured it. In the file, instants are of the machine's monotonic clock; what is read
back is on the run's clock, which is 0 when the load begins. What a machine does not tell is null, never 0.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

PERIOD_S = 0.02
"""How often a loop asks to be run, to see how late it is."""
EDGES_MS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0)
_WRITTEN_EVERY_S = 1.0


class Lateness(msgspec.Struct, frozen=True, tag="lateness"):
    """How late the loop of one *process* ran from *at_s* on for *span_s*.

    *counts* holds one number more than there are `EDGES_MS`: how often it was late by less than the first, less than the second, and so
    on. Times that passed while it could not run at all are counted too.
    """

    at_s: float
    span_s: float
    process: str
    counts: list[int]
    ms_max: float


class Machine(msgspec.Struct, frozen=True, tag="machine"):
    """What the processors of the machine did from *at_s* on for *span_s*; shares are of all *cores*, from 0 to 1.

    *ours*: by the processes of the run, the service included where the harness started it. *pressure*: share of the time in which
    something that could have run had to wait. *threads*: of each process of the run, by its name, the seconds for which its busiest
    thread ran, and those for which it could have run and waited. *rival*: who took most of what was not ours.
    """

    at_s: float
    span_s: float
    cores: int
    busy: float | None = None
    ours: float | None = None
    steal: float | None = None
    iowait: float | None = None
    pressure: float | None = None
    threads: dict[str, tuple[float, float]] = {}
    rival: str = ""


class Stray(msgspec.Struct, frozen=True, tag="stray"):
    """So many *connections* to *address* that clients of a locustfile's own wanted, and that were not made; told *at_s*."""

    at_s: float
    address: str
    connections: int


Measurement = Lateness | Machine | Stray

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Measurement).decode


class InstrumentFile:
    """The file at *path*, to which several processes append."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def add(self, measurement: Measurement) -> None:
        """Where the disk is full nothing is added: the history, which has to be written, tells of it."""
        with suppress(OSError):
            os.write(self._fd, _encode(measurement) + b"\n")

    def close(self) -> None:
        os.close(self._fd)


class OwnLateness:
    """Counts how late a loop runs that calls `ran` whenever `due_s` has come, and adds that to *file* about once a second."""

    def __init__(self, file: InstrumentFile, process: str, now_s: float) -> None:
        self._file, self._process = file, process
        self._since_s, self._counts, self._ms_max = now_s, _nothing(), 0.0
        self.due_s = now_s + PERIOD_S

    def ran(self, now_s: float) -> None:
        """Count this time, and every one that passed meanwhile."""
        while self.due_s <= now_s:
            late_ms = 1000 * (now_s - self.due_s)
            self._counts[bisect_right(EDGES_MS, late_ms)] += 1
            self._ms_max = max(self._ms_max, late_ms)
            self.due_s += PERIOD_S
        if now_s >= self._since_s + _WRITTEN_EVERY_S:
            self.write(now_s)

    def write(self, now_s: float) -> None:
        span_s = now_s - self._since_s
        counted = Lateness(self._since_s, round(span_s, 4), self._process, self._counts, round(self._ms_max, 3))
        self._file.add(counted)
        self._since_s, self._counts, self._ms_max = now_s, _nothing(), 0.0


def _nothing() -> list[int]:
    return [0] * (len(EDGES_MS) + 1)


def read(path: Path, clock_zero_s: float) -> list[Measurement]:
    """Every measurement, on the run's clock; none where there is no file. A line that a crash cut short is left out."""
    if not path.exists():
        return []
    measurements: list[Measurement] = []
    for line in path.read_bytes().splitlines():
        with suppress(ValueError):
            one = _decode(line)
            measurements.append(msgspec.structs.replace(one, at_s=round(one.at_s - clock_zero_s, 4)))
    return measurements


def quantile_ms(counts: Sequence[int], q: float) -> float | None:
    """The upper edge of the lateness in which the *q* quantile lies; infinite beyond the last edge, None where nothing was counted."""
    left = q * sum(counts)
    for count, edge in zip(counts, (*EDGES_MS, float("inf")), strict=True):
        left -= count
        if count and left <= 0:
            return edge
    return None
