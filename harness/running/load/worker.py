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
from typing import Any, NamedTuple, NoReturn
from uuid import UUID, uuid4

from harness.problems import HarnessError, Problem, UnavailableProblems, UsageProblems
from harness.reading.load_hosts import place
from harness.reading.locustfile import checksum
from harness.running.load import child, crew, heartbeat
from harness.running.load.door import Asking, locust_version, version
from harness.running.load.knocking import ANSWERED_WITHIN_S, Welcome, knock
from harness.running.load.plan import LoadPlan
from harness.running.load.users.plan import UsersPlan
from harness.running.load.word import WORD

_ENDS_WITHIN_S = 5.0


def work(
    master: str,
    join: str,
    environment: Mapping[str, str],
    *,
    name: str = "",
    locustfile: str | Path | None = None,
    say: Callable[[str], object] = print,
) -> None:
    """Send a share of the load whose master is at *master*, ``HOST:PORT``, and whose word is *join*; returns when it was sent.

    Where several runs are made there, it sends a share of each, until it hears that no other comes, or nothing for as long as it was told
    to wait. Secrets of the target are taken from the *environment* here. Where the load is one of users they are run from the *locustfile*
    here, which has to be the one of the run. Raises UsageProblems where the master says no, or a secret or what the locustfile imports is
    missing, and HarnessError where a share was not sent to its end.
    """
    host, port = place(master, "--master")
    if not port:
        raise UsageProblems(Problem(f"{master!r} has no port; harness run prints HOST:PORT", path="--master"))
    file = Path(locustfile).resolve() if locustfile is not None else None
    me = _Me(host, port, join, environment, name or socket.gethostname(), say, uuid4(), file)
    sent: list[bool] = []
    welcome: Welcome | None = me.asks_first()
    while welcome is not None:
        sent.append(me.sends(welcome))
        welcome = me.asks_again(welcome) if welcome.stays_s else None
    if not all(sent):
        several = f" in {sent.count(False)} of {len(sent)} runs" if len(sent) > 1 else ""
        raise HarnessError(f"the share of this worker was not sent to its end{several}")


class _Me(NamedTuple):
    """A worker of the load at *port* of *host*, as it is *called* by people, and as a *client*."""

    host: str
    port: int
    join: str
    environment: Mapping[str, str]
    called: str
    say: Callable[[str], object]
    client: UUID
    locustfile: Path | None = None

    def asks_first(self) -> Welcome:
        """Raises UsageProblems; UnavailableProblems where nobody waits, or no more."""
        if (welcome := self._asks("", ANSWERED_WITHIN_S)) is None:
            what = (
                f"the runs at {self.host}:{self.port} are over; harness run prints the command for those that it begins"
            )
            raise UnavailableProblems(Problem(what, path="--master"))
        return welcome

    def asks_again(self, before: Welcome) -> Welcome | None:
        """For the run after the one *before*; None where no other comes."""
        self.say("this worker stays for another run")
        try:
            welcome = self._asks(before.run, before.stays_s)
        except UnavailableProblems:
            self.say(f"nothing was heard of another run within {before.stays_s:g} s; this worker ends")
            return None
        if welcome is None:
            self.say("no other run comes; this worker ends")
        return welcome

    def _asks(self, after: str, within_s: float) -> Welcome | None:
        file = checksum(self.locustfile) if self.locustfile is not None else ""
        client = child.client_id(self.client.hex)
        asking = Asking(client, self.called, os.getpid(), version(), after, file, locust_version())
        return knock(self.host, self.port, self.join, asking, self.environment, within_s)

    def sends(self, welcome: Welcome) -> bool:
        """Whether its share was sent to the end."""
        others = f", one of {welcome.many} on other machines" if welcome.many > 1 else ""
        self.say(
            f"{self.called} is a worker of the load at {self.host}:{self.port}{others}; it waits for the load to begin"
        )
        folder = Path(tempfile.mkdtemp(prefix="harness-load-"))
        try:
            told = {WORD: self.join, child.CLIENT: self.client.hex, crew.NAME: self.called}
            module = LoadPlan.MODULE
            if self.locustfile is not None:
                told[child.LOCUSTFILE_THERE], module = str(self.locustfile), UsersPlan.MODULE
            command = child.worker_command(folder / "load.json", self.port, self.host, module=module)
            with _started(command, {**self.environment, **told}) as process:
                return heartbeat.wait(process, self.host, self.port, self.join, child.client_id(self.client.hex)) == 0
        finally:
            shutil.rmtree(folder, ignore_errors=True)


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
