"""A connection on which much comes is read one piece a turn, so that all others have theirs; one that is held back is not read."""

from __future__ import annotations

import asyncio
import socket

import pytest

from harness.running.wire.intake import Intake

pytestmark = pytest.mark.parametrize("new_loop", ["asyncio", "uvloop"], indirect=True)

MUCH = 1 << 24


class Reader(asyncio.Protocol):
    """Notes how much comes in each turn of the loop."""

    def __init__(self, *, one_a_turn: bool) -> None:
        self._one_a_turn = one_a_turn
        self.turn = 0
        self.pieces: list[tuple[int, int]] = []
        self.bytes = 0
        self.all = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "pause_reading")
        self.intake = Intake(transport)
        self._count()

    def _count(self) -> None:
        self.turn += 1
        if not self.all.is_set():
            asyncio.get_running_loop().call_soon(self._count)

    def data_received(self, data: bytes) -> None:
        if self._one_a_turn:
            self.intake.came(len(data))
        self.pieces.append((self.turn, len(data)))
        self.bytes += len(data)
        if self.bytes == MUCH:
            self.all.set()

    def most_in_a_turn(self) -> int:
        turns: dict[int, int] = {}
        for turn, size in self.pieces:
            turns[turn] = turns.get(turn, 0) + size
        return max(turns.values())


async def _read(*, one_a_turn: bool, held: bool = False) -> Reader:
    near, far = socket.socketpair()
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    with near, far:
        transport, reader = await asyncio.get_running_loop().create_connection(
            lambda: Reader(one_a_turn=one_a_turn), sock=near
        )
        if held:
            reader.intake.hold()
        saying = asyncio.create_task(asyncio.to_thread(far.sendall, bytes(MUCH)))
        if held:
            for _ in range(50):
                await asyncio.sleep(0)
            assert reader.bytes == 0
            reader.intake.release()
        await asyncio.wait_for(reader.all.wait(), 10)
        await saying
        transport.abort()
        await asyncio.sleep(0)
        return reader


@pytest.mark.parametrize("held", [False, True])
def test_much_is_read_one_piece_a_turn(new_loop, held: bool) -> None:
    with asyncio.Runner(loop_factory=new_loop) as runner:
        reader = runner.run(_read(one_a_turn=True, held=held))
    assert reader.most_in_a_turn() <= 1 << 18


def test_a_reader_that_is_released_within_its_turn_still_waits_for_the_next(new_loop) -> None:
    class Transport:
        paused = 0

        def is_closing(self) -> bool:
            return False

        def pause_reading(self) -> None:
            self.paused += 1

        def resume_reading(self) -> None:
            self.paused = 0

    async def main() -> None:
        transport = Transport()
        intake = Intake(transport)  # type: ignore[arg-type] - as much of one as it needs
        intake.came(1 << 20)
        intake.release()
        assert transport.paused
        await asyncio.sleep(0)
        assert not transport.paused
        intake.came(1 << 20)
        intake.hold()
        await asyncio.sleep(0)
        assert transport.paused
        intake.came(10)
        intake.release()
        assert not transport.paused

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
