"""The systems on which a run can be made: those with sessions, signals and sockets as POSIX has them."""

from __future__ import annotations

import sys

from harness.problems import HarnessError

RUNS_ON = ("linux", "darwin")


def here(system: str = sys.platform) -> None:
    """Raises HarnessError with one sentence where nothing can be started on *system*."""
    if system not in RUNS_ON:
        where = "on Windows in WSL, with the harness and the service both inside it" if system == "win32" else "there"
        raise HarnessError(
            f"runs can be made on Linux and macOS, and this is {system}; run the harness {where}. Files can be validated and stored "
            "runs judged here"
        )
