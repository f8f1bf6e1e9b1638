"""A target that misbehaves in every way a question asks for, and load children that are run against it."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from waiting import DEADLINE_S

from harness.planning.curve import Linear
from harness.protocols.nonce import unpressed
from harness.record.rowfile import read_rows
from harness.record.rows import Request
from harness.running.free_port import free_port
from harness.running.load import (
    Limits,
    LoadPlan,
    PlannedQuestion,
    ResolvedAsk,
    Schedule,
    command,
    ready,
    start_at,
    write_plan,
)

SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(body), body)


def event(content: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": content}}]}).encode() + b"\n\n"


def plain(status: str, body: bytes, kind: str = "application/json", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n".encode() + body


ROLE = b'data: {"choices": [{"delta": {"role": "assistant"}}]}\n\n'
DONE = b"data: [DONE]\n\n"
STOP = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n'
WHOLE = json.dumps({"choices": [{"message": {"content": "all at once"}}]}).encode()


@dataclass
class Heard:
    """One request as the target saw it."""

    headers: dict[str, str]
    body: dict[str, object]
    text_sent_s: float = 0.0
    version: int = 0

    @property
    def mark(self) -> str:
        """What its client sent in the place of the nonce."""
        return self.headers["x-request-id"]

    @property
    def nonce(self) -> str:
        return unpressed(self.mark)

    @property
    def question(self) -> str:
        asked = self.body.get("question") or self.body["messages"][0]["content"]
        return str(asked)


@dataclass
class Server:
    """Answers as the first word of the question says."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    version: int = 0
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                heard = await self._hear(reader)
                self.heard.append(heard)
                if not await BEHAVIOURS[heard.question.split(" ")[0]](self, heard, writer):
                    break
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()

    async def _hear(self, reader: asyncio.StreamReader) -> Heard:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
        headers = {name.lower(): text.strip() for name, _, text in lines}
        return Heard(headers, json.loads(await reader.readexactly(int(headers["content-length"]))))


Behaviour = Callable[[Server, Heard, asyncio.StreamWriter], Awaitable[bool]]


def reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def sends(*parts: bytes, then: str = "keep", gap_s: float = 0.0) -> Behaviour:
    """Writes *parts*, then keeps the connection, closes it, resets it, or hangs."""

    async def behave(_server: Server, _heard: Heard, writer: asyncio.StreamWriter) -> bool:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(gap_s)
        if then == "reset":
            await asyncio.sleep(0.02)  # or the reset overtakes what was written
            reset(writer)
        if then == "hang":
            await asyncio.sleep(30)
        return then == "keep"

    return behave


async def answers(_server: Server, heard: Heard, writer: asyncio.StreamWriter) -> bool:
    writer.write(SSE_HEAD + chunk(ROLE))
    await asyncio.sleep(0.06)
    heard.text_sent_s = time.monotonic()
    for word in ("one", " two", " three"):
        writer.write(chunk(event(word)))
        await asyncio.sleep(0.005)
    writer.write(chunk(DONE))
    await asyncio.sleep(0.002)
    writer.write(END)
    return True


