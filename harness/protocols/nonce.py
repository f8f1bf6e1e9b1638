"""The nonce: a mark in a request by which every attempt is joined to the request it was made for; only a run's own count.

It is ``n-`` and ten hexadecimal digits: six of the request's index, and four by which the run knows its own. The index is
what chance hangs on, so that two runs with one seed draw alike although their nonces differ. Where clients ask again, what is sent is
`marked` with one digit more between the two, which tells their presses apart; rows have the nonce and the press, each by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from hashlib import blake2b

import msgspec

BEFORE_MAX = 16**3
"""How many requests before the load can be told apart; they have negative numbers."""
REQUESTS_MAX = 16**6 - BEFORE_MAX
"""How many requests of one load can be told apart."""
PRESSES_MAX = 16
"""How many presses of one request can be told apart."""

_INDEX_DIGITS = 6
_CHECK_DIGITS = 4
_DIGITS = _INDEX_DIGITS + _CHECK_DIGITS
# An eleventh digit is a press's, unless still more of them follow.
_SHAPE = re.compile(rb"n-([0-9a-f]{10}(?:[0-9a-f](?![0-9a-f]))?)")
_WRITTEN = re.compile(r"\s*(?:\[n-[0-9a-f]{10,11}\]|\bn-[0-9a-f]{10,11}\b)")
_BYTES = len(b"n-0123456789a")

# The letter before a nonce may be the end of an escape: "\n" and "\u005b" in JSON, "%5B" in a form.
_ESCAPE = re.compile(rb"(?:\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2})\Z")
_ESCAPE_BYTES = len(rb"\u005b")

_TRACE_NAME = b"traceparent"
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE_DIGITS = 32


def nonce(run_id: str, index: int) -> str:
    """The mark of request *index* of a run. Raises ValueError from `REQUESTS_MAX` on."""
    if not -BEFORE_MAX <= index < REQUESTS_MAX:
        raise ValueError(f"request {index} cannot be marked; a run has at most {REQUESTS_MAX} requests")
    digits = f"{index + BEFORE_MAX:0{_INDEX_DIGITS}x}"
    return f"n-{digits}{_check(run_id, digits)}"


def marked(nonce: str, press: int) -> str:
    """What is sent in the place of *nonce* with one press of a client that may ask again. Raises ValueError from `PRESSES_MAX` on."""
    if not 0 <= press < PRESSES_MAX:
        raise ValueError(f"press {press} cannot be marked; a request has at most {PRESSES_MAX} presses")
    before = len("n-") + _INDEX_DIGITS
    return f"{nonce[:before]}{press:x}{nonce[before:]}"


def unpressed(mark: str) -> str:
    """The nonce of the request that carries *mark*, which is that nonce, or was made of it by `marked`."""
    before = len("n-") + _INDEX_DIGITS
    return mark[:before] + mark[-_CHECK_DIGITS:] if _tells_press(mark) else mark


def press(mark: str) -> int:
    """Which press of its client a request with *mark* is of; 0, the first, where that is not told."""
    return int(mark[len("n-") + _INDEX_DIGITS], 16) if _tells_press(mark) else 0


def read(mark: str) -> tuple[str, int]:
    """The nonce of the request that carries *mark*, and which press of its client that is of, as `unpressed` and `press` have them."""
    return (unpressed(mark), press(mark)) if _tells_press(mark) else (mark, 0)


def _tells_press(mark: str) -> bool:
    return len(mark) == len("n-") + _DIGITS + 1


def index(nonce: str) -> int:
    """Which request of its load the one with this *nonce* is."""
    return int(lot(nonce), 16) - BEFORE_MAX


def lot(nonce: str) -> str:
    """What chance hangs on for the request with this *nonce*: the same in every run; an empty one gives an empty text."""
    return nonce[len("n-") :][:_INDEX_DIGITS]


def idempotency_key(mark: str) -> str:
    """A key that is the same for every press of the request with this *mark*, and looks like no nonce: nobody is to be joined by it."""
    return blake2b(unpressed(mark).encode(), digest_size=16, person=b"key").hexdigest()


def traceparent(mark: str) -> str:
    """The W3C trace context of the request with this *mark*, which can be told from the trace's id."""
    span = blake2b(mark.encode(), digest_size=8, person=b"span").hexdigest()
    return f"00-{mark.removeprefix('n-')}{_trace_rest(mark)}-{span}-01"


def without(text: bytes) -> bytes:
    """*text* without the nonces in it."""
    if b"-" not in text:
        return text
    kept, end = [], 0
    for match in _bounded(text):
        kept.append(text[end : match.start()])
        end = match.end()
    return b"".join([*kept, text[end:]])


class Unmarked:
    """A text that comes piece by piece, without the nonces in it, which may lie across two pieces; *take* gets what is left of it."""

    __slots__ = ("_held", "_take")

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take, self._held = take, b""

    def feed(self, piece: bytes) -> None:
        text = self._held + piece
        # What may still become a nonce is held back, and what tells whether one stands in a longer word.
        cut = max(0, len(text) - 2 * _TAIL_BYTES)
        for match in reversed(list(_SHAPE.finditer(text, max(0, cut - 2 * _TAIL_BYTES)))):
            if match.start() - _ESCAPE_BYTES < cut <= match.end() + 1:
                cut = max(0, match.start() - _ESCAPE_BYTES)
        self._take(without(text[:cut]))
        self._held = text[cut:]

    def end(self) -> None:
        """There is no more of it."""
        self._take(without(self._held))
        self._held = b""


