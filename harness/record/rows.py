"""The rows a run leaves behind: of logical requests, attempts at providers, arrivals there, health checks, and what passed on links.

All instants are seconds. In the row files of a run they are on the machine's monotonic clock; in what is read back from a stored
run they are on the run's clock, which is 0 when the load begins. QUOTED of a kind names its fields that hold what others said, in which a
secret may stand.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

RequestOutcome = Literal[
    "complete",
    "truncated",
    "empty",
    "refused",
    "reset",
    "stalled",
    "timed_out",
    "error",
    "malformed",
    "unfinished",
    "not_sent",
]
JobStage = Literal["", "waiting", "running", "done", "failed"]
AttemptOutcome = Literal["complete", "truncated", "closed", "reset", "client_left", "malformed", "unfinished"]
ArrivalOutcome = Literal[
    "complete",
    "truncated",
    "closed",
    "unreadable",
    "client_left",
    "refused",
    "answered_by_fault",
    "cut_by_fault",
    "broken",
    "unfinished",
]
LOOKS = ("GET", "HEAD", "OPTIONS")
"""Methods of attempts by which nothing is asked of a provider; a run of before they were written down has none."""
FAILED = 400
"""A status from here on says that something was not done."""
ELSEWHERE = "elsewhere: "
"""How the detail of a request begins that was not sent since it was for somebody else than the target; its address follows."""
STOPPED = "stopped"
"""The detail of a request that was not sent since who was about to was asked to end."""
UNKNOWN_KEY = "?"
"""How the mark of a key begins that the target file gives to no link."""
TokensFrom = Literal["", "provider", "estimate", "unread"]


class Request(msgspec.Struct, array_like=True, gc=False):
    """One logical request, as the load saw it. An instant that never came is None."""

    QUOTED: ClassVar[tuple[str, ...]] = (
        "conversation",
        "answer",
        "detail",
        "finish",
        "model",
        "prompt_version",
        "sources",
        "context",
    )

    index: int  # position in the arrival schedule; each one appears exactly once in a sound run
    worker: int
    due_s: float
    sent_s: float | None = None
    first_byte_s: float | None = None  # of the answer's head
    first_token_s: float | None = None  # of the first piece with text in it; without streaming, of the whole answer
    end_s: float | None = None
    status: int = 0  # 0: no answer's head came
    outcome: RequestOutcome = "unfinished"
    bytes: int = 0  # of the answer's body
    entry: str = ""  # name of the entry that was asked
    conversation: str = ""
    turn: int = 0
    overlapped: bool = False  # the conversation's turn before this one was still open when this one was sent
    question: str = ""  # id of the question
    answer: str = ""  # at most 64 Ki characters of it
    snapshot_version: int | None = None  # that the answer says it stands on
    seen_version: int | None = None  # the newest version that the conversation had seen when this was sent
    nonce: str = ""
    chunks: int = 0
    detail: str = ""
    streamed: bool = False  # its answer began as a stream of events
    orderly: bool = (
        False  # what came ended as its protocol says: a client that asks for no mark of the end takes it for whole
    )
    finish: str = ""  # the reason that the answer gave for its end
    model: str = ""  # that the answer says it is from
    degraded: bool = False  # marked as partial or from a fallback, as the target file says
    cached: bool = False  # marked as one from a cache
    presses: int = (
        1  # how often its client asked for it; what else stands here is of the last time, but for due_s and sent_s
    )
    given_up: str = ""  # what each press before the last came to, as `record.presses` writes it
    last_sent_s: float | None = None  # when the last press was sent, where there was one before it
    on_schedule: bool = (
        True  # due at a time that was known beforehand; not of users who ask when they have been answered
    )
    job: JobStage = (
        ""  # how far what is answered later was last known to have come; empty: it was not accepted, or is no job
    )
    accepted_s: float | None = None  # when the submission had been answered with an id
    waiting_s: float | None = None  # when that was last asked about which was still told to wait
    running_s: float | None = None  # when it was first told that the job is worked on
    polls: int = 0
    deliveries: int = 0  # how often its result was sent to its client
    prompt_version: str = ""  # that the answer says its prompt was of
    sources: str = ""  # that the answer says were retrieved for it, one a line
    context_sha256: str = ""  # of the context that the answer says was put before the model, without nonces
    context_chars: int = 0
    context: str = ""  # at most 64 Ki characters of it, where the target file says that it is kept
    says_degraded: bool = False  # anything stood where the target file says that it is marked so, be it that it is not
    says_cached: bool = False


class Attempt(msgspec.Struct, array_like=True, gc=False):
    """One try of the target's at a provider, as the tap saw it: before any fault could touch it."""

    QUOTED: ClassVar[tuple[str, ...]] = ("traceparent", "path", "error")

    link: str
    start_s: float  # first byte of the request
    nonce: str = ""
    traceparent: str = ""
    retry_count: int | None = None  # the SDK's own count (x-stainless-retry-count)
    sent_s: float | None = None  # last byte of the request
    first_byte_s: float | None = None
    end_s: float | None = None
    status: int = 0
    outcome: AttemptOutcome = "unfinished"
    bytes_out: int = 0  # of the request, head and body
    bytes_in: int = 0  # of the answer, head and body
    method: str = ""
    path: str = ""
    detail: str = ""  # what was spoken, where that was no HTTP/1.1
    retry_after_ms: float | None = None  # the wait that its answer stated
    key_of: str = ""  # links whose key it carried, with blanks between; of a key of no link a mark that stands for it in this run alone
    error: str = ""  # the code that its answer gives, where that is an error
    should_retry: str = ""  # true or false, where its answer has x-should-retry
    press: int = 0  # which press of its client it was made for, from 0
    asks: int = 0  # a mark of its body without nonces, equal for equal ones of this run alone; 0 where it has none, or never ended


