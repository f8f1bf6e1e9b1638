"""Memory of a process that makes and lets go many large arrays."""

from __future__ import annotations

import ctypes

OWN_MAPPING, KEPT_FREE = 32 << 20, 64 << 20
"""Bytes: what takes more has a mapping of its own, and so much that was let go stays with the process."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def had_again() -> bool:
    """Arrays get the memory of others that were let go, where the C library can be told (mallopt(3) of glibc); whether it could.

    Else each has pages of its own, which the system takes back and fills with zeros each time: a third of all time in the system, of a run
    of a million requests.
    """
    try:
        told = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(told(_M_MMAP_THRESHOLD, OWN_MAPPING) and told(_M_TRIM_THRESHOLD, KEPT_FREE))