async def drips(part: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(SSE_HEAD + chunk(ROLE))
    for _ in range(100):
        writer.write(chunk(part))
        await writer.drain()
        await asyncio.sleep(0.04)
    return False


async def versioned(server: Server, heard: Heard, writer: asyncio.StreamWriter) -> bool:
    """A JSON answer; each stands on a newer snapshot than the one before."""
    await asyncio.sleep(0.01)
    server.version += 1
    heard.version = server.version
    echo = {"answer": "yes", "snapshot": {"version": heard.version}, "conversation": heard.body.get("conversation")}
    writer.write(plain("200 OK", json.dumps(echo).encode()))
    return True


def fails_first(times: int, failure: Behaviour) -> Behaviour:
    """Does as *failure* does the first so many times that a client asks for one request, and then answers."""

    async def behave(server: Server, heard: Heard, writer: asyncio.StreamWriter) -> bool:
        mine = [other for other in server.heard if other.nonce == heard.nonce]
        return await (failure if len(mine) <= times else sends(plain("200 OK", WHOLE)))(server, heard, writer)

    return behave


def _calls(function: bytes) -> bytes:
    return b'data: {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": ' + function + b"}]}}]}\n\n"


BEHAVIOURS: dict[str, Behaviour] = {
    "answers": answers,
    "busy_once": fails_first(1, sends(plain("503 Busy", b"come back"))),
    "busy_twice": fails_first(2, sends(plain("503 Busy", b"come back"))),
    "hangs_up_once": fails_first(1, sends(then="close")),
    "silent_once": fails_first(1, sends(then="hang")),
    "versioned": versioned,
    "hangs": sends(then="hang"),
    "whole": sends(plain("200 OK", WHOLE)),
    "from_a_cache": sends(plain("200 OK\r\nX-Cache: HIT", WHOLE.replace(b"{", b'{"model": "m-1", ', 1))),
    "early_hints": sends(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", plain("200 OK", WHOLE), gap_s=0.01),
    "bytewise": sends(*(bytes([byte]) for byte in SSE_HEAD + chunk(event("ä")) + chunk(DONE) + END), gap_s=0.0005),
    "to_the_close": sends(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + event("x") + DONE, then="close"
    ),
    "done_then_silence": sends(SSE_HEAD + chunk(event("x")) + chunk(DONE), then="hang"),
    "done_then_reset": sends(SSE_HEAD + chunk(event("x")) + chunk(DONE), then="reset"),
    "only_done": sends(SSE_HEAD + chunk(ROLE) + chunk(DONE) + END),
    "no_body": sends(plain("200 OK", b"")),
    "blanks": sends(plain("200 OK", b'{"choices": [{"message": {"content": " \\n\\t"}}]}')),
    "streamed_blanks": sends(SSE_HEAD + chunk(ROLE) + chunk(event(" ")) + chunk(event("  ")) + chunk(DONE) + END),
    "empty_text": sends(plain("200 OK", b'{"choices": [{"message": {"content": ""}}]}')),
    "calls": sends(
        plain(
            "200 OK",
            b'{"choices": [{"message": {"content": null, "tool_calls": [{"id": "c1", "type": "function", "function": '
            b'{"name": "get_weather", "arguments": "{\\"city\\":\\"Bern\\"}"}}]}, "finish_reason": "tool_calls"}]}',
        )
    ),
    "calls_in_a_stream": sends(
        SSE_HEAD
        + chunk(ROLE)
        + chunk(_calls(b'{"name": "get_weather", "arguments": ""}'))
        + chunk(_calls(b'{"arguments": "{\\"city\\":"}'))
        + chunk(_calls(b'{"arguments": "\\"Bern\\"}"}'))
        + chunk(DONE)
        + END
    ),
    "status_500": sends(plain("500 Oops", b'{"error": "out of order"}')),
    "status_302": sends(plain("302 Found", b"elsewhere", "text/plain")),
    "redirect": sends(plain("307 Temporary Redirect\r\nlocation: http://u:pw@there/ask/?state=s#t", b"")),
    "packed": sends(plain("200 OK\r\ncontent-encoding: gzip", gzip.compress(WHOLE))),
    "packed_otherwise": sends(plain("200 OK\r\ncontent-encoding: x-lz", gzip.compress(WHOLE))),
    "packed_in_no_way": sends(plain("200 OK\r\ncontent-encoding: utf-8", WHOLE)),
    "packed_in_name_alone": sends(plain("200 OK\r\ncontent-encoding: gzip", WHOLE)),
    "after_a_mark": sends(plain("200 OK", b"\xef\xbb\xbf" + WHOLE)),
    "status_503_cut": sends(plain("503 Busy", b"come ba", "text/plain", length=100), then="close"),
    "error_event": sends(SSE_HEAD + chunk(event("x")) + chunk(b'event: error\ndata: {"message": "no"}\n\n') + END),
    "error_in_data": sends(SSE_HEAD + chunk(event("x")) + chunk(b'data: {"error": {"code": "no"}}\n\n') + END),
    "error_in_whole": sends(plain("200 OK", b'{"error": {"code": "no"}}')),
    "no_done": sends(SSE_HEAD + chunk(event("x")) + END),
    "cut_chunk": sends(SSE_HEAD + chunk(event("x")) + b"40\r\nhalf", then="close"),
    "cut_length": sends(plain("200 OK", b'{"choi', length=100), then="close"),
    "reset_late": sends(SSE_HEAD + chunk(event("x")), then="reset"),
    "reset_early": sends(then="reset"),
    "closed_early": sends(then="close"),
    "closed_in_head": sends(b"HTTP/1.1 200 OK\r\ncontent-ty", then="close"),
    "stalls_first": sends(then="hang"),
    "stalls_late": sends(SSE_HEAD + chunk(event("x")), then="hang"),
    "drips_comments": lambda _server, _heard, writer: drips(b": still here\n\n", writer),
    "drips_text": lambda _server, _heard, writer: drips(event("x"), writer),
    "bad_chunking": sends(SSE_HEAD + b"zz\r\nx\r\n", then="hang"),
    "bad_json": sends(SSE_HEAD + chunk(b"data: {nope\n\n") + END),
    "bad_whole": sends(plain("200 OK", b"<html>")),
    "other_json": sends(plain("200 OK", b'{"hello": 1}')),
    "no_http": sends(b"SSH-2.0-server\r\n", then="hang"),
    "endless_line": sends(SSE_HEAD, *[chunk(b"x" * 5000)] * 80, then="hang"),
}


def streams(*parts: bytes, end: bytes = END) -> Behaviour:
    return sends(SSE_HEAD + b"".join(map(chunk, parts)) + end)


def _headed(header: bytes) -> bytes:
    """A stream with one more *header* line."""
    return SSE_HEAD.replace(b"\r\n\r\n", b"\r\n" + header + b"\r\n") + chunk(event("x") + DONE) + END


_PACKED, _JSON = gzip.compress(event("x") + DONE), b"application/json"
_LATER = b"\n\nretry: 100\nid: 7\n" + event("x") + DONE
# Streams that every client reads to their end, each with its text. What providers make of the format is wider than the
# format; a test asks the SDK itself.
READ_WHOLE: dict[str, tuple[str, Behaviour]] = {
    "done_without_a_blank_line": ("x", streams(event("x"), b"data: [DONE]")),
    "done_without_a_line_end": ("x", streams(event("x"), b"data: [DO", b"NE]")),
    "finished_without_done": ("x", streams(event("x"), STOP)),
    "finished_without_a_blank_line": ("x", streams(event("x"), STOP.rstrip())),
    "finished_with_the_text": ("x", streams(event("x").replace(b"}}]", b'}, "finish_reason": "length"}]'))),
    "finished_then_closed": (
        "x",
        sends(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + event("x") + STOP, then="close"),
    ),
    "nulls": (
        "x",
        streams(
            b'data: {"choices": null, "error": null}\n\n',
            b'data: {"choices": [{"delta": null, "finish_reason": null}]}\n\n',
            event("x"),
            DONE,
        ),
    ),
    "a_large_event": ("y" * 100_000, streams(event("y" * 100_000), DONE)),
    "ends_of_lines_cr": ("xz", streams((event("x") + event("z") + DONE).replace(b"\n", b"\r"))),
    "ends_of_lines_crlf_cut": ("x", streams(event("x")[:-2] + b"\r", b"\n\r", b"\n", DONE)),
    "a_byte_order_mark": ("x", streams(b"\xef\xbb\xbf: hello\n\n", event("x"), DONE)),
    "comments_and_fields": (
        "x",
        streams(b": still here\n\n", b"id: 7\nevent: message\nretry: 100\nunknown\n" + event("x"), DONE),
    ),
    "data_in_two_lines": ("x", streams(event("x").replace(b": [{", b": [\ndata: {"), DONE)),
    "no_space_behind_the_colon": ("x", streams(event("x").replace(b"data: ", b"data:"), DONE)),
    "by_another_type": ("x", sends((SSE_HEAD + chunk(event("x") + DONE) + END).replace(b"event-stream", b"plain"))),
    "by_the_type_of_json": (
        "x",
        sends((SSE_HEAD + chunk(event("x") + DONE) + END).replace(b"text/event-stream", _JSON)),
    ),
    "by_another_type_from_its_id_on": ("x", sends(SSE_HEAD.replace(b"event-stream", b"plain") + chunk(_LATER) + END)),
    "long_with_padded_sizes": (
        "y" * 30_000,
        sends(SSE_HEAD + chunk(event("y" * 30_000)) + chunk(DONE).replace(b"\r", b"  \r", 1) + b"0    \r\n\r\n"),
    ),
    "without_a_type_bytewise": (
        "x",
        sends(
            *(
                bytes([byte])
                for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(event("x") + DONE) + END
            )
        ),
    ),
    "a_packed_stream": (
        "x",
        sends(
            SSE_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
            + b"".join(chunk(_PACKED[at : at + 9]) for at in range(0, len(_PACKED), 9))
            + END
        ),
    ),
    "a_folded_header": ("x", sends(_headed(b"x-a: 1\r\n  2\r\n"))),
    "a_head_of_lf": ("x", sends(SSE_HEAD.replace(b"\r\n", b"\n") + chunk(event("x") + DONE) + END)),
    "a_length_beside_chunks": ("x", sends(_headed(b"content-length: 5\r\n"))),
    "equal_lengths": (
        "x",
        sends(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            + b"content-length: %d\r\n" % len(event("x") + DONE) * 2
            + b"\r\n"
            + event("x")
            + DONE
        ),
    ),
    "a_blank_behind_the_size_of_a_chunk": (
        "x",
        sends(SSE_HEAD + chunk(event("x")).replace(b"\r\n", b" \r\n", 1) + chunk(DONE) + END),
    ),
    "usage_after_the_end": ("x", streams(event("x"), STOP, b'data: {"choices": [], "usage": {}}\n\n', DONE)),
}
BEHAVIOURS |= {name: behaviour for name, (_, behaviour) in READ_WHOLE.items()}
BEHAVIOURS |= {
    # As parts of a text the SDK gives them on as they are; what of them is text is what a client shows.
    "parts": streams(b'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "x"}]}}]}\n\n', DONE),
    "cut_in_an_event": streams(event("x"), event("z")[:20]),
    "finished_and_cut": streams(event("x"), STOP, end=b"40\r\nhalf"),
}


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """A server on a thread of its own."""
    server, loop = Server(), asyncio.new_event_loop()
    listener = loop.run_until_complete(asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls, backlog=1000))
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_end(listener), loop).result(DEADLINE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(listener: asyncio.Server) -> None:
    listener.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for other in others:
        other.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0.01)  # the transports that were aborted close their sockets


