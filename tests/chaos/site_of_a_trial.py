"""Where one trial goes on: a folder with a small service, in which a run is begun, harmed, and looked at when it has ended."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import psutil
from pace import Pace

from harness.running.keeper.undo import pending

HERE = Path(__file__).parent
SERVICE = HERE.parent / "end_to_end" / "small_service.py"
CANARY = "sk-canary/+7f3a9b2c"
_DAY = """schema: harness.gameday/1
name: small
title: Small
objective: learn
hypothesis: it holds
owner: Ada
coordinator: Grace
reporter: Katherine
target: target.yaml
"""
_FORMS = (CANARY, quote(CANARY, safe=""), b64encode(f"u:{CANARY}".encode()).decode()[3:-3])
_MARK = "CHAOS_SITE"
_HANGS_S = 180.0
_MOMENT_WITHIN_S = 120.0
_GONE_WITHIN_S = 6.0  # on a machine with nothing else to do
_READY_WITHIN_S = 60
_STOPPED_FOR_S = 6.0
_LOOK_S = 0.01
_SCENARIO = {
    "schema": "harness.scenario/1",
    "name": "small",
    "load": {"rate_per_s": 10, "questions": "questions.yaml", "deadline": "1500ms"},
    "phases": {"warmup": "250ms", "baseline": "1s", "fault": "2s", "recovery": "250ms"},
    "faults": [
        {"kind": "latency", "on": {"kind": "provider"}, "base": "200ms", "jitter": "0ms", "at": "fault"},
        {"kind": "http_error", "on": {"kind": "provider"}, "status": 500, "share": 0.5, "at": "fault"},
        {"kind": "bandwidth", "on": {"kind": "provider"}, "kilobytes_per_s": 200, "at": "fault"},
        {"kind": "capacity", "on": {"kind": "provider"}, "slow": 1.2, "at": "fault"},
    ],
    "good": {"within": "1s"},
    "expect": ["good_ratio >= 0.1 in baseline"],
}
_QUESTIONS = {"schema": "harness.questions/1", "questions": [{"id": "q", "text": "For how long?"}]}
# In a session of its own there is something that outlives the service, as many services leave behind.
_SERVES = ("sh", "-c", 'setsid sleep 1000 & exec "$0" "$1" "$2"', "{python}", str(SERVICE), "{port}")
_KNOWN_BY = {
    "wire": "harness.running.wire",
    "toxiproxy": "toxiproxy",
    "load": "harness.running.load ",
    "target": str(SERVICE),
    "provider": "harness.simulated_provider",
}
_SEEN_BY = {"baseline": b'"type":"begun"', "fault": b'"type":"injected"', "judging": b'"type":"ended"'}


@dataclass(frozen=True)
class Trial:
    """What is done to one run; to nobody (*subject* empty) where its surroundings are what harms it."""

    name: str
    subject: str = ""
    signum: signal.Signals = signal.SIGTERM
    moment: str = ""
    both_killed: bool = False
    twice: bool = False
    disk: tuple[str, int] = ("", 0)
    """Which folder lies on a disk of its own, of so many KiB; 0: that cannot be written."""
    file_bytes_max: int | None = None
    stdout: str = ""
    stderr: str = ""
    trouble: str = "hostile"
    command: tuple[str, ...] = _SERVES
    secret: bool = False
    """Whether it is about a secret that its service tells."""


@dataclass
class Outcome:
    """What came of a trial."""

    status: int = 0
    ended_after_s: float = 0.0
    slowness: float = 1.0
    """How many times as long as alone on the machine all took meanwhile."""
    hung: bool = False
    left: list[str] = field(default_factory=list)
    left_after_heal: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    said: str = ""
    traceback: bool = False
    missed: str = ""
    """Why what was to be done was not done, so that nothing was tried; empty where it was."""


class Site:
    """A *folder* with everything that a run needs, and with nothing of anybody else's."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.reports, self.temp = folder, folder / "reports", folder / "temp"
        self.reports.mkdir()
        self.temp.mkdir()

    def write(self, trial: Trial) -> None:
        provider = {"capacity": 64, "first_token": "20ms", "sigma": 0.1, "tokens": 5, "token_gap": "1ms"}
        link = {"kind": "provider", "upstream": {"simulated": provider}, "env": {"PROVIDER": "{url}"}}
        target = {
            "schema": "harness.target/1",
            "name": "small",
            "start": {
                "command": list(trial.command),
                "env": {"TOKEN": "${MY_KEY}", "TROUBLE": trial.trouble},
                "ready": {"get": "/healthz", "within": f"{4 if trial.trouble == 'never ready' else _READY_WITHIN_S}s"},
            },
            "entries": [{"url": "http://127.0.0.1:{port}"}],
            "ask": {
                "protocol": "json",
                "path": "/ask",
                "headers": {"authorization": "Bearer ${MY_KEY}"},
                "body": {"question": "{question}"},
                "reply": {"answer": "/answer"},
            },
            "links": {"openai": link},
        }
        for name, document in (("scenario", _SCENARIO), ("questions", _QUESTIONS), ("target", target)):
            (self.folder / f"{name}.yaml").write_text(json.dumps(document))

    def write_day(self, agenda: str) -> None:
        """A game day of what was written before."""
        (self.folder / "day.yaml").write_text(f"{_DAY}{agenda}")

    @property
    def environment(self) -> dict[str, str]:
        own = {"TMPDIR": str(self.temp), "HARNESS_STATE": str(self.folder / "state")}
        return {**os.environ, "COLUMNS": "200", "MY_KEY": CANARY, _MARK: str(self.folder), **own}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", "from harness.interfaces.cli import main; main()", *words]

    def run(self) -> Path | None:
        """The folder of the run, once there is one."""
        return next(self.reports.glob("*/*"), None)

    def owner(self) -> Mapping[str, Any]:
        """What the undo file says of whose it is, once the keeper runs."""
        run = self.run()
        with suppress(OSError, ValueError, TypeError, IndexError):
            lines = (run / "undo.jsonl").read_text().splitlines() if run else []
            owners = [line for line in map(json.loads, lines) if line.get("keeper_pid")]
            return owners[-1]
        return {}

    def processes(self) -> list[psutil.Process]:
        """All that bear the site's mark and run."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.environ().get(_MARK) == str(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill all that bear its mark."""
        for one in self.processes():
            with suppress(psutil.Error):
                one.kill()

    def names(self) -> list[tuple[int, str]]:
        """Pid and name of each; one that ends while it is looked at is none."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                found.append((process.pid, process.name()))
        return found

    def left(self, but: int) -> list[str]:
        """What is still there of the run, beside the process *but*, which is not looked at."""
        processes = [f"process {name}" for pid, name in self.names() if pid != but]
        folders = [f"temp/{path.name}" for path in self.temp.iterdir()]
        promises = [f"undo of {one.id}" for path in self.reports.glob("*/*/undo.jsonl") for one in pending(path)]
        return processes + folders + promises

    def masked(self) -> bool:
        """Whether something that is left had a secret in it, in whose place its name stands now; in the target's file it always does."""
        files = [path for path in self.reports.rglob("*") if path.is_file() and path.name != "target.yaml"]
        return any("${MY_KEY}" in _readable(path) for path in files)

    def told(self, said: str) -> list[str]:
        """Where the secret stands, of all that is left and was *said*."""
        files = [path for path in self.reports.rglob("*") if path.is_file() and _tells(_readable(path))]
        return [*(["what was said"] if _tells(said) else []), *(str(path.relative_to(self.reports)) for path in files)]


