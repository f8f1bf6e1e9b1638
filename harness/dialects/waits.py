"""How a client is told to wait, in the headers of an answer; a value that is no wait is told as it stands."""

from __future__ import annotations

import math
from collections.abc import Collection
from datetime import UTC, datetime
from email.utils import format_datetime

from harness.dialects.base import Way


def wait_headers(ways: Collection[Way], wait_s: float, at_s: float) -> dict[str, str]:
    """The headers that say *wait_s* in those of the *ways* that are headers, *at_s* seconds after 1970.

    Whole numbers are rounded up, so that who waits as long as it is told never comes too early.
    """
    said: dict[str, str] = {}
    if "seconds" in ways:
        said["retry-after"] = str(max(1, math.ceil(wait_s)))
    if "date" in ways:
        said["retry-after"] = http_date(at_s + wait_s)
    if "ms" in ways:
        said["retry-after-ms"] = str(max(1, math.ceil(round(wait_s * 1000, 6))))
    return said


def http_date(at_s: float) -> str:
    """The second *at_s* after 1970, or the next whole one, as RFC 9110, 5.6.7 writes it."""
    return format_datetime(datetime.fromtimestamp(math.ceil(at_s), UTC), usegmt=True)
