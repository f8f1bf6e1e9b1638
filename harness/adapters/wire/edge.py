"""The edge: a streaming reverse proxy between Toxiproxy and a provider, which can also answer in the provider's place.

Nothing is invented: where the provider closes, the client sees a close, and no status comes from here but a fault's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import aiohttp
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler
from multidict import CIMultiDict

from harness.adapters.wire import openai_errors
from harness.adapters.wire.answer import Head, UnreadableError
from harness.adapters.wire.conversation import SECRET, path_alone
from harness.adapters.wire.headers import end_to_end
from harness.adapters.wire.ledger import Ledger
from harness.adapters.wire.nonce import NonceSearch
from harness.adapters.wire.reading import Prompt, Reader, reader
from harness.adapters.wire.rules import Rules, Verdict
from harness.adapters.wire.upstream import Call, Upstream
from harness.records import Arrival, ArrivalOutcome

PROBE_PATH = "/.harness/probe"
PROBE_HEADER = "x-harness-probe"

_NOT_ASKED_ON = frozenset({b"host", b"content-length", b"expect"})
# aiohttp adds these to every answer.
_ADDED = (hdrs.SERVER, hdrs.DATE, hdrs.CONTENT_TYPE)
_LINE_BYTES_MAX = 1 << 16
_KEEP_ALIVE_S = 3600.0
_CLOSING_S = 1.0

_log = logging.getLogger(__name__)
# aiohttp quotes what it cannot parse, and a secret may be in it.
_SILENT = logging.getLogger(f"{__name__}.unparsed")
_SILENT.disabled = True


class Edge:
    """The edge of *link*, in front of *upstream*; `rules` are the faults it makes true. Needs a running event loop."""

    def __init__(self, link: str, upstream: str, *, ca: Path | None, seed: int, arrivals: Ledger[Arrival]) -> None:
        self.link = link
        self.rules = Rules(seed)
        self.by_fault: Counter[str] = Counter()
        self.upstream = Upstream(upstream, ca)
        self.arrivals = arrivals
        self.port = 0
        self._listener: asyncio.Server | None = None
        self._server: web.Server | None = None
        self._visits: set[asyncio.Task[object]] = set()
        self._afterwards: set[Call] = set()
        self._closing = False
        self._complaint = ""

    async def open(self) -> None:
        """Listen on a free port of 127.0.0.1, which is *port* from then on."""
        self._server = web.Server(
            self._visit,
            request_factory=_request,
            handler_cancellation=True,  # else a client's leaving would not be noticed
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,
            keepalive_timeout=_KEEP_ALIVE_S,
            max_line_size=_LINE_BYTES_MAX,
            max_field_size=_LINE_BYTES_MAX,
        )
        self._listener = await asyncio.get_running_loop().create_server(self._server, "127.0.0.1", 0, backlog=1024)
        self.port = int(self._listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Listen no more and end all visits; what was being written to the provider is written whole or not at all.

        Rows of visits that had not ended are left to the ledger.
        """
        self._closing = True
        if self._listener is not None:
            self._listener.close()
        for visit in self._visits:
            visit.cancel()
        late_s = time.monotonic() + _CLOSING_S
        while (self._visits or self._afterwards) and time.monotonic() < late_s:
            await asyncio.sleep(0.002)
        for connection in self._server.connections if self._server else ():
            connection.force_close()
        self.upstream.close()

    async def _visit(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == PROBE_PATH and PROBE_HEADER in request.headers:
            await request.content.read()
            return web.Response(status=204)
        task: asyncio.Task[object] | None = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            return await _Visit(self, request).answer()
        except _CutError:
            await _cut(request)
        except Exception:  # noqa: BLE001 - a defect of ours must not look like the provider's 500: it is a cut, and it is said.
            _log.exception("link %s: a request could not be carried", self.link)
            await _cut(request)
        finally:
            self._visits.discard(task)
        # What has been cut needs no answer; aiohttp understands this.
        raise asyncio.CancelledError

    def end(self, arrival: Arrival, outcome: ArrivalOutcome) -> None:
        """Write down that *arrival* has ended."""
        if self._closing and outcome == "client_left":
            arrival.end_s = None  # It was not the client who ended it: the ledger has it as unfinished.
            return
        arrival.outcome = outcome
        if arrival.end_s is None:
            arrival.end_s = time.monotonic()
        self.arrivals.end(arrival)

    def afterwards(self, call: Call, then: Callable[[], None]) -> None:
        """Have *call* come to its end although its client has left, and then call *then*."""

        def ended() -> None:
            self._afterwards.discard(call)
            then()

        self._afterwards.add(call)
        call.let_go(ended)

    def complain(self, error: Exception) -> None:
        """Say once what is wrong with the provider, as long as it is the same."""
        complaint = f"{type(error).__name__}: {error}"
        if complaint != self._complaint:
            self._complaint = complaint
            _log.warning("link %s: the provider cannot be reached: %s", self.link, complaint)


class _CutError(Exception):
    """The client's connection is to be closed without an end to its answer."""


class _Visit:
    """One request, which is an arrival once it is whole, from its head to its row."""

    def __init__(self, edge: Edge, request: web.BaseRequest) -> None:
        self._edge = edge
        self._request = request
        self._arrival = Arrival(edge.link, time.monotonic(), path=path_alone(request.raw_path))
        self._prompt = Prompt(b"")

    async def answer(self) -> web.StreamResponse:
        try:
            body = await self._body()
        except (aiohttp.ClientError, OSError, web.RequestPayloadError) as error:
            raise _CutError from error
        # What a fault left of half a request has not arrived.
        self._edge.arrivals.begin(self._arrival)
        self._read(body)
        verdict = self._edge.rules.judge(self._arrival.nonce, time.monotonic())
        if verdict.status:
            return self._answer_for_fault(verdict)
        return await self._pass_on(body, verdict)

    async def _body(self) -> bytes:
        if self._request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            writer = self._request.writer
            await writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            writer.output_size = 0
        return await self._request.content.read()

    def _read(self, body: bytes) -> None:
        search = NonceSearch()
        for name, value in self._request.raw_headers:
            if name.lower() not in SECRET:
                search.whole(value)
        search.whole(body)
        self._prompt = Prompt(body)
        self._arrival.nonce = search.found
        self._arrival.messages_sha256 = self._prompt.messages_sha256

    def _answer_for_fault(self, verdict: Verdict) -> web.StreamResponse:
        arrival = self._arrival
        identity = f"{self._edge.link}/{arrival.nonce}/{self._edge.arrivals.begun[self._edge.link]}"
        request_id = "req_" + blake2b(identity.encode(), digest_size=16).hexdigest()
        if verdict.limited is not None:
            answer = openai_errors.rate_limited(verdict.limited, model=self._prompt.model, request_id=request_id)
        else:
            answer = openai_errors.error(verdict.status, request_id=request_id)
        self._edge.by_fault[verdict.fault_id] += 1
        arrival.fault = verdict.fault_id
        arrival.status = answer.status
        arrival.first_byte_s = time.monotonic()
        self._edge.end(arrival, "answered_by_fault")
        self._keep(answer.headers)
        return web.Response(status=answer.status, reason=answer.reason, body=answer.body, headers=answer.headers)

    async def _pass_on(self, body: bytes, verdict: Verdict) -> web.StreamResponse:
        edge, arrival = self._edge, self._arrival
        coming = _Coming()
        call = self._call(body, coming)
        call.begin()
        try:
            head = await coming.head()
        except asyncio.CancelledError:
            arrival.end_s = time.monotonic()
            edge.afterwards(call, lambda: edge.end(arrival, "client_left"))
            raise
        except (UnreadableError, OSError) as error:
            if arrival.forwarded_s is None:
                edge.complain(error)
            edge.end(arrival, "closed")
            raise _CutError from error
        arrival.first_byte_s = time.monotonic()
        arrival.status = head.status
        try:
            return await self._stream(head, coming, verdict)
        except asyncio.CancelledError:
            edge.end(arrival, "client_left")
            raise
        finally:
            if arrival.outcome != "complete":
                call.end()

    def _call(self, body: bytes, coming: _Coming) -> Call:
        request = self._request
        headers = end_to_end(list(request.raw_headers), _NOT_ASKED_ON)
        if body or request.method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", b"%d" % len(body)))
        target = request.raw_path if request.raw_path.startswith("/") else request.rel_url.raw_path_qs
        upstream = self._edge.upstream
        said = upstream.request(request.method.encode(), target.encode("utf-8", "surrogateescape"), headers, body)
        return Call(upstream, said, coming, self._arrival, to_head=request.method == "HEAD")

    async def _stream(self, head: Head, coming: _Coming, verdict: Verdict) -> web.StreamResponse:
        passed = end_to_end(head.headers)
        headers = CIMultiDict((name.decode("latin-1"), value.decode("latin-1")) for name, value in passed)
        if verdict.limited is not None:
            headers.update(openai_errors.limit_headers(verdict.limited))
        out = web.StreamResponse(status=head.status, reason=head.reason.decode("latin-1"), headers=headers)
        self._keep(headers)
        reading = reader(head.status, headers.get(hdrs.CONTENT_TYPE, ""), headers.get(hdrs.CONTENT_ENCODING, ""))
        try:
            await self._write(out.prepare(self._request))
            while piece := await self._next(coming):
                await self._write(out.write(piece))
                reading.feed(piece)
        finally:
            self._count_tokens(reading)
        await self._write(out.write_eof())
        self._edge.end(self._arrival, "complete")
        return out

    def _keep(self, headers: Iterable[str]) -> None:
        assert isinstance(self._request, _Request)
        self._request.kept = frozenset(name.lower() for name in headers)

    async def _next(self, coming: _Coming) -> bytes:
        try:
            return await coming.next()
        except (UnreadableError, OSError) as error:
            self._edge.end(self._arrival, "truncated")
            raise _CutError from error

    async def _write(self, write: Coroutine[object, object, object]) -> None:
        try:
            await write
        except (ConnectionError, aiohttp.ClientConnectionError) as error:
            self._edge.end(self._arrival, "client_left")
            raise _CutError from error

    def _count_tokens(self, reading: Reader) -> None:
        self._arrival.tokens_out = reading.end()
        counted = reading.tokens_in
        self._arrival.tokens_in = self._prompt.tokens_estimate if counted is None else counted


class _Coming:
    """An answer that is waited for."""

    def __init__(self) -> None:
        self._head: Head | None = None
        self._pieces: list[bytes] = []
        self._whole = False
        self._error: Exception | None = None
        self._news = asyncio.Event()

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        self._head = head
        self._pieces += pieces
        self._whole = whole
        self._news.set()

    def fail(self, error: Exception) -> None:
        self._error = error
        self._news.set()

    async def head(self) -> Head:
        while self._head is None:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._head

    async def next(self) -> bytes:
        while not self._pieces and not self._whole:
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _Request(web.BaseRequest):
    """A request whose answer gets no header from aiohttp but those in *kept*; all of them where that is None."""

    kept: frozenset[str] | None = None

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        if self.kept is not None:
            for name in _ADDED:
                if name.lower() not in self.kept:
                    response.headers.popall(name, None)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> _Request:
    return _Request(message, payload, protocol, writer, task, asyncio.get_running_loop())


async def _cut(request: web.BaseRequest) -> None:
    # uvloop writes what is queued at the end of this turn.
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.close()
