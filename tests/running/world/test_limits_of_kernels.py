"""Limits of containers as kernels with control groups of version 1 and of version 2 have them, whichever of the two this machine has.

What an engine is told becomes files of a control group as runc writes them, libcontainer/cgroups/fs/memory.go and fs2/memory.go; that our
own engine does so with the kernel that is here is held by ``tests/containers/stack.py --only broken``.
"""

from __future__ import annotations

from typing import Any

import pytest

from harness.faults.effects import LimitedContainer
from harness.running.world.places.container_limits import before, less

MIB = 2**20
MOST = 2**63 - 4096
"""The most that the kernel counts; it writes ``max`` for it in version 2."""
NO_MACHINE_HAS = 2**60
HOSTS: list[dict[str, Any]] = [
    {},
    {"NanoCpus": 0, "CpuPeriod": 0, "CpuQuota": 0, "Memory": 0, "MemorySwap": 0},
    {"NanoCpus": 1_500_000_000},
    {"CpuPeriod": 50_000, "CpuQuota": 100_000},
    {"CpuQuota": -1},
    {"Memory": 512 * MIB, "MemorySwap": 512 * MIB},
    {"Memory": 512 * MIB, "MemorySwap": 1024 * MIB},
    {"Memory": 512 * MIB, "MemorySwap": -1},
    {"Memory": 512 * MIB},
]
"""What an engine says of containers that were started without limits, and with each kind."""
HELD = LimitedContainer("cache", 0.2, 64 * MIB)


class Version1:
    """memory.limit_in_bytes, memory.memsw.limit_in_bytes, and cpu.cfs_quota_us over cpu.cfs_period_us."""

    def __init__(self) -> None:
        self.memory, self.with_swap = MOST, MOST
        self.processors: float | None = None

    def put(self, told: dict[str, int]) -> None:
        memory, with_swap = told.get("Memory", 0), told.get("MemorySwap", 0)
        wanted = memory or self.memory, (MOST if with_swap == -1 else with_swap) or self.with_swap
        # The kernel refuses memory beyond memory and swap together at each of the two writes, so runc puts them in the order that goes.
        assert wanted[0] <= wanted[1], "write error: invalid argument"
        self.memory, self.with_swap = wanted
        self.processors = _processors(told, self.processors)

    @property
    def swap(self) -> int:
        """What it may have in swap beside its memory."""
        return self.with_swap - self.memory


class Version2:
    """memory.max, memory.swap.max and cpu.max."""

    def __init__(self) -> None:
        self.memory, self.swap = MOST, MOST
        self.processors: float | None = None

    def put(self, told: dict[str, int]) -> None:
        memory, with_swap = told.get("Memory", 0), told.get("MemorySwap", 0)
        if with_swap > 0:
            assert memory > 0, "unable to set swap limit without memory limit"
            assert with_swap >= memory, "memory+swap limit should be >= memory limit"
            self.swap = with_swap - memory
        elif with_swap == -1:
            self.swap = MOST
        self.memory = memory or self.memory
        self.processors = _processors(told, self.processors)


def _processors(told: dict[str, int], now: float | None) -> float | None:
    if told.get("NanoCpus"):
        return told["NanoCpus"] / 1e9
    if not told.get("CpuQuota"):
        return now
    assert 1_000 <= told.get("CpuPeriod", 100_000) <= 1_000_000, (
        "CPU cfs period can not be less than 1ms or more than 1s"
    )
    return None if told["CpuQuota"] == -1 else told["CpuQuota"] / told.get("CpuPeriod", 100_000)


def held_to(group: Version1 | Version2) -> tuple[float | None, int | None, int | None]:
    """Processors, memory and swap, each None where it is more than any machine has."""
    memory, swap = (None if value >= NO_MACHINE_HAS else value for value in (group.memory, group.swap))
    # Who may have all memory is not held by what it may have in swap.
    return group.processors, memory, None if memory is None else swap


@pytest.fixture(params=[Version1, Version2])
def group(request: pytest.FixtureRequest) -> Version1 | Version2:
    made: Version1 | Version2 = request.param()
    return made


@pytest.mark.parametrize("host", HOSTS, ids=str)
def test_a_container_is_held_to_what_was_asked_with_nothing_in_swap_and_put_back_as_it_was(
    host: dict[str, Any], group: Version1 | Version2
) -> None:
    group.put(host)
    was = held_to(group)
    group.put(less(host, HELD))
    assert held_to(group) == (0.2, 64 * MIB, 0)
    group.put(before(host, HELD))
    assert held_to(group) == was


@pytest.mark.parametrize("effect", [LimitedContainer("cache", 0.2), LimitedContainer("cache", None, 64 * MIB)])
def test_what_was_not_asked_for_is_as_it_was_all_the_time(effect: LimitedContainer, group: Version1 | Version2) -> None:
    host = {"CpuPeriod": 50_000, "CpuQuota": 100_000, "Memory": 512 * MIB, "MemorySwap": 1024 * MIB}
    group.put(host)
    processors, memory, swap = held_to(group)
    group.put(less(host, effect))
    assert held_to(group) == ((0.2, memory, swap) if effect.cpu else (processors, 64 * MIB, 0))
    group.put(before(host, effect))
    assert held_to(group) == (processors, memory, swap)
