"""Whole runs of the command line, with everything real: Toxiproxy, Redis, the SDK, Locust."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from real_runs import TOO_BUSY, Machine, came_to

from harness.judging.result import EXIT_STATUS

ROOT = Path(__file__).resolve().parents[2]
# Short enough for a test, long enough for each expectation below to be settled.
SHORT = (
    "phases.warmup=1s",
    "phases.baseline=3s",
    "phases.fault=6s",
    "phases.recovery=1s",
    "load.deadline=4500ms",
    "good.within=4300ms",
)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    status: int
    out: str
    err: str
    folder: Path

    @property
    def result(self) -> dict[str, Any]:
        return json.loads((self.folder / "result.json").read_text())

    def came_to(self, verdict: str) -> bool:
        """Whether the run was judged so, and the command ended so; where the machine was too busy for a verdict, whether it says that."""
        result = self.result
        status: int = EXIT_STATUS[result["verdict"]]
        return came_to(verdict, result) and self.status == status


def command(*words: str, before: str = "pass") -> list[str]:
    """The command line; *before* is Python that is done in its process first."""
    return [sys.executable, "-c", f"{before}\nfrom harness.interfaces.cli import main; main()", *words]


@pytest.fixture(scope="session")
def run_files(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Callable[..., Ended]:
    """Runs a scenario file on a target file to its end, with no other real run beside it."""

    def run(scenario: Path | str, target: Path | str, *options: str) -> Ended:
        reports = tmp_path_factory.mktemp("reports")
        words = command("run", str(scenario), "--target", str(target), "--out", str(reports), *options)
        environment = {**os.environ, "COLUMNS": "100", "HARNESS_STATE": f"{reports}-state"}
        with machine(2):
            ended = subprocess.run(
                words, cwd=ROOT, capture_output=True, text=True, timeout=HANGS_S, env=environment, check=False
            )
        made = sorted(reports.glob("*/*"))
        return Ended(ended.returncode, ended.stdout, ended.stderr, made[-1] if made else reports)

    return run


@pytest.fixture(scope="session")
def harness_run(run_files: Callable[..., Ended]) -> Callable[..., Ended]:
    """Runs a shipped scenario, shortened and with other expectations, on a shipped target."""

    def run(scenario: str, target: str, *expectations: str, options: tuple[str, ...] = ()) -> Ended:
        settings = [*SHORT, f"expect={json.dumps(list(expectations))}"]
        words = [word for setting in settings for word in ("--set", setting)]
        return run_files(f"scenarios/{scenario}.yaml", f"scenarios/targets/{target}.yaml", *words, *options)

    return run


@pytest.fixture
def start(machine: Machine) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts `harness run` with a shortened scenario and returns at once; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*words: str) -> subprocess.Popen[bytes]:
        settings = [word for setting in SHORT for word in ("--set", setting)]
        started.append(
            subprocess.Popen(
                command("run", *words[:1], *settings, *words[1:]),
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        return started[-1]

    with machine(1):
        yield begin
        for process in started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


HERE = Path(__file__).parent
GONE_WITHIN_S = 30.0
HANGS_S = 240.0
"""What takes longer hangs, however busy the machine."""
AT_ONCE = 2
TRIES = 3
MARK = "HARNESS_TEST"
"""The variable by which a process is known as one of a test's commands."""
# A run of it takes 5 s, and half of that is the load.
SMALL_SCENARIO = {
    "schema": "harness.scenario/1",
    "name": "small",
    "load": {"rate_per_s": 20, "questions": "questions.yaml", "deadline": "1500ms"},
    "phases": {"warmup": "250ms", "baseline": "1s", "fault": "1s", "recovery": "250ms"},
    "faults": [{"kind": "latency", "on": {"kind": "provider"}, "base": "200ms", "jitter": "0ms", "at": "fault"}],
    "good": {"within": "1s"},
    "expect": ["good_ratio >= 0.1 in baseline"],
}
SMALL_PROVIDER = {"capacity": 64, "first_token": "20ms", "sigma": 0.1, "tokens": 5, "token_gap": "1ms"}
SMALL_TARGET = {
    "schema": "harness.target/1",
    "name": "small",
    "start": {"command": ["{python}", str(HERE / "small_service.py"), "{port}"], "ready": {"get": "/healthz"}},
    "entries": [{"url": "http://127.0.0.1:{port}"}],
    "ask": {"protocol": "json", "path": "/ask", "body": {"question": "{question}"}, "reply": {"answer": "/answer"}},
    "links": {
        "openai": {
            "kind": "provider",
            "api": "openai",
            "upstream": {"simulated": SMALL_PROVIDER},
            "env": {"PROVIDER": "{url}"},
        }
    },
}
SMALL_QUESTIONS = {
    "schema": "harness.questions/1",
    "questions": [{"id": "refund", "text": "For how long can I ask for a refund?"}],
}


