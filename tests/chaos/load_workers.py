"""Kills a worker of a load at random moments: ``python tests/chaos/load_workers.py RESULTS.jsonl [KILLS]``; goes on where it was stopped.

Each time it has to be told which worker was lost, and each request that was due until the run was ended for it has to have one row; those
that the lost worker left over say so. Every second time the load are the users of a locustfile, of which each request has to have one that
they had begun: 20 kills of each. Takes some ten seconds a kill.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import msgspec

from harness.judging.scoring.audit import Audit, audit
from harness.planning.curve import Linear
from harness.record.rowfile import read_rows
from harness.record.rows import Request, Sent
from harness.record.run_folder import RunFolder, read_workers
from harness.running.load import LoadPlan, PlannedQuestion, ResolvedAsk, Schedule, ready, start_at, write_plan
from harness.running.load.users import plan as users_plan
from harness.running.load.users.plan import UsersPlan
from harness.running.ports import UntrustworthyError
from harness.running.world.load_hosts import Hosts
from harness.running.world.load_workers import LoadWorkers
from harness.running.world.processes import Processes

KILLS = 40
TOTAL_S, RATE_PER_S = 3.0, 100.0
ANSWER = b'{"answer": "yes"}'
USERS = """\
from locust import FastHttpUser, HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def ask(self):
        self.client.post("/ask", json={})

class Hasty(FastHttpUser, Visitor):
    pass
"""


OTHER_CLOCK = """
import runpy, sys, time
since_s, ahead_s, drift = (float(sys.argv.pop(1)) for _ in range(3))
real = time.monotonic
time.monotonic = lambda: real() + ahead_s + drift * (real() - since_s)
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Clock:
    """A clock that was *ahead_s* of the machine's at *since_s*, and gains *drift* seconds a second."""

    ahead_s: float
    drift: float
    since_s: float = field(default_factory=time.monotonic)

    def ahead_at(self, at_s: float) -> float:
        return self.ahead_s + self.drift * (at_s - self.since_s)

    def given_to(self, argv: Sequence[str]) -> list[str]:
        """*argv* of a worker, which goes by this clock."""
        said = [repr(self.since_s), repr(self.ahead_s), repr(self.drift)]
        return [*argv[: argv.index("-m")], "-c", OTHER_CLOCK, *said, *argv[argv.index("-m") + 1 :]]


class Namespace:
    """A time namespace whose monotonic clock is *ahead_s* of the machine's, as another host's may be (time_namespaces(7))."""

    def __init__(self, ahead_s: int) -> None:
        self._enter = [
            "unshare",
            "--user",
            "--map-root-user",
            "--time",
            "--monotonic",
            str(ahead_s),
            "--fork",
            "--kill-child",
            "--",
        ]

    def allowed(self) -> bool:
        """Whether this machine lets us make one."""
        return bool(shutil.which("unshare")) and not subprocess.run([*self._enter, "true"], check=False).returncode

    def given_to(self, argv: Sequence[str]) -> list[str]:
        return [*self._enter, *argv]


class Started:
    """Processes as `LoadWorkers` knows them, without a keeper; each goes by the clock of its name in *clocks*."""

    def __init__(self, folder: Path, clocks: Mapping[str, Clock | Namespace]) -> None:
        self._folder, self._clocks = folder, clocks
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items()}

    def spawn(self, name: str, argv: Sequence[str], env: Mapping[str, str] | None = None, **_: Any) -> None:
        argv = self._clocks[name].given_to(argv) if name in self._clocks else argv
        with (self._folder / f"{name}.log").open("wb") as log:
            environment = {**os.environ, **(env or {})}
            self._running[name] = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)

    def check_starting(self) -> None:
        """Nobody looks after them but who waits."""

    def died(self, name: str) -> str:
        return f"{name} {self.ending(name)}" if self._running[name].poll() else ""

    def ending(self, name: str) -> str:
        return f"ended with {self._running[name].poll()}"

    def alive(self, name: str) -> bool:
        return self._running[name].poll() is None

    def stop(self, name: str, grace_s: float) -> None:
        process = self._running[name]
        process.terminate()
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """A client that is killed hangs up."""


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(ANSWER)))
        self.end_headers()
        self.wfile.write(ANSWER)

    def log_message(self, *_: object) -> None:
        pass


class Holding(Answers):
    """Who asks waits for an answer until the server ends."""

    def do_POST(self) -> None:
        threading.Event().wait(20.0)


