"""How long after the decision to end a run its last fault was gone, and its load: real runs, ended in each way that there is.

``python tests/benchmarks/aborts.py RESULTS.jsonl [--runs 60] [--load KIND]``. The load is questions, from one process or from two workers,
or a locustfile's users, in one or two. Each run is a line of the file when it has ended, so the command goes on where it stopped; ten to
twenty seconds each. A decision from outside is timed by whoever takes it, one of the run's own by its record.
Prints a table, and ends with 1 where a fault or the load outlived a decision by more than a second, where the load went first, where
anything was left behind, where a request that was begun has no row, or where the report does not say who ended the run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from harness.record.run_folder import read_table

ROOT = Path(__file__).resolve().parents[2]
SERVICE = ROOT / "tests" / "end_to_end" / "small_service.py"
WITHIN_S = 1.0
_BEGINS_WITHIN_S, _ENDS_WITHIN_S, _LOOK_S = 60.0, 60.0, 0.005
PROVIDER = {"kind": "provider"}
SCENARIO: dict[str, Any] = {
    "schema": "harness.scenario/1",
    "name": "small",
    "load": {"rate_per_s": 20, "questions": "questions.yaml", "deadline": "1500ms"},
    "phases": {"warmup": "250ms", "baseline": "1s", "fault": "30s", "recovery": "250ms"},
    "faults": [
        {"kind": "latency", "on": PROVIDER, "base": "200ms", "jitter": "0ms", "at": "fault"},
        {"kind": "http_error", "on": PROVIDER, "status": 500, "share": 0.5, "at": "fault"},
    ],
    "good": {"within": "1s"},
    "expect": ["good_ratio >= 0.1 in baseline"],
}
TARGET = {
    "schema": "harness.target/1",
    "name": "small",
    "start": {"command": ["{python}", str(SERVICE), "{port}"], "ready": {"get": "/healthz"}},
    "entries": [{"url": "http://127.0.0.1:{port}"}],
    "ask": {"protocol": "json", "path": "/ask", "body": {"question": "{question}"}, "reply": {"answer": "/answer"}},
    "links": {
        "openai": {"kind": "provider", "api": "openai", "upstream": {"simulated": {"capacity": 64}}, "env": {"PROVIDER": "{url}"}}
    },
    "prices": {"openai": {"in": 1000, "out": 10_000}},
}  # fmt: skip
QUESTIONS = {
    "schema": "harness.questions/1",
    "questions": [{"id": "q", "text": "For how long can I ask for a refund?"}],
}
USERS = """
from locust import FastHttpUser, constant_throughput, task
class Asks(FastHttpUser):
    wait_time = constant_throughput(2)
    @task
    def ask(self):
        self.client.post("/ask", json={"question": "For how long can I ask for a refund?"})