class Arrival(msgspec.Struct, array_like=True, gc=False):
    """One try as it came out of Toxiproxy, at the edge; what the fault ate never becomes one."""

    QUOTED: ClassVar[tuple[str, ...]] = (
        "path",
        "astray",
        "detail",
        "finish",
        "model",
        "tools_offered",
        "tools_called",
        "tool_results",
    )

    link: str
    start_s: float
    nonce: str = ""
    forwarded_s: float | None = None  # the edge finished writing it upstream; None: it never did
    first_byte_s: float | None = None
    end_s: float | None = None
    status: int = 0
    outcome: ArrivalOutcome = "unfinished"
    fault: str = ""  # id of the fault that answered in the provider's place, or changed, put off or cut its answer
    redials: int = 0  # 1: a pooled connection had been closed by the provider, and a fresh one was used
    tokens_in: int | None = None  # the provider's usage, else an estimate of one token per 4 characters
    tokens_out: int | None = None
    messages_sha256: str = ""  # of the messages without the nonce; empty where there are none, or the body is long
    path: str = ""
    astray: str = ""  # where the answer sent the client past the link: a redirect to another server
    detail: str = ""  # why it ended as it did, where that was not the client's nor a fault's doing
    tokens_from: TokensFrom = ""  # who counted tokens_out; empty: nobody, and there is no text; unread: nobody could
    came_to: str = (
        ""  # ids, with blanks between, of the faults in force that were for such a request, whether they hit it or not
    )
    hit_by: str = ""  # of those that did something to it or to its answer; `fault` is the last of them
    sketch: str = ""  # of the text that the provider said, as `protocols.sketch` writes it; empty where there is none, or it was not read
    finish: str = ""  # the reason that the provider gave for the end of it; empty: none
    model: str = ""  # that the provider says the answer is from
    picked: str = ""  # of those in came_to that drew it, though its answer may have given them nothing to do
    connection: int = 0  # on which connection of its link it came, from 1; 0: nobody wrote that down
    press: int = 0  # which press of its client it was made for, from 0
    tools_offered: str = (
        ""  # names of the tools that the model may call, with blanks between, as `protocols.tool_use` writes them
    )
    tools_called: str = ""  # of those that its answer calls, in their order
    tool_results: str = ""  # of those whose results it brings, with ! before one that failed


SLICE_S = 0.1


class Traffic(msgspec.Struct, array_like=True, gc=False):
    """What passed at the tap of one link in a tenth of a second; there is no row where nothing did."""

    QUOTED: ClassVar[tuple[str, ...]] = ()

    link: str
    start_s: float
    connections: int = 0  # opened by clients
    bytes_out: int = 0  # said by clients, as they came to the tap: what a fault eats is in it
    bytes_in: int = 0  # said to clients
    commands: int = 0  # of Redis, said by clients; only on links that carry it
    housekeeping: int = (
        0  # of these, those that open, keep or look at a connection or a server, and ask a store for nothing it holds
    )
    pushed: int = 0  # pieces of what a client of Redis heard on connections on which it had said that it listens
    handshakes_refused: int = (
        0  # of TLS, ended by clients for what they were shown; only on links that are reached by TLS
    )
    bad_certificates: int = 0  # connections on which a fault had one with a flaw shown
    bad_certificates_accepted: int = 0  # of those, the ones on which the client asked something all the same
    lookups: int = 0  # of the address of its name, by who asks the run's resolver; only on links that have one
    lookups_hit: int = 0  # of those, the ones that a fault answered otherwise, or late


class HealthCheck(msgspec.Struct, array_like=True, gc=False):
    """One look at a health URL of the target, as a load balancer looks at it."""

    QUOTED: ClassVar[tuple[str, ...]] = ()

    entry: str  # the entry that it is of; empty: of all of them
    start_s: float
    end_s: float | None = None
    status: int = 0  # 0: no answer came in time
    healthy: bool = False  # 2xx came in time


class Sent(msgspec.Struct, array_like=True, gc=False):
    """That a request of users whom nobody planned has begun; what became of it is its `Request`."""

    QUOTED: ClassVar[tuple[str, ...]] = ()

    index: int
    due_s: float
    entry: str = ""
    user: int = 0


AnyRow = Request | Attempt | Arrival | Traffic | HealthCheck | Sent
