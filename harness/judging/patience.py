"""A pattern that somebody wrote, looked for in answers: where that takes too long on one of them, it is given up."""

from __future__ import annotations

from functools import cache
from typing import Any

WITHIN_S = 1.0
"""So long one answer is searched; a text of 64 KiB takes a pattern that is well less than a hundredth of that."""


class Search:
    """Looks for one *pattern*, until an answer takes too long: some patterns try a text in so many ways that it takes days."""

    def __init__(self, pattern: str) -> None:
        # As Python's own, which knows no limit of time; it is slow to load, and few scenarios have a pattern.
        import regex

        self._regex: Any = regex.compile(pattern)
        self.given_up = False
        """From then on nobody knows of any text whether it is found there."""

    def found(self, text: str) -> bool | None:
        """Whether it is found anywhere in *text*; None where it was given up."""
        if self.given_up:
            return None
        try:
            return self._regex.search(text, timeout=WITHIN_S) is not None
        except TimeoutError:
            self.given_up = True
            return None


@cache
def search_for(pattern: str) -> Search:
    """The one search for *pattern*: given up once, it is given up for all who ask."""
    return Search(pattern)
