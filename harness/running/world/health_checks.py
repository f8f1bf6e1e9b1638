"""Asks the target's health URLs at a fixed pace while the load runs, as a load balancer does, and writes down what they say."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from math import ceil
from pathlib import Path

from msgspec.structs import replace

from harness.reading.target import Health, Target
from harness.reading.templates import fill
from harness.record.history import Preflight
from harness.record.rowfile import RowFile
from harness.record.rows import HealthCheck
from harness.running.world.entries import behind_links
from harness.running.world.processes import Processes
from harness.running.world.readiness import answered

_ENDS_WITHIN_S = 5.0


class HealthChecks:
    """A thread for each health URL of *target*, and none where its file names none; each writes a file of its own in the folder *rows*."""

    def __init__(self, target: Target, processes: Processes, rows: Path) -> None:
        self._target, self._processes, self._rows = target, processes, rows
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []

    def begin(self, zero_s: float) -> None:
        """The first look is due at *zero_s* of the monotonic clock, each other one so long behind it as the target file says."""
        health = self._target.health
        if health is None:
            return
        urls = health_urls(self._target, health, self._processes)
        for number, (entry, url) in enumerate(urls.items()):
            path = self._rows / f"health_checks-{number}.rows"
            watch = threading.Thread(
                target=self._watch, args=(entry, url, health, path, zero_s), name=f"health-{number}", daemon=True
            )
            self._threads.append(watch)
            watch.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=_ENDS_WITHIN_S)

    def _watch(self, entry: str, url: str, health: Health, path: Path, zero_s: float) -> None:
        # Where the disk is full nothing more is written down: the history, which has to be, tells of it.
        with suppress(OSError), closing(RowFile(path)) as file:
            for due_s in _paced(zero_s, health.every):
                if self._over.wait(max(0.0, due_s - time.monotonic())):
                    return
                file.add(look(entry, url, health.within_s))


def health_urls(target: Target, health: Health, processes: Processes) -> Mapping[str, str]:
    """The health URL of each entry of *target* by its name, or the one of all of them by none."""
    if not health.of_each_entry:
        return {"": fill(health.get, processes.outside)}
    values = behind_links(target, processes)
    return {name: fill(entry.url, values).rstrip("/") + health.get for name, entry in target.entries_by_name.items()}


def with_health(asked: Sequence[Preflight], target: Target, processes: Processes) -> list[Preflight]:
    """Those *asked*, each with what the health URL of its entry says now."""
    health = target.health
    if health is None:
        return [*asked]
    urls = health_urls(target, health, processes)
    said = {entry: look(entry, url, health.within_s).status for entry, url in urls.items()}
    return [replace(one, health=said.get(one.entry, said.get(""))) for one in asked]


def look(entry: str, url: str, within_s: float) -> HealthCheck:
    """What *url* says now; what it says later than *within_s* is nothing."""
    start_s = time.monotonic()
    status = answered(url, within_s)
    end_s = time.monotonic()
    if end_s > start_s + within_s:
        status = 0
    return HealthCheck(entry, start_s, end_s, status, healthy=200 <= status < 300)


def _paced(zero_s: float, every_s: float) -> Iterator[float]:
    """Each moment at which a look is due; those that have passed meanwhile are left out, lest several come at once."""
    number = 0
    while True:
        yield zero_s + number * every_s
        number = max(number + 1, ceil((time.monotonic() - zero_s) / every_s))
