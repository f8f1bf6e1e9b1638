"""The clients of a simulated target: each request sent when it is due, and one row for each."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import msgspec

from harness.planning.plan import Plan
from harness.planning.schedule import Turn, turns
from harness.protocols.asking import Asked
from harness.protocols.nonce import marked
from harness.record.presses import GivenUp, written
from harness.record.rows import Request, RequestOutcome
from harness.running.load.conversations import Conversations
from harness.running.load.plan import PlannedQuestion
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


class _Came(NamedTuple):
    """What one press came to."""

    outcome: RequestOutcome
    status: int
    answer: Answer | None = None


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
        self.entries, self.questions = list(services), [PlannedQuestion(text, text) for text in questions]
        self.requests_max: int | None = None
        self._events, self._plan, self._services, self._flaws = events, plan, services, flaws
        self._conversations = Conversations(RUN_ID)
        self._open: dict[int, tuple[Request, Turn]] = {}
        self._unsent = 0
        self._stopped = False

    @property
    def ended(self) -> bool:
        """Whether every request has been sent and has ended; where none is to be sent, whether watching is over."""
        over = self._plan.scenario.load.asks or self._events.now_s >= self._plan.total_s
        return self._stopped or (over and self._unsent == 0 and not self._open)

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
        self._events.start(self._ask(row, turn))

    def _ask(self, row: Request, turn: Turn) -> Process[None]:
        """One press after the other, until one serves the client, or it asks no more."""
        given_up: list[GivenUp] = []
        while True:
            sent_s = self._events.now_s
            came = yield from self._press(row, turn, len(given_up))
            if self._stopped:
                return
            again_s = self._again_s(row, len(given_up), came)
            if again_s is None:
                break
            given_up.append(GivenUp(came.outcome, came.status, sent_s - row.due_s, self._ended_s - row.due_s))
            row.given_up = written(given_up)
            yield self._events.pause(again_s - self._events.now_s)
            if self._stopped:
                return
            row.presses, row.last_sent_s = len(given_up) + 1, self._events.now_s
            row.seen_version = self._conversations.open(turn.conversation, turn.turn).seen_version
        if came.answer is not None:
            answer = came.answer
            row.answer, row.snapshot_version, row.model = answer.text, answer.version, answer.model
            row.degraded, row.streamed, row.orderly = answer.degraded, answer.streamed, answer.streamed
        self._end(row, came.status, came.outcome)

    def _press(self, row: Request, turn: Turn, press: int) -> Process[_Came]:
        service, pressing = self._services[row.entry], self._plan.pressing
        mark = row.nonce if pressing is None else marked(row.nonce, press)
        asked = Asked(row.question, row.conversation, row.seen_version, mark)
        task: Task[Answer | None] = self._events.start(service.answer(asked))
        until_s = row.due_s + self._plan.scenario.load.deadline
        if pressing is not None:
            until_s = pressing.given_up_s(turn.index, press, self._events.now_s, until_s)
        yield self._events.within(until_s - self._events.now_s, task.ended)
        if task.ended.happened:
            return _Came("error", 503) if task.result is None else _Came("complete", 200, task.result)
        if service.ends_with_its_caller and not self._stopped:
            task.cancel()
        return _Came("timed_out", 0)

    def _again_s(self, row: Request, press: int, came: _Came) -> float | None:
        """When the client asks again; None where it does not."""
        pressing = self._plan.pressing
        until_s = row.due_s + self._plan.scenario.load.deadline
        return None if pressing is None else pressing.next_s(row.index, press, came.outcome, self._ended_s, until_s)

    @property
    def _ended_s(self) -> float:
        """When a client knows what came of a press that has ended now at its service."""
        return self._events.now_s + HOP_S

    def _end(self, row: Request, status: int, outcome: RequestOutcome) -> None:
        row.status, row.outcome, row.end_s = status, outcome, self._ended_s
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
