"""The due times of a load that a trace gives: which of its rows are sent, and when, stated once for all who send."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

import msgspec

from harness.planning.schedule import Place, Share, conversation_count, even_shares, mine

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_BESIDE_S = 0.5
"""The rate of a moment is that of the second around it."""


class Recorded(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="recorded"):
    """All requests of a load as a trace has them, in arrays of machine numbers, one for each request; an empty one is not known.

    They are bytes, so that ten million of them pass from process to process at no cost, and who sends them needs no library.
    """

    due_s: bytes  # of doubles, which rise
    conversation: bytes = b""  # of 64-bit integers from 0 on
    question: bytes = b""  # of 64-bit integers, positions in the load's questions; -1: any
    tokens_in: bytes = b""  # of 64-bit integers; -1: not known
    tokens_out: bytes = b""
    turn_gap_s: float = 5.0
    seed: int = 1
    workers: int = 1  # as many share it

    def due_times(self) -> Iterator[float]:
        """When requests are due, in seconds after the load begins, in order."""
        return iter(memoryview(self.due_s).cast("d"))

    @property
    def requests(self) -> int:
        """How many requests are due in all."""
        return len(self.due_s) // 8

    @property
    def most_per_s(self) -> float:
        """How many are due in the second that has most."""
        return float(self._most_within(1.0))

    def per_s_at(self, at_s: float) -> float:
        """The rate *at_s* after the load begins, over the second around it."""
        return self.due_between(at_s - _BESIDE_S, at_s + _BESIDE_S) / (2 * _BESIDE_S)

    def due_between(self, start_s: float, end_s: float) -> float:
        """How many requests are due from *start_s* on and before *end_s*: exactly so many."""
        import numpy as np

        first, last = np.searchsorted(self._due(), (start_s, end_s))
        return float(last - first)

    @property
    def conversations(self) -> int:
        """How many conversations there are: those of the trace, else so many that two turns of one are a gap apart."""
        if self.conversation:
            import numpy as np

            return int(np.unique(np.frombuffer(self.conversation, np.int64)).size)
        return self._needed(self.workers)

    def share_sizes(self, of: int, most: int | None = None) -> list[int]:
        """How many requests each of so many workers sends, where no more than *most* are sent in all."""
        if not self.conversation:
            return even_shares(self.requests if most is None else min(self.requests, most), of)
        import numpy as np

        whose = np.frombuffer(self.conversation, np.int64)[:most]
        return [int(size) for size in np.bincount(whose % of, minlength=of)]

    def portion(self, share: Share) -> Fraction:
        """How large a part of all requests *share* is."""
        if not (self.conversation and self.requests):
            return Fraction(1, share.of)
        return Fraction(self.share_sizes(share.of)[share.number], self.requests)

    def places(self, share: Share) -> Iterator[Place]:
        """The requests of one worker: by their conversations where the trace has them, so that each stays on one worker; else by index."""
        sizes = (_integers(self.question), _integers(self.tokens_in), _integers(self.tokens_out))
        if not self.conversation:
            conversations = self._needed(math.lcm(self.workers, share.of))
            for index, due_s in mine(self.due_times(), share):
                turn, conversation = divmod(index, conversations)
                yield Place(index, due_s, conversation, turn, *(_at(size, index) for size in sizes))
            return
        turns: dict[int, int] = {}
        for index, (due_s, conversation) in enumerate(zip(self.due_times(), _integers(self.conversation), strict=True)):
            if conversation % share.of == share.number:
                turn = turns.get(conversation, 0)
                turns[conversation] = turn + 1
                yield Place(index, due_s, conversation, turn, *(_at(size, index) for size in sizes))

    def _needed(self, workers: int) -> int:
        # As many as are due within a gap, so that the next turn of the first of them is further away.
        return conversation_count(self._most_within(self.turn_gap_s), 1.0, workers)

    def _most_within(self, span_s: float) -> int:
        """How many are due at most from one of them on until *span_s* later."""
        import numpy as np

        due = self._due()
        return int((np.searchsorted(due, due + span_s) - np.arange(due.size)).max()) if due.size else 0

    def _due(self) -> Floats:
        import numpy as np

        return np.frombuffer(self.due_s, np.float64)


def _integers(of: bytes) -> memoryview:
    return memoryview(of).cast("q")


def _at(numbers: memoryview, index: int) -> int:
    """The one at *index*; -1 where there are none."""
    return int(numbers[index]) if numbers else -1
