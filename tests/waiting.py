"""Waits, in a test, until something is so that another process or thread brings about."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Given = TypeVar("Given")

DEADLINE_S = 30.0
_LOOK_S = 0.005


def eventually(condition: Callable[[], Given]) -> Given:
    """What *condition* gives once that holds; fails where it does not within `DEADLINE_S`."""
    late_s = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < late_s, "it never came true"
        threading.Event().wait(_LOOK_S)
    return value
