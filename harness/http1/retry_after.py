"""How long an answer says that its client should wait before it asks again, as RFC 9110 (10.2.3) has it and as SDKs read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite

MILLISECONDS, SECONDS = b"retry-after-ms", b"retry-after"
"""Names of the headers, in lower case; the first one is Azure's, and counts before the other, as in the SDKs of OpenAI and Anthropic."""
DATE = b"date"
READ = (MILLISECONDS, SECONDS, DATE)
"""Names of all headers that are read."""


def stated_wait_ms(headers: Mapping[bytes, bytes], now_s: float) -> float | None:
    """The wait in ms that an answer with *headers*, named in lower case, states; None where it states none.

    A date is held against the answer's own ``Date``, which is of the same clock, and where there is none against *now_s*, which is wall
    time.
    A number may have a fraction, which the RFC does not know and providers send. What has passed is no wait.
    """
    for name in (MILLISECONDS, SECONDS):
        text = headers.get(name, b"").decode("latin-1").strip()
        try:
            wait_ms = float(text) * (1 if name == MILLISECONDS else 1000)
        except ValueError:
            wait_ms = 1000 * (_date_s(text) - _answered_s(headers, now_s)) if name == SECONDS else 0.0
        if isfinite(wait_ms) and wait_ms > 0:
            return wait_ms
    return None


def _answered_s(headers: Mapping[bytes, bytes], now_s: float) -> float:
    return _date_s(headers.get(DATE, b"").decode("latin-1").strip()) or now_s


def _date_s(text: str) -> float:
    """The wall time that *text* is, in UTC where it names no zone; 0 for what is no date."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
