"""The processes that the keeper started, and all that came of them: started, signalled, reaped, ended.

On Linux orphans come to the keeper instead of to init, so a process that daemonised or opened its own session is still
found. Elsewhere only process groups are known, and a process that left its group is not.
"""

from __future__ import annotations

import ctypes
import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness.running.keeper.outputs import Outputs
from harness.running.keeper.processes import LINUX, Process, below, everyone

KILLED_WITHIN_S = 1.0
_LOOK_AGAIN_S = 0.02
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


class Children:
    """All children of this process by name; *told* hears the name and status (negative: a signal) of each that ended.

    This process must have one thread and no other children: every child that ends is reaped here.
    """

    def __init__(self, told: Callable[[str, int], None]) -> None:
        self._told = told
        self._pid = os.getpid()
        self._running: dict[int, tuple[str, subprocess.Popen[bytes]]] = {}
        self._pids: dict[str, int] = {}
        self._kin: dict[str, set[tuple[int, int]]] = {}
        self._ready, self._signals = selectors.DefaultSelector(), _wake_on_signals()
        self._ready.register(self._signals, selectors.EVENT_READ)
        self.outputs = Outputs(self._ready)
        self._prctl = ctypes.CDLL(None).prctl if LINUX else None
        if self._prctl:
            self._prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            self._prctl(_PR_SET_NAME, b"harness-keeper", 0, 0, 0)

    @property
    def changed(self) -> int:
        """A descriptor that is readable when there is something to `drain`: a signal came, or a child printed something."""
        return self._ready.fileno()

    def spawn(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: str, cwd: str) -> int:
        """Start *argv* in its own process group and return its pid. Raises ValueError with the reason if it cannot."""
        if self._pids.get(name) in self._running:
            raise ValueError("a child of this name is running; stop it first")
        try:
            output = self.outputs.opened(log)
        except OSError as error:
            raise ValueError(f"its log {log} cannot be opened: {error.strerror}") from error
        try:
            child = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
                preexec_fn=self._end_with_keeper if LINUX else None,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            raise ValueError(_reason(error, argv, env, cwd)) from error
        finally:
            os.close(output)
        self._running[child.pid] = (name, child)
        self._pids.pop(name, None)  # started again, it is the last
        self._pids[name] = child.pid
        self._kin.pop(name, None)
        return child.pid

    def signal(self, name: str, signum: int) -> int:
        """Send *signum* to all that came of child *name*, and return how many were running; 0 only counts them.

        Not found is what had daemonised before anyone looked; `end_all` ends that too. Raises ValueError for an unknown
        name.
        """
        if name not in self._pids:
            raise ValueError(f"no child has this name; there are: {', '.join(self._pids) or 'none'}")
        running = self.family(name)
        if signum:
            self.tell(name, running, signum)
        self.reap()
        return len(running)

    def tell(self, name: str, family: Sequence[Process], signum: int) -> None:
        """Send *signum* to child *name*, and to those of its *family* who left its group."""
        leader = self._pids[name]
        if leader in self._running:
            _send(leader, signum, os.killpg)
        for member in family:
            if member.group != leader or leader not in self._running:
                _send(member.pid, signum)

    def runs(self, name: str) -> int:
        """The pid of child *name*, which runs; 0 where it does not, or never did."""
        pid = self._pids.get(name, 0)
        return pid if pid in self._running else 0

    def reap(self) -> bool:
        """Take leave of all that ended, orphans too; False where no child is left at all."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid in self._running:
                name, child = self._running.pop(pid)
                # Popen must never wait for a pid that may be another's by now.
                child.returncode = os.waitstatus_to_exitcode(status)
                # Who is told of its end looks for its last words at once.
                self.outputs.pump_all()
                self._told(name, child.returncode)

    def end_all(self, grace_s: float) -> list[int]:
        """End every descendant: TERM, the last started first, and KILL after *grace_s*. Returns the pids that are left.

        A child is asked once those started after it have ended, or have had their share of the grace.
        """
        late_s = time.monotonic() + grace_s
        share_s = grace_s / max(1, len(self._running))
        for leader in reversed(list(self._pids.values())):
            if leader in self._running:
                _ask_to_end(leader, os.killpg)
                self._ended_within(share_s, leader)
        for stray in below({self._pid}, everyone()):
            if stray.group not in self._running:
                _ask_to_end(stray.pid, os.kill)
        if self._ended_within(late_s - time.monotonic()):
            return []
        late_s = time.monotonic() + KILLED_WITHIN_S
        while time.monotonic() < late_s:
            for leader in self._running:
                _send(leader, signal.SIGKILL, os.killpg)
            for stray in below({self._pid}, everyone()):
                _send(stray.pid, signal.SIGKILL)
            if self._ended_within(_LOOK_AGAIN_S):
                return []
        return [stray.pid for stray in below({self._pid}, everyone())] or list(self._running)

    def drain(self, wait_s: float = 0.0) -> None:
        """Return when a signal came or a child printed something, or after *wait_s*; that is read away, and in the child's log."""
        for key, _ in self._ready.select(wait_s):
            if key.fd != self._signals:
                self.outputs.pump(key.fd)
                continue
            with suppress(BlockingIOError):
                os.read(self._signals, 4096)

    def _ended_within(self, limit_s: float, leader: int = 0) -> bool:
        """Whether, within *limit_s*, child *leader* ended; if none is given, every descendant."""
        late_s = time.monotonic() + limit_s
        # No child means no descendant either: on Linux every orphan would be a child.
        while self.reap() and (not leader or leader in self._running):
            remaining_s = late_s - time.monotonic()
            if remaining_s <= 0:
                return False
            self.drain(min(remaining_s, _LOOK_AGAIN_S))
        return True

    def family(self, name: str) -> list[Process]:
        """Who runs of child *name*: its group and session, their descendants, and whoever was seen to be so before."""
        leader = self._pids[name]
        if not LINUX:
            return [Process(leader, 0, leader, 0, 0)] if _send(leader, 0, os.killpg) else []
        mine = below({self._pid}, everyone())
        known = self._kin.setdefault(name, set())
        near = {p for p in mine if leader in (p.pid, p.group, p.session) or (p.pid, p.started) in known}
        family = near | set(below({process.pid for process in near}, mine))
        known |= {(process.pid, process.started) for process in family}
        return list(family)

    def _end_with_keeper(self) -> None:
        """In the child, before its command: the kernel kills it when the keeper ends, however that comes about."""
        assert self._prctl
        self._prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._pid:  # it ended before it could be asked for
            os.kill(os.getpid(), signal.SIGKILL)


