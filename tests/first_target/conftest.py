"""Services of many shapes, of which nobody has said how they are asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Answered = tuple[int, Any]
"""Status, and a body: JSON, or text that is a stream of events."""
Post = Callable[[str, dict[str, Any], dict[str, str]], Answered]


@contextmanager
def _served(post: Post, gets: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def answer(self, status: int, body: Any) -> None:
            streamed = isinstance(body, str) and body.startswith("data:")
            plain = isinstance(body, str) and not body.startswith(":")  # what begins so is said to be JSON, and is none
            kind = "text/event-stream" if streamed else "text/plain" if plain else "application/json"
            content = (body if isinstance(body, str) else json.dumps(body)).encode()
            head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(content)}\r\n\r\n"
            self.wfile.write(head.encode() + content)

        def do_GET(self) -> None:
            self.answer(200, gets[self.path]) if self.path in gets else self.answer(404, {})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(self.path)
            self.answer(*post(self.path, body, {name.lower(): value for name, value in self.headers.items()}))

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", asked
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def served() -> Iterator[Callable[..., tuple[str, list[str]]]]:
    """Starts a service that answers as *post* says, and *gets* by path; its address, and the paths that were asked."""
    with ExitStack() as stack:
        yield lambda post, gets=None: stack.enter_context(_served(post, gets or {}))
