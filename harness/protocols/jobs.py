"""Jobs: what is submitted in one exchange and asked about in later ones, and how far each of those says that it has come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import msgspec

from harness.protocols import pointer
from harness.protocols.asking import Asked, HttpRequest, MalformedError, ResolvedAsk, ResolvedJob
from harness.protocols.wording import TOKEN, UNREADABLE, header_values
from harness.reading.hosts import on_this_machine
from harness.reading.templates import fill_asked, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable

Stage = Literal["waiting", "running", "done", "failed"]
JOB = "job"
"""The placeholder for a job's id in the paths by which it is asked about."""
GONE = frozenset({404, 410})
"""What a service answers that knows nothing of a job: it was accepted, and nobody will hear of it any more."""
_LATER = frozenset({408, 425, 429})
"""Refusals of a poll that say nothing of its job, beside those of 500 and above."""
_STATE_CHARS = 60
_ADDRESS = ("/", "http://", "https://")


class Place(NamedTuple):
    """Where a job is asked about: a *path* below *base*, which is the entry's address, or its origin where the service said a path."""

    base: str
    path: str


def accepted(job: ResolvedJob, reply: object, header: Callable[[str], object]) -> str:
    """The id that the answer to a submission gives; *reply* is its JSON. Raises MalformedError where there is none."""
    by_pointer = job.id.startswith("/")
    found = pointer.at(reply, job.id) if by_pointer else header(job.id)
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise MalformedError(
            f"no id of a job {'at' if by_pointer else 'in header'} {job.id} of the answer to its submission"
        )
    return str(found)


_OF_AN_ADDRESS = "%/:?#[]@!$&'()*+,;=~"


def polled(job: ResolvedJob, told: str, url: str, path: str) -> Place:
    """Where the job is asked about that was *told* under this id or address, by the entry at *url*, to whose *path* it was submitted.

    Raises MalformedError where that is at another server than the entry's: nothing is sent to whom the target file does not name.
    """
    if job.poll is not None:
        return Place(url, _filled(job.poll, told))
    asked = urlsplit(f"{url.rstrip('/')}{path}")
    # A header has bytes, and what of them no address may have is sent as clients send it.
    parts = urlsplit(urljoin(asked.geturl(), quote(told.encode("latin-1", "replace"), safe=_OF_AN_ADDRESS)))
    if not _one_server(asked, parts):
        raise MalformedError(f"the job is to be asked about at {parts.scheme}://{parts.netloc}, which is not the entry")
    origin = f"{asked.scheme}://{asked.netloc}"
    return Place(origin, parts._replace(scheme="", netloc="", fragment="").geturl() or "/")


def result_of(job: ResolvedJob, told: str, url: str) -> Place | None:
    """Where the result of a job that is done stands, if that is not the answer by which it is known to be done."""
    return None if job.result is None else Place(url, _filled(job.result, told))


def get(ask: ResolvedAsk, asked: Asked, path: str) -> HttpRequest:
    """A GET of *path* for the same request as *asked*: with its headers, and its mark in those that can carry it."""
    headers = {"accept": "application/json", **header_values(ask, asked)}
    return HttpRequest("GET", path, headers, b"")


def stage(job: ResolvedJob, status: int, body: bytes) -> tuple[Stage, str]:
    """How far a job has come by an answer of this *status*, and the state that it told; raises MalformedError for one that is not known."""
    if job.state is None:
        return ("waiting" if status == 202 else "done"), str(status)
    said = pointer.at(decoded(body), job.state)
    told = str(said).lower() if isinstance(said, bool) else str(said)
    for name in ("waiting", "running", "done", "failed"):
        if said is not None and told in getattr(job, name):
            return name, told[:_STATE_CHARS]
    known = ", ".join(one for name in ("waiting", "running", "done", "failed") for one in getattr(job, name))
    raise MalformedError(f"a job's state {told[:_STATE_CHARS]!r} at {job.state} is none of {known} (ask.job)")


def goes_on(status: int) -> bool:
    """Whether a poll that was answered with this *status* of an error says nothing of its job, so that another one is made."""
    return status in _LATER or status >= 500


def decoded(body: bytes) -> object:
    """The JSON of *body*; raises MalformedError."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE as error:
        raise MalformedError(f"no JSON: {error}") from error


def job_problems(job: ResolvedJob) -> Iterator[tuple[str, str]]:
    """What is wrong with *job*: each key, and what would be right."""
    if job.webhook or not job.id:
        yield from _of_a_webhook(job)
        return
    if not (job.id.startswith("/") and pointer.is_pointer(job.id)) and not TOKEN.fullmatch(job.id):
        yield "id", f"{job.id!r} is neither; write a JSON Pointer such as /id, or the name of a header such as Location"
    if job.poll is None and job.id.startswith("/"):
        yield (
            "id",
            f"{job.id} is an id, and nothing says where to ask about it; write poll: /jobs/{{job}}, or id: Location",
        )
    for key in ("poll", "result"):
        path = getattr(job, key)
        if path is not None and (not path.startswith("/") or JOB not in placeholders(path)):
            yield key, f"{path!r} does not say which job; write a path such as /jobs/{{job}}"
    yield from _of_told_states(job)


def _of_a_webhook(job: ResolvedJob) -> Iterator[tuple[str, str]]:
    """What cannot be where a result is sent; *job* has neither that nor an id otherwise."""
    if not job.webhook:
        yield "id", "nothing says how its result comes; write id: and poll:, or webhook: true"
        return
    for key in ("id", "poll", "result"):
        if getattr(job, key):
            yield key, f"with a webhook the service sends the result, and nothing is asked about; leave {key} out"
    yield from _of_told_states(job)


def _of_told_states(job: ResolvedJob) -> Iterator[tuple[str, str]]:
    if job.state is not None:
        yield from _of_states(job)
    elif told := next((key for key in ("waiting", "running", "done", "failed") if getattr(job, key)), None):
        yield told, "nothing says where a state stands; write state: a JSON Pointer such as /status"


def _of_states(job: ResolvedJob) -> Iterator[tuple[str, str]]:
    if not pointer.is_pointer(job.state or ""):
        yield "state", f"{job.state!r} is no JSON Pointer; write one such as /status"
    if not job.done:
        yield "done", "no state says that a job is done; write done: [succeeded], in the words of the service"
    seen: dict[str, str] = {}
    for key in ("waiting", "running", "done", "failed"):
        for word in getattr(job, key):
            if (other := seen.setdefault(word, key)) != key:
                yield key, f"{word!r} is among {other}, too; it can say one of both"


def _filled(template: str, told: str) -> str:
    """*template* with the id in it: of an address that was told, its last part."""
    last = urlsplit(told).path.rstrip("/").rpartition("/")[2] if told.startswith(_ADDRESS) else told
    return fill_asked(template, {JOB: quote(last, safe="")})


def _one_server(one: SplitResult, other: SplitResult) -> bool:
    usual = {"http": 80, "https": 443}
    ports = [of.port or usual.get(of.scheme) for of in (one, other)]
    hosts = [of.hostname or "" for of in (one, other)]
    here = hosts[0] == hosts[1] or all(map(on_this_machine, hosts))
    return one.scheme == other.scheme and ports[0] == ports[1] and here
