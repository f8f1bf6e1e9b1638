"""One direction of one connection, on which what is said can come out later, slowly, in slices, or not to its end."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple

from harness.faults.delays import late_s
from harness.faults.effects import CutAfter, Late, LateEnd, Narrow, Shape, Sliced

_KEPT_BYTES = 1 << 18
"""So much is kept on a lane; then who speaks has to wait, as in a network whose buffers are full."""
_PACE_S = 0.05
"""What a rate lets through comes in pieces of so long."""
_LEAST_BYTES_PER_S = 1e-3
_BURST_S = 0.001
"""What comes within so long of what came before it is one piece of a network's to draw a delay for."""


class InForce(NamedTuple):
    """One *shape*, and *since_s* when on the monotonic clock."""

    shape: Shape
    since_s: float


class _Piece(NamedTuple):
    came_s: float
    due_s: float
    data: bytes
    then: Callable[[], None] | None  # what the end of the lane is told to


class Lane:
    """What is said on it goes to *out*, in order; *shaped* is told the name of a fault when that first does something to it.

    *eased* is called when it can keep more again, and *cut* when a shape ends the connection: by ``close`` or ``reset``. What is left to
    chance hangs on *seed* alone; where that is empty, the median stands for whatever would be drawn. It is in *busy* while anything is on
    its way.
    """

    def __init__(
        self,
        out: Callable[[bytes], None],
        eased: Callable[[], None],
        cut: Callable[[str], None],
        shaped: Callable[[str], None],
        busy: set[Lane],
        seed: str,
    ) -> None:
        self._out, self._eased, self._cut, self._shaped, self._busy = out, eased, cut, shaped, busy
        self._seed = seed
        self._chances: dict[str, random.Random] = {}
        self._loop = asyncio.get_running_loop()  # whose own clock may stand still for a turn
        self.shapes: Mapping[str, InForce] = {}
        """What is in force on it, by fault."""
        self._pieces: deque[_Piece] = deque()
        self._bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._last_s = 0.0  # when the last piece is due
        self._burst: tuple[float, dict[str, float]] = (
            0.0,
            {},
        )  # when something last came, and how late each shape has that be
        self._left: dict[str, int] = {}  # bytes until a shape cuts
        self._ended = False

    @property
    def full(self) -> bool:
        """Whether nothing more should be said for now."""
        return self._bytes > _KEPT_BYTES

    def shape(self, shapes: Mapping[str, InForce]) -> None:
        """From now on *shapes* are in force, by fault; what is on its way is as late as they say, counted from when it came."""
        if shapes == self.shapes:
            return
        self._left = {
            fault: self._left.get(fault, one.shape.after_bytes)
            for fault, one in shapes.items()
            if isinstance(one.shape, CutAfter)
        }
        self.shapes = shapes
        # A connection may outlive thousands of faults that come and go, and what one draws from is large.
        self._chances = {fault: chance for fault, chance in self._chances.items() if fault in shapes}
        self._burst = (0.0, {})
        under_way, self._last_s = list(self._pieces), 0.0
        self._pieces.clear()
        self._bytes = 0
        for piece in under_way:
            self._lay(piece.data, piece.came_s, piece.then)
        self._go_on()

    def say(self, data: bytes) -> None:
        """Something is said; where nothing is in its way, it has come out when this returns."""
        if self._ended:
            return
        if not self.shapes and not self._pieces:
            self._out(data)
            return
        allowed, cut_by = self._before_a_cut(data)
        if allowed:
            self._lay(allowed, time.monotonic(), None)
        if cut_by:
            self._ended = True
            self._lay(b"", time.monotonic(), lambda: self._cut(cut_by))
        self._go_on()

    def end(self, then: Callable[[], None]) -> None:
        """Nothing more will be said; *then* is called when all that was has come out."""
        if self._ended and self._pieces:
            return  # It is cut already.
        if not self.shapes and not self._pieces:
            then()
            return
        self._lay(b"", time.monotonic(), then)
        self._go_on()

    def forget(self) -> None:
        """Nothing that is on its way comes out any more."""
        self._pieces.clear()
        self._bytes = 0
        self._go_on()

    def close(self) -> None:
        """Nothing comes out any more, and nobody is told of anything."""
        self._out = self._eased = self._cut = self._shaped = _nobody
        self.shapes = {}
        self.forget()

    def _before_a_cut(self, data: bytes) -> tuple[bytes, str]:
        """What of *data* still passes, and how the connection ends then; empty: it does not."""
        cut_by = ""
        for fault, left in self._left.items():
            shape = self.shapes[fault].shape
            assert isinstance(shape, CutAfter)
            self._left[fault] = left - len(data)
            if left <= len(data):
                data, cut_by = data[:left], shape.by
                self._shaped(fault)
        return data, cut_by

    def _lay(self, data: bytes, came_s: float, then: Callable[[], None] | None) -> None:
        """Have *data*, or the end, come out when the shapes in force say."""
        due_s = came_s + self._late_s(came_s)
        if then is not None:
            due_s += self._late_end_s()
            self._put(_Piece(came_s, max(due_s, self._last_s), b"", then))
            return
        size, gap_s, per_byte_s = self._pace(came_s, len(data))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            after_s = self._last_s + gap_s if self._last_s else 0.0
            self._put(_Piece(came_s, max(due_s, after_s) + len(piece) * per_byte_s, piece, None))

    def _put(self, piece: _Piece) -> None:
        self._last_s = piece.due_s
        self._bytes += len(piece.data)
        self._pieces.append(piece)

    def _late_s(self, came_s: float) -> float:
        last_s, drawn = self._burst
        if came_s - last_s > _BURST_S:
            drawn = {}
        self._burst = (came_s, drawn)
        for fault, (shape, since_s) in self.shapes.items():
            if isinstance(shape, Late) and fault not in drawn:
                base_s = shape.base_s if shape.ramp is None else shape.ramp.at(shape.base_s, came_s - since_s)
                drawn[fault] = late_s(base_s, shape.jitter_s, shape.distribution, self._drawn(fault))
                self._shaped(fault)
        return sum(drawn.values())

    def _drawn(self, fault: str) -> float:
        if not self._seed:
            return 0.5
        if fault not in self._chances:
            self._chances[fault] = random.Random(f"{self._seed}/{fault}")
        return self._chances[fault].random()

    def _late_end_s(self) -> float:
        late = {fault: one.shape.delay_s for fault, one in self.shapes.items() if isinstance(one.shape, LateEnd)}
        for fault in late:
            self._shaped(fault)
        return max(late.values(), default=0.0)

    def _pace(self, came_s: float, size: int) -> tuple[int, float, float]:
        """How large a piece may be, how far apart two of them are at least, and how long each byte takes."""
        slice_bytes, gap_s, per_byte_s = max(1, size), 0.0, 0.0
        for fault, (shape, since_s) in self.shapes.items():
            match shape:
                case Sliced():
                    if size > shape.slice_bytes:
                        self._shaped(fault)
                    slice_bytes, gap_s = min(slice_bytes, shape.slice_bytes), max(gap_s, shape.gap_s)
                case Narrow():
                    rate, ramp = shape.bytes_per_s, shape.ramp
                    rate = max(_LEAST_BYTES_PER_S, rate if ramp is None else ramp.at(rate, came_s - since_s))
                    slice_bytes = min(slice_bytes, max(1, int(rate * _PACE_S)))
                    per_byte_s = max(per_byte_s, 1 / rate)
                    self._shaped(fault)
        return slice_bytes, gap_s, per_byte_s

    def _go_on(self) -> None:
        """Let out what is due, and be woken for the next."""
        was_full = self.full
        while self._pieces and self._pieces[0].due_s <= time.monotonic():
            piece = self._pieces.popleft()
            self._bytes -= len(piece.data)
            if piece.then is None:
                self._out(piece.data)
            else:
                piece.then()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pieces:
            self._busy.add(self)
            self._timer = self._loop.call_later(max(0.0, self._pieces[0].due_s - time.monotonic()), self._go_on)
        else:
            self._busy.discard(self)
        if was_full and not self.full:
            self._eased()


def _nobody(*_: object) -> None:
    """Takes whatever it is told."""