class Small:
    """A folder with a small service of its own, on which whole commands are run; each leaves nothing but its reports."""

    scenario, target, provider = SMALL_SCENARIO, SMALL_TARGET, SMALL_PROVIDER

    def __init__(self, folder: Path) -> None:
        self.folder, self.out, self._temp = folder, folder / "reports", folder / "temp"
        self._temp.mkdir()
        # As it was when the test began: other tests change theirs while a run goes on in a thread of its own.
        self.outside = dict(os.environ)
        own = {"TMPDIR": str(self._temp), MARK: str(folder), "HARNESS_STATE": str(folder / "state")}
        self._environment = self.outside | own
        self.write("questions", SMALL_QUESTIONS)
        self.write("scenario", self.scenario)
        self.write("target", self.target)

    def write(self, name: str, document: Mapping[str, Any]) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(json.dumps(document))  # JSON is YAML too
        return path

    def last(self, fault: str) -> None:
        """Let the fault of the next run last so long: for what has to be done in it, however busy the machine."""
        self.write("scenario", {**self.scenario, "phases": {**self.scenario["phases"], "fault": fault}})

    def begin(
        self, *options: str, scenarios: Sequence[str] = ("scenario",), before: str = "pass", **env: str
    ) -> subprocess.Popen[str]:
        """Starts `harness run` and returns at once; *env* is added to the environment, and *before* is done in its process first."""
        files = [str(self.folder / f"{name}.yaml") for name in scenarios]
        options = ("--target", str(self.folder / "target.yaml"), "--out", str(self.out), *options)
        words = command("run", *files, *options, before=before)
        environment = self._environment | {"COLUMNS": "200"} | env
        pipe = subprocess.PIPE
        return subprocess.Popen(words, cwd=self.folder, stdout=pipe, stderr=pipe, text=True, env=environment)

    def ask(self, *options: str, **env: str) -> Ended:
        """`harness ask` of the target, to its end."""
        words = command("ask", str(self.folder / "target.yaml"), "--out", str(self.out), *options)
        pipe = subprocess.PIPE
        return self.end(
            subprocess.Popen(words, cwd=self.folder, stdout=pipe, stderr=pipe, text=True, env=self._environment | env)
        )

    def end(self, process: subprocess.Popen[str]) -> Ended:
        out, err = process.communicate(timeout=HANGS_S)
        made = sorted(self.out.glob("*/*"))
        return Ended(process.returncode, out, err, made[-1] if made else self.out)

    def run(self, *options: str, scenarios: Sequence[str] = ("scenario",), **env: str) -> Ended:
        """A run whose load fell behind, since the machine had much else to do, says nothing and is made again."""
        for _ in range(TRIES):
            ended = self.end(self.begin(*options, scenarios=scenarios, **env))
            if not TOO_BUSY.search(" ".join(ended.out.split())):
                break
        return ended

    def run_folder(self) -> Path:
        """The folder of the one run, once its history begins."""
        self.until(lambda: list(self.out.glob("*/*/history.jsonl")), "the run begins")
        return next(self.out.glob("*/*"))

    def until(self, condition: Callable[[], object], what: str, limit_s: float = HANGS_S) -> None:
        assert self.within(limit_s, condition), f"not within {limit_s:g} s: {what}"

    def within(self, limit_s: float, condition: Callable[[], object]) -> bool:
        """Whether *condition* comes true in that time."""
        late_s = time.monotonic() + limit_s
        while not (true := bool(condition())) and time.monotonic() < late_s:
            time.sleep(0.02)
        return true

    def processes(self, named: str = "") -> list[psutil.Process]:
        """Processes of these commands that run, and of these the ones in whose command line *named* stands."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                ours = process.environ().get(MARK) == str(self.folder)
                if ours and process.status() != psutil.STATUS_ZOMBIE and named in " ".join(process.cmdline()):
                    found.append(process)
        return found

    def left(self) -> list[object]:
        """What these commands left behind: processes (a port that is listened on has one), temporary folders, undo files."""
        return [*self.processes(), *self._temp.glob("harness-*"), *self.out.glob("*/*/undo.jsonl")]

    def has_gone(self) -> None:
        """Fails, and ends what is left, unless these commands left nothing behind."""
        self.within(GONE_WITHIN_S, lambda: not self.left())
        left = self.left()
        for process in self.processes():
            process.kill()
        assert left == []


@pytest.fixture(scope="session")
def small_commands(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, machine: Machine
) -> Iterator[Mapping[Callable[[Small], Any], Future[Any]]]:
    """What becomes of each case that a collected test of the folder asks for; two go on at once, since most of a run is waiting."""
    called = [getattr(item, "callspec", None) for item in request.session.items if HERE in item.path.parents]
    cases = [spec.params["ended"] for spec in called if spec is not None and "ended" in spec.params]

    def conduct(case: Callable[[Small], Any], small: Small) -> Any:
        with machine(1):
            try:
                return case(small)
            finally:
                small.has_gone()

    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield {
            case: threads.submit(conduct, case, Small(tmp_path_factory.mktemp("small")))
            for case in dict.fromkeys(cases)
        }
        threads.shutdown(cancel_futures=True)


@pytest.fixture
def only_read(tmp_path: Path) -> Iterator[Small]:
    """A folder of the test's own, for commands that begin no run and so need no seat; they leave nothing behind."""
    small = Small(tmp_path)
    yield small
    small.has_gone()


@pytest.fixture
def small(only_read: Small, machine: Machine) -> Iterator[Small]:
    """A folder of the test's own; its commands leave nothing behind."""
    with machine(1):
        yield only_read
        only_read.has_gone()


@pytest.fixture
def ended(request: pytest.FixtureRequest, small_commands: Mapping[Callable[[Small], Any], Future[Any]]) -> Any:
    """What the test's own case, a function of a Small, came to; it has left nothing behind."""
    return small_commands[request.param].result()