"""
_OF_USERS = {"locustfile": "users.py", "users": 10, "spawn_rate": 100}
LOADS: dict[str, dict[str, Any]] = {
    "questions": SCENARIO["load"],
    "questions, 2 workers": SCENARIO["load"] | {"workers": 2},
    "locustfile": _OF_USERS,
    "locustfile, 2 workers": _OF_USERS | {"workers": 2},
}
SILENT, CTRL_C = "url without answer", "Ctrl-C"
FROM_OUTSIDE = {
    CTRL_C: "",
    "stop": "stopped by",
    "freeze": "frozen by",
    "freeze of the target": "frozen by",
    "url": "says no",
    SILENT: "could not be asked for 10 s",
}
_SAID = {
    "stop": (("stop", "--why", "tickets come in"), "small/stop.json"),
    "freeze": (("freeze", "--why", "incident"), "freeze.json"),
    "freeze of the target": (("freeze", "--why", "incident", "--target", "small"), "small/freeze.json"),
}
"""What somebody says on the command line, and the file by which the run hears of it."""
OF_ITS_OWN: dict[str, tuple[Any, str]] = {
    "max_requests": ({"max_requests": 120}, "max_requests, 120"),
    "max_attempts": ({"max_attempts": 100}, "max_attempts is 100"),
    "max_duration": ({"max_duration": "5s"}, "max_duration, 5 s"),
    "max_cost": ({"max_cost": 5}, "max_cost is 5"),
    "good_ratio": ("good_ratio < 0.7 for 3s", "the scenario aborts at good_ratio < 0.7"),
    "latency_ms": ("latency_ms.p50 > 150 for 3s", "the scenario aborts at latency_ms.p50 > 150"),
}
WAYS = (*FROM_OUTSIDE, *OF_ITS_OWN)


class _Boss(BaseHTTPRequestHandler):
    """Says yes until it is told to say no, and remembers when it first did; or until it is told to say nothing any more."""

    says, said_no_at_s = 200, 0.0
    silent = False
    over = threading.Event()

    def do_GET(self) -> None:
        boss = type(self)
        if boss.silent:
            boss.over.wait()
            return
        if boss.says != 200 and not boss.said_no_at_s:
            boss.said_no_at_s = time.monotonic()
        self.send_response(boss.says)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def boss() -> Iterator[tuple[str, type[_Boss]]]:
    """A URL that can end a run, and what says whether it does."""
    kind = type("Boss", (_Boss,), {"over": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/may-go-on", kind
    kind.over.set()
    server.shutdown()
    server.server_close()


def run(way: str, load: str) -> dict[str, Any]:
    """One run of that *load* that is ended in that *way*, and how long after the decision what was gone."""
    with tempfile.TemporaryDirectory() as name, boss() as (url, told):
        folder = Path(name)
        condition = {"url": url} if way in ("url", SILENT) else OF_ITS_OWN[way][0] if way in OF_ITS_OWN else None
        scenario = {**SCENARIO, "load": LOADS[load], "abort": [condition] if condition else []}
        (folder / "users.py").write_text(USERS)
        for name, document in (("scenario", scenario), ("target", TARGET), ("questions", QUESTIONS)):
            (folder / f"{name}.yaml").write_text(json.dumps(document))  # JSON is YAML too
        files = (
            str(folder / "scenario.yaml"),
            "--target",
            str(folder / "target.yaml"),
            "--out",
            str(folder / "reports"),
        )
        process = _harness(folder, "run", *files)
        decided_at_s = 0.0
        if way in FROM_OUTSIDE:
            _until(lambda: _history(folder).count("injected") == len(SCENARIO["faults"]))
            decided_at_s = _decided(way, folder, told, process)
        process.wait(_ENDS_WITHIN_S)
        return {"way": way, "load": load} | _seen(way, folder, process.returncode, decided_at_s)


def _decided(way: str, folder: Path, told: type[_Boss], process: subprocess.Popen[bytes]) -> float:
    """Take the decision over the run in *process*, and say when that was; 0 where it is the run's own how long it bears a silence."""
    if way == CTRL_C:
        process.send_signal(signal.SIGINT)
        return time.monotonic()
    if way == SILENT:
        told.silent = True
        return 0.0
    if way == "url":
        told.says = 503
        _until(lambda: told.said_no_at_s > 0)
        return told.said_no_at_s
    words, file = _SAID[way]
    asked, where = _harness(folder, *words), folder / "state" / file
    _until(where.exists)
    at_s = time.monotonic()
    asked.wait(_ENDS_WITHIN_S)
    return at_s


def _seen(way: str, folder: Path, status: int, decided_at_s: float) -> dict[str, Any]:
    (path,) = (folder / "reports").glob("*/*")
    events = [json.loads(line) for line in (path / "history.jsonl").read_text().splitlines()]
    ended, gone = events[-1], [event["at_s"] for event in events if event["type"] == "reverted"]
    decided_s = decided_at_s - events[0]["clock_zero_s"] if decided_at_s else ended["decided_s"]
    reason = json.loads((path / "result.json").read_text())["reason"]
    if decided_s is None:
        return {**_TO_ITS_END, "status": status}
    said = FROM_OUTSIDE[way] if way in FROM_OUTSIDE else OF_ITS_OWN[way][1]
    left = [str(file) for file in (path / "undo.jsonl", folder / "state" / "small" / "lease.json") if file.exists()]
    return {
        "faults_gone_s": round(max(gone) - decided_s, 3) if len(gone) == len(SCENARIO["faults"]) else None,
        "load_gone_s": round(ended["at_s"] - decided_s, 3),
        "status": status,
        "said": said in reason,
        "without_row": _without_row(path),
        "faults_first": bool(gone) and max(gone) <= ended["at_s"],
        "left": left,
    }