def unmarked(text: str) -> str:
    """*text* without the nonces in it, nor the brackets and the space in which a prompt carries them."""
    # To look for three characters is much cheaper, and most texts have no nonce.
    return _WRITTEN.sub("", text) if "n-" in text else text


class Nonces(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a run's own nonces are known, and where to look first.

    *run_id*: empty means that nonces of any run count. *header*: the one in which the target file has the nonce travel,
    in lower case; empty where that is the prompt or a field of the body.
    """

    run_id: str = ""
    header: str = ""

    def own(self, text: bytes, begin: int = 0) -> list[str]:
        """Every nonce of the run in *text*, as it is `marked`, that starts at *begin* or later; that of a later press is greater."""
        found = []
        for match in _bounded(text, begin):
            mark = f"n-{match[1].decode('ascii')}"
            if not self.run_id or self._is_own(mark):
                found.append(mark)
            elif _tells_press(mark) and self._is_own(mark[:-1]):
                found.append(mark[:-1])  # what stands behind a nonce may look like a digit of it
        return found

    def of_trace(self, value: bytes) -> Iterator[str]:
        """The mark of the run of which a ``traceparent`` header with this *value* was made; none where it was not."""
        if match := _TRACE.match(value.strip()):
            trace = match[1].decode("ascii")
            for digits in (_DIGITS, _DIGITS + 1):
                if trace[digits:] == _trace_rest(f"n-{trace[:digits]}"):
                    yield from self.own(f"n-{trace[:digits]}".encode())

    def _is_own(self, mark: str) -> bool:
        return mark[-_CHECK_DIGITS:] == _check(self.run_id, lot(mark))


ANY_RUN = Nonces()


class NonceSearch:
    """Finds the nonce of one request in its headers, and in its body, which may come piece by piece.

    The first place that has one counts: the header that the target file names, then ``x-request-id`` and ``traceparent``, then
    the body with the request's target, then any other header. Of several in one place the newest counts: a request can only quote
    those before it. Where no header is named, the first four are one place: a body may have lost the mark of its own question
    and still quote those of earlier ones, and then the trace knows better.
    """

    __slots__ = ("_body", "_headers", "_named", "_nonces", "_request_id", "_tail", "_trace")

    def __init__(self, nonces: Nonces) -> None:
        self._nonces = nonces
        self._named = self._request_id = self._trace = self._body = self._headers = ""
        self._tail = b""

    @property
    def found(self) -> str:
        """Empty until there is one."""
        return unpressed(self.mark)

    @property
    def press(self) -> int:
        """Which press of its client it was made for; 0, the first, where its mark tells of none."""
        return press(self.mark)

    @property
    def mark(self) -> str:
        """That which has been found, as it is `marked`; empty until there is one."""
        if self._nonces.header:
            return self._named or self._request_id or self._trace or self._body or self._headers
        return max(self._body, self._request_id, self._trace) or self._headers

    def target(self, target: bytes) -> None:
        """Look through what is asked for, all of it: a question may stand in the query of a GET."""
        if b"n-" in target:
            self._body = max(self._body, *self._nonces.own(target), "")

    def headers(self, headers: Iterable[tuple[bytes, bytes]], but: Collection[bytes]) -> None:
        """Look through all *headers* but those with a name in *but*, which are in lower case."""
        for name, value in headers:
            # As most have none, and every request has many.
            if (b"n-" in value or len(name) == len(_TRACE_NAME)) and (lower := name.lower()) not in but:
                self.header(lower, value)

    def header(self, name: bytes, value: bytes) -> None:
        """Look through one header; *name* in lower case."""
        if b"n-" not in value and name != _TRACE_NAME:
            return
        found = max(self._nonces.own(value), default="")
        if name == _TRACE_NAME:
            found = max(self._nonces.of_trace(value), default=found)
            self._trace = max(self._trace, found)
        elif name == b"x-request-id":
            self._request_id = max(self._request_id, found)
        else:
            self._headers = max(self._headers, found)
        if name == self._nonces.header.encode("latin-1"):
            self._named = max(self._named, found)

    def piece(self, piece: bytes) -> None:
        """Look through the next piece of the body; a nonce may lie across two or more of them."""
        text = self._tail + piece
        # What starts earlier was whole before, and what stands in front of it may be gone.
        begin = min(len(self._tail), _ESCAPE_BYTES) if len(self._tail) == _TAIL_BYTES else 0
        if found := self._nonces.own(text, begin):
            self._body = max(self._body, *found)
        self._tail = text[-_TAIL_BYTES:]


_TAIL_BYTES = _ESCAPE_BYTES + _BYTES - 1


def _bounded(text: bytes, begin: int = 0) -> list[re.Match[bytes]]:
    """Whatever in *text* looks like a nonce and is not the end of a longer word, such as ``session-1764108000``."""
    # An image as text has no dash in megabytes: to see that takes a fiftieth of looking for a nonce.
    dash, found = text.find(b"-", begin), list[re.Match[bytes]]()
    if dash < 0:
        return found
    for match in _SHAPE.finditer(text, max(begin, dash - 1)):
        before = text[max(0, match.start() - _ESCAPE_BYTES) : match.start()]
        if not before[-1:].isalnum() or _ESCAPE.search(before):
            found.append(match)
    return found


def _check(run_id: str, digits: str) -> str:
    return blake2b(f"{run_id}\0{digits}".encode(), digest_size=2).hexdigest()


def _trace_rest(mark: str) -> str:
    rest = blake2b(mark.encode(), digest_size=11, person=b"trace").hexdigest()
    return rest[: _TRACE_DIGITS - len(mark.removeprefix("n-"))]
