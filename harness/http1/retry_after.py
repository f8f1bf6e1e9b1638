"""How long an answer says that its client should wait before it asks again, as RFC 9110 (10.2.3) has it and as SDKs read it."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from math import isfinite

MILLISECONDS, SECONDS = b"retry-after-ms", b"retry-after"
"""Names of the headers, in lower case; the first one is Azure's, and counts before the other, as in the SDKs of OpenAI and Anthropic."""


def stated_wait_ms(name: bytes, value: bytes, now_s: float) -> float | None:
    """The wait that header *name*, in lower case, states in ms; None where it states none. *now_s* is wall time, for a date.

    A number may have a fraction, which the RFC does not know and providers send. What has passed is no wait.
    """
    text = value.decode("latin-1").strip()
    try:
        wait_ms = float(text) * (1 if name == MILLISECONDS else 1000)
    except ValueError:
        wait_ms = 1000 * (_date_s(text) - now_s) if name == SECONDS else 0.0
    return wait_ms if isfinite(wait_ms) and wait_ms > 0 else None


def _date_s(text: str) -> float:
    """The wall time that *text* is; 0 for what is no date."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0