@contextmanager
def new_site() -> Iterator[Site]:
    """A site in a folder that is gone afterwards, with all that still runs of it."""
    with TemporaryDirectory(prefix="chaos-") as folder:
        site = Site(Path(folder))
        try:
            yield site
        finally:
            site.end()


def made_on(site: Site, trial: Trial, pace: Pace) -> Outcome:
    """Carry *trial* out, and clear everything away; where its disk is none, nothing is begun."""
    with _disk(site, trial) as wrong:
        if wrong:
            return Outcome(missed=wrong)
        site.write(trial)
        process, files = _begun(site, trial)
        outcome = Outcome()
        try:
            harmed_s, outcome.missed = _harm(site, trial, process)
            _await_end(process, outcome)
            ended_s = time.monotonic()
            outcome.ended_after_s = round(ended_s - harmed_s, 1)
            outcome.slowness = round(pace.slowness(harmed_s, ended_s), 2)
            _look(site, process, outcome, files, pace)
            if trial.secret and not site.masked():
                outcome.missed = "nothing that was stored had a secret to hide"
        finally:
            site.end()
            process.kill()
            process.wait()
    return outcome


def _begun(site: Site, trial: Trial) -> tuple[subprocess.Popen[bytes], list[Path]]:
    files = [site.folder / "out.txt", site.folder / "err.txt"]
    out, err = (_opened(named, file) for named, file in zip((trial.stdout, trial.stderr), files, strict=True))
    words = (
        "run",
        str(site.folder / "scenario.yaml"),
        "--target",
        str(site.folder / "target.yaml"),
        "--out",
        str(site.reports),
    )

    def limited() -> None:
        if trial.file_bytes_max is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (trial.file_bytes_max, trial.file_bytes_max))
        if trial.stdout == "closed":
            os.close(1)

    process = subprocess.Popen(
        site.command(*words), cwd=site.folder, stdout=out, stderr=err, env=site.environment, preexec_fn=limited
    )
    for file in (out, err):
        os.close(file)
    return process, files


def _opened(named: str, file: Path) -> int:
    return os.open(named if named.startswith("/") else file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def _harm(site: Site, trial: Trial, process: subprocess.Popen[bytes]) -> tuple[float, str]:
    """When the deed was done, at once where nobody is harmed; and why nobody was who should have been."""
    if not trial.subject:
        return time.monotonic(), ""
    if not _within(_MOMENT_WITHIN_S, lambda: process.poll() is not None or _has_come(site, trial)):
        return time.monotonic(), "its moment did not come"
    pids, hit = _pids(site, trial, process), 0
    for _ in range(2 if trial.twice else 1):
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, trial.signum)
                hit += 1
    done_s, missed = time.monotonic(), "" if hit else "nobody was there to be harmed"
    if trial.subject == "harness" and trial.signum == signal.SIGSTOP:
        _within(_STOPPED_FOR_S, lambda: False)
        os.kill(process.pid, signal.SIGCONT)
    return done_s, missed