@dataclass
class Child:
    """A load child that was started, and the rows that it leaves."""

    plan: LoadPlan
    process: subprocess.Popen[bytes]
    log: Path

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return ready(self.plan) is not None

    def begin(self, zero_s: float | None = None) -> None:
        """Wait until it is ready, and have it begin."""
        until(self.is_ready)
        start_at(self.plan, time.monotonic() + 0.1 if zero_s is None else zero_s)

    def wait(self) -> int:
        return self.process.wait(2 * DEADLINE_S)

    def rows(self) -> list[Request]:
        files = sorted(Path(self.plan.rows_dir).glob("requests-*.rows"))
        return [row for file in files for row in read_rows(file, Request)]


def until(condition: Callable[[], bool], within_s: float = 2 * DEADLINE_S) -> None:
    deadline_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline_s, "it never came true"
        time.sleep(0.01)


@dataclass
class Children:
    """Starts load children; *stop* ends those that are left."""

    folder: Path
    started: list[Child] = field(default_factory=list)

    def start(self, plan: LoadPlan, environment: dict[str, str] | None = None, argv: list[str] | None = None) -> Child:
        """A child in an environment full of Locust settings that it must not hear."""
        folder = self.folder / str(len(self.started))
        (folder / "rows").mkdir(parents=True)
        paths = {"rows_dir": folder / "rows", "ready_path": folder / "ready", "start_path": folder / "start"}
        paths |= {"instrument_path": folder / "instrument"}
        plan = msgspec.structs.replace(plan, **{name: str(path) for name, path in paths.items()})
        write_plan(plan, folder / "plan.json")
        away = folder / "away"
        away.mkdir()
        (away / "locust.conf").write_text("master = true\nexpect-workers = 9\n")
        hostile = {"LOCUST_MODE_MASTER": "true", "HOME": str(away)} if argv is None else {}
        own = {"LOAD_PLAN": str(folder / "plan.json")} if argv else {}
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv or command(folder / "plan.json"),
                env={**os.environ, **hostile, **own, **(environment or {})},
                cwd=away if argv is None else folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = Child(plan, process, log)
        self.started.append(child)
        return child

    def stop(self) -> None:
        for child in self.started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait(DEADLINE_S)


