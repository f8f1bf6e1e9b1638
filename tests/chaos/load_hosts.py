"""Loses a worker of a load on another machine at random moments: ``python tests/chaos/load_hosts.py RESULTS.jsonl [LOSSES]``.

Network namespaces stand for machines, each with a clock that is seconds off and drifts. A worker there is killed, stopped, ended
or cut off the network. Each time it has to be told which one was lost, and each request that was due has to have one row. Every second
time the load are the users of a locustfile, of which each request has to have one that was known to have begun: 20 losses of each. Goes on
where it was stopped; takes some twenty seconds a loss, and wants to be root (ip-netns(8)).
"""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from load_workers import TOTAL_S, Answers, Clock, Crew, Server, UsersCrew, summed_up, write_users

from harness.planning.curve import Linear
from harness.problems import HarnessError
from harness.reading.load_hosts import LOOPBACK, load_hosts
from harness.record.run_folder import read_workers
from harness.running.load import Schedule
from harness.running.world.load_hosts import Hosts, reserved

LOSSES, RATE_PER_S = 40, 100.0

WITH_CLOCK = """
import json, sys
from harness.running.load import child
usual, clock = child.worker_command, sys.argv.pop(1)
def command(*args, **more):
    argv = usual(*args, **more)
    return [*argv[: argv.index("-m")], *json.loads(clock), *argv[argv.index("-m") + 1 :]]
child.worker_command = command
from harness.interfaces.cli import main
main()
"""
"""`harness load-worker` whose worker goes by another clock."""


