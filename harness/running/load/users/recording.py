"""Each request of a locustfile's users: its mark, when it began, and the row of what became of it, written as soon as that is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from itertools import count
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from harness.planning.schedule import ALL, Share
from harness.protocols.nonce import nonce, traceparent
from harness.record.clocks import earlier
from harness.record.rows import Request, RequestOutcome, Sent
from harness.running.load.users.outcomes import OverError, UnsentError, outcome_of
from harness.running.load.users.plan import UsersPlan, index_of

Failure = BaseException | str | None


class Rows(Protocol):
    """Where rows go; see `rowfile.RowFile`."""

    def add(self, row: Request) -> None: ...


def _unheard(_: Sent) -> None:
    """Nobody wants to know before it has ended."""


class Asked(msgspec.Struct, gc=False):
    """One request that a user began; filled in as its answer comes."""

    index: int
    nonce: str
    due_s: float
    entry: str  # empty: it was for somebody else than the target
    user: int
    turn: int
    sent_s: float = 0.0
    on_schedule: bool = False
    name: str = ""  # what Locust calls it, once it has
    first_byte_s: float | None = None
    status: int = 0
    bytes: int = 0
    streamed: bool = False
    reading: bool = False  # its user has begun to read the answer piece by piece
    read: bool = True  # the answer is over, or nobody waits for its end
    judged: bool = False  # Locust was told of it
    failure: Failure = None


class Next(msgspec.Struct):
    """A request that has a mark before Locust is told of it, where a client of the file's own *sent* it already: then, and to where."""

    index: int
    user: int
    sent_s: float | None = None
    host: str = ""


