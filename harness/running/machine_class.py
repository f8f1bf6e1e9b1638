"""What kind of machine this is: what has to be the same for the numbers of two runs to be held against one another."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")


def machine_class(cpuinfo: Path = _CPUINFO) -> dict[str, str]:
    """How many processors it has, of which model, and under which system; an empty text for what it does not tell."""
    return {
        "cpu count": str(os.cpu_count() or ""),
        "cpu model": _model(cpuinfo) or platform.processor(),
        "system": f"{platform.system()} {platform.machine()}",
    }


def _model(cpuinfo: Path) -> str:
    with suppress(OSError):
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return ""
