"""A service that runs, as a client meets it that does not know yet how to ask it: a few looks, and a bounded number of questions."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import monotonic
from urllib.parse import urlsplit

import msgspec
import requests
from urllib3.exceptions import HTTPError

from harness.first_target.draft import is_read
from harness.http1.headers import place_alone
from harness.problems import Problem, UsageProblems
from harness.protocols.asking import Asked, GuardedReader, MalformedError, Reader, resolved
from harness.protocols.event_stream import EventStream, are_events
from harness.protocols.nonce import nonce
from harness.protocols.protocols import protocol
from harness.reading.target import Ask
from harness.record.masking import NOTHING, Mask

TRIES_MAX = 80
"""So many questions at most are asked to find out how a service takes them."""
_BYTES_MAX = 1 << 20
_CONNECT_S, _LOOK_S = 3.0, 5.0
_SHOWN_BYTES = 160


@dataclass(frozen=True, slots=True)
class Answer:
    """How one question was answered; *status* 0: it was not. *wrong* says why what came is no answer."""

    status: int
    streamed: bool = False
    text: str = ""
    wrong: str = ""
    body: bytes = b""

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300 and not self.wrong and bool(self.text)

    @property
    def nobody_there(self) -> bool:
        """Whether nothing at that path takes a question."""
        return self.status in (404, 405, 501)

    @property
    def told(self) -> str:
        """For people: the status, and what was wrong or how the body begins."""
        begins = self.wrong or " ".join(self.body[:_SHOWN_BYTES].decode("utf-8", "replace").split())
        status = str(self.status) if self.status else ""
        return ": ".join(part for part in (status, begins) if part)

    @property
    def reply(self) -> object:
        """The body as JSON; None where it is none."""
        try:
            found: object = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return found


class Service:
    """What runs at *url*, asked with *headers*; one answer may take *within_s*.

    Nobody else is asked, whatever it redirects to, and all that is read of it is without what *mask* hides.
    """

    def __init__(self, url: str, headers: Mapping[str, str], within_s: float, mask: Mask = NOTHING) -> None:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self.url, self.path = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
        self._headers, self._within_s, self._asked, self._mask = dict(headers), within_s, 0, mask
        self._session = requests.Session()
        self._session.trust_env = False  # nobody's proxy stands between us and this machine
        self._run = secrets.token_hex(4)

    def close(self) -> None:
        self._session.close()

    def reach(self) -> None:
        """Raises UsageProblems unless something speaks HTTP there."""
        try:
            self._look("")
        except requests.ReadTimeout:
            return  # slow, but there
        except (requests.RequestException, ValueError) as error:
            what = f"nothing there speaks HTTP ({self._cause(error)}); start the service first, or say with --command how it is started"
            raise UsageProblems(Problem(what, path=f"--url {self.url}")) from error

    def look(self, path: str) -> bytes | None:
        """What a GET of *path* answers with 2xx; None where it does not."""
        try:
            status, body = self._look(path)
        except requests.RequestException:
            return None
        return body if 200 <= status < 300 else None

    def _look(self, path: str) -> tuple[int, bytes]:
        with self._session.get(
            self.url + path,
            headers=self._headers,
            timeout=(_CONNECT_S, _LOOK_S),
            stream=True,
            allow_redirects=False,
        ) as answer:
            return answer.status_code, _bounded(answer, self._mask, monotonic() + _LOOK_S)

    def ask(self, asking: Ask, question: str) -> Answer:
        """How it answers *question* put that way, read as the load of a run reads it."""
        if self._asked >= TRIES_MAX:
            return Answer(0, wrong=f"given up after {TRIES_MAX} questions")
        self._asked += 1
        ask, ways = resolved(asking, self._headers), protocol(asking.protocol)
        request = ways.request(ask, Asked(question, "init-1", None, nonce(self._run, self._asked)))
        late_s = monotonic() + self._within_s
        try:
            with self._session.post(
                self.url + request.path,
                data=request.body,
                headers=request.headers,
                timeout=(_CONNECT_S, self._within_s),
                stream=True,
                allow_redirects=False,
            ) as answer:
                # Where nobody knows yet in which place the answer stands, any JSON will do.
                reader = GuardedReader(ways.reader(ask)) if is_read(asking) else None
                return _read(answer, reader, self._mask, late_s)
        except requests.RequestException as error:
            return Answer(0, wrong=self._cause(error))

    def _cause(self, error: BaseException) -> str:
        """The innermost reason of *error*, in its own words, which may quote a header that cannot be sent."""
        while error.__context__ is not None:
            error = error.__context__
        return self._mask.text(str(error)) or type(error).__name__


def _read(answer: requests.Response, reader: Reader | None, mask: Mask, late_s: float) -> Answer:
    status, kind = answer.status_code, answer.headers.get("content-type", "").lower()
    body = _bounded(answer, mask, late_s)
    streamed = "event-stream" in kind or are_events(body) is True
    if answer.is_redirect:
        return Answer(status, wrong=f"redirects to {mask.text(place_alone(answer.headers['location']))}", body=body)
    if not 200 <= status < 300:
        return Answer(status, streamed, body=body)
    try:
        if streamed:
            return Answer(status, True, _said_in_a_stream(body, reader), body=body)
        if reader is None:
            msgspec.json.decode(body)
            return Answer(status, text="JSON", body=body)
        said = reader.whole(body)
        return Answer(status, text=said.text, wrong=said.error or "", body=body)
    except (MalformedError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Answer(status, streamed, wrong=str(error), body=body)


def _said_in_a_stream(body: bytes, reader: Reader | None) -> str:
    """Raises MalformedError for a stream that its protocol does not allow, or that does not say that it is whole."""
    if reader is None:
        raise MalformedError("a stream of events, and the json protocol reads one JSON reply")
    events, said, finished = EventStream(), list[str](), False
    for name, data in [*events.feed(body), *events.finish()]:
        one = reader.event(name, data)
        if one.error is not None:
            raise MalformedError(f"an error in the stream: {one.error}")
        said.append(one.text)
        finished = finished or one.finished or one.done
    if not finished:
        raise MalformedError("the stream ended without a finish_reason or [DONE]")
    return "".join(said)


def _bounded(answer: requests.Response, mask: Mask, late_s: float) -> bytes:
    """The body, masked before anything is read in it or cut off it. Raises ReadTimeout where it goes on beyond *late_s*."""
    found = bytearray()
    for piece in _pieces(answer):
        found += piece
        if len(found) > _BYTES_MAX:
            break
        if monotonic() > late_s:
            raise requests.ReadTimeout("its answer had not ended in time")
    return mask.raw(bytes(found))


def _pieces(answer: requests.Response) -> Iterator[bytes]:
    """The body as it comes: whoever waits for a certain size of it waits as long as anything of it trickles in."""
    if not hasattr(answer.raw, "read1"):  # urllib3 before 2.1
        yield from answer.iter_content(1 << 14)
        return
    try:
        while piece := answer.raw.read1(1 << 14, decode_content=True):
            yield piece
    except HTTPError as error:
        raise requests.ConnectionError(error) from error
