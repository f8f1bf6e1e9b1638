"""One job of a client: submitted, asked about until it has come to something, its result fetched; only the load child imports this.

Nothing is submitted twice in here. A poll that fails says nothing of its job: the next one is made, until the client gives up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from time import monotonic

import gevent
import msgspec

from harness.http1.retry_after import READ, stated_wait_ms
from harness.protocols.asking import (
    Asked,
    AskProtocol,
    GuardedReader,
    HttpRequest,
    MalformedError,
    Reader,
    ResolvedAsk,
    ResolvedJob,
    Said,
)
from harness.protocols.jobs import GONE, Place, accepted, decoded, get, goes_on, polled, result_of, stage
from harness.protocols.wording import of_head
from harness.running.load.connections import Connections
from harness.running.load.exchange import Answer, ask
from harness.running.load.plan import Limits
from harness.running.load.webhooks import Coming, Delivery, Webhooks

_MARKS = ("degraded", "cached", "says_degraded", "says_cached")
_KEPT = ("status", "head_s", "bytes", "begins", *_MARKS, "grounding", "orderly")
"""What the answer to a job has of the exchange in which it came."""


def put(
    answer: Answer,
    connections: Connections,
    way: ResolvedAsk,
    protocol: AskProtocol,
    asked: Asked,
    url: str,
    due_s: float,
    limits: Limits,
    webhooks: Webhooks | None = None,
) -> None:
    """Ask the entry at *url* what is *asked*, in one exchange or as a job, and fill *answer* in; as `exchange.ask`.

    *webhooks* is where results come that are sent, and needed where the *way* says that they are.
    """
    if way.job and webhooks is not None:
        with webhooks.expecting(asked.nonce) as coming:
            request = protocol.request(way, asked._replace(webhook=coming.url))
            client = _Client(answer, connections, way, way.job, asked, url, due_s, limits)
            client.wait_for(request, GuardedReader(protocol.reader(way)), coming)
        return
    request, reader = protocol.request(way, asked), GuardedReader(protocol.reader(way))
    if way.job is None:
        ask(answer, connections, request.encode(url), reader, due_s, limits, lambda value: of_head(way, value))
    else:
        _Client(answer, connections, way, way.job, asked, url, due_s, limits).carry_out(request, reader)


class _Kept:
    """Takes an answer's body as it is: what it means hangs on what was asked for."""

    body = b""

    def event(self, name: bytes, data: bytes) -> Said:
        raise MalformedError("a stream of events; what is answered later is asked about in JSON")

    def whole(self, body: bytes) -> Said:
        self.body = body
        return Said("-")


