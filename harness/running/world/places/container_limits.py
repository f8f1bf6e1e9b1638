"""How much of processors and memory a container may have, in the words of its engine: before, and while it is held to less."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import inf
from typing import Any

from harness.faults.effects import Limited
from harness.reading.quantities import byte_count_said

Limits = dict[str, int]
"""What is said to ``POST /containers/ID/update`` of Docker's API."""

_PERIOD_US, _LEAST_QUOTA_US = 100_000, 1_000  # the kernel's own period, and the least that an engine takes
_NANO = 1_000_000_000
UNBOUNDED_BYTES, UNBOUNDED_WITH_SWAP_BYTES = 2**62, 2**63 - 4096
"""To an engine 0 says "as it is", and Docker 20.10 takes -1 for that, too, once there was a limit; so these say "none".

They differ, since on cgroup v2 what is allowed in swap is the difference; the larger one is the most that the kernel takes.
"""


def less(host: Mapping[str, Any], effect: Limited) -> Limits:
    """What holds a container, of which its engine says *host* (``HostConfig``), to what *effect* says."""
    said: Limits = {}
    if effect.cpu is not None and host.get("NanoCpus"):
        said["NanoCpus"] = round(
            effect.cpu * _NANO
        )  # an engine takes it in the form in which it was said before, and in no other
    elif effect.cpu is not None:
        period_us = host.get("CpuPeriod") or _PERIOD_US
        said |= {"CpuPeriod": period_us, "CpuQuota": max(_LEAST_QUOTA_US, round(effect.cpu * period_us))}
    if effect.memory_bytes is not None:
        said |= {"Memory": effect.memory_bytes, "MemorySwap": effect.memory_bytes}  # equal: it cannot go on in swap
    return said


def before(host: Mapping[str, Any], effect: Limited) -> Limits:
    """What puts back that which `less` changes."""
    said: Limits = {}
    if effect.cpu is not None and host.get("NanoCpus"):
        said["NanoCpus"] = host["NanoCpus"]
    elif effect.cpu is not None:
        said |= {"CpuPeriod": host.get("CpuPeriod") or _PERIOD_US, "CpuQuota": host.get("CpuQuota") or -1}
    if effect.memory_bytes is not None:
        with_swap = host.get("MemorySwap") or 0
        said["Memory"] = host.get("Memory") or UNBOUNDED_BYTES
        said["MemorySwap"] = with_swap if with_swap > 0 else UNBOUNDED_WITH_SWAP_BYTES
    return said


def loose(host: Mapping[str, Any], effect: Limited) -> str:
    """Why *effect* would not hold it to less than it is held to already; empty where it would."""
    cpu, memory = _processors(host), host.get("Memory") or inf
    if effect.cpu is not None and effect.cpu >= cpu:
        return f"has {cpu:g} processors at most already; say less than that"
    if effect.memory_bytes is not None and effect.memory_bytes >= memory:
        return f"has {byte_count_said(int(memory))} of memory at most already; say less than that"
    if effect.memory_bytes is not None and effect.memory_bytes < (host.get("MemoryReservation") or 0):
        return f"has {byte_count_said(host['MemoryReservation'])} of memory reserved, and its engine gives it no less"
    return ""


def stands(host: Mapping[str, Any], said: Limits) -> bool:
    """Whether the engine says that a container is held to what was *said*."""
    # Where the kernel counts no swap, an engine says -1 of it, whatever it was told.
    return all(host.get(key) == value for key, value in said.items() if key != "MemorySwap")


def _processors(host: Mapping[str, Any]) -> float:
    if host.get("NanoCpus"):
        return float(host["NanoCpus"]) / _NANO
    quota = host.get("CpuQuota") or 0
    return quota / (host.get("CpuPeriod") or _PERIOD_US) if quota > 0 else float(os.cpu_count() or inf)
