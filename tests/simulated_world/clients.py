"""The clients of a simulated target: each request sent when it is due, and one row for each."""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from harness.planning.plan import Plan
from harness.protocols.nonce import nonce
from harness.record.rows import Request, RequestOutcome
from simulated_world.events import Events, Process, Task
from simulated_world.network import HOP_S
from simulated_world.service import Answer, Ask, Service


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with the load generator itself: it sends *lag_s* late, and there is more or less than was planned."""

    lag_s: float = 0.001
    lost: Collection[int] = ()
    doubled: Collection[int] = ()
    unplanned: Collection[int] = ()
    """After each of these comes one with an index beyond the plan's."""


SOUND = Flaws()
RUN_ID = "simulated"


class Clients:
    """Conversations that go from entry to entry, as many as keep two turns of one far enough apart."""

    def __init__(
        self,
        events: Events,
        plan: Plan,
        questions: Sequence[str],
        services: Mapping[str, Service],
        chance: random.Random,
        flaws: Flaws,
    ) -> None:
        self.rows: list[Request] = []
        self._events, self._plan, self._questions = events, plan, questions
        self._services, self._chance, self._flaws = services, chance, flaws
        load = plan.scenario.load
        self._conversations = max(1, math.ceil(round(load.rate_per_s * load.turn_gap, 6)))
        self._seen: dict[str, int] = {}
        self._open: dict[int, Request] = {}
        self._unsent = 0
        self._stopped = False

    @property
    def ended(self) -> bool:
        """Whether every request has been sent and has ended."""
        return self._stopped or (self._unsent == 0 and not self._open)

    def start(self) -> None:
        due = list(self._due_times())
        self._unsent = len(due)
        for index, due_s in enumerate(due):
            self._events.at(due_s + self._flaws.lag_s, partial(self._send, index, due_s))

    def stop(self) -> None:
        """No more requests; those still open are noted as unfinished."""
        if not self.ended:
            self._stopped = True
            for row in self._open.values():
                self._note(row)
            self._open.clear()

    def _due_times(self) -> Iterator[float]:
        load, at_s = self._plan.scenario.load, 0.0
        if load.arrivals == "constant":
            for index in range(self._plan.requests):
                yield (index + load.jitter * self._chance.random()) / load.rate_per_s
            return
        while (at_s := at_s + self._chance.expovariate(load.rate_per_s)) < self._plan.total_s:
            yield at_s

    def _send(self, index: int, due_s: float) -> None:
        if self._stopped:
            return
        self._unsent -= 1
        turn, number = divmod(index, self._conversations)
        entry, service = list(self._services.items())[(number + turn) % len(self._services)]
        conversation, mark = f"c{number}", nonce(RUN_ID, index)
        question = self._questions[self._chance.randrange(len(self._questions))]
        seen, overlapped = self._seen.get(conversation), index - self._conversations in self._open
        row = Request(
            index=index,
            worker=0,
            due_s=due_s,
            sent_s=self._events.now_s,
            entry=entry,
            conversation=conversation,
            turn=turn,
            overlapped=overlapped,
            question=question,
            seen_version=seen,
            nonce=mark,
        )
        self._open[index] = row
        self._events.start(self._await(row, service, Ask(question, mark, conversation, seen)))

    def _await(self, row: Request, service: Service, ask: Ask) -> Process[None]:
        task: Task[Answer | None] = self._events.start(service.answer(ask))
        yield self._events.within(row.due_s + self._plan.scenario.load.deadline - self._events.now_s, task.ended)
        if self._stopped:
            return
        if not task.ended.happened:
            if service.ends_with_its_caller:
                task.cancel()
            self._end(row, 0, "timed_out")
        elif task.result is None:
            self._end(row, 503, "error")
        else:
            row.answer, row.snapshot_version = task.result.text, task.result.version
            self._seen[row.conversation] = max(row.snapshot_version, self._seen.get(row.conversation, 0))
            self._end(row, 200, "complete")

    def _end(self, row: Request, status: int, outcome: RequestOutcome) -> None:
        row.status, row.outcome, row.end_s = status, outcome, self._events.now_s + HOP_S
        if status:
            row.first_byte_s = row.end_s
        if outcome == "complete":
            row.first_token_s = row.end_s
        del self._open[row.index]
        self._note(row)

    def _note(self, row: Request) -> None:
        times = 0 if row.index in self._flaws.lost else 2 if row.index in self._flaws.doubled else 1
        self.rows += [row] * times
        if row.index in self._flaws.unplanned:
            self.rows.append(msgspec.structs.replace(row, index=row.index + self._plan.requests))