class _Client:
    """Who waits for one job until *due_s* and its limit, or as long as a job may take."""

    def __init__(
        self,
        answer: Answer,
        connections: Connections,
        way: ResolvedAsk,
        job: ResolvedJob,
        asked: Asked,
        url: str,
        due_s: float,
        limits: Limits,
    ) -> None:
        self._answer, self._connections, self._way, self._job = answer, connections, way, job
        self._asked, self._url, self._limits = asked, url, limits
        began_s = monotonic()
        self._until_s = min(due_s + limits.deadline_s, began_s + (job.deadline_s or limits.deadline_s))
        self._headers: dict[str, object] = {}
        self._told, self._trouble = "accepted", ""

    def carry_out(self, request: HttpRequest, reader: Reader) -> None:
        """Only GreenletExit passes through; the answer then says "unfinished", and how far the job had come."""
        self._answer.began_s = monotonic()
        told, place = self._submitted(request)
        while place is not None and self._answer.outcome == "unfinished":
            if not self._waited():
                self._give_up()
                return
            body = self._polled(place)
            if body is not None and self._answer.job == "done":
                self._fetched(told, body, reader)

    def wait_for(self, request: HttpRequest, reader: Reader, coming: Coming) -> None:
        """As `carry_out`, of a job whose result is *coming*."""
        news = coming.press()
        self._answer.began_s = monotonic()
        came, _ = self._exchanged(Place(self._url, request.path), request)
        if came.outcome not in ("complete", "empty"):
            # What came of the jobs of earlier presses while nobody waited for it.
            while news and self._answer.outcome == "unfinished" and (sent := coming.next(0)) is not None:
                self._now_heard(sent, reader, coming)
            if self._answer.outcome == "unfinished":
                self._end(came)
            return
        self._answer.job, self._answer.accepted_s = "waiting", came.ended_s
        coming.failed = False
        while self._answer.outcome == "unfinished":
            if (sent := coming.next(self._until_s - monotonic())) is None:
                self._give_up()
                return
            self._now_heard(sent, reader, coming)

    def _now_heard(self, sent: Delivery, reader: Reader, coming: Coming) -> None:
        """What was *sent*, maybe for an earlier press and before this one, is heard now; *coming* knows whether the job failed by it."""
        assert self._answer.began_s is not None
        self._delivered(sent._replace(at_s=max(sent.at_s, self._answer.began_s)), reader)
        coming.failed = str(self._answer.outcome) == "error"

    def _delivered(self, sent: Delivery, reader: Reader) -> None:
        """What the service sent says how far the job has come."""
        try:
            far, self._told = stage(self._job, 200, sent.body)
        except MalformedError as error:
            self._answer.outcome, self._answer.detail, self._answer.ended_s = "malformed", str(error)[:200], sent.at_s
            return
        self._answer.job = far
        if far == "waiting":
            self._answer.waiting_s = sent.at_s
        elif far == "running":
            self._answer.running_s = self._answer.running_s or sent.at_s
        elif far == "failed":
            self._answer.outcome, self._answer.ended_s = "error", sent.at_s
            self._answer.detail = f"the job failed: {self._told}: {sent.body[:120].decode('utf-8', 'replace')}"[:200]
        if far in ("done", "failed"):
            self._answer.deliveries += 1
        if far == "done":
            self._answer.status, self._answer.head_s = 200, sent.at_s
            self._answer.bytes, self._answer.orderly = len(sent.body), True
            say(self._answer, sent.body, reader, self._limits, sent.at_s)

    def _submitted(self, request: HttpRequest) -> tuple[str, Place | None]:
        """The job's id and where it is asked about; none where it was not accepted, which the answer then says."""
        came, body = self._exchanged(Place(self._url, request.path), request)
        if came.outcome not in ("complete", "empty"):
            self._end(came)
            return "", None
        try:
            reply = decoded(body) if self._job.id.startswith("/") else None
            told = accepted(self._job, reply, self._headers.get)
            place = polled(self._job, told, self._url, request.path)
        except ValueError as error:  # an address that is none is told as one
            self._end(came, "malformed", str(error))
            return "", None
        self._answer.job, self._answer.accepted_s = "waiting", came.ended_s
        return told, place

    def _waited(self) -> bool:
        """Wait until it is time to ask again; False where there is none left to ask in."""
        stated_ms = _stated_ms(self._headers)
        wait_s = self._job.every_s if stated_ms is None else stated_ms / 1000
        gevent.sleep(max(0.0, min(wait_s, self._until_s - monotonic())))
        return monotonic() < self._until_s

    def _polled(self, place: Place) -> bytes | None:
        """What a poll was answered that tells how far the job has come; None where it tells nothing, or the end of it."""
        asked_s = monotonic()
        came, body = self._exchanged(place, get(self._way, self._asked, place.path))
        self._answer.polls += 1
        if came.outcome not in ("complete", "empty"):
            self._failed(came)
            return None
        try:
            far, self._told = stage(self._job, came.status, body)
        except MalformedError as error:
            self._end(came, "malformed", str(error))
            return None
        self._trouble = ""
        self._answer.job = far
        if far == "waiting":
            self._answer.waiting_s = asked_s
        elif self._answer.running_s is None and far == "running":
            self._answer.running_s = came.ended_s
        elif far == "failed":
            self._end(came, "error", f"the job failed: {self._told}: {body[:120].decode('utf-8', 'replace')}")
        elif far == "done":
            _keep(self._answer, came)
        return body

    def _failed(self, came: Answer) -> None:
        """A poll failed: that of a job which nobody knows ends it, and so does one that will fail again."""
        if came.outcome == "error" and came.status in GONE:
            self._end(
                came, "error", f"lost: the service accepted the job and knows nothing of it any more: {came.detail}"
            )
        elif came.outcome == "malformed" or (came.outcome == "error" and not goes_on(came.status)):
            self._end(came)
        else:
            cut_off = came.outcome == "timed_out" and monotonic() >= self._until_s
            self._trouble = self._trouble if cut_off else f"; the last poll came to {came.outcome} {came.detail}"

    def _fetched(self, told: str, body: bytes, reader: Reader) -> None:
        """The job is done: what its result says, which stands in *body* or elsewhere."""
        place = result_of(self._job, told, self._url)
        if place is not None:
            came, body = self._exchanged(place, get(self._way, self._asked, place.path))
            if came.outcome not in ("complete", "empty"):
                self._end(came)
                return
            _keep(self._answer, came)
        say(self._answer, body, reader, self._limits, self._answer.ended_s or monotonic())

    def _exchanged(self, place: Place, request: HttpRequest) -> tuple[Answer, bytes]:
        """One exchange, for which there is as much time as is left, and the body of its answer."""
        came, kept = Answer(), _Kept()
        self._headers = {}
        left = msgspec.structs.replace(self._limits, deadline_s=max(0.001, self._until_s - monotonic()))
        ask(came, self._connections, request.encode(place.base), kept, monotonic(), left, self._of_head)
        return came, kept.body

    def _of_head(self, value: Callable[[str], object]) -> Said:
        names = [*map(bytes.decode, READ), *([] if self._job.id.startswith("/") else [self._job.id])]
        self._headers = {name: found for name in names if (found := value(name)) is not None}
        return of_head(self._way, value)

    def _give_up(self) -> None:
        self._answer.outcome, self._answer.ended_s = "timed_out", monotonic()
        self._answer.detail = f"lost: accepted, and no result in time; last told: {self._told}{self._trouble}"[:200]

    def _end(self, came: Answer, outcome: str = "", detail: str = "") -> None:
        """The request ends as *came* did, or in what that means."""
        _keep(self._answer, came)
        self._answer.detail = (detail or came.detail)[:200]
        self._answer.outcome = outcome or came.outcome  # type: ignore[assignment] # one that the callers name