class Crew:
    """A load that two workers share, against a server of its own, and the folder in which its rows are."""

    def __init__(
        self,
        folder: Path,
        url: str,
        total_s: float = TOTAL_S,
        clocks: Mapping[str, Clock | Namespace] | None = None,
        hosts: Hosts | None = None,
        **changes: Any,
    ) -> None:
        self.folder, self.started = RunFolder(folder), Started(folder, clocks or {})
        self.folder.rows.mkdir()
        self.plan = msgspec.structs.replace(self._planned(url, total_s), **changes)
        path = folder / "plan.json"
        if hosts is not None:
            try:
                hosts.gather(cast(Processes, self.started), "load", path)
            except BaseException:
                self.started.stop("load", 5.0)
                raise
        if isinstance(self.plan, LoadPlan):
            write_plan(self.plan, path)
            many = self.plan.schedule.workers
        else:
            # A master that was there before its plan finds it whole.
            users_plan.write(self.plan, new := path.with_suffix(".new"))
            new.rename(path)
            many = self.plan.workers
        self.workers = LoadWorkers(cast(Processes, self.started), self.plan, many, "load", hosts)
        self.workers.spawn(path)

    def _planned(self, url: str, total_s: float) -> LoadPlan | UsersPlan:
        folder = self.folder.path
        return LoadPlan(
            run_id="r",
            schedule=Schedule("constant", (Linear(total_s, RATE_PER_S, RATE_PER_S),), 0.2, 0.5, 1, workers=2),
            entries={"one": url},
            questions=(PlannedQuestion("q", "Is it so?"),),
            ask=ResolvedAsk("json", "/", body={"question": "{question}"}, answer_pointer="/answer"),
            in_flight_max=1000,
            rows_dir=str(self.folder.rows),
            ready_path=str(folder / "ready"),
            start_path=str(folder / "start"),
            crew_path=str(folder / "crew"),
            drain_s=2.0,
            late_s_max=5.0,
        )

    def begin(self) -> None:
        while ready(self.plan) is None:
            self.workers.check_starting()
            time.sleep(0.02)
        self.zero_s = time.monotonic() + 0.2
        start_at(self.plan, self.zero_s)

    def run(self) -> str:
        """What is told of a worker that was lost; empty where none was. The load has ended when this returns, and is accounted for."""
        told = ""
        try:
            while not self.workers.ended():
                self.workers.check(self.zero_s)
                time.sleep(0.05)
            self.workers.check(self.zero_s)
        except UntrustworthyError as error:
            told = str(error)
        self.workers.stop(5.0)
        self.workers.account(self.folder, self.zero_s)
        return told

    def rows_of(self, number: int) -> bool:
        """Whether worker *number* has written a row of what it sent."""
        path = self.folder.rows / f"requests-{number}.rows"
        return path.exists() and next(iter(read_rows(path, Request)), None) is not None

    def began(self, number: int) -> bool:
        """Whether it is known that users of worker *number* have begun a request."""
        path = self.folder.rows / f"begun-{number}.rows"
        return path.exists() and next(iter(read_rows(path, Sent)), None) is not None

    def rows(self) -> list[Request]:
        return [row for path in sorted(self.folder.rows.glob("requests-*.rows")) for row in read_rows(path, Request)]

    def differs(self) -> str:
        """How its rows differ from what was due until the last that has one; empty where they do not."""
        rows = self.rows()
        differs = audit([row.index for row in rows], max((row.index for row in rows), default=-1) + 1)
        return "" if differs == Audit() else f"rows are not as due: {differs}"


def write_users(folder: Path) -> str:
    """The path of the locustfile in *folder*, which is written where there is none."""
    path = folder / "users.py"
    if not path.exists():
        path.write_text(USERS)
    return str(path)


class UsersCrew(Crew):
    """A load of a locustfile's users that workers share, two where nobody says more, against a server of its own."""

    plan: UsersPlan

    def _planned(self, url: str, total_s: float) -> UsersPlan:
        folder = self.folder.path
        locustfile = write_users(folder)
        paths = {name: str(folder / name.removesuffix("_path")) for name in ("ready_path", "start_path", "crew_path")}
        return UsersPlan(
            run_id="r",
            locustfile=locustfile,
            users=10,
            spawn_rate=100.0,
            entries={"one": url},
            total_s=total_s,
            rows_dir=str(self.folder.rows),
            drain_s=2.0,
            workers=2,
            **paths,
        )

    def differs(self) -> str:
        """How its rows differ from what its users had begun; empty where they do not."""
        rows = Counter(row.index for row in self.rows())
        many, rows_of = self.plan.workers, self.folder.rows
        paths = {of: path for of in range(many) if (path := rows_of / f"begun-{of}.rows").exists()}
        begun = {sent.index: of for of, path in paths.items() for sent in read_rows(path, Sent)}
        if amiss := [index for index in {*begun, *rows} if rows[index] != 1 or index not in begun]:
            return f"rows are not as begun: {amiss}"
        return "" if all(index % many == of for index, of in begun.items()) else "workers have numbers of each other's"


