"""A URL asked once over HTTP, in a bounded time, and never led elsewhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import IO

_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back; *headers* by their names in small letters."""

    status: int
    text: str
    headers: Mapping[str, str]


class NoAnswerError(OSError):
    """Nobody answered in time; the message says why."""


def ask(
    url: str,
    *,
    proxy: str = "",
    method: str = "GET",
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    within_s: float = 1.0,
) -> Answered:
    """What *url* answers, whatever its status. Raises NoAnswerError where it is silent for longer than *within_s*.

    It is asked through the HTTP *proxy* where there is one, and through none that the environment names.
    """
    asked = urllib.request.Request(  # noqa: S310 - of http and https alone, as is checked where it was written
        url, body.encode() if body is not None else None, dict(headers or {}), method=method
    )
    try:
        way = urllib.request.ProxyHandler({asked.type: proxy} if proxy else {})
        with urllib.request.build_opener(way, _ToldNotFollowed).open(asked, timeout=within_s) as answer:
            return Answered(answer.status, _text(answer), _lowered(answer.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, _text(error), _lowered(error.headers))
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        why = (isinstance(reason, OSError) and reason.strerror) or reason or type(error).__name__
        raise NoAnswerError(f"{url} gave no answer: {why}") from error


class _ToldNotFollowed(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like another: who was named is asked, and nobody else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _text(answer: IO[bytes]) -> str:
    return answer.read(_BYTES_MAX).decode("utf-8", "replace")


def _lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