class Machine:
    """Where a worker is started: in the network namespace *name*, or on this machine; it goes by *clock* where there is one.

    Who starts it there makes these *changes* to the command that is printed.
    """

    def __init__(self, name: str = "", clock: Clock | None = None, *changes: tuple[str, str]) -> None:
        self.name, self._clock, self._changes = name, clock, changes
        self.process: subprocess.Popen[bytes] | None = None
        self.said = ""

    def starts(self, invitation: str, log: Path) -> None:
        """Do what a person would who was told this *invitation*."""
        line = next(line for line in invitation.splitlines() if "harness load-worker" in line)
        for right, wrong in self._changes:
            assert right in line
            line = line.replace(right, wrong)
        clock = json.dumps(self._clock.given_to(["-m"]) if self._clock else ["-m"])
        inside = ["ip", "netns", "exec", self.name] if self.name else []
        argv = [*inside, sys.executable, "-c", WITH_CLOCK, clock, *shlex.split(line)[1:], "--name", self.name or "here"]
        with log.open("wb") as file:
            environment = {**os.environ, "TMPDIR": str(log.parent)}
            self.process = subprocess.Popen(
                argv, env=environment, stdout=file, stderr=file, start_new_session=True, cwd=log.parent
            )

    def signals(self, number: int) -> None:
        """To all of it."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    def ends(self) -> None:
        """Wait until it has, by itself."""
        if self.process is not None:
            self.process.wait(20.0)

    def link(self, state: str) -> None:
        _ip("-n", self.name, "link", "set", "eth0", state)

    def end(self) -> None:
        if self.process is not None:
            for number in (signal.SIGCONT, signal.SIGKILL):
                try:
                    self.signals(number)
                except ProcessLookupError:
                    break
            self.process.wait()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def allowed() -> bool:
    """Whether this machine lets us make network namespaces."""
    name = f"harness-{os.getpid()}-try"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@contextmanager
def namespaces(many: int) -> Iterator[tuple[str, list[str]]]:
    """The address of this machine on a bridge with so *many* network namespaces, and their names."""
    own = os.getpid() % 10_000
    bridge, net = f"hb{own}", f"10.{200 + own % 50}.{own // 50 % 250}"
    names = [f"load-{own}-{n}" for n in range(many)]
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "del", bridge)
        _ip("addr", "add", f"{net}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        for n, name in enumerate(names):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            _ip("link", "add", f"hv{own}-{n}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"hv{own}-{n}", "master", bridge, "up")
            _ip("-n", name, "addr", "add", f"{net}.{n + 2}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
        yield f"{net}.1", names


@contextmanager
def serving(address: str, handler: type[BaseHTTPRequestHandler] = Answers) -> Iterator[str]:
    """The URL of a server at *address* that answers at once."""
    server = Server((address, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{address}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def crew_of(
    folder: Path,
    url: str,
    machines: list[Machine],
    here: int = 0,
    address: str = LOOPBACK,
    total_s: float = TOTAL_S,
    rate_per_s: float = RATE_PER_S,
    kind: type[Crew] = Crew,
) -> Iterator[Crew]:
    """A load of this *kind* that so many workers *here* and one on each of the *machines* share; what those say lies in the folder."""
    waiting = iter(machines)

    def say(text: str) -> None:
        for n, machine in enumerate(waiting if "load-worker" in text else ()):
            machine.starts(text, folder / f"said-{n}.log")
        if "was not let in" in text:
            for machine in machines:
                machine.ends()
            raise HarnessError(text)

    many = here + len(machines)
    locustfile = write_users(folder) if kind is UsersCrew else None
    hosts = Hosts(reserved(load_hosts(len(machines), address)), many, [], say, locustfile)
    schedule = Schedule("constant", (Linear(total_s, rate_per_s, rate_per_s),), 0.2, 0.5, 1, workers=many)
    try:
        yield kind(folder, url, total_s, hosts=hosts, **({"workers": many} if locustfile else {"schedule": schedule}))
    finally:
        for machine in machines:
            machine.end()


def lost(
    folder: Path, url: str, address: str, machine: Machine, how: str, after_s: float, kind: type[Crew] = Crew
) -> list[str]:
    """What is amiss when the worker on *machine*, one of two, is lost in this way *after_s* from the beginning of a load of this *kind*."""
    ways: dict[str, Callable[[], None]] = {
        "killed": lambda: machine.signals(signal.SIGKILL),
        "stopped": lambda: machine.signals(signal.SIGSTOP),
        "cut off": lambda: machine.link("down"),
        "ended": lambda: machine.signals(signal.SIGTERM),
    }
    with crew_of(folder, url, [machine], 1, address, kind=kind) as crew:
        crew.begin()
        timer = threading.Timer(after_s + crew.zero_s - time.monotonic(), ways[how])
        timer.start()
        told = crew.run()
        timer.join()
        if how == "cut off":
            machine.link("up")
        rows, (ours, theirs) = crew.rows(), read_workers(crew.folder)
    found = [] if told.startswith(f"worker 1 (pid {theirs.pid} on {machine.name})") else [f"it was told {told!r}"]
    found += [] if theirs.lost and not ours.lost else [f"workers.json says {ours.lost!r} and {theirs.lost!r}"]
    found += [differs] if (differs := crew.differs()) else []
    left = [row for row in rows if row.worker == 1 and row.outcome in ("not_sent", "unfinished") and row.detail]
    # One that is asked to end writes itself down what it had begun, and not sent.
    itself = {("not_sent", "stopped"), ("unfinished", "OverError")} if how == "ended" else set()
    odd = {(row.outcome, row.detail) for row in left if not row.detail.startswith("worker 1 was lost")} - itself
    return found + ([f"rows say {odd}"] if odd else [])


def main(results: Path, losses: int = LOSSES) -> int:
    if not allowed():
        print("network namespaces cannot be made here; be root")
        return 2
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    with namespaces(1) as (address, (name,)), serving(address) as url:
        for n in range(len(done), losses):
            chance = random.Random(n)
            how, kind = ("killed", "stopped", "cut off", "ended")[n // 2 % 4], UsersCrew if n % 2 else Crew
            after_s = round(chance.uniform(0.0, TOTAL_S - (0.0 if how in ("killed", "ended") else 1.0)), 3)
            clock = Clock(chance.uniform(-2, 2), chance.uniform(-1e-4, 1e-4))
            with tempfile.TemporaryDirectory() as folder:
                amiss = lost(Path(folder), url, address, Machine(name, clock), how, after_s, kind)
            done.append({"loss": n, "how": how, "load": kind.__name__, "after_s": after_s, "amiss": amiss})
            with results.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
            print(f"{kind.__name__} {how} after {after_s:.3f} s: {'; '.join(amiss) or 'told'}", flush=True)
    return summed_up(done, "losses", "load")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else LOSSES))
