"""Users of a simulated service whom the harness does not know: they ask at an even pace, and nobody writes down what becomes of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

from harness.protocols.asking import Asked
from simulated_world.events import Events, Process, Task
from simulated_world.service import Answer, Service


class Users:
    """*per_s* questions a second from now until *until_s*, to each service in turn; who is not served within *patience_s* leaves."""

    def __init__(
        self, events: Events, services: Mapping[str, Service], questions: Sequence[str], per_s: float, until_s: float
    ) -> None:
        self._events, self._services, self._questions = events, cycle(services.values()), cycle(questions)
        self._gap_s, self._until_s, self._patience_s = 1 / per_s, until_s, 4.0
        events.start(self._ask_on())

    def _ask_on(self) -> Process[None]:
        while self._events.now_s < self._until_s:
            self._events.start(self._ask())
            yield self._events.pause(self._gap_s)

    def _ask(self) -> Process[None]:
        service = next(self._services)
        task: Task[Answer | None] = self._events.start(service.answer(Asked(next(self._questions), "", None, "")))
        yield self._events.within(self._patience_s, task.ended)
        if not task.ended.happened and service.ends_with_its_caller:
            task.cancel()