def openai_plan(urls: list[str], questions: list[str], **changes: object) -> LoadPlan:
    """A plan for the openai-chat protocol, without the paths that a child gives it; *changes* of it and of its schedule."""
    usual = {"arrivals": "constant", "jitter": 0.2, "turn_gap_s": 5.0, "seed": 1}
    sent = {name: changes.pop(name, value) for name, value in usual.items()}
    rate_per_s, total_s = changes.pop("rate_per_s", 100.0), changes.pop("total_s", 1.0)
    plan = LoadPlan(
        run_id="run-7",
        schedule=Schedule(curve=(Linear(total_s, rate_per_s, rate_per_s),), **sent),
        entries={f"entry-{number}": url for number, url in enumerate(urls)},
        questions=tuple(PlannedQuestion(text, text) for text in questions),
        ask=ResolvedAsk("openai-chat", "/v1/chat/completions", {"Authorization": "Bearer secret"}, "m"),
        in_flight_max=1000,
        rows_dir="",
        ready_path="",
        start_path="",
        # This machine may be slow; what takes too long, and what is late, are other tests'.
        limits=Limits(connect_s=30.0, stall_s=30.0, deadline_s=30.0, body_bytes_max=300_000),
        drain_s=30.0,
        late_s_max=30.0,
    )
    return msgspec.structs.replace(plan, **changes)


@contextlib.contextmanager
def full_backlog() -> Iterator[str]:
    """The URL of a port that listens and never accepts: further connections get no answer."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


class Bench:
    """What the tests of the load child work with."""

    serving = staticmethod(serving)
    plan = staticmethod(openai_plan)
    until = staticmethod(until)
    free_port = staticmethod(free_port)
    full_backlog = staticmethod(full_backlog)
    python = sys.executable

    def __init__(self, children: Children) -> None:
        self.read_whole = {name: text for name, (text, _) in READ_WHOLE.items()}
        self.start = children.start


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    children = Children(tmp_path_factory.mktemp("load"))
    try:
        yield Bench(children)
    finally:
        children.stop()
