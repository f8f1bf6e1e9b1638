"""A wire process between a client and a provider that both say garbled things to one another, while faults may act on the answers."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import get_args

from mutations import mutated

from harness.faults.effects import (
    AnswerFlaw,
    CutStream,
    EdgeRule,
    Rule,
    SlowStream,
    SpoilAnswer,
    SpoilStream,
    StallStream,
)
from harness.record.rowfile import read_rows
from harness.record.rows import Arrival, Attempt
from harness.running.wire import ARRIVALS, ATTEMPTS, Config, LinkConfig, WireStage, command, ready, write

_READY_WITHIN_S = 30.0
_SILENT_S = 0.3
"""Who says nothing for so long says nothing more: a garbled head has no end, and both may wait for one."""
_HANGS_S = 15.0
_BODY = b'{"model":"m","messages":[{"role":"user","content":"Hello, n-00000000aa"}],"stream":true}'
_HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
REQUESTS = (
    _HEAD + b"Content-Length: %d\r\n\r\n" % len(_BODY) + _BODY,
    _HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_BODY) + _BODY + b"\r\n0\r\n\r\n",
    _HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY,
    2 * (b"GET /v1/models?key=sk-0123456789 HTTP/1.1\r\nHost: x\r\nx-request-id: n-00000000aa\r\n\r\n"),
    b"GET http://user:password@x/v1/models HTTP/1.0\r\n\r\n",
)
_STREAM = b'data: {"choices":[{"delta":{"content":"Good day"}}]}\n\ndata: {"choices":[],"usage":{"prompt_tokens":7}}\n\ndata: [DONE]\n\n'
_WHOLE = b'{"choices":[{"message":{"content":"Good day"}}],"usage":{"prompt_tokens":7,"completion_tokens":3}}'
ANSWERS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(_STREAM)
    + _STREAM
    + b"\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_WHOLE) + _WHOLE,
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + _STREAM,
    b"HTTP/1.1 204 No Content\r\n\r\n",
)


_MESSAGES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":7}}}\n\n'
    b'event: content_block_delta\r\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Day 30"}}\r\n\r\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)
RULED_ANSWERS = (
    *ANSWERS,
    b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + _MESSAGES,
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(_MESSAGES) + _MESSAGES,
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_STREAM) + _STREAM,
    b"HTTP/1.0 200 OK\r\n\r\n\xef\xbb\xbf\n" + _STREAM,
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n \n" + _WHOLE,
)
RULES: tuple[Rule, ...] = (
    CutStream(0, "reset"), CutStream(1, "close"), CutStream(1, "end"), StallStream(1, 0.05), SlowStream(0.01, 0.01, 2000),
    *(SpoilStream(flaw) for flaw in ("malformed", "duplicated", "reordered", "error", "no_finish", "no_usage", "no_end")),
    *(SpoilAnswer(flaw) for flaw in get_args(AnswerFlaw)),
)  # fmt: skip


class GarbledWire:
    """A wire with one link, and the provider behind it; there is no Toxiproxy between tap and edge."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="fuzz-wire-")
        folder = Path(self._folder.name)
        self._rows, self._log = folder / "rows", folder / "wire.log"
        self._rows.mkdir()
        self._provider = socket.create_server(("127.0.0.1", 0))
        self._answer = ANSWERS[1]
        threading.Thread(target=self._serve, daemon=True).start()
        link = LinkConfig("openai", f"http://127.0.0.1:{self._provider.getsockname()[1]}")
        write(Config([link], str(self._rows), 1, str(folder / "ready.json")), folder / "wire.json")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command(folder / "wire.json"), stdout=log, stderr=log)
        late_s = time.monotonic() + _READY_WITHIN_S
        while (found := ready(folder / "ready.json")) is None:
            assert time.monotonic() < late_s, self._log.read_text()
            time.sleep(0.02)
        ports = found.links["openai"]
        assert ports.edge is not None
        self._tap, self._stage = ports.tap, WireStage(found.control_url)
        self._stage.connect_link("openai", ports.edge)

    def passes(self, seed: int) -> str:
        """What is wrong with how case *seed* went through; nothing where all is well."""
        random = Random(f"wire {seed}")
        request, answer = random.choice(REQUESTS), random.choice(ANSWERS)
        which = random.randrange(3)
        request = mutated(request, random) if which != 1 else request
        self._answer = mutated(answer, random) if which != 0 else answer
        began_s = time.monotonic()
        try:
            self._said(request, random)
        except TimeoutError:
            return "the client was neither answered nor left"
        if time.monotonic() > began_s + _HANGS_S:
            return f"took {time.monotonic() - began_s:.1f} s"
        return self._hurt()

    def acts_on_answers(self, seed: int) -> str:
        """As `passes`, with some of `RULES` in force; the requests are sound, so that they reach the provider."""
        random = Random(f"answers {seed}")
        rules = {
            f"f{number}": EdgeRule("openai", rule)
            for number, rule in enumerate(random.sample(RULES, random.randint(1, 3)))
        }
        for fault, rule in rules.items():
            self._stage.inject(fault, rule)
        self._answer = mutated(random.choice(RULED_ANSWERS), random)
        began_s = time.monotonic()
        try:
            self._said(REQUESTS[random.randrange(2)], random)
        except TimeoutError:
            return "the client was neither answered nor left"
        for fault, rule in rules.items():
            self._stage.revert(fault, rule)
        return self._hurt() if time.monotonic() < began_s + _HANGS_S else f"took {time.monotonic() - began_s:.1f} s"

    def __enter__(self) -> GarbledWire:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(Exception):  # it may be gone; that has been told
            self._stage.finish()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_HANGS_S)
        self._process.kill()
        self._process.wait()
        self._provider.close()
        self._folder.cleanup()

    def _said(self, request: bytes, random: Random) -> None:
        """Say *request* in pieces, and read until nothing comes any more."""
        with socket.create_connection(("127.0.0.1", self._tap), timeout=_HANGS_S) as client, suppress(OSError):
            while request:
                size = random.choice((1, 7, 100, len(request)))
                client.sendall(request[:size])
                request = request[size:] if size > 1 else request[1:]
            client.settimeout(_SILENT_S)
            while client.recv(1 << 16):
                pass

    def _hurt(self) -> str:
        """What can be seen of harm to the wire itself."""
        if (status := self._process.poll()) is not None:
            return f"the wire ended with status {status}"
        log = self._log.read_text(errors="replace")
        if "Traceback" in log:  # a sentence about what it could not carry is what is wanted
            self._log.write_text("")
            return f"the wire says: {' '.join(log.split())[-300:]}"
        try:
            self._stage.counts()
            for name, row in ((ATTEMPTS, Attempt), (ARRIVALS, Arrival)):
                rows = list(read_rows(self._rows / name, row))
                if any("user:password@" in one.path for one in rows):
                    return f"{name} tells a secret"
                if any(one.outcome == "broken" for one in rows):
                    return f"{name} has what the wire itself broke"
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            return f"{type(error).__name__}: {str(error)[:200]}"
        return ""

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._provider.accept()
            except OSError:
                return
            threading.Thread(target=self._reply, args=(connection,), daemon=True).start()

    def _reply(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(_HANGS_S)
            while connection.recv(1 << 16):
                connection.sendall(self._answer)
