"""Whether a prerequisite of a game day is met: its command run without a shell, or its URL asked, in bounded time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from harness.http1.asked_url import NoAnswerError, ask
from harness.problems import cannot
from harness.reading.gameday import Prerequisite
from harness.reading.proxies import proxy_for
from harness.record.masking import NOTHING, Mask
from harness.report.plain_text import both_ends

_BYTES_MAX, _PIECE_BYTES, _TOLD_CHARS = 65_536, 4_096, 300
_TICK_S = 0.05


def met(
    prerequisite: Prerequisite,
    beside: Path,
    environment: Mapping[str, str],
    over: threading.Event | None = None,
    mask: Mask = NOTHING,
) -> tuple[bool, str]:
    """Whether it is met, and what was seen; a command is run in the folder *beside*, with the *environment*, and no longer than to *over*.

    What it prints is without what *mask* hides. Nothing is raised: what cannot be started, and a URL that gives no answer, are not met.
    """
    if prerequisite.command is not None:
        return _ran(prerequisite.command, beside, environment, prerequisite.within, over or threading.Event(), mask)
    return _answered(str(prerequisite.url), environment, prerequisite.within)


def _answered(url: str, environment: Mapping[str, str], within_s: float) -> tuple[bool, str]:
    try:
        answer = ask(url, proxy=proxy_for(url, environment), within_s=within_s)
    except (NoAnswerError, ValueError) as error:
        return False, str(error)
    return 200 <= answer.status < 300, f"{url} answered {answer.status}"


def _ran(
    command: list[str], beside: Path, environment: Mapping[str, str], within_s: float, over: threading.Event, mask: Mask
) -> tuple[bool, str]:
    read, write = os.pipe()
    try:
        # A person agreed to this very command, and no shell reads it.
        process = subprocess.Popen(
            command, cwd=beside, env=dict(environment), stdin=subprocess.DEVNULL, stdout=write, stderr=write,
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        os.close(read)
        return False, f"cannot be started: {cannot(error) if isinstance(error, OSError) else error}"
    finally:
        os.close(write)
    try:
        said, status = _waited(process, read, within_s, over)
    finally:
        # Whatever it started goes with it.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(read)
    shown = both_ends(
        mask.text(said.decode("utf-8", "replace")), _TOLD_CHARS
    )  # what is cut is no whole secret any more
    if status is None:
        return False, f"did not end within {within_s:g} s, and was ended" + (f": {shown}" if shown else "")
    return status == 0, f"ended with {status}" + (f": {shown}" if shown else "")


def _waited(
    process: subprocess.Popen[bytes], read: int, within_s: float, over: threading.Event
) -> tuple[bytes, int | None]:
    """The beginning of what *process* said, and its status; None where it did not end in time. What is too long is read and dropped."""
    said, late_s, more = bytearray(), time.monotonic() + within_s, True
    while (status := process.poll()) is None and time.monotonic() < late_s and not over.is_set():
        if more:
            more = _heard(read, said, _TICK_S)
        else:
            time.sleep(_TICK_S)
    while more and _ready(read, 0):
        more = _heard(read, said, 0)
    return bytes(said), status


def _ready(read: int, within_s: float) -> bool:
    return bool(select.select([read], [], [], within_s)[0])


def _heard(read: int, said: bytearray, within_s: float) -> bool:
    """Take in what is there by then; False once nothing more will come."""
    if not _ready(read, within_s):
        return True
    piece = os.read(read, _PIECE_BYTES)
    said += piece[: max(0, _BYTES_MAX - len(said))]
    return bool(piece)
