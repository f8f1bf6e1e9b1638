"""How a question is put to the target, and what its answer can say: the values that all protocols share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from harness.protocols.grounding import NOTHING, Grounding
from harness.protocols.nonce import Nonces

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.reading.target import Ask, Job


class ResolvedJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The target file's `Job` as a client carries it out: how what was submitted is asked about until it has come to a result."""

    id: str = ""  # a JSON Pointer into the reply to the submission, or the name of a header; empty: a webhook's, which needs none
    poll: str | None = None  # a path; None: where the header leads
    every_s: float = 1.0
    state: str | None = None  # a JSON Pointer into the reply to a poll; None: 202 is waiting, and 200 done
    waiting: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    result: str | None = None  # a path; None: what the last poll answered
    deadline_s: float | None = None  # counted from the submission
    webhook: bool = False  # the service sends the result, to the address that was submitted
    settle_s: float = 1.0  # so long after the result another one that is sent is counted


class ResolvedAsk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The target file's `Ask` as a client carries it out: with every secret filled in, and without what only the judging asks of it."""

    protocol: str
    path: str = "/"
    headers: dict[str, str] = {}
    model: str | None = None
    stream: bool = True
    body: dict[str, object] | None = None
    answer_pointer: str | None = None  # JSON Pointers into the reply
    snapshot_version_pointer: str | None = None
    conversation_pointer: str | None = None
    nonce_place: Literal["prompt", "header", "field"] = "prompt"
    nonce_name: str | None = None  # of the header, or the dotted path of the JSON field
    method: Literal["POST", "GET"] = "POST"
    model_pointer: str | None = None
    degraded_mark: str | None = None  # a JSON Pointer into the reply, or the name of a header
    cached_mark: str | None = None
    prompt_version_at: str | None = None  # likewise, each
    sources_at: str | None = None
    context_at: str | None = None
    keep_context: bool = False  # else no more of it than its hash and its length
    job: ResolvedJob | None = None  # what is asked is answered later


def resolved(ask: Ask, headers: Mapping[str, str]) -> ResolvedAsk:
    """The target file's *ask* with its *headers* as they are to be sent."""
    return ResolvedAsk(
        protocol=ask.protocol,
        path=ask.path,
        headers=dict(headers),
        model=ask.model,
        stream=ask.stream,
        body=ask.body,
        answer_pointer=ask.reply.answer,
        snapshot_version_pointer=ask.reply.snapshot_version,
        conversation_pointer=ask.reply.conversation,
        nonce_place=ask.nonce.place,
        nonce_name=ask.nonce.name,
        method=ask.method,
        model_pointer=ask.reply.model,
        degraded_mark=ask.reply.degraded,
        cached_mark=ask.reply.cached,
        prompt_version_at=ask.reply.prompt_version,
        sources_at=ask.reply.sources,
        context_at=ask.reply.context,
        keep_context=ask.reply.keep_context,
        job=_job(ask.job) if ask.job else None,
    )


def _job(job: Job) -> ResolvedJob:
    return ResolvedJob(
        id=job.id or "",
        poll=job.poll,
        every_s=job.every,
        state=job.state,
        waiting=tuple(job.waiting),
        running=tuple(job.running),
        done=tuple(job.done),
        failed=tuple(job.failed),
        result=job.result,
        deadline_s=job.deadline,
        webhook=job.webhook,
        settle_s=job.settle,
    )


def own_nonces(ask: Ask, run_id: str) -> Nonces:
    """How the nonces of run *run_id* are known, and where the target file's *ask* has them travel."""
    header = ask.nonce.name if ask.nonce.place == "header" else None
    return Nonces(run_id, (header or "").lower())


class OfferedTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `Tool` of the questions file as it is offered to a model; *parameters* is a JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, object]


class Exchange(NamedTuple):
    """What was asked before in one conversation, and answered."""

    question: str
    answer: str


class Asked(NamedTuple):
    """One question, as one conversation puts it."""

    question: str
    conversation: str
    seen_version: int | None
    nonce: str
    user: str = ""
    filler: str = ""  # text that stands behind the question
    max_tokens: int = 0  # of the answer; 0: nothing is said
    system: str = ""  # of a chat, and what follows too
    tools: tuple[OfferedTool, ...] = ()
    history: tuple[Exchange, ...] = ()
    webhook: str = ""  # where the result is to be sent


class HttpRequest(NamedTuple):
    """A request before it has an address."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes

    def encode(self, url: str) -> bytes:
        """What goes over a connection to the entry at *url*, whose own path comes before the request's."""
        parts = urlsplit(url)
        headers = {"host": parts.netloc.rpartition("@")[2], **self.headers, "content-length": str(len(self.body))}
        first = f"{self.method} {parts.path.rstrip('/')}{self.path} HTTP/1.1"
        lines = [first, *(f"{name}: {text}" for name, text in headers.items()), "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


class Said(NamedTuple):
    """What one event of a stream, or a whole body, says. *error* is what the target says went wrong.

    *finished*: there is no more text to come, for the reason *finish* where one is given; *done*: there is nothing more to come. *model*:
    the one that is said to have answered. *called*: what the client is to call, as `calls` writes it. *degraded*, *cached*: it is
    marked so, see `wording.marked`; *says_degraded*, *says_cached*: it says whether it is. *grounding*: what it says it stands on.
    """

    text: str = ""
    finished: bool = False
    done: bool = False
    error: str | None = None
    snapshot_version: int | None = None
    conversation: str | None = None
    finish: str = ""
    model: str = ""
    degraded: bool = False
    cached: bool = False
    called: str = ""
    grounding: Grounding = NOTHING
    says_degraded: bool = False
    says_cached: bool = False


class MalformedError(ValueError):
    """An answer that its protocol does not allow."""


class Reader(Protocol):
    """Reads the answer to one request."""

    def event(self, name: bytes, data: bytes) -> Said:
        """What one server-sent event says; raises MalformedError."""

    def whole(self, body: bytes) -> Said:
        """What a body that is no stream of events says; raises MalformedError."""


class GuardedReader(NamedTuple):
    """Anybody's *reader*, whose own defects say that an answer could not be read, and end nothing else."""

    reader: Reader

    def event(self, name: bytes, data: bytes) -> Said:
        return _guarded(self.reader.event, name, data)

    def whole(self, body: bytes) -> Said:
        return _guarded(self.reader.whole, body)


def _guarded(read: Callable[..., Said], *said: bytes) -> Said:
    try:
        found = read(*said)
        if isinstance(found, Said):
            return found
        raise TypeError(f"{type(found).__name__}, where Said is due")
    except MalformedError:
        raise
    except Exception as error:
        raise MalformedError(f"its protocol cannot read it: {type(error).__name__}: {error}") from error


class AskProtocol(Protocol):
    """One way to ask a target. One with a ``chats`` that is true has words for all that a question may have beside its text."""

    def problems(self, ask: ResolvedAsk) -> list[str]:
        """What is wrong with *ask* for this protocol, each with what would be right."""

    def request(self, ask: ResolvedAsk, asked: Asked) -> HttpRequest: ...

    def reader(self, ask: ResolvedAsk) -> Reader: ...