_TO_ITS_END: dict[str, Any] = {
    "faults_gone_s": None,
    "load_gone_s": None,
    "said": False,
    "without_row": 0,
    "faults_first": False,
    "left": [],
}
"""Of a run that nothing ended."""


def _without_row(run: Path) -> int:
    """How many of the requests that were begun have no row: by the numbers that each worker gives them, and by the attempts they led to."""
    there = read_table(run / "requests.parquet", ["index", "worker", "nonce"])
    attempts = read_table(run / "attempts.parquet", ["nonce", "start_s"])
    # Before the load each entry is asked once, to see that it answers.
    asked = attempts["nonce"][attempts["start_s"] >= 0]
    workers = sorted(set(there["worker"]))
    begun = {n for one in workers for n in range(one, there["index"][there["worker"] == one].max() + 1, len(workers))}
    return len(begun - set(there["index"])) + len(set(asked) - {""} - set(there["nonce"]))


def _harness(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]
    environment = {**os.environ, "HARNESS_STATE": str(folder / "state")}
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def _history(folder: Path) -> list[str]:
    return [
        json.loads(line)["type"]
        for path in (folder / "reports").glob("*/*/history.jsonl")
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]


def _until(there: Callable[[], bool]) -> None:
    late_s = time.monotonic() + _BEGINS_WITHIN_S
    while not there():
        if time.monotonic() > late_s:
            raise TimeoutError("the run did not come to where it is ended")
        time.sleep(_LOOK_S)


_STATUS = {CTRL_C: 130}


def holds(one: dict[str, Any]) -> bool:
    """Whether the run was ended as it should be."""
    gone_s = one["faults_gone_s"]
    as_said = one["status"] == _STATUS.get(one["way"], 5) and one["said"] and one["faults_first"]
    if gone_s is None:
        return False
    in_time = max(gone_s, one["load_gone_s"]) <= WITHIN_S
    return in_time and as_said and not one["left"] and not one["without_row"]


def show(done: list[dict[str, Any]]) -> None:
    """The tables, by way and by load: how many, how many as they should be, and the median and the worst of both times."""
    for what, names in (("way", WAYS), ("load", tuple(LOADS))):
        print(
            f"{'ended by' if what == 'way' else 'load':24}{'runs':>5}{'as asked':>10}{'faults gone, s':>20}{'load gone, s':>20}"
        )
        for name in names:
            of_it = [one for one in done if one[what] == name]
            times = ["  ".join(_spread([one[gone] for one in of_it])) for gone in ("faults_gone_s", "load_gone_s")]
            print(f"{name:24}{len(of_it):5}{sum(map(holds, of_it)):10}{times[0]:>20}{times[1]:>20}")
    for gone in ("faults_gone_s", "load_gone_s"):
        in_time = sum(one[gone] is not None and one[gone] <= WITHIN_S for one in done)
        print(f"{gone}: {in_time} of {len(done)} within {WITHIN_S:g} s")
    print(
        f"{sum(map(holds, done))} of {len(done)} as asked: both in time, the faults first, no request without its row"
    )


def _spread(seconds: list[float | None]) -> tuple[str, str]:
    known = sorted(one for one in seconds if one is not None)
    return (f"{known[len(known) // 2]:.2f}", f"{known[-1]:.2f}") if known else ("-", "-")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--load", choices=LOADS, help="this one alone; without it each way's next run has the next one")
    options = parser.parse_args()
    lines = options.results.read_text().splitlines() if options.results.exists() else []
    done = [json.loads(line) for line in lines]
    while len(done) < options.runs:
        number, way = divmod(len(done), len(WAYS))
        done.append(run(WAYS[way], options.load or [*LOADS][(way + number) % len(LOADS)]))
        with options.results.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        print(json.dumps(done[-1]), flush=True)
    show(done)
    sys.exit(0 if all(map(holds, done)) else 1)


if __name__ == "__main__":
    main()
