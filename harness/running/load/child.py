"""The load child, seen from the harness: how to start it, how to tell that it is ready, and how to have it begin."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Protocol

from harness.running.load import handshake
from harness.running.load import plan as load_plan
from harness.running.load.handshake import Ready
from harness.running.load.plan import LoadPlan

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
OPTIONS = ("--headless", "--only-summary", "--skip-log-setup", "--exit-code-on-error", "0")
"""Of Locust: no web page, nothing printed while all goes well, and a failed request is no failure of the child."""

LOCUSTFILE_THERE = "LOAD_LOCUSTFILE"
"""In the environment of a worker of users on another machine than its master: the path of their file there."""
NUMBER = "LOAD_WORKER"
"""In the environment of a worker: its number, from 0 on."""
CLIENT = "LOAD_CLIENT"
"""In the environment of a worker on another machine than its master: the number that it is known by, as hexadecimal digits."""


def client_id(drawn: str) -> str:
    """What Locust calls the worker on this machine that has the number *drawn*."""
    return f"{socket.gethostname()}_{drawn}"


def command(plan: Path, python: str = sys.executable, module: str = LoadPlan.MODULE) -> list[str]:
    """The command line of a child that carries out the plan in the file *plan*, which is of the kind that *module* reads.

    It ends by itself with status 0 once every request has ended, whatever came of them; any other status means that
    rows may be missing. SIGTERM ends it within a second, with a row for each open request.
    """
    # -P: a folder called locust where the harness was started must not stand in for the package.
    return [python, "-P", "-m", module, str(plan.resolve())]


def master_command(
    plan: Path,
    workers: int,
    port: int,
    address: str = "127.0.0.1",
    python: str = sys.executable,
    module: str = LoadPlan.MODULE,
) -> list[str]:
    """The command line of a child that has the plan carried out by so many workers, which come to *port* of this machine's *address*.

    It is ready when all of them are, and ends as `command` does; a worker that it misses is told of in the plan's ``crew_path``.
    """
    listening = ["--master-bind-host", address, "--master-bind-port", str(port)]
    return [*command(plan, python, module), "--master", "--expect-workers", str(workers), *listening]


def worker_command(
    plan: Path, port: int, host: str = "127.0.0.1", python: str = sys.executable, module: str = LoadPlan.MODULE
) -> list[str]:
    """The command line of a worker of the master at *port* of *host*; `NUMBER` in its environment says which it is.

    One with `CLIENT` in its environment is on another machine, gets its plan by message, and works in the folder in which *plan* would be;
    where that is one of users it has `LOCUSTFILE_THERE`, too.
    """
    return [*command(plan, python, module), "--worker", "--master-host", host, "--master-port", str(port)]


def write_plan(plan: LoadPlan, path: Path) -> None:
    """As `plan.write`: a new file, for its owner's eyes only."""
    load_plan.write(plan, path)


class Agreed(Protocol):
    """A plan as far as the harness and the child that carries it out agree on when to begin."""

    @property
    def ready_path(self) -> str: ...
    @property
    def start_path(self) -> str: ...


def ready(plan: Agreed) -> Ready | None:
    """Not None once the child could begin at once, or has found that it never can."""
    return handshake.ready(Path(plan.ready_path))


def start_at(plan: Agreed, clock_zero_s: float) -> None:
    """Have the child begin at *clock_zero_s* of the monotonic clock: request i is sent that much later than it is due."""
    handshake.start_at(Path(plan.start_path), clock_zero_s)
