"""State in a folder and at a URL, and a clock that stands where a test puts it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

import pytest

from harness.running.state.folder import FolderStore
from harness.running.state.store import Store
from harness.running.state.url import UrlStore


class Clock:
    """A wall clock that only a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class _Server(ThreadingHTTPServer):
    request_queue_size = 64


class Documents(BaseHTTPRequestHandler):
    """What is asked of a server that keeps state: documents with ETags, and changes on their condition (RFC 9110, 13.1)."""

    kept: dict[str, tuple[str, bytes]]
    tags: Iterator[int]
    lock: threading.Lock
    status: int | None = None

    def do_GET(self) -> None:
        with self.lock:
            self._answer(200 if self.path in self.kept else 404, *self.kept.get(self.path, ("", b"")))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        with self.lock:
            if not self._may_change():
                return self._answer(412)
            self.kept[self.path] = (f'"{next(self.tags)}"', body)
        return self._answer(204)

    def do_DELETE(self) -> None:
        with self.lock:
            if not self._may_change():
                return self._answer(412)
            del self.kept[self.path]
        return self._answer(204)

    def _may_change(self) -> bool:
        tag = self.kept[self.path][0] if self.path in self.kept else None
        return tag is None if self.headers["if-none-match"] == "*" else tag == self.headers["if-match"]

    def _answer(self, status: int, tag: str = "", body: bytes = b"") -> None:
        self.send_response(self.status or status)
        if tag:
            self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def serving() -> Iterator[Callable[..., str]]:
    """Starts a server that keeps documents, with attributes of its own, and returns its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(**attributes: object) -> str:
        own = {"kept": {}, "tags": count(), "lock": threading.Lock(), **attributes}
        servers.append(_Server(("127.0.0.1", 0), type("Own", (Documents,), own)))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/state"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(params=["a folder", "a URL"])
def store(request: pytest.FixtureRequest, tmp_path: Path, serving: Callable[..., str]) -> Store:
    return FolderStore(tmp_path / "state") if request.param == "a folder" else UrlStore(serving(), {})


@pytest.fixture
def clock() -> Clock:
    return Clock()
