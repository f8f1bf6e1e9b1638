"""What an edge says in a provider's place, and what it takes to say it in the words of one API or another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """What there is to say of a rate limit."""

    requests_per_min: int
    remaining: int  # that may come right now
    reset_s: float  # until as many as ever may come at once
    retry_s: float  # until the next one may come; 0 while some may right now


@dataclass(frozen=True, slots=True)
class Answer:
    """This is the answer, whole, and the provider is not asked."""

    status: int
    reason: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Words(Protocol):
    """How one API words its limits and errors; a module each."""

    def rate_limited(self, limit: Limit, *, model: str, request_id: str) -> Answer:
        """The answer to an attempt above the limit, which says when the next one may come."""

    def limit_headers(self, limit: Limit) -> dict[str, str]:
        """What an answer says of the limit while there is one, whether it was allowed or not."""

    def error(self, status: int, *, request_id: str) -> Answer:
        """The answer of a provider that fails with *status*, 400 to 599; it does not say when to come again."""


def phrase(status: int) -> str:
    """What HTTP calls *status*."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"
