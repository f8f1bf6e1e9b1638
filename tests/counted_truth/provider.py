"""Providers that do what a course says of each time and question, and write down every request that they read."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

_NONCE, _QUESTION, _SNAPSHOT = (re.compile(pattern) for pattern in (r"n-[0-9a-f]{10}", r"\bq\d+\b", r"snapshot (\d+)"))
TOKENS_OUT, CACHED = 30, 20


class Told(NamedTuple):
    """What a provider answers: a *status*, after *late_s*; *wait_s*: how long to wait, if said; of a stream, how it is *broken*."""

    status: int = 200
    wait_s: float = 0.0
    late_s: float = 0.0
    broken: Literal["", "cut", "ended"] = ""


OK = Told()


@dataclass
class Asked:
    """A request that was read to its end: all instants are those of the course."""

    link: str
    nonce: str
    question: str
    key: str
    snapshot: int
    began_s: float
    nth: int
    """Which one it is of its nonce on its link, from 1."""
    told: Told = OK
    said_s: float = 0.0
    model: str = ""
    tokens_in: int = 0


Course = Callable[[Asked], Told]
"""What is answered to each, who knows by then all but what it is told."""


class Providers:
    """One provider for each link, which is its name as well as its model's."""

    def __init__(self, api: str, links: tuple[str, ...]) -> None:
        self.api, self.log = api, list[Asked]()
        self.course: Course = lambda asked: OK
        self._zero_s = 0.0
        self._servers = {link: ThreadingHTTPServer(("127.0.0.1", 0), self._handler(link)) for link in links}
        self.urls = {link: f"http://127.0.0.1:{server.server_address[1]}" for link, server in self._servers.items()}
        for server in self._servers.values():
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def set_clock(self, now_s: float) -> None:
        """It is *now_s* now."""
        self._zero_s = time.monotonic() - now_s

    def close(self) -> None:
        for server in self._servers.values():
            server.shutdown()
            server.server_close()

    def answer(self, link: str, key: str, body: dict[str, Any]) -> tuple[Asked, bytes]:
        """What is written down of a request, and what it is answered."""
        words = body["messages"][-1]["content"]
        nonce, snapshot = _NONCE.search(words), _SNAPSHOT.search(words)
        assert nonce
        nth = 1 + sum(one.nonce == nonce[0] and one.link == link for one in self.log)
        now_s = time.monotonic() - self._zero_s
        found = _QUESTION.findall(words)[0]
        asked = Asked(link, nonce[0], found, key, int(snapshot[1]) if snapshot else 0, now_s, nth)
        self.log.append(asked)
        asked.told, asked.model, asked.tokens_in = self.course(asked), link, len(words)
        time.sleep(asked.told.late_s)
        said = _error(asked.told) if asked.told.status != 200 else self._said(asked, bool(body.get("stream")))
        asked.said_s = time.monotonic() - self._zero_s
        return asked, said

    def _said(self, asked: Asked, stream: bool) -> bytes:
        words = [f"{asked.question} of {asked.link}:", " thirty", " days,", " whatever", " the", " reason", " is."]
        if stream:
            return b"".join(_streamed(self.api, asked, words))
        return json.dumps(_whole(self.api, asked, "".join(words))).encode()

    def _handler(self, link: str) -> type[BaseHTTPRequestHandler]:
        providers = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                key = self.headers.get("x-api-key") or self.headers["authorization"].removeprefix("Bearer ")
                asked, said = providers.answer(link, key, body)
                self.send_response(asked.told.status)
                self.send_header("content-type", "text/event-stream" if body.get("stream") else "application/json")
                if asked.told.wait_s:
                    self.send_header("retry-after-ms", str(round(1000 * asked.told.wait_s)))
                # A message that ends before its length was cut off.
                self.send_header("content-length", str(len(said) + 99 * (asked.told.broken == "cut")))
                self.end_headers()
                self.wfile.write(said)
                self.close_connection = asked.told.broken == "cut"

            def log_message(self, *told: object) -> None:
                """Everything is in the log of the providers."""

        return Handler


@contextmanager
def providing(api: str, links: tuple[str, ...]) -> Iterator[Providers]:
    providers = Providers(api, links)
    try:
        yield providers
    finally:
        providers.close()


def _error(told: Told) -> bytes:
    """An error whose words mean nothing to the SDKs of either API, which go by the status."""
    return json.dumps({"type": "error", "error": {"type": "failed", "message": str(told.status)}}).encode()


def _whole(api: str, asked: Asked, text: str) -> dict[str, Any]:
    said = {"id": "a", "model": asked.model}
    if api == "anthropic":
        # It counts apart what its cache of prompts knew.
        usage = {
            "input_tokens": asked.tokens_in - CACHED,
            "cache_read_input_tokens": CACHED,
            "output_tokens": TOKENS_OUT,
        }
        content = [{"type": "text", "text": text}]
        return said | {"type": "message", "role": "assistant", "content": content, "stop_reason": "end_turn", "usage": usage}  # fmt: skip
    usage = {"prompt_tokens": asked.tokens_in, "completion_tokens": TOKENS_OUT, "total_tokens": asked.tokens_in + TOKENS_OUT}  # fmt: skip
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return said | {"object": "chat.completion", "created": 1, "choices": [choice], "usage": usage}


def _streamed(api: str, asked: Asked, words: list[str]) -> Iterator[bytes]:
    """The events of a stream; of one that is broken in any way the first half of its words, and no end."""
    broken = bool(asked.told.broken)
    said = words[: len(words) // 2] if broken else words
    if api == "anthropic":
        yield from _messages(asked, said, broken)
        return
    for word in said:
        yield _chunk(asked, {"content": word}, None)
    if not broken:
        yield _chunk(asked, {}, "stop")
        yield b"data: [DONE]\n\n"


def _chunk(asked: Asked, delta: dict[str, str], finish: str | None) -> bytes:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": asked.model, "choices": choices}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def _messages(asked: Asked, words: list[str], broken: bool) -> Iterator[bytes]:
    message = {"id": "a", "type": "message", "role": "assistant", "model": asked.model, "content": []}
    yield _event(
        "message_start", message={**message, "stop_reason": None, "usage": {"input_tokens": 7, "output_tokens": 1}}
    )
    yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for word in words:
        yield _event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
    if not broken:
        yield _event("content_block_stop", index=0)
        yield _event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 6})
        yield _event("message_stop")


def _event(kind: str, **said: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **said})}\n\n".encode()
