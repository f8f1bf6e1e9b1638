"""What each conversation has seen so far, and which of its turns are still open."""

from __future__ import annotations

from typing import NamedTuple


class Before(NamedTuple):
    """How things stand in a conversation when its next turn is sent."""

    name: str  # what the conversation is called towards the target
    seen_version: int | None  # the newest snapshot version in any of its answers
    overlapped: bool  # the turn before this one is still open


class Conversations:
    """The conversations of one worker; *prefix* makes their names the run's own, since a target may outlive a run."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[int, str] = {}
        self._seen: dict[int, int] = {}
        self._open: set[tuple[int, int]] = set()

    def name(self, conversation: int) -> str:
        """The name that this side gives it."""
        return f"{self._prefix}-c{conversation}"

    def open(self, conversation: int, turn: int) -> Before:
        """Note that *turn* is sent, and return how things stand."""
        self._open.add((conversation, turn))
        name = self._names.get(conversation) or self.name(conversation)
        return Before(name, self._seen.get(conversation), (conversation, turn - 1) in self._open)

    def close(self, conversation: int, turn: int, snapshot_version: int | None, name: str | None) -> None:
        """Note that *turn* has ended; its answer stood on *snapshot_version*, and called the conversation *name*."""
        self._open.discard((conversation, turn))
        if snapshot_version is not None:
            self._seen[conversation] = max(snapshot_version, self._seen.get(conversation, snapshot_version))
        if name:
            self._names[conversation] = name