class Recording:
    """The requests of one process, which *now* tells the time of; *full* is called when as many have begun as the plan allows.

    *began* is told of each as it begins. Of several workers this is the one whose number is the *share*'s; its clock is *ahead_s* of the
    run's, on which its rows are.
    """

    ahead_s = 0.0

    def __init__(
        self,
        plan: UsersPlan,
        rows: Rows,
        now: Callable[[], float],
        full: Callable[[], None] = lambda: None,
        began: Callable[[Sent], None] = _unheard,
        share: Share = ALL,
    ) -> None:
        self._share = share
        # What one worker has left of it nobody can give to another.
        most = None if plan.requests_max is None else max(1, -(-(plan.requests_max - share.number) // share.of))
        self._last = None if most is None else index_of(most - 1, share.number, share.of)
        self._plan, self._rows, self._now, self._full, self._began = plan, rows, now, full, began
        self._indices, self._open = count(), dict[int, Asked]()
        self._turns: dict[int, int] = {}
        self._next_of: dict[Hashable, Next] = {}
        self._entries = [(name, _origin(url)) for name, url in plan.entries.items()]
        self._hosts = {(host, port): plan.entries[name] for name, (_, host, port) in reversed(self._entries)}
        self._over = False

    def begins(self, url: str, user: int, due_s: float | None = None, whose: Hashable = None) -> Asked:
        """User number *user* asks for *url* now; one that is at no entry of the target must not be sent.

        *due_s*: it was to be sent then, by a schedule that waits for nobody. It has the mark that was given to *whose* it is, if any was.
        """
        marked = self._next_of.get(whose)
        if marked is not None and marked.sent_s is None:
            del self._next_of[whose]
            return self._begins(url, user, self._now(), due_s, marked.index)
        return self._begins(url, user, self._now(), due_s, self._next())

    def _begins(self, url: str, user: int, sent_s: float, due_s: float | None, index: int) -> Asked:
        turn = self._turns[user] = self._turns.get(user, -1) + 1
        asked = Asked(
            index,
            nonce(self._plan.run_id, index),
            sent_s if due_s is None else due_s,
            self._entry(url, user),
            user,
            turn,
            sent_s,
            due_s is not None,
            _path(url),
        )
        if not self._over:
            self._open[index] = asked
            self._began(Sent(index, asked.due_s - self.ahead_s, asked.entry, user))
            if index == self._last:
                self._full()
        return asked

    def nonce_of_next(self, whose: Hashable, user: int = 0) -> str:
        """The nonce that the next request of *whose* it is will have, such as a greenlet's, whoever sends it."""
        return nonce(self._plan.run_id, self._marked(whose, user).index)

    def is_marked(self, whose: Hashable) -> bool:
        """Whether the next request of *whose* it is has a mark already."""
        return whose in self._next_of

    def sends(self, whose: Hashable, host: str, port: int, taken: Collection[str], user: int = 0) -> dict[str, str]:
        """The `marks` of what a client of the file's own sends to *host* now; until Locust is told of one, all of them are one request.

        None where that is no entry of the target.
        """
        if self._over or (entry := self._hosts.get((host.lower(), port))) is None:
            return {}
        sent = self._marked(whose, user)
        if sent.sent_s is None:
            sent.sent_s, sent.host = self._now(), entry
        return self._marks(nonce(self._plan.run_id, sent.index), taken)

    def _marked(self, whose: Hashable, user: int) -> Next:
        if whose not in self._next_of:
            self._next_of[whose] = Next(self._next(), user)
        return self._next_of[whose]

    def marks(self, asked: Asked, taken: Collection[str]) -> dict[str, str]:
        """The headers by which attempts are joined to it, but for those that the locustfile has *taken* for something else.

        None of what begins when the load is over: it has no row.
        """
        return {} if self._over else self._marks(asked.nonce, taken)

    def _marks(self, mark: str, taken: Collection[str]) -> dict[str, str]:
        marks = {"x-request-id": mark, "traceparent": traceparent(mark)}
        if self._plan.nonce_header:
            marks[self._plan.nonce_header] = mark
        names = {name.lower() for name in taken}
        return {name: text for name, text in marks.items() if name.lower() not in names}

    def answered(self, asked: Asked, status: int, first_byte_s: float | None) -> None:
        """The head of its answer has come, *first_byte_s*."""
        asked.status, asked.first_byte_s = status, first_byte_s if status else None

    def streams(self, asked: Asked) -> None:
        """What follows the head is read by its user, piece by piece."""
        asked.read = False

    def piece(self, asked: Asked, size: int) -> None:
        asked.reading, asked.streamed, asked.bytes = True, True, asked.bytes + size

    def is_read(self, asked: Asked, failure: Failure = None) -> None:
        """Its answer is over, whole or with a *failure*; or nobody can read any more of it."""
        asked.read, asked.failure = True, asked.failure or failure
        if asked.judged:
            self._end(asked)

    def is_judged(self, asked: Asked, name: str, size: int, failure: Failure) -> None:
        """Locust was told of it, under *name*: a success, or a *failure*.

        Of a stream that is told of at its head the end is still to come, and decides.
        """
        asked.name, asked.judged = name, True
        asked.bytes, asked.failure = asked.bytes or size, failure or asked.failure
        if asked.read or asked.reading or failure is not None:
            self._end(asked)

    def broke_off(self, asked: Asked, failure: BaseException | None, name: str = "") -> None:
        """Locust will never be told of it: *failure* came out of the call, or of what its user did with the answer."""
        asked.name, asked.failure = name or asked.name, failure
        self._end(asked)

    def told(
        self,
        name: str,
        took_s: float,
        size: int,
        failure: Failure,
        user: int,
        host: str,
        whose: Hashable = None,
        status: int = 0,
    ) -> None:
        """A client of the locustfile's own says that a request is over, which took *took_s*.

        It has the mark that was given to *whose* it is, by the file or as its client sent it.
        """
        marked = self._next_of.pop(whose, None)
        index = self._next() if marked is None else marked.index
        asked = self._begins(host, user, self._now() - max(0.0, took_s), None, index)
        asked.nonce, asked.status = "" if marked is None else asked.nonce, status
        self.is_judged(asked, name, size, failure)

    def give_up(self) -> None:
        """The load is over: whatever is open has its row, and nothing that begins from now on has one."""
        for one in self._next_of.values():  # or their numbers would look like requests that were lost
            asked = self._begins(one.host, one.user, one.sent_s or self._now(), None, one.index)
            if one.sent_s is None:
                self._write(asked, ended_s=None, failure=UnsentError("marked, and never asked"))
        for asked in list(self._open.values()):
            self._write(asked, ended_s=None, failure=OverError())
        self._next_of, self._over = {}, True

    def _next(self) -> int:
        return index_of(next(self._indices), self._share.number, self._share.of)

    def _end(self, asked: Asked) -> None:
        self._write(asked, ended_s=self._now(), failure=asked.failure)

    def _write(self, asked: Asked, ended_s: float | None, failure: Failure) -> None:
        if self._open.pop(asked.index, None) is None:
            return
        outcome, detail = outcome_of(failure, asked.status)
        if outcome in ("unfinished", "not_sent"):
            ended_s = None
        row = self._row(asked, outcome, detail, ended_s)
        self._rows.add(earlier(row, self.ahead_s) if self.ahead_s else row)

    def _row(self, asked: Asked, outcome: RequestOutcome, detail: str, ended_s: float | None) -> Request:
        return Request(
            index=asked.index,
            worker=self._share.number,
            due_s=asked.due_s,
            sent_s=None if outcome == "not_sent" else asked.sent_s,
            first_byte_s=asked.first_byte_s,
            end_s=ended_s,
            status=asked.status,
            outcome=outcome,
            bytes=asked.bytes,
            entry=asked.entry,
            conversation=f"user-{asked.user}",
            turn=asked.turn,
            question=asked.name,
            nonce=asked.nonce,
            detail=detail,
            streamed=asked.streamed,
            orderly=outcome == "complete",
            on_schedule=asked.on_schedule,
        )

    def _entry(self, url: str, user: int) -> str:
        """The entry at which *url* is; of several with one address that of the *user*."""
        origin = _origin(url)
        found = [name for name, at in self._entries if at == origin]
        own = self._plan.host_of(user)
        return own if own in found else found[0] if found else ""


def never_heard_of(plan: UsersPlan, worker: int, sent: Sent, why: str) -> Request:
    """The row of what the users of a *worker* had begun when it was lost: nobody knows what became of it."""
    return Request(
        index=sent.index,
        worker=worker,
        due_s=sent.due_s,
        outcome="unfinished",
        detail=why,
        entry=sent.entry,
        conversation=f"user-{sent.user}",
        nonce=nonce(plan.run_id, sent.index),
    )


def _path(url: str) -> str:
    """What Locust calls a request that nobody gave a name."""
    return "/" + "".join(url.split("/", 3)[3:])


_PORTS = {"http": 80, "https": 443}


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of *url*."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme.lower(), (parts.hostname or "").lower(), port or _PORTS.get(parts.scheme.lower())
