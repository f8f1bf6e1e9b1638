"""Which commit of a git working tree a file of a run stands in."""

from __future__ import annotations

import subprocess
from pathlib import Path

_WAIT_S = 3.0


def commit_of(file: Path) -> str:
    """The commit of the working tree that holds *file*, with ``-dirty`` where something tracked was changed since.

    Empty where there is no tree, no commit or no git, and where it does not answer in time: a run needs none of it.
    """
    # A file system monitor is a program that the tree's own configuration names.
    command = [
        "git",
        "-C",
        str(file.parent),
        "-c",
        "core.fsmonitor=false",
        "describe",
        "--always",
        "--dirty",
        "--abbrev=40",
    ]
    try:
        done = subprocess.run([*command, "--exclude=*"], capture_output=True, timeout=_WAIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    said = done.stdout.decode("utf-8", "replace").strip()
    return said if done.returncode == 0 and said.removesuffix("-dirty").isalnum() else ""
