"""What a worker on another machine says to the person who started it there."""

from __future__ import annotations

from contextlib import suppress


def say(text: str) -> None:
    """Tell the person at this machine."""
    with suppress(OSError, ValueError):
        print(text, flush=True)  # noqa: T201 - its terminal is where a person looks
