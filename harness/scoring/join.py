"""Which request each attempt belongs to, by the nonce that both carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.scoring.interval import Interval
from harness.scoring.shares import wilson


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """*request*: position of each attempt's request, -1 for none; *attempts*: how many each request has."""

    request: npt.NDArray[np.int64]
    attempts: npt.NDArray[np.int64]

    @property
    def join_ratio(self) -> Interval:
        """The share of attempts whose request is known."""
        return wilson(int((self.request >= 0).sum()), self.request.size)


def join(request_nonces: Sequence[str], attempt_nonces: Sequence[str]) -> Joined:
    """Each attempt with its request.

    No nonce, and one that two requests carry, belongs to none: to guess would invent retries.
    """
    position: dict[str, int] = {}
    for i, nonce in enumerate(request_nonces):
        position[nonce] = -1 if nonce in position else i
    position[""] = -1
    request = np.fromiter((position.get(nonce, -1) for nonce in attempt_nonces), np.int64, len(attempt_nonces))
    return Joined(request, np.bincount(request[request >= 0], minlength=len(request_nonces)).astype(np.int64))
