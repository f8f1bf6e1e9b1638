"""The version of a Toxiproxy server, and what can be relied on from which version."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"(?<!\d)(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Version:
    """What a server says it is. A server built without a release's flags says ``git``; its *number* is None."""

    text: str
    number: tuple[int, int, int] | None

    def __str__(self) -> str:
        return self.text

    @property
    def supported(self) -> bool:
        """Whether it can be used at all: before 2.6 nothing could be changed by PATCH. ``git`` is taken to be newer."""
        return self.number is None or self.number >= (2, 6, 0)

    @property
    def lets_go_of_streams(self) -> bool:
        """Whether a toxic can be taken from a stream whose client has left.

        Before 2.13 the server waits for such a stream with its locks held. ``git`` is taken to be older.
        """
        return self.number is not None and self.number >= (2, 13, 0)


def parse(text: str) -> Version:
    """The version named anywhere in *text*; raises ValueError when there is none."""
    if match := _NUMBER.search(text):
        return Version(match[0], (int(match[1]), int(match[2]), int(match[3])))
    if re.search(r"\bgit\b", text):
        return Version("git", None)
    raise ValueError(f"{text[:80]!r} names no version of Toxiproxy; 2.12.0 or git would be one")
