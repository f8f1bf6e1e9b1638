"""A small discrete event loop: processes that wait for one another, in a time that jumps from one event to the next."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Generator
from math import inf
from typing import Generic, NamedTuple, TypeAlias, TypeVar

Result = TypeVar("Result")


class Signal:
    """Something that happens once, or never."""

    __slots__ = ("_then", "happened")

    def __init__(self) -> None:
        self.happened = False
        self._then: list[Callable[[], None]] = []

    def happen(self) -> None:
        """From now on it has happened; a second time changes nothing."""
        if not self.happened:
            self.happened = True
            for action in self._then:
                action()

    def then(self, action: Callable[[], None]) -> None:
        """Have *action* done when it happens."""
        self._then.append(action)


class Wait(NamedTuple):
    """What a process yields: it goes on when *signal* happens, or at *until_s* if that comes first."""

    until_s: float
    signal: Signal | None = None


Process: TypeAlias = Generator[Wait, None, Result]
"""A function that yields each time it has to wait, and returns what came of it."""


class Events:
    """What is going to happen, in order; of two events at one instant, the one that was planned first comes first."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._planned: list[tuple[float, int, Callable[[], None]]] = []
        self._at_once: deque[Callable[[], None]] = deque()
        self._count = 0

    def at(self, at_s: float, action: Callable[[], None]) -> None:
        """Have *action* done at *at_s*, or at once when that is past."""
        if at_s <= self.now_s:
            self._at_once.append(action)
        else:
            self._count += 1
            heapq.heappush(self._planned, (at_s, self._count, action))

    def pause(self, for_s: float) -> Wait:
        return Wait(self.now_s + for_s)

    def within(self, for_s: float, signal: Signal) -> Wait:
        """Until *signal* happens, but no longer than *for_s*."""
        return Wait(self.now_s + for_s, signal)

    def start(self, process: Process[Result]) -> Task[Result]:
        """Let *process* run; it begins with the next event."""
        task = Task(self, process)
        self.at(self.now_s, task.resume)
        return task

    def run_until(self, at_s: float) -> None:
        """Do everything that is planned up to *at_s*; then it is *at_s*."""
        planned = self._planned
        self._catch_up()
        while planned and planned[0][0] <= at_s:
            self.now_s, _, action = heapq.heappop(planned)
            action()
            # What is planned for this very instant was planned before it came, and so before all that is to be done at once.
            if not planned or planned[0][0] > self.now_s:
                self._catch_up()
        self.now_s = max(self.now_s, at_s)

    def _catch_up(self) -> None:
        """Do everything that is to be done at once, with what that brings."""
        while self._at_once:
            self._at_once.popleft()()


class Task(Generic[Result]):
    """A process that was started: *ended* happens when it has returned, and *result* is then what it returned."""

    def __init__(self, events: Events, process: Process[Result]) -> None:
        self.ended = Signal()
        self.result: Result | None = None
        self._events, self._process = events, process
        self._waits = 0
        self._cancelled = False

    def cancel(self) -> None:
        """End it where it stands; its ``finally`` clauses are carried out, and *ended* never happens."""
        self._cancelled = True
        self._process.close()

    def resume(self) -> None:
        if self._cancelled:
            return
        try:
            wait = next(self._process)
        except StopIteration as stop:
            self.result = stop.value
            self.ended.happen()
            return
        self._waits += 1
        waits = self._waits

        def wake() -> None:
            # Of the two things that end one wait only the first counts.
            if waits == self._waits:
                self._waits += 1
                self._events.at(self._events.now_s, self.resume)

        if wait.until_s < inf:
            self._events.at(wait.until_s, wake)
        if wait.signal is not None:
            if wait.signal.happened:
                wake()
            else:
                wait.signal.then(wake)
