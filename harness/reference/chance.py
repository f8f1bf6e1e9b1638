"""What an assistant leaves to chance hangs on its seed: each request has draws of its own, in the order in which requests come."""

from __future__ import annotations

import random
from itertools import count


class Chance:
    """The draws of the assistant of one *region*: one that waits longer than in another run takes none of those of the next request."""

    def __init__(self, seed: int, region: str) -> None:
        self._of = f"{seed}/{region}"
        self._requests = count()

    def next(self) -> random.Random:
        """The draws of the request that comes now."""
        return random.Random(f"{self._of}/{next(self._requests)}")

    def seed_the_rest(self) -> None:
        """Have what libraries draw, such as an SDK before it tries again, hang on the seed too, in the order in which they draw."""
        random.seed(self._of)
