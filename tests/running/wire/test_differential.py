"""Every shape is sent to a provider directly and through the wire: the client's result, what the provider got, and how often, are equal.

A shape is one entry in `tests/wire_shapes/`.
"""

from __future__ import annotations

import http.client
import socket

import pytest
from wire_shapes import answers, requests
from wire_shapes.shape import Shape

_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "trailer", "upgrade"}
_ONE_CONNECTIONS = {*_HOP_BY_HOP, "host"}


def _provide(provider, shape: Shape) -> None:
    """Have *provider* do what *shape* says, once for each request."""

    async def script(request, line) -> None:
        if not shape.early:
            await say(line)

    async def say(line) -> None:
        line.write(shape.answers)
        await line.flushed()
        if shape.then:
            getattr(line, shape.then)()

    def on_head(line) -> None:
        if shape.early:
            provider.tasks.add(provider.loop.create_task(say(line)))
        elif shape.goes_on:
            line.write(shape.goes_on)

    provider.script, provider.on_head = script, on_head


def _result(shape: Shape, port: int) -> dict[str, object]:
    """What a client that is well known makes of the exchange."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(shape.asks):
            if shape.goes_on and number == len(shape.asks) - 1:
                assert connection.recv(len(shape.goes_on), socket.MSG_WAITALL) == shape.goes_on
            connection.sendall(piece)
        method = shape.asks[0].partition(b" ")[0].decode() if len(shape.asks[0]) > 1 else "POST"
        with http.client.HTTPResponse(connection, method=method) as answer:
            return _read(answer, shape)


def _read(answer: http.client.HTTPResponse, shape: Shape) -> dict[str, object]:
    try:
        answer.begin()
        coded = answer.getheader("Transfer-Encoding", "")
        if coded.rpartition(",")[2].strip().lower() == "chunked":
            # It knows the word alone, and not behind another coding (RFC 9112, 6.3).
            answer.chunked, answer.chunk_left, answer.length, answer.will_close = True, None, None, False
        headers = [line for line in answer.getheaders() if line[0].lower() not in _HOP_BY_HOP]
        if shape.differs == "heads":
            # Equal by what they mean: each value in one line, one length at most, and none beside chunks.
            headers = sorted({(name, " ".join(value.split())) for name, value in headers if name != "Content-Length"})
        result: dict[str, object] = {"status": answer.status, "reason": answer.reason, "headers": headers}
        result["coded"] = coded.rpartition(",")[0].strip().lower()
        result["body"] = answer.read()
    except (http.client.HTTPException, OSError, ValueError) as error:
        if isinstance(error, http.client.IncompleteRead):
            return {"cut": b"" if shape.differs == "chunks" else error.partial}
        return {"error": type(error)}
    return result


def _got(received) -> tuple[object, ...]:
    """What the provider got of a request, without what is said of one connection alone."""
    framed = [line for line in received.headers if line[0].lower() == "transfer-encoding"]
    kept = [line for line in received.headers if line[0].lower() not in _ONE_CONNECTIONS]
    return received.method, received.target, kept + framed, received.body


def _rows(wire, kit) -> tuple[object, object]:
    kit.eventually(
        lambda: len(wire.attempts()) == len(wire.arrivals()) == 1, "a row of the attempt, and one of its arrival"
    )
    return wire.attempts()[0], wire.arrivals()[0]


@pytest.mark.parametrize("shape", [*requests.PASSED, *answers.PASSED, *answers.READ_ALONG], ids=str)
def test_what_passes_is_the_same_as_without_the_wire(wire, provider, kit, shape: Shape) -> None:
    _provide(provider, shape)
    direct = _result(shape, provider.port)
    heard = [_got(received) for received in provider.accepted]
    provider.accepted.clear()

    assert _result(shape, wire.tap()) == direct
    attempt, arrival = _rows(wire, kit)
    assert [_got(received) for received in provider.accepted] == heard
    assert (arrival.outcome, arrival.status, attempt.status) == (shape.outcome, shape.status, shape.status)
    assert shape.reason in arrival.detail
    assert bool(shape.reason) == bool(arrival.detail)
    assert attempt.nonce == arrival.nonce
    if shape.tokens is not None:
        assert (arrival.tokens_in, arrival.tokens_out, arrival.tokens_from) == shape.tokens
    counts = wire.stage.counts()["east"]
    assert (counts.attempts, counts.arrivals, counts.forwarded) == (1, 1, len(heard))


@pytest.mark.parametrize("shape", answers.UNREADABLE, ids=str)
def test_an_answer_that_is_none_is_a_cut_and_the_row_says_why(wire, provider, kit, shape: Shape) -> None:
    _provide(provider, shape)
    assert {"error", "cut"} & set(_result(shape, wire.tap()))
    _, arrival = _rows(wire, kit)
    assert (arrival.outcome, arrival.status, len(provider.accepted)) == (shape.outcome, shape.status, 1)
    assert shape.reason in arrival.detail


@pytest.mark.parametrize("shape", requests.REFUSED, ids=str)
def test_a_request_that_cannot_pass_is_refused_with_one_line_and_the_row_says_why(wire, provider, kit, shape) -> None:
    result = _result(shape, wire.tap())
    body = result["body"]
    assert isinstance(body, bytes)
    assert (result["status"], body.count(b"\n")) == (400, 1)
    assert shape.refused.encode() in body
    assert b"secret" not in body
    _, arrival = _rows(wire, kit)
    assert (arrival.outcome, provider.accepted) == ("refused", [])
    assert shape.refused in arrival.detail
    assert "secret" not in arrival.detail