def settle(answer: Answer, job: ResolvedJob, coming: Coming) -> None:
    """Count in *answer*, which came to an end by what was sent, what is sent after it for a moment: until `settle_s` of *job* is over."""
    settled_s = monotonic() + job.settle_s
    while (sent := coming.next(settled_s - monotonic())) is not None:
        answer.deliveries += _ends(job, sent)


def _ends(job: ResolvedJob, sent: Delivery) -> bool:
    try:
        return stage(job, 200, sent.body)[0] in ("done", "failed")
    except MalformedError:
        return False


def say(answer: Answer, body: bytes, reader: Reader, limits: Limits, end_s: float) -> None:
    """What the result in *body* says, in *answer*, which came at *end_s*."""
    answer.ended_s = end_s
    try:
        said = reader.whole(body)
    except MalformedError as error:
        answer.outcome, answer.detail = "malformed", str(error)[:200]
        return
    if said.error is not None:
        answer.outcome, answer.detail = "error", f"error_event: {said.error}"[:200]
        return
    text = said.text if said.text.strip() else said.called.lstrip("\n") or said.text
    answer.text, answer.model, answer.finish = text[: limits.answer_chars_max], said.model[:100], said.finish[:40]
    answer.snapshot_version, answer.conversation = said.snapshot_version, said.conversation
    for mark in _MARKS:
        setattr(answer, mark, getattr(answer, mark) or getattr(said, mark))
    answer.grounding = answer.grounding.and_then(said.grounding)
    answer.first_token_s = end_s if text else None
    answer.outcome = "complete" if text.strip() else "empty"


def _keep(answer: Answer, came: Answer) -> None:
    for name in _KEPT:
        setattr(answer, name, getattr(came, name))
    answer.ended_s = came.ended_s


def _stated_ms(headers: Mapping[str, object]) -> float | None:
    """The wait that the last answer stated in *headers*."""
    said = {name: str(found).encode("latin-1", "replace") for name in READ if (found := headers.get(name.decode()))}
    return stated_wait_ms(said, time.time())
