"""A request to a provider is sent at most once: again never, and on a fresh connection where the kept one had ended before."""

from __future__ import annotations

import asyncio

import pytest

from harness.http1.answer_head import Head
from harness.record.rows import Arrival
from harness.running.wire.edge.upstream import Upstream
from harness.running.wire.edge.upstream_request import UpstreamRequest

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)


class Heard:
    """Who asked, and what became of it."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.status = 0
        self.error: Exception | None = None

    def hold_back(self, *, full: bool) -> None: ...

    def hear_interim(self, head: Head) -> None: ...

    def switched(self, head: Head, said: bytes, transport: asyncio.Transport) -> None: ...

    def hear(self, head: Head, pieces: list[bytes], *, whole: bool) -> None:
        self.status = head.status
        if whole:
            self.over.set()

    def fail(self, error: Exception) -> None:
        self.error = error
        self.over.set()


async def _asked(upstream: Upstream, request: bytes) -> tuple[Heard, Arrival]:
    heard, arrival = Heard(), Arrival("east", 0.0)
    asking = UpstreamRequest(upstream, heard, arrival, to_head=False)
    asking.begin()
    for at in range(0, len(request), 50):
        asking.say(request[at : at + 50], last=at + 50 >= len(request))
    await asyncio.wait_for(heard.over.wait(), 10)
    return heard, arrival


@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_kept_connection_that_had_ended_before_is_not_used_and_a_fresh_one_is(provider, kit, new_loop, end) -> None:
    async def main() -> None:
        upstream = Upstream(f"http://127.0.0.1:{provider.port}")
        await _asked(upstream, kit.post())
        # Nothing here lets the event loop run, so that it cannot have read of the end.
        kept = upstream.take()
        assert kept is not None
        assert not kept.left
        provider.call(getattr(provider.lines[0], end))
        kit.eventually(lambda: kept.left)
        upstream.keep(kept)

        heard, arrival = await _asked(upstream, kit.post())
        assert (heard.status, arrival.redials, upstream.tally.redials) == (200, 1, 1)
        assert upstream.tally.forwarded == 2
        upstream.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert [request.connection for request in provider.accepted] == [1, 2]


def test_a_kept_connection_that_is_still_there_is_used_again(provider, kit, new_loop) -> None:
    async def main() -> None:
        upstream = Upstream(f"http://127.0.0.1:{provider.port}")
        for _ in range(3):
            heard, arrival = await _asked(upstream, kit.post())
            assert (heard.status, arrival.redials) == (200, 0)
        upstream.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert [request.connection for request in provider.accepted] == [1, 1, 1]


def test_one_that_ends_once_the_request_is_written_is_told_as_it_is(provider, kit, new_loop) -> None:
    async def script(request, line) -> None:
        line.write(kit.answer()) if line.nth == 1 else line.close()

    provider.script = script

    async def main() -> None:
        upstream = Upstream(f"http://127.0.0.1:{provider.port}")
        await _asked(upstream, kit.post())
        heard, arrival = await _asked(upstream, kit.post())
        assert (heard.status, arrival.redials) == (0, 0)
        assert isinstance(heard.error, ConnectionError)
        upstream.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert len(provider.accepted) == 2


def test_of_a_client_who_left_a_provider_that_reads_no_more_gets_no_whole_request(
    provider, kit, new_loop, monkeypatch
) -> None:
    monkeypatch.setattr("harness.running.wire.edge.upstream_request._WHOLE_WITHIN_S", 0.05)
    provider.on_bytes = lambda line, data: line.transport.pause_reading()

    async def main() -> None:
        upstream, arrival, ended = Upstream(f"http://127.0.0.1:{provider.port}"), Arrival("east", 0.0), asyncio.Event()
        asking = UpstreamRequest(upstream, Heard(), arrival, to_head=False)
        asking.begin()
        asking.say(kit.post(bytes(kit.TOO_MUCH)), last=True)
        asking.let_go(ended.set)
        await asyncio.wait_for(ended.wait(), 10)
        assert (arrival.forwarded_s, upstream.tally.forwarded) == (None, 0)
        upstream.close()

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
    assert provider.accepted == []
