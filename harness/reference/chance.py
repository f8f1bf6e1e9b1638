"""What an assistant leaves to chance hangs on its seed: each request has draws of its own, in the order in which requests come."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count

_draws: ContextVar[random.Random] = ContextVar("draws of the request that is being answered")


class Chance:
    """The draws of the assistant of one *region*: one that waits longer than in another run takes none of those of the next request."""

    def __init__(self, seed: int, region: str) -> None:
        self._of = f"{seed}/{region}"
        self._requests = count()

    def next(self) -> random.Random:
        """The draws of the request that comes now; those of the libraries that answer it, too, within `of_request`."""
        draws = random.Random(f"{self._of}/{next(self._requests)}")
        _draws.set(draws)
        return draws

    def seed_the_rest(self) -> None:
        """Have what libraries draw at any other time hang on the seed too, in the order in which they draw."""
        random.seed(self._of)


@contextmanager
def of_request() -> Iterator[None]:
    """What a library draws from `random` meanwhile is of the request that is being answered; nothing can be awaited here."""
    draws = _draws.get(None)
    if draws is None:
        yield
        return
    others = random.getstate()
    random.seed(draws.random())
    try:
        yield
    finally:
        random.setstate(others)
