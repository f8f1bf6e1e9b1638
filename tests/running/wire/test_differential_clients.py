"""Real clients get from the wire what they get without it, and the provider is asked as often, and the same.

A call of a client is one entry in `tests/wire_shapes/clients.py`.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from wire_shapes.clients import USES, Use

_OF_ONE_CONNECTION = {"connection", "transfer-encoding", "host"}
_BOUNDARY = re.compile(rb"[0-9a-f]{32}")


def _provide(provider, use: Use) -> None:
    async def script(request, line) -> None:
        if not use.early:
            line.write(use.answers)

    def on_head(line) -> None:
        if use.early:
            line.write(use.answers)
        elif dict(line.headers).get("Expect"):
            line.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    provider.script, provider.on_head = script, on_head


def _result(use: Use, port: int) -> object:
    try:
        return use.call(f"http://127.0.0.1:{port}")
    except Exception as error:  # noqa: BLE001 - whatever a client makes of it is its result
        return type(error), str(error).replace(str(port), "PORT")


def _got(received) -> tuple[object, ...]:
    kept = [(name.lower(), _BOUNDARY.sub(b"B", value.encode())) for name, value in received.headers]
    said = sorted(line for line in kept if line[0] not in _OF_ONE_CONNECTION)
    return received.method, received.target, said, _BOUNDARY.sub(b"B", received.body)


@pytest.mark.parametrize("use", USES, ids=str)
def test_a_client_gets_the_same_and_the_provider_is_asked_as_often(wire, provider, kit, use: Use) -> None:
    _provide(provider, use)
    direct = _result(use, provider.port)
    asked = [_got(received) for received in provider.accepted]
    provider.accepted.clear()

    assert use.fails == (isinstance(direct, tuple) and isinstance(direct[0], type)), direct
    assert _result(use, wire.tap()) == direct
    kit.eventually(lambda: len(wire.attempts()) == len(wire.arrivals()) == len(use.statuses))
    if not use.early:  # else the rest of the request has nobody to go to
        assert len(asked) == len(use.statuses)
        assert [_got(received) for received in provider.accepted] == asked
    assert [row.status for row in wire.arrivals()] == [row.status for row in wire.attempts()] == list(use.statuses)
    assert Counter(row.outcome for row in wire.arrivals()) == {"complete": len(use.statuses)}
    assert [row.nonce for row in wire.attempts()] == [row.nonce for row in wire.arrivals()]


def test_a_client_that_was_told_something_else_would_be_seen(wire, provider) -> None:
    """The twin."""
    use = USES[0]
    _provide(provider, use)
    direct = _result(use, provider.port)
    _provide(provider, Use("another", use.call, use.answers.replace(b"Good day", b"Bad news")))
    assert _result(use, wire.tap()) != direct
