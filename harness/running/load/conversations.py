"""What each conversation has seen so far, and which of its turns are still open."""

from __future__ import annotations

from typing import NamedTuple

from harness.protocols.asking import Exchange
from harness.protocols.nonce import unmarked


class Before(NamedTuple):
    """How things stand in a conversation when its next turn is sent."""

    name: str  # what the conversation is called towards the target
    seen_version: int | None  # the newest snapshot version in any of its answers
    overlapped: bool  # the turn before this one is still open
    history: tuple[Exchange, ...] = ()  # what of its question was asked and answered before


class Conversations:
    """The conversations of one worker; *prefix* makes their names the run's own, since a target may outlive a run."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._names: dict[int, str] = {}
        self._seen: dict[int, int] = {}
        self._open: set[tuple[int, int]] = set()
        self._said: dict[int, list[Exchange]] = {}

    def name(self, conversation: int) -> str:
        """The name that this side gives it."""
        return f"{self._prefix}-c{conversation}"

    def open(self, conversation: int, turn: int) -> Before:
        """Note that *turn* is sent, and return how things stand."""
        self._open.add((conversation, turn))
        name = self._names.get(conversation) or self.name(conversation)
        overlapped = (conversation, turn - 1) in self._open
        return Before(name, self._seen.get(conversation), overlapped, tuple(self._said.get(conversation, ())))

    def begin(self, conversation: int) -> None:
        """Note that another question begins, to which nothing that was said before belongs."""
        self._said.pop(conversation, None)

    def answered(self, conversation: int, question: str, answer: str) -> None:
        """Note what was asked and answered, for the turns of the same question that follow."""
        self._said.setdefault(conversation, []).append(Exchange(question, unmarked(answer)))

    def close(self, conversation: int, turn: int, snapshot_version: int | None, name: str | None) -> None:
        """Note that *turn* has ended; its answer stood on *snapshot_version*, and called the conversation *name*."""
        self._open.discard((conversation, turn))
        if snapshot_version is not None:
            self._seen[conversation] = max(snapshot_version, self._seen.get(conversation, snapshot_version))
        if name:
            self._names[conversation] = name
