"""Large arrays of a process that judges get memory that others let go."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from harness.interfaces import memory

WHERE = """
import sys
import numpy as np
from harness.interfaces import memory

told = sys.argv[1] == "told" and memory.had_again()
at = np.ones(int(sys.argv[2]) >> 3).ctypes.data
heaps = [line.split()[0].split("-") for line in open("/proc/self/maps") if line.rstrip().endswith("[heap]")]
print(told, any(int(first, 16) <= at < int(end, 16) for first, end in heaps))
"""


def where_it_lies(told: str, size: int) -> list[str]:
    return subprocess.run(
        [sys.executable, "-c", WHERE, told, str(size)], capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()


pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or "glibc" not in platform.libc_ver()[0],
    reason="it is glibc that is told",
)


def test_an_array_lies_among_what_was_let_go_and_has_no_pages_of_its_own() -> None:
    assert where_it_lies("told", memory.OWN_MAPPING >> 1) == ["True", "True"]


def test_untold_it_has_pages_of_its_own() -> None:
    assert where_it_lies("untold", memory.OWN_MAPPING >> 1) == ["False", "False"]


def test_one_that_would_leave_a_large_hole_has_pages_of_its_own_all_the_same() -> None:
    assert where_it_lies("told", 2 * memory.OWN_MAPPING) == ["True", "False"]


def test_where_the_c_library_cannot_be_told_nothing_is_said_to_be_had_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())

    assert not memory.had_again()
