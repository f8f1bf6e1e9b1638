"""What the answers to a question of several turns are kept under, each for itself."""

from __future__ import annotations


def asked_as(question: str, step: int) -> str:
    """The id of *question*, and from the second of its requests on which of them it was: ``refund``, ``refund#2``; no id has a #."""
    return question if step == 0 else f"{question}#{step + 1}"
