"""One worker: it sends each request of its share when that is due, and writes its row as it ends; only the load child imports this."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import gevent
import msgspec
from gevent.pool import Group, Pool

from harness.planning.schedule import Share, Turn, turns
from harness.protocols.grounding import written
from harness.protocols.jobs import GONE
from harness.protocols.nonce import marked
from harness.protocols.protocols import protocol
from harness.record import presses
from harness.record.clocks import earlier
from harness.record.masking import Mask
from harness.record.rowfile import RowFile
from harness.record.rows import STOPPED, Request
from harness.record.workers import Seal
from harness.running.load.asking import asked, kept_as, text
from harness.running.load.connections import Connections
from harness.running.load.conversations import Before, Conversations
from harness.running.load.exchange import Answer
from harness.running.load.job import put, settle
from harness.running.load.lateness import count_lateness
from harness.running.load.plan import Limits, LoadPlan
from harness.running.load.unsent import unsent
from harness.running.load.webhooks import Coming, Webhooks


class _Asking:
    """One request on its way: the answer to its newest press, how its conversation stood at that, and what earlier presses came to."""

    def __init__(self, before: Before, answer: Answer | None = None) -> None:
        self.before, self.answer = before, answer or Answer()
        self.given_up: list[presses.GivenUp] = []
        self.lost: Answer | None = None  # to the newest press whose job was accepted, where that came to nothing
        self.began_s: float | None = None  # when the first press was sent, where others followed it

    @property
    def presses(self) -> int:
        """How many were sent; one that never was counts, since a row is about one at least."""
        return max(1, len(self.given_up) + (self.answer.began_s is not None))

    def give_up(self, due_s: float) -> None:
        """The newest press came to nothing, and another one follows; until it is sent nothing is known of its answer."""
        came, self.answer = self.answer, Answer()
        assert came.began_s is not None
        assert came.ended_s is not None
        if came.accepted_s is not None:
            self.lost = came if came.outcome == "timed_out" or came.status in GONE else None
        elif came.job in ("done", "failed"):
            self.lost = None  # what came of it was heard while nobody waited
        self.began_s = came.began_s if self.began_s is None else self.began_s
        self.given_up.append(presses.GivenUp(came.outcome, came.status, came.began_s - due_s, came.ended_s - due_s))


class Sender:
    """Sends the requests of one share of *plan*, each when it is due, and writes the row of each as it ends.

    *fire* is Locust's request event, which feeds its statistics and whatever else listens.
    """

    def __init__(self, plan: LoadPlan, share: Share, fire: Callable[..., None]) -> None:
        self._plan, self._share, self._fire = plan, share, fire
        self._protocol = protocol(plan.ask.protocol)
        self._connections = {url: Connections(url) for url in set(plan.entries.values())}
        self._entries = list(plan.entries.items())
        self._conversations = Conversations(plan.run_id)
        self._pool = Pool(max(1, math.ceil(plan.in_flight_max * plan.schedule.portion(share))))
        self._open: dict[int, Turn] = {}
        # Over for their clients, but what is sent once more is still counted.
        self._settling: dict[int, tuple[Turn, _Asking]] = {}
        self._settlers = Group()
        self._rows = RowFile(Path(plan.rows_dir) / f"requests-{share.number}.rows", Mask(plan.secrets))
        self._webhooks = Webhooks() if plan.ask.job and plan.ask.job.webhook else None
        self._zero_s = self._ahead_s = 0.0
        gc.collect()
        gc.freeze()  # or the first full collection stops the world for 10 ms in mid-load

    @property
    def seal(self) -> Seal:
        """What was written so far, as the file of it is told to be whole by."""
        return self._rows.seal

    def send_all(self, zero_s: float, ahead_s: float = 0.0) -> None:
        """Returns when every request has its row. This clock is *ahead_s* of the one on which the load begins at *zero_s*."""
        self._zero_s, self._ahead_s, path = zero_s + ahead_s, ahead_s, self._plan.instrument_path
        watching = gevent.spawn(count_lateness, path, ahead_s) if path else None
        try:
            for turn in turns(self._plan, self._share):
                due_s = self._zero_s + turn.due_s
                gevent.sleep(max(0.0, due_s - monotonic()))
                if self._pool.full():
                    self._not_sent(turn, "as many requests as allowed were open")
                elif monotonic() - due_s > self._plan.late_s_max:
                    self._not_sent(turn, "late")
                else:
                    self._open[turn.index] = turn
                    self._pool.spawn(self._send, turn)
            until_s = monotonic() + self._plan.drain_s
            self._pool.join(timeout=self._plan.drain_s)
            self._settlers.join(timeout=max(0.0, until_s - monotonic()))
        finally:
            if watching is not None:
                watching.kill()
            self._pool.kill()  # each of them writes its row: unfinished
            for turn in self._open.values():  # but for those whose greenlet had not begun to run
                self._not_sent(turn, STOPPED)
            self._settlers.kill()
            for index in list(self._settling):
                self._settled(index)
            self._rows.close()
            if self._webhooks is not None:
                self._webhooks.close()

    def _send(self, turn: Turn) -> None:
        if turn.step == 0:
            self._conversations.begin(turn.conversation)
        asking = _Asking(self._conversations.open(turn.conversation, turn.turn))
        due_s = self._zero_s + turn.due_s
        expected = ExitStack()
        coming = expected.enter_context(self._webhooks.expecting(turn.nonce)) if self._webhooks else None
        try:
            self._press(turn, asking)
            while (at_s := self._asks_again_s(turn, asking)) is not None:
                asking.give_up(due_s)
                gevent.sleep(max(0.0, at_s - monotonic()))
                # Whatever else the conversation has been told meanwhile, it has seen.
                asking.before = self._conversations.open(turn.conversation, turn.turn)
                self._press(turn, asking)
        finally:
            answer = asking.answer
            self._conversations.close(turn.conversation, turn.turn, answer.snapshot_version, answer.conversation)
            if answer.outcome == "complete" and turn.step < len(self._plan.questions[turn.question].turns):
                self._conversations.answered(turn.conversation, text(self._plan, turn), answer.text)
            del self._open[turn.index]
            self._settling[turn.index] = turn, asking
            if coming is not None and answer.ended_s is not None and answer.deliveries:
                self._settlers.spawn(self._settle, turn.index, coming, expected)
            else:
                expected.close()
                self._settled(turn.index)
        self._fire(
            request_type="ASK",
            name=self._entries[turn.entry][0],
            response_time=1000 * ((answer.ended_s or monotonic()) - due_s),
            response_length=answer.bytes,
            exception=None if answer.outcome == "complete" else RuntimeError(answer.outcome),
            context={"index": turn.index},
        )

    def _settle(self, index: int, coming: Coming, expected: ExitStack) -> None:
        assert self._plan.ask.job is not None
        with expected:
            settle(self._settling[index][1].answer, self._plan.ask.job, coming)
        self._settled(index)

    def _settled(self, index: int) -> None:
        """Nothing more is counted of this request, so that it has its row."""
        self._write(self._row(*self._settling.pop(index)))

    def _press(self, turn: Turn, asking: _Asking) -> None:
        """One exchange, at whose end the client is served, or gives it up."""
        _, url = self._entries[turn.entry]
        mark = turn.nonce if self._plan.pressing is None else marked(turn.nonce, len(asking.given_up))
        put(
            asking.answer,
            self._connections[url],
            self._plan.ask,
            self._protocol,
            asked(self._plan, turn, asking.before, mark),
            url,
            self._zero_s + turn.due_s,
            self._limits(turn, asking),
            self._webhooks,
        )

    def _limits(self, turn: Turn, asking: _Asking) -> Limits:
        pressing, limits = self._plan.pressing, self._plan.limits
        if pressing is None:
            return limits
        now_s, until_s = monotonic() - self._zero_s, turn.due_s + limits.deadline_s
        until_s = pressing.given_up_s(turn.index, len(asking.given_up), now_s, until_s)
        return msgspec.structs.replace(limits, deadline_s=until_s - turn.due_s)

    def _asks_again_s(self, turn: Turn, asking: _Asking) -> float | None:
        """When the client asks again, who is not served; None where it does not."""
        pressing, answer = self._plan.pressing, asking.answer
        if pressing is None or answer.ended_s is None:
            return None
        until_s = self._zero_s + turn.due_s + self._plan.limits.deadline_s
        return pressing.next_s(turn.index, len(asking.given_up), answer.outcome, answer.ended_s, until_s)

    def _not_sent(self, turn: Turn, why: str) -> None:
        self._write(unsent(self._plan, self._share.number, turn, self._zero_s, why))

    def _write(self, row: Request) -> None:
        self._rows.add(earlier(row, self._ahead_s) if self._ahead_s else row)

    def _row(self, turn: Turn, asking: _Asking) -> Request:
        before, answer = asking.before, asking.answer
        job = answer if answer.accepted_s is not None else asking.lost or answer
        heard = answer.job in ("done", "failed")
        return Request(
            index=turn.index,
            worker=self._share.number,
            due_s=self._zero_s + turn.due_s,
            sent_s=answer.began_s if asking.began_s is None else asking.began_s,
            first_byte_s=answer.head_s,
            first_token_s=answer.first_token_s,
            end_s=answer.ended_s,
            status=answer.status,
            outcome=answer.outcome,
            bytes=answer.bytes,
            entry=self._entries[turn.entry][0],
            conversation=self._conversations.name(turn.conversation),
            turn=turn.turn,
            overlapped=before.overlapped,
            question=kept_as(self._plan, turn),
            answer=answer.text,
            snapshot_version=answer.snapshot_version,
            seen_version=before.seen_version,
            nonce=turn.nonce,
            chunks=answer.chunks,
            detail=answer.detail,
            streamed=answer.streamed,
            orderly=answer.orderly,
            finish=answer.finish,
            model=answer.model,
            degraded=answer.degraded,
            cached=answer.cached,
            presses=asking.presses,
            given_up=presses.written(asking.given_up),
            last_sent_s=answer.began_s if asking.given_up else None,
            job=answer.job if heard else job.job,
            accepted_s=job.accepted_s,
            waiting_s=job.waiting_s,
            running_s=job.running_s,
            polls=answer.polls,
            deliveries=answer.deliveries,
            prompt_version=answer.grounding.prompt_version,
            sources=written(answer.grounding.sources),
            context_sha256=answer.grounding.context_sha256,
            context_chars=answer.grounding.context_chars,
            context=answer.grounding.context,
            says_degraded=answer.says_degraded,
            says_cached=answer.says_cached,
        )
