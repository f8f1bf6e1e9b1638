"""What the presses of a client that were followed by another one came to, as the row of its request holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_ONE = re.compile(r"([a-z_]+) (\d+) (-?\d+\.\d+) (-?\d+\.\d+)")


class GivenUp(NamedTuple):
    """One press that did not serve its client: when it was sent and when it was over, in seconds after its request was due."""

    outcome: str
    status: int
    sent_s: float
    end_s: float


def written(presses: Iterable[GivenUp]) -> str:
    """*presses* in their order, as a row holds them: ``timed_out 0 0.001200 4.001300; error 503 5.002100 5.010400``."""
    return "; ".join(f"{one.outcome} {one.status} {one.sent_s:.6f} {one.end_s:.6f}" for one in presses)


def read(text: str) -> list[GivenUp]:
    """What `written` wrote; nothing of anything else."""
    found = map(_ONE.fullmatch, text.split("; ")) if text else ()
    return [GivenUp(said[1], int(said[2]), float(said[3]), float(said[4])) for said in found if said]
