"""The harness's side of the keeper: processes by name that are started, watched, stopped, and never left behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from types import TracebackType
from typing import IO

from harness.problems import HarnessError
from harness.running.keeper import strays
from harness.running.keeper.messages import Limit, Message, Reply, Request, Settings, Signal, Spawn
from harness.running.keeper.processes import LINUX, everyone
from harness.running.keeper.temporary import TEMP_MARK, make, mark
from harness.running.keeper.undo import UndoLog, put_back

_ANSWERED_WITHIN_S = 10.0
_CLOSED_WITHIN_S = 6.0  # beyond the grace: what the keeper allows itself for undoing and killing
_KILLED_WITHIN_S = 1.0
_LOOK_AGAIN_S = 0.02
_HEARD_WITHIN_S = 2.5
_TAIL_BYTES = 8192
_BEAT_S = 0.5
STILL_S = 2.0
"""A harness that told its keeper nothing for so long was still itself; the keeper misses it after twice that."""
SILENT_S = 5.0
"""A keeper that answers no beat for so long is stopped; it never has that much to do at once."""
_ROOT = Path(__file__).resolve().parents[3]
# Isolated and without site-packages: at once, and neither PYTHONPATH nor a json.py in the user's folder has a say.
_START = "import sys; sys.path.append(sys.argv[1]); from harness.running.keeper.__main__ import main; main()"


@dataclass(frozen=True, slots=True)
class Child:
    """A process to start: *env* is its whole environment, *log* gets what it prints; it starts in *cwd*, or where the harness is."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    cwd: Path | None = None


