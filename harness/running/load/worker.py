"""A worker of a load on this machine, whose master is on another one: let in, started, and gone when the load is over."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from uuid import uuid4

from harness.problems import HarnessError, Problem, UsageProblems
from harness.reading.load_hosts import place
from harness.running.load import child, crew
from harness.running.load.door import Asking, version
from harness.running.load.knocking import knock
from harness.running.load.word import WORD

_ENDS_WITHIN_S = 5.0


def work(
    master: str, join: str, environment: Mapping[str, str], *, name: str = "", say: Callable[[str], object] = print
) -> None:
    """Send a share of the load whose master is at *master*, ``HOST:PORT``, and whose word is *join*; returns when it was sent.

    Secrets of the target are taken from the *environment* here. Raises UsageProblems where the master says no or a secret is missing, and
    HarnessError where the share was not sent to its end.
    """
    host, port = place(master, "--master")
    if not port:
        raise UsageProblems(Problem(f"{master!r} has no port; harness run prints HOST:PORT", path="--master"))
    client, called = uuid4(), name or socket.gethostname()
    asking = Asking(f"{socket.gethostname()}_{client.hex}", called, os.getpid(), version())
    welcome = knock(host, port, join, asking, environment)
    others = f", one of {welcome.many} on other machines" if welcome.many > 1 else ""
    say(f"{called} is a worker of the load at {host}:{port}{others}; it waits for the load to begin")
    folder = Path(tempfile.mkdtemp(prefix="harness-load-"))
    try:
        told = {WORD: join, child.CLIENT: client.hex, crew.NAME: called}
        with _started(child.worker_command(folder / "load.json", port, host), {**environment, **told}) as process:
            status = process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if status:
        raise HarnessError("the share of this worker was not sent to its end")


@contextmanager
def _started(argv: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which is ended on the way out; a SIGTERM to this one is a Ctrl-C."""
    process = subprocess.Popen(argv, env=dict(environment))
    before = _on_sigterm(_interrupt)
    try:
        yield process
    finally:
        with suppress(subprocess.TimeoutExpired):
            if process.poll() is None:
                process.terminate()
            process.wait(_ENDS_WITHIN_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        _on_sigterm(before)


def _on_sigterm(handler: Any) -> Any:
    """Set what is done on it, and return what was; only the main thread can."""
    return signal.signal(signal.SIGTERM, handler) if threading.current_thread() is threading.main_thread() else None


def _interrupt(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