def _has_come(site: Site, trial: Trial) -> bool:
    if trial.moment == "folder":
        return site.run() is not None
    if trial.moment in _SEEN_BY:
        run = site.run()
        with suppress(OSError):
            return run is not None and _SEEN_BY[trial.moment] in (run / "history.jsonl").read_bytes()
        return False
    known = _KNOWN_BY.get(trial.subject)
    return bool(site.owner()) and (known is None or bool(_named(site, known)))


def _pids(site: Site, trial: Trial, process: subprocess.Popen[bytes]) -> list[int]:
    keeper = site.owner().get("keeper_pid")
    if trial.both_killed:
        return [process.pid, *([keeper] if keeper else [])]
    if trial.subject == "harness":
        return [process.pid]
    if trial.subject == "keeper":
        return [keeper] if keeper else []
    return [one.pid for one in _named(site, _KNOWN_BY[trial.subject])]


def _named(site: Site, known: str) -> list[psutil.Process]:
    found = []
    for process in site.processes():
        with suppress(psutil.Error):
            if known in " ".join(process.cmdline()) and process.name() != "sh":
                found.append(process)
    return found


def _await_end(process: subprocess.Popen[bytes], outcome: Outcome) -> None:
    try:
        outcome.status = process.wait(_HANGS_S)
    except subprocess.TimeoutExpired:
        outcome.hung = True
        process.kill()
        outcome.status = process.wait()


def _look(site: Site, process: subprocess.Popen[bytes], outcome: Outcome, files: list[Path], pace: Pace) -> None:
    # Of a harness that was killed the keeper puts everything away, which takes a moment.
    ended_s = time.monotonic()
    while site.left(process.pid) and (waited_s := time.monotonic() - ended_s) < _HANGS_S:
        if waited_s > _GONE_WITHIN_S * pace.slowness(ended_s, ended_s + waited_s):
            break
        time.sleep(_LOOK_S)
    outcome.left = site.left(process.pid)
    words = site.command("heal", "--out", str(site.reports))
    healed = subprocess.run(words, capture_output=True, text=True, env=site.environment, check=False, timeout=_HANGS_S)
    # Of a killed run the lease stands until somebody heals, so that nobody runs on what it may have left.
    outcome.left_after_heal = site.left(process.pid) + [
        f"lease {path.parent.name}" for path in site.folder.glob("state/*/lease.json")
    ]
    said = "".join(file.read_text(errors="replace") for file in files if file.exists()) + healed.stdout + healed.stderr
    outcome.told = site.told(said)
    outcome.traceback = "Traceback (most recent call last)" in said
    outcome.said = _gist(said.removesuffix(healed.stdout + healed.stderr))


def _gist(said: str) -> str:
    """The verdict and what comes after it, or the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    verdicts = [n for n, line in enumerate(lines) if line.split(" ")[0].isupper() and " on small" in line]
    return " ".join(lines[verdicts[0] :][:2]) if verdicts else (lines[-1] if lines else "")


def _within(limit_s: float, condition: Callable[[], bool]) -> bool:
    late_s = time.monotonic() + limit_s
    while not (true := condition()) and time.monotonic() < late_s:
        time.sleep(_LOOK_S)
    return true


@contextmanager
def _disk(site: Site, trial: Trial) -> Iterator[str]:
    """The folder that *trial* names on a disk of its own; where none may be mounted, without the right to write in it.

    Yields what is wrong with that, as of root, whom no right is taken from; empty where it is as it should be.
    """
    name, size = trial.disk
    if not name:
        yield ""
        return
    folder = site.folder / name
    options = f"size={size}k" if size else "ro"
    mounted = (
        shutil.which("mount")
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, check=False
        ).returncode
    )
    if not mounted:
        folder.chmod(0o500)
    try:
        yield holds_more(folder, size)
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=False)
        else:
            folder.chmod(0o700)


def holds_more(folder: Path, size_kib: int) -> str:
    """How *folder* is no disk of *size_kib* at most, found by writing more in it; empty where it is one."""
    file = folder / "more"
    try:
        # Somewhat more, since a file system counts in blocks.
        file.write_bytes(bytes(1024 * size_kib + 65_536))
    except OSError:
        return ""
    finally:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    return f"{folder.name} could be written, more than {size_kib} KiB"


def _tells(text: str) -> bool:
    return any(form in text for form in _FORMS)


def _readable(path: Path) -> str:
    """All that *path* says; a table is read, since it is packed."""
    if path.suffix == ".parquet":
        import pandas as pd

        with suppress(Exception):  # one that a full disk cut short
            return str(pd.read_parquet(path).to_csv())
    return path.read_bytes().decode(errors="replace")
