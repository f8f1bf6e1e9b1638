"""Where services send the results of jobs: a listener on 127.0.0.1 under a path that nobody can guess; only the load child imports this."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from secrets import token_urlsafe
from time import monotonic
from typing import Any, NamedTuple

from gevent.pywsgi import WSGIServer
from gevent.queue import Empty, Queue

from harness.protocols.nonce import unpressed

_BODY_BYTES_MAX = 8_388_608


class Delivery(NamedTuple):
    """What was sent, and when the last byte of it had come."""

    at_s: float
    body: bytes


class Coming:
    """What is sent to one *url*, in the order in which it comes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.presses = 0
        self.failed = False  # whether the newest of them that was accepted was told of a failure
        self._sent: Queue[Delivery] = Queue()

    def press(self) -> bool:
        """A press is sent; whether there may be news of earlier ones. What comes behind a failure is that once more, and no news."""
        news = self.presses > 0 and not self.failed
        while self.failed and self.next(0) is not None:
            pass
        self.presses += 1
        return news

    def next(self, within_s: float) -> Delivery | None:
        """The next delivery; None where there is none *within_s*."""
        try:
            delivery: Delivery = self._sent.get(timeout=max(0.0, within_s))
        except Empty:
            return None
        return delivery

    def add(self, delivery: Delivery) -> None:
        self._sent.put(delivery)


class Webhooks:
    """Listens from now on, until it is closed; what is sent to an address that nobody expects anything at is answered 404."""

    def __init__(self) -> None:
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None, error_log=None)
        self._server.start()
        self._path = f"/{token_urlsafe(16)}/"
        self._expected: dict[str, Coming] = {}

    @contextmanager
    def expecting(self, mark: str) -> Iterator[Coming]:
        """What is sent for the request with this *mark*, for whichever press of it, as long as the first who expects it does."""
        path = f"{self._path}{unpressed(mark)}"
        if (known := self._expected.get(path)) is not None:
            yield known
            return
        coming = self._expected[path] = Coming(f"http://127.0.0.1:{self._server.server_port}{path}")
        try:
            yield coming
        finally:
            del self._expected[path]

    def close(self) -> None:
        self._server.stop(timeout=0.1)

    def _answer(
        self, request: Mapping[str, Any], begin: Callable[[str, list[tuple[str, str]]], object]
    ) -> Iterable[bytes]:
        coming = self._expected.get(request["PATH_INFO"])
        body = request["wsgi.input"].read(_BODY_BYTES_MAX)
        if coming is None or request["REQUEST_METHOD"] not in ("POST", "PUT"):
            begin("404 Not Found", [("content-length", "0")])
        else:
            coming.add(Delivery(monotonic(), body))
            begin("204 No Content", [])
        return []
