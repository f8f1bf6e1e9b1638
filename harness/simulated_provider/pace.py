"""When the pieces of an answer are due: log-normal times that depend on the request alone, whatever else goes on."""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b

from harness.protocols.nonce import lot

_REMEMBERED = 20_000


def key(region: str, nonce: str, digest: str) -> str:
    """What chance hangs on for a request: whatever the run, which of its requests it is, or what it says where it carries no nonce."""
    return f"{region}/{lot(nonce) or digest}"


class Pace:
    """Draws for the requests of one provider, from its *seed*.

    The draw is of the request's key and of how often that key has come, so that a try again is a new draw, as it would
    be at a real provider, and yet the same in every run with the same seed.
    """

    def __init__(self, seed: int, *, first_token_s: float, token_gap_s: float, sigma: float) -> None:
        self._seed = seed
        self._first_token_s = first_token_s
        self._token_gap_s = token_gap_s
        self._sigma = sigma
        self._tries: OrderedDict[str, int] = OrderedDict()

    def due_s(self, key: str, pieces: int) -> list[float]:
        """Seconds after the work on the request *key* begins at which each of its *pieces* is due, in order."""
        return list(self._due_s(self._next(key), pieces))

    def _due_s(self, chance: random.Random, pieces: int) -> Iterator[float]:
        at_s = 0.0
        for piece in range(pieces):
            median_s = self._token_gap_s if piece else self._first_token_s
            at_s += median_s * math.exp(chance.gauss(0.0, self._sigma))
            yield at_s

    def _next(self, key: str) -> random.Random:
        count = self._tries[key] = self._tries.pop(key, 0) + 1
        if len(self._tries) > _REMEMBERED:
            self._tries.popitem(last=False)
        digest = blake2b(f"{self._seed}/{key}/{count}".encode(), digest_size=16).digest()
        return random.Random(int.from_bytes(digest, "big"))
