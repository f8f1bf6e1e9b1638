"""The clients of a simulated target: each request sent when it is due, and one row for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from harness.planning.plan import Plan
from harness.planning.schedule import Turn, turns
from harness.protocols.asking import Asked
from harness.record.rows import Request, RequestOutcome
from harness.running.load.conversations import Conversations
from harness.running.load.plan import Question
from simulated_world.events import Events, Process, Task
from simulated_world.network import HOP_S
from simulated_world.service import Answer, Service


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
        flaws: Flaws,
    ) -> None:
        self.rows: list[Request] = []
        self.run_id, self.schedule = RUN_ID, plan.schedule
        self.entries, self.questions = list(services), [Question(text, text) for text in questions]
        self.requests_max: int | None = None
        self._events, self._plan, self._services, self._flaws = events, plan, services, flaws
        self._conversations = Conversations(RUN_ID)
        self._open: dict[int, tuple[Request, Turn]] = {}
        self._unsent = 0
        self._stopped = False

    @property
    def ended(self) -> bool:
        """Whether every request has been sent and has ended."""
        return self._stopped or (self._unsent == 0 and not self._open)

    def start(self) -> None:
        for turn in turns(self):
            self._unsent += 1
            self._events.at(turn.due_s + self._flaws.lag_s, partial(self._send, turn))

    def stop(self) -> None:
        """No more requests; those still open are noted as unfinished."""
        if not self.ended:
            self._stopped = True
            for row, _ in self._open.values():
                self._note(row)
            self._open.clear()

    def _send(self, turn: Turn) -> None:
        if self._stopped:
            return
        self._unsent -= 1
        entry, question = self.entries[turn.entry], self.questions[turn.question].id
        before = self._conversations.open(turn.conversation, turn.turn)
        row = Request(
            index=turn.index,
            worker=0,
            due_s=turn.due_s,
            sent_s=self._events.now_s,
            entry=entry,
            conversation=before.name,
            turn=turn.turn,
            overlapped=before.overlapped,
            question=question,
            seen_version=before.seen_version,
            nonce=turn.nonce,
        )
        self._open[turn.index] = row, turn
        asked = Asked(question, before.name, before.seen_version, turn.nonce)
        self._events.start(self._await(row, self._services[entry], asked))

    def _await(self, row: Request, service: Service, asked: Asked) -> Process[None]:
        task: Task[Answer | None] = self._events.start(service.answer(asked))
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
            answer = task.result
            row.answer, row.snapshot_version, row.model = answer.text, answer.version, answer.model
            row.degraded, row.streamed, row.orderly = answer.degraded, answer.streamed, answer.streamed
            self._end(row, 200, "complete")

    def _end(self, row: Request, status: int, outcome: RequestOutcome) -> None:
        row.status, row.outcome, row.end_s = status, outcome, self._events.now_s + HOP_S
        if status:
            row.first_byte_s = row.end_s
        if outcome == "complete":
            row.first_token_s = row.end_s
        _, turn = self._open.pop(row.index)
        self._conversations.close(turn.conversation, turn.turn, row.snapshot_version, None)
        self._note(row)

    def _note(self, row: Request) -> None:
        times = 0 if row.index in self._flaws.lost else 2 if row.index in self._flaws.doubled else 1
        self.rows += [row] * times
        if row.index in self._flaws.unplanned:
            self.rows.append(msgspec.structs.replace(row, index=row.index + self.schedule.requests))
