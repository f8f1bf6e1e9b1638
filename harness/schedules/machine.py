"""This machine as the world in which files are kept on their schedules: its clock, a folder, processes, and the state of targets."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from harness.checks import load_target
from harness.problems import Problem, RefusedError, UnansweredError, UsageProblems
from harness.reading.state_place import is_url
from harness.reading.timetable import Occurrence, Timetable, parse_timetable
from harness.running.state.place import state_of
from harness.running.state.store import StateError
from harness.running.state.target_state import FrozenError, me, utc_now
from harness.schedules import claims
from harness.schedules.keeping import Ended, Obstacle, Standing
from harness.schedules.scheduled import NOTHING, Passed, Scheduled, refuse_unattended, scheduled, several
from harness.schedules.telling import tell_missed
from harness.settings import Settings

_CLAIMS_KEPT = 2000
"""So many of a file's: no clock is put back over more occurrences."""
_Signature = tuple[tuple[int, int, int] | None, ...]


def folder_of(settings: Settings) -> Path:
    """Where schedules are kept: in the state folder; where state is kept at a URL, in that of this machine's user."""
    state = settings.own_state if is_url(settings.state) else Path(settings.state).expanduser()
    return state / "_schedules"


class Machine:
    """A `keeping.World`. *inherit*: what is begun prints where we do, and otherwise into a file of its own; it gets what is *passed*.

    Raises UsageProblems with all that is wrong with the files at *paths*.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        settings: Settings,
        say: Callable[[str], None],
        *,
        inherit: bool,
        passed: Passed = NOTHING,
    ) -> None:
        self._settings, self._say, self._inherit, self._passed = settings, say, inherit, passed
        self.folder = folder_of(settings)
        self._files = {one.file: one for one in several(list(paths))}
        self._signatures = {one.file: _signature(one) for one in self._files.values()}
        self._told: set[str] = set()
        self._signalled, self._leaving = Event(), False
        self._begun: dict[Path, subprocess.Popen[bytes]] = {}

    @contextmanager
    def held(self, alone: bool) -> Iterator[None]:
        """Nobody else keeps these files meanwhile, nor, where *alone*, any in this folder; raises RefusedError that says who does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [*(["the schedules"] if alone else []), *(one.name for one in self._files.values())]
        with _all_held(
            [(name, self.folder / (f"{name}.lock" if name != "the schedules" else ".lock")) for name in names]
        ):
            yield

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A Ctrl-C, a terminal that is closed, or whoever ends this process, has it leave in an orderly way meanwhile."""
        heard = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # as nohup has it
            heard.append(signal.SIGHUP)
        before = {told: signal.signal(told, self._leave) for told in heard}
        try:
            yield
        finally:
            for told, handler in before.items():
                signal.signal(told, handler)

    def _leave(self, *_: object) -> None:
        self._leaving = True
        self._signalled.set()

    @property
    def leaving(self) -> bool:
        return self._leaving

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def wait(self, at_most_s: float) -> None:
        if self._signalled.wait(at_most_s):
            self._signalled.clear()

    def files(self) -> Sequence[Scheduled]:
        for path, one in self._files.items():
            signature = _signature(one)
            if signature != self._signatures[path]:
                self._signatures[path] = signature
                self._files[path] = self._read_again(one)
        return list(self._files.values())

    def _read_again(self, one: Scheduled) -> Scheduled:
        """The file as somebody changed it; as it was, where nobody can keep to what it says now, which is told."""
        try:
            changed = scheduled(one.file)
            refuse_unattended(changed, self._passed)
        except UsageProblems as wrong:
            self.tell(f"{one.name}: is kept as it was, since it was changed into what cannot be kept:")
            for problem in wrong.problems:
                self.tell(f"  {problem}")
            return one
        if changed.name != one.name:
            self.tell(f"{one.name}: is kept as it was: it is called {changed.name} now, which takes a new start")
            return one
        return changed

    def kept(self, one: Scheduled) -> Timetable | None:
        path = self._path(one.name)
        try:
            table = parse_timetable(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UnansweredError(
                f"{path} {error}; nobody knows what was begun: look at it, and remove it by hand"
            ) from None
        other = Path(table.file)
        if table.host == socket.gethostname() and other != one.file and other.exists() and not other.samefile(one.file):
            what = f"is called {one.name!r}, as {other} is, and each schedule is kept by its name ({path})"
            raise UsageProblems(Problem(what, str(one.file), path="name"))
        return table.model_copy(update={"file": str(one.file), "host": socket.gethostname(), "by": me()})

    def keep(self, timetable: Timetable) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        claims.write(self._path(timetable.name), timetable.to_json())

    def fresh(self, one: Scheduled, now: datetime, until: datetime) -> Timetable:
        return Timetable(
            by=me(), name=one.name, file=str(one.file), host=socket.gethostname(),
            cron=one.hours.cron, zone=one.hours.zone.key, since=now, until=until,
        )  # fmt: skip

    def begin(self, one: Scheduled, planned: datetime) -> None:
        claim = self._claim(one, planned)
        claim.parent.mkdir(parents=True, exist_ok=True)
        self._forget(claim.parent)
        argv = [
            sys.executable,
            "-P",
            "-m",
            "harness.schedules.begin",
            str(claim),
            *one.words,
            *self._passed.words(one.game_day),
        ]
        if self._inherit:
            self._begun[claim] = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True)
            return
        log = claim.with_suffix(".log")
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            self._begun[claim] = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        self.tell(f"{one.name}: what it says stands in {log}")

    def standing(self, one: Scheduled, planned: datetime) -> Standing:
        claim = self._claim(one, planned)
        process = self._begun.get(claim)
        if process is not None and process.poll() is None:
            return "on"  # also while it has not claimed it yet
        found = claims.read(claim)
        if found is None and process is None:
            return "never"
        if found is not None and (found.status is not None or found.lives):
            return "on" if found.status is None else Ended(found.status)
        return Ended(process.returncode if process is not None and process.returncode >= 0 else None)

    def give_up(self, one: Scheduled, planned: datetime) -> bool:
        return claims.give_up(self._claim(one, planned))

    def end(self, one: Scheduled, planned: datetime) -> None:
        found = claims.read(self._claim(one, planned))
        process = self._begun.get(self._claim(one, planned))
        if found is not None and found.lives:
            os.kill(found.pid, signal.SIGTERM)
        elif process is not None and process.poll() is None:
            process.terminate()

    def missed(self, one: Scheduled, occurrence: Occurrence) -> None:
        tell_missed(one, occurrence, self._settings.environment, self.tell)

    def obstacle(self, one: Scheduled) -> Obstacle | None:
        for path in one.targets:
            try:
                target = load_target(path).value
                state = state_of(target.name, target.state, self._settings)
                state.obey()
                lease = state.holder()
            except FrozenError as error:
                return Obstacle("frozen", str(error))
            except (UsageProblems, StateError) as error:
                return Obstacle("unanswered", str(error))
            if lease is not None and (now := utc_now()) <= lease.until:
                return Obstacle("held", f"target {target.name!r} is {lease.held(now)}")
        return None

    def tell(self, line: str) -> None:
        self._say(line)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"

    def _claim(self, one: Scheduled, planned: datetime) -> Path:
        return self.folder / one.name / f"{planned.astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def _forget(self, folder: Path) -> None:
        """Remove the oldest claims, and what was printed then."""
        found = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and not path.suffix)
        for path in found[:-_CLAIMS_KEPT]:
            path.unlink(missing_ok=True)
            path.with_suffix(".log").unlink(missing_ok=True)


def _signature(one: Scheduled) -> _Signature:
    """What changes when somebody writes one of its files."""
    return tuple(map(_stamp, one.reads))


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@contextmanager
def _all_held(locks: Sequence[tuple[str, Path]]) -> Iterator[None]:
    if not locks:
        yield
        return
    (name, path), *more = locks
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            who = file.read().strip() or "somebody"
            verb = "are" if name.startswith("the ") else "is"
            raise RefusedError(f"{name} {verb} kept by {who} already ({path}); one at a time") from None
        file.truncate(0)
        file.write(f"process {os.getpid()} of {me()} since {utc_now():%Y-%m-%d %H:%M:%S} UTC\n")
        file.flush()
        with _all_held(more):
            yield
