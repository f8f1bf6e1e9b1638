"""How the harness and the load child agree on when to begin: two files, each of which appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec


class Ready(msgspec.Struct, frozen=True):
    """What the child says when it could begin at once, or that it never can, and why."""

    pid: int
    workers: int
    refused: str = ""


class Start(msgspec.Struct, frozen=True):
    """What the harness answers: the monotonic clock's reading at which the load begins."""

    clock_zero_s: float


def say_ready(path: Path, ready: Ready) -> None:
    write_whole(path, msgspec.json.encode(ready))


def ready(path: Path) -> Ready | None:
    """What the child said; None: nothing yet."""
    return msgspec.json.decode(path.read_bytes(), type=Ready) if path.exists() else None


def start_at(path: Path, clock_zero_s: float) -> None:
    """Have the load begin at *clock_zero_s* of the monotonic clock; the child looks every 5 ms, so leave it 50."""
    write_whole(path, msgspec.json.encode(Start(clock_zero_s)))


def start(path: Path) -> Start | None:
    """What the harness answered; None: nothing yet."""
    return msgspec.json.decode(path.read_bytes(), type=Start) if path.exists() else None


def write_whole(path: Path, content: bytes) -> None:
    """*content* at *path*, where nobody ever sees a part of it."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes(content)
    unfinished.replace(path)
