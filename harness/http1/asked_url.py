"""A URL asked once over HTTP, in a bounded time, and never led elsewhere."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from time import monotonic
from typing import Any

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
    late_s = monotonic() + within_s
    try:
        way = urllib.request.ProxyHandler({asked.type: proxy} if proxy else {})
        with _opened(urllib.request.build_opener(way, _ToldNotFollowed), asked, within_s) as answer:
            return Answered(answer.status, _text(answer, late_s), _lowered(answer.headers))
    except (OSError, HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        why = (isinstance(reason, OSError) and reason.strerror) or reason or type(error).__name__
        raise NoAnswerError(f"{url} gave no answer: {why}") from error


class _ToldNotFollowed(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like another: who was named is asked, and nobody else."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opened(way: urllib.request.OpenerDirector, asked: urllib.request.Request, within_s: float) -> Any:
    """An answer of whatever status, once its head has come."""
    try:
        return way.open(asked, timeout=within_s)
    except urllib.error.HTTPError as error:
        return error


def _text(answer: Any, late_s: float) -> str:
    """Its body, of which each piece comes in time, and all of them do. Raises TimeoutError."""
    said = b""
    while piece := answer.read1(_BYTES_MAX - len(said)):
        said += piece
        if monotonic() > late_s:
            raise TimeoutError("timed out")
    return said.decode("utf-8", "replace")


def _lowered(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