class Keeper:
    """Starts children; when the harness is gone, in whatever way, carries out *undo_file* and ends them within 5 s.

    *temp* is not there yet, or empty, and is removed with all that is in it; *undo_file* stands elsewhere. *log* gets what
    the keeper has to say. *run* names the owner of the undo file; by default the folder that it is in.
    May be used by several threads.
    """

    def __init__(self, undo_file: Path, temp: Path, log: Path, *, run: str = "") -> None:
        self._undo_file = undo_file.absolute()
        self._temp = temp.absolute()
        self._log = log.absolute()
        self._run = run or self._undo_file.parent.name
        if self._undo_file.is_relative_to(self._temp):
            raise ValueError(f"undo file {undo_file} would be removed with temporary folder {temp}; keep it elsewhere")
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._asked = 0
        self._replies: dict[int, Reply] = {}
        self._ready = False
        self._logs: dict[str, Path] = {}
        self._pids: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._still = threading.Event()  # the heart no longer beats
        self._took_back_after_s: float | None = None
        self._beaten_s: float | None = None  # when it was last told of us
        self._beat_s: float | None = None  # when it was first told of us after it had last answered that
        self._beats = self._heard = 0  # how often it was told of us, and answered that
        self._still_until = 0  # the beat that ended our last silence
        self._over = False  # it says no more
        self._lost = ""  # and should have; why
        self._closed = False

    def start(self) -> None:
        """Start the keeper. Raises HarnessError, and leaves nothing behind, where it does not come up."""
        if self._process:
            raise RuntimeError("a keeper starts once")
        try:
            self._start()
        except BaseException as error:  # Ctrl-C too: nothing may stay behind
            self.close(0)
            if not isinstance(error, OSError):
                raise
            with suppress(OSError):
                (self._temp / TEMP_MARK).unlink(missing_ok=True)
                self._temp.rmdir()
            raise HarnessError(f"the keeper cannot be started: {error}") from error

    @property
    def pid(self) -> int:
        """The keeper's own."""
        return self._running().pid

    def spawn(self, child: Child) -> int:
        """Start *child*, and return its pid. Raises HarnessError with the reason where that is impossible."""
        reply = self._ask(
            {
                "ask": "spawn",
                "n": 0,
                "name": child.name,
                "argv": list(child.argv),
                "env": {**child.env, strays.MARK: self._run},
                "log": str(child.log.absolute()),
                "cwd": str(child.cwd or Path.cwd()),
            }
        )
        if reply["say"] != "started":
            raise HarnessError(f"cannot start {child.name!r}: {reply['why'] if reply['say'] == 'refused' else reply}")
        self._logs[child.name] = child.log
        return reply["pid"]

    @property
    def took_back_after_s(self) -> float | None:
        """After how long a silence of ours it took back what was in force; None: it did not.

        After a silence it is asked first, since it may be about to take something back, or to say so. Raises HarnessError where it is gone.
        """
        with self._lock:
            if self._beaten_s is not None and time.monotonic() > self._beaten_s + STILL_S:
                self._beat()
            while self._heard < self._still_until and not self._over:
                self._listen(_BEAT_S)
            self._raise_if_lost()
            return self._took_back_after_s

    def hide(self, secrets: Mapping[str, str]) -> None:
        """No log of a child that is started from now on tells *secrets*, which are by name."""
        with self._lock:
            if secrets:
                self._write({"ask": "hide", "secrets": dict(secrets)})

    def exited(self) -> dict[str, int]:
        """The exit status, negative for a signal, of every child that has ended so far; returns at once.

        One that was started again under its name counts from then. Raises HarnessError when the keeper itself is gone.
        """
        with self._lock:
            self._listen(0)
            self._raise_if_lost()
            return dict(self._ended)

    def alive(self, name: str) -> bool:
        """Whether child *name* was started and has not ended; with the keeper end all of them."""
        with self._lock:
            self._listen(0)
            return name in self._pids and name not in self._ended and not self._lost and not self._closed

    def send(self, name: str, signum: int) -> int:
        """Send *signum* to child *name* and all that came of it; returns how many were running. Raises HarnessError for an unknown name."""
        return self._signal(name, signum)

    def limit(self, name: str, cpu: float) -> int:
        """Hold child *name* and all that came of it to *cpu* processors, or (0) no longer; returns how many are running.

        It is held by being stopped and continued, again and again. Raises HarnessError for an unknown name.
        """
        return self._counted({"ask": "limit", "n": 0, "name": name, "cpu": cpu})

    def stop(self, name: str, grace_s: float) -> None:
        """End child *name* and all that it started: asked at first, killed after *grace_s*; returns when it is gone.

        What had turned into a daemon before is ended by `close`. Raises HarnessError where a process cannot be killed.
        """
        with self._lock:
            self._listen(0)
            if self._lost:
                return
        self._signal(name, signal.SIGTERM)
        self._signal(name, signal.SIGCONT)  # a stopped process acts on SIGTERM only once it is continued
        if self._gone(name, 0, grace_s) or self._gone(name, signal.SIGKILL, _CLOSED_WITHIN_S):
            return
        raise HarnessError(f"processes of {name!r} are still there {_CLOSED_WITHIN_S:g} s after they were killed")

    def how_it_ended(self, name: str) -> str:
        """For people: what became of child *name*, with the end of its log. Raises KeyError if it was never started."""
        last = tail(self._logs[name])
        what = f"{name!r} {self.ending(name)}"
        if self._ended.get(name) == 0:  # as of a service that goes into the background
            what += ", and a run needs it to stay, in the foreground, until it is told to end"
        return f"{what}; its log ends:\n{last}" if last else f"{what}; its log is empty"

    def ending(self, name: str) -> str:
        """The same in a few words, without the log: ``was killed by SIGKILL``."""
        status = self._ended.get(name)
        return "is still running" if status is None else _worded(status)

    def beat(self) -> None:
        """From now on tell it twice a second that the harness is still there: of one that is stopped it takes the faults back.

        A thread does so, since a call that takes its time is no harness that is stopped; stopping it stops all threads.
        """
        self._beat()
        threading.Thread(target=self._beat_on, name="heart", daemon=True).start()

    def close(self, grace_s: float = 3.0) -> None:
        """Put the world back, stop all children, the last started first, killing after *grace_s*, and remove *temp*.

        Does nothing the second time. What could not be put back is still pending in the undo file.
        """
        with self._lock:
            if self._process is None or self._closed:
                return
            self._hear_it()
            self._still.set()
            lifeline = _pipe(self._process.stdin)
            try:
                if not (lifeline.closed or self._over):
                    self._write({"ask": "close", "grace_s": grace_s})
            finally:
                # Should this be interrupted, the keeper goes on alone, and a second call waits for it.
                lifeline.close()
            late_s = time.monotonic() + grace_s + _CLOSED_WITHIN_S
            while not self._over and (remaining_s := late_s - time.monotonic()) > 0:
                self._listen(remaining_s)
            self._end_session(self._process)
            _pipe(self._process.stdout).close()
            self._closed = True
            try:
                if self._process.wait() != 0:  # it could not do its work to the end
                    put_back(self._undo_file, budget_s=_ANSWERED_WITHIN_S)
                    strays.end(self._run)
            finally:
                rmtree(self._temp, ignore_errors=True)

    def __enter__(self) -> Keeper:
        if not self._process:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _start(self) -> None:
        if self._temp.is_dir() and any(self._temp.iterdir()):
            raise HarnessError(f"temporary folder {self._temp} is not empty, and would be removed; give a new one")
        undo = UndoLog(self._undo_file)
        try:
            # Before there is anything to be found: whoever is killed in between leaves only what this tells of.
            undo.begin(self._run, self._temp, 0)
            make(self._temp)
            mark(self._temp, self._run)
            self._process = self._launched()
            undo.begin(self._run, self._temp, self._process.pid)
        finally:
            undo.close()
        late_s = time.monotonic() + _ANSWERED_WITHIN_S
        while not self._ready:
            self._listen_until(late_s)

    def _launched(self) -> subprocess.Popen[bytes]:
        settings: Settings = {"undo": str(self._undo_file), "temp": str(self._temp)}
        with os.fdopen(os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            # Its own session, so that Ctrl-C at the terminal reaches neither it nor the children.
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _START, str(_ROOT), json.dumps(settings)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd="/",
                bufsize=0,
                start_new_session=True,
            )

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._closed:
            raise RuntimeError("the keeper is not running; start it first")
        return self._process

    def _ask(self, request: Spawn | Signal | Limit) -> Reply:
        """The keeper's reply to *request*. Raises HarnessError when the keeper is gone."""
        with self._lock:
            self._running()
            self._listen(0)
            self._asked += 1
            n = request["n"] = self._asked
            self._write(request)
            late_s = time.monotonic() + _ANSWERED_WITHIN_S
            # One that was interrupted leaves its reply unread, so each reply is known by its number.
            while n not in self._replies:
                self._listen_until(late_s)
            return self._replies.pop(n)

    def _signal(self, name: str, signum: int) -> int:
        return self._counted({"ask": "signal", "n": 0, "name": name, "signum": int(signum)})

    def _counted(self, request: Signal | Limit) -> int:
        reply = self._ask(request)
        if reply["say"] != "counted":
            why = reply["why"] if reply["say"] == "refused" else reply
            raise HarnessError(f"cannot {request['ask']} {request['name']!r}: {why}")
        return reply["running"]

    def _gone(self, name: str, signum: int, limit_s: float) -> bool:
        late_s = time.monotonic() + limit_s
        while self._signal(name, signum):
            remaining_s = late_s - time.monotonic()
            if remaining_s <= 0:
                return False
            with self._lock:
                self._listen(min(_LOOK_AGAIN_S, remaining_s))
        return True

    def _hear_it(self) -> None:
        """Wait for the answer to a beat, if one is due: a keeper that is stopped would be waited for much longer once it is to end."""
        late_s = time.monotonic() + _HEARD_WITHIN_S
        while self._beat_s is not None and not self._over and (remaining_s := late_s - time.monotonic()) > 0:
            self._listen(min(_LOOK_AGAIN_S, remaining_s))
        self._miss(_HEARD_WITHIN_S)

    def _beat_on(self) -> None:
        while not self._still.wait(_BEAT_S):
            self._beat()

    def _beat(self) -> None:
        with self._lock:
            if not (self._still.is_set() or self._over):
                now_s = time.monotonic()
                self._beats += 1
                if self._beaten_s is not None and now_s > self._beaten_s + STILL_S:
                    self._still_until = self._beats
                self._beaten_s, self._beat_s = now_s, self._beat_s or now_s
                with suppress(OSError, HarnessError):  # that it is gone is told to whoever asks it next
                    self._write({"ask": "beat"})

    def _write(self, request: Request) -> None:
        unsent = json.dumps(request).encode() + b"\n"
        lifeline = _pipe(self._running().stdin).fileno()
        try:
            while unsent:
                unsent = unsent[os.write(lifeline, unsent) :]
        except BrokenPipeError:
            self._listen(_ANSWERED_WITHIN_S)  # finds out that it is gone

    def _listen_until(self, late_s: float) -> None:
        self._raise_if_lost()
        remaining_s = late_s - time.monotonic()
        if remaining_s <= 0:
            raise HarnessError(f"the keeper does not answer; its log {self._log} ends:\n{tail(self._log)}")
        # In pieces, between which one that is stopped is noticed.
        self._listen(min(_BEAT_S, remaining_s))
        self._raise_if_lost()

    def _listen(self, wait_s: float) -> None:
        """Take in what the keeper says: what it has said already, or else the next thing within *wait_s*."""
        if self._over or not self._process:
            return
        said = _pipe(self._process.stdout).fileno()
        poll = select.poll()  # unlike select, not limited to the first 1024 descriptors
        poll.register(said, select.POLLIN)
        if not poll.poll(max(0.0, wait_s) * 1000):
            self._miss(SILENT_S)
            return
        received = os.read(said, 1 << 16)
        *lines, self._unread = (self._unread + received).split(b"\n")
        for line in lines:
            self._take(json.loads(line))
        if received:
            return
        self._over = True
        if not _pipe(self._process.stdin).closed:
            self._end_session(self._process)
            how = _worded(self._process.wait())
            self._lost = f"the keeper (pid {self._process.pid}) {how}, and its children with it"

    def _miss(self, limit_s: float) -> None:
        """End a keeper that has said nothing for *limit_s*: nothing that it should do would be done, and who asks it would wait."""
        if self._beat_s is None or time.monotonic() < self._beat_s + limit_s or self._process is None:
            return
        self._end_session(self._process)
        self._process.wait()
        self._over = True
        what = f"did not answer for {limit_s:g} s, as when it is stopped, and was killed"
        self._lost = f"the keeper (pid {self._process.pid}) {what}, and its children with it"

    def _take(self, message: Message) -> None:
        if message["say"] == "ready":
            self._ready = True
        elif message["say"] == "beats":
            self._beat_s = None
            self._heard += 1
        elif message["say"] == "took_back":
            self._took_back_after_s = message["quiet_s"]
        elif message["say"] == "ended":
            self._ended[message["name"]] = message["status"]
        else:
            if message["say"] == "started":
                self._pids[message["name"]] = message["pid"]
                self._ended.pop(message["name"], None)
            self._replies[message["n"]] = message

    def _raise_if_lost(self) -> None:
        if self._lost:
            last = tail(self._log)
            raise HarnessError(f"{self._lost}; its log {self._log} " + (f"ends:\n{last}" if last else "is empty"))

    def _end_session(self, keeper: subprocess.Popen[bytes]) -> None:
        """Kill what is left of the session of *keeper*; once that was reaped, another session could have its number."""
        if keeper.returncode is not None:
            return
        if not LINUX:
            for name in self._pids.keys() - self._ended.keys():
                with suppress(OSError):
                    os.killpg(self._pids[name], signal.SIGKILL)
            if not self._over:
                keeper.kill()
            return
        late_s = time.monotonic() + _KILLED_WITHIN_S
        while time.monotonic() < late_s and (left := [it for it in everyone() if it.session == keeper.pid]):
            for process in left:
                with suppress(OSError):
                    os.kill(process.pid, signal.SIGKILL)
            time.sleep(_LOOK_AGAIN_S)


def tail(path: Path, lines: int = 20) -> str:
    """The last *lines* in the last 8 KiB of *path*, control characters made visible; empty where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            content = file.read(_TAIL_BYTES)
    except OSError:
        return ""
    last = content.decode(errors="backslashreplace").rstrip().split("\n")[-lines:]
    return "\n".join(_visible(line.rstrip("\r")) for line in last)


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line)


def _worded(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe, "opened as a pipe"
    return pipe