@contextmanager
def answering(handler: type[BaseHTTPRequestHandler] = Answers):
    """The address of a server that answers at once, or as the *handler* does."""
    server = Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def killed(folder: Path, url: str, number: int, after_s: float, crew: type[Crew] = Crew) -> list[str]:
    """What is amiss when worker *number* of two is killed *after_s* from the beginning of the load of a *crew*."""
    return killed_in(crew(folder, url), number, after_s)


def killed_in(crew: Crew, number: int, after_s: float) -> list[str]:
    """The same in a *crew* that has not begun."""
    crew.begin()
    timer = threading.Timer(after_s + crew.zero_s - time.monotonic(), lambda: _kill(crew, number))
    timer.start()
    told = crew.run()
    timer.join()
    rows, workers = crew.rows(), read_workers(crew.folder)
    found = [] if told.startswith(f"worker {number} ") else [f"it was told {told!r}"]
    lost = [worker.number for worker in workers if worker.lost]
    found += [] if lost == [number] else [f"workers.json says that {lost} were lost"]
    found += [differs] if (differs := crew.differs()) else []
    left = [row for row in rows if row.worker == number and row.outcome in ("not_sent", "unfinished")]
    found += [] if all(row.detail.startswith(f"worker {number} was lost") for row in left) else ["rows do not say why"]
    # The other one is stopped when the run is, and says so.
    others = Counter((row.outcome, row.detail) for row in rows if row.worker != number)
    over = ("unfinished", "OverError")  # what users had open
    odd = set(others) - {("complete", ""), ("unfinished", ""), ("not_sent", "stopped"), over}
    found += [f"the other worker has rows that are {odd}"] if odd else []
    return found


def misplaced(folder: Path, url: str, ahead_s: int) -> list[str]:
    """What is amiss when one of two workers lives in a time namespace that is *ahead_s*."""
    crew = Crew(folder, url, clocks={"load-1": Namespace(ahead_s)})
    crew.begin()
    told = crew.run()
    ours, theirs = read_workers(crew.folder)
    print(
        f"a worker in a time namespace {ahead_s} s ahead: {theirs.offset_s:.6f} s, known to {theirs.uncertainty_s:.6f} s"
    )
    found = [told] if told else []
    found += (
        [] if abs(theirs.offset_s - ahead_s) <= theirs.uncertainty_s + 1e-6 else ["its clock is not where it was found"]
    )
    found += ["the other one's clock is this one's"] if ours.another_clock else []
    found += (
        []
        if audit([row.index for row in crew.rows()], crew.plan.schedule.requests) == Audit()
        else ["rows are missing"]
    )
    return found


def _kill(crew: Crew, number: int) -> None:
    crew.started._running[f"load-{number}"].kill()


def summed_up(done: Sequence[Mapping[str, Any]], what: str, by: str) -> int:
    """Print how many of those that are *done* were told, all and *by* what they differ in; the status to end with."""
    told = Counter(str(one.get(by, "")) for one in done if not one["amiss"])
    each = Counter(str(one.get(by, "")) for one in done)
    of_each = ", ".join(f"{name} {told[name]} of {many}" for name, many in sorted(each.items()))
    print(
        f"{told.total()} of {each.total()} {what} were told, each with a row for each request that was due ({of_each})"
    )
    return 0 if told == each else 1


def main(results: Path, kills: int = KILLS) -> int:
    done = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    with answering() as url:
        for n in range(len(done), kills):
            chance = random.Random(n)
            number, after_s = chance.randrange(2), round(chance.uniform(0.0, TOTAL_S), 3)
            crew = UsersCrew if n % 2 else Crew
            with tempfile.TemporaryDirectory() as name:
                amiss = killed(Path(name), url, number, after_s, crew)
            done.append({"kill": n, "load": crew.__name__, "worker": number, "after_s": after_s, "amiss": amiss})
            with results.open("a") as file:
                file.write(json.dumps(done[-1]) + "\n")
            print(f"worker {number} killed after {after_s:.3f} s: {'; '.join(amiss) or 'told'}", flush=True)
        if Namespace(1000).allowed():
            with tempfile.TemporaryDirectory() as name:
                found = misplaced(Path(name), url, 1000)
                print("; ".join(found) or "and its rows are on our clock")
                done += [{"amiss": found}] if found else []
    return summed_up(done, "kills", "load")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else KILLS))