def _wake_on_signals() -> int:
    """A descriptor that is readable when a signal came; those that end a program do nothing else here.

    They are handled, not ignored, because a handler ends at exec and a child would inherit what is ignored.
    """
    receiving, sending = os.pipe()
    os.set_blocking(receiving, False)
    os.set_blocking(sending, False)
    signal.set_wakeup_fd(sending, warn_on_full_buffer=False)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD):
        signal.signal(signum, _nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return receiving


def _nothing(signum: int, frame: object) -> None:
    """The wakeup descriptor has already said all."""


def _send(pid: int, signum: int, kill: Callable[[int, int], None] = os.kill) -> bool:
    """Whether *signum* reached *pid*; one that has ended, or belongs to someone else by now, is left in peace."""
    try:
        kill(pid, signum)
    except OSError:
        return False
    return True


def _ask_to_end(pid: int, kill: Callable[[int, int], None]) -> None:
    _send(pid, signal.SIGTERM, kill)
    _send(pid, signal.SIGCONT, kill)  # a stopped process acts on SIGTERM only once it is continued


def _reason(error: Exception, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> str:
    command = argv[0] if argv else ""
    if not isinstance(error, OSError):
        return str(error)
    if error.filename == cwd:
        return f"its folder {cwd} cannot be entered: {error.strerror}"
    match error.errno:
        case errno.ENOENT if "/" not in command:
            path = env.get("PATH")
            return f"command {command!r} is not on its PATH ({path!r}); install it, or give its full path"
        case errno.ENOENT if Path(cwd, command).exists():
            return f"the interpreter that the first line of {command!r} names does not exist"
        case errno.ENOENT:
            return f"there is no file {command!r}"
        case errno.EACCES:
            return f"{command!r} is not executable"
        case errno.ENOEXEC:
            return f"{command!r} is neither a program nor a script that begins with '#!'"
    return f"{command!r}: {error.strerror}"
