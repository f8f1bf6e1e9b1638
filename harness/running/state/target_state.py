"""One target's state: a lease that one run at a time holds, a stop that it is told, and freezes that every run obeys."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from getpass import getuser
from pathlib import Path
from typing import NamedTuple, TypeVar

from harness.problems import RefusedError
from harness.reading.state_file import FILES, Freeze, Lease, Stop, parse
from harness.running.state.store import StateError, Store, Stored, UnreadableError

LEASE_S = 60.0
"""For how long a lease holds when nobody renews it. Clocks of machines that share state have to agree much better than this."""
_TRIES = 10
"""Who is overtaken by somebody else's change looks again; more often than so nobody is overtaken by honest ones."""

_F = TypeVar("_F", Lease, Stop, Freeze)
Now = Callable[[], datetime]


class HeldError(RefusedError):
    """Another run holds the target, by *lease*."""

    def __init__(self, what: str, lease: Lease) -> None:
        super().__init__(what)
        self.lease = lease


class FrozenError(RefusedError):
    """The target, or every one, is frozen."""


def utc_now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def me() -> str:
    """Who I am, as others read it: user@host."""
    try:
        user = getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def this_boot() -> str:
    """Which start of this machine it is; empty where the system does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def these_processes() -> str:
    """Among which processes of this machine this one counts: a container has a count of its own; empty where the system does not tell."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class TargetState:
    """The state of *target* in *store*; of all targets together where *target* is empty, which then can only be frozen."""

    def __init__(self, store: Store, target: str = "", now: Now = utc_now) -> None:
        self._store, self.target, self._now = store, target, now

    @property
    def now(self) -> datetime:
        """What time it is."""
        return self._now()

    def take(self, run: str, folder: Path, ends: datetime | None = None, started: int = 0) -> Lease:
        """The lease of *run*, which holds the target from now on; *started* tells this process from a later one of its number.

        Raises FrozenError and HeldError, which name who it is, RefusedError where a stop that nobody can read may be meant for it, and
        StateError where nobody can tell.
        """
        for _ in range(_TRIES):
            self.obey()
            self._heed_earlier_stop()
            found, stored = self._lease()
            now = self._now()
            if found is not None and now <= found.until:
                raise HeldError(f"target {self.target!r} is {found.held(now)}", found)
            mine = self._mine(run, folder, now, ends, started)
            if self._store.write(self._name(Lease), mine.to_json(), stored):
                return mine
        raise StateError(f"the lease of {self.target!r} in {self._store.where} is changed all the time")

    def renew(self, lease: Lease) -> Lease:
        """*lease* for as long again from now. Raises RefusedError where it is no longer its run's."""
        found, stored = self._lease()
        now = self._now()
        renewed = lease.model_copy(update={"until": now + timedelta(seconds=LEASE_S)})
        if (
            found is None
            or stored is None
            or found.run != lease.run
            or not self._store.write(self._name(Lease), renewed.to_json(), stored)
        ):
            whose = "nobody's" if found is None or found.run == lease.run else found.held(now)
            raise RefusedError(f"the lease on target {self.target!r} was lost: it is {whose}")
        return renewed

    def release(self, lease: Lease) -> None:
        """Let go; nothing where it is another's by now, or nobody's. A stop that its run was told goes with it."""
        stop, stored = self._stop()
        if stop is not None and stored is not None and stop.run in ("", lease.run):
            self._store.remove(self._name(Stop), stored)
        stored = self._store.read(self._name(Lease))
        if stored is not None and _named(Lease, stored.text) == lease.run:
            self._store.remove(self._name(Lease), stored)

    def holder(self) -> Lease | None:
        """Who holds the target, also where the time is over. Raises StateError."""
        return self._lease()[0]

    def stop(self, why: str, by: str = "") -> Lease | None:
        """Tell the run that holds the target to end, and return its lease; None where there is none.

        Raises StateError where nobody can tell which run that is, once whichever it is was told.
        """
        try:
            found, _ = self._lease()
        except StateError as error:
            self._tell(Stop(by=by or me(), run="", at=self._now(), why=why))
            raise StateError(f"{error}; whichever run goes on there was told to stop") from error
        if found is not None:
            self._tell(Stop(by=by or me(), run=found.run, at=self._now(), why=why))
        return found

    def freeze(self, why: str, by: str = "") -> Freeze:
        """The freeze that is in force from now on: an earlier one where there is one, which is left as it is."""
        mine = Freeze(by=by or me(), since=self._now(), why=why)
        for _ in range(_TRIES):
            if (stored := self._store.read(self._name(Freeze))) is not None:
                return self._parsed(Freeze, stored)
            if self._store.write(self._name(Freeze), mine.to_json(), None):
                return mine
        raise StateError(f"the freeze in {self._store.where} is changed all the time")

    def unfreeze(self) -> Freeze | None:
        """Lift the freeze and return it, or None where there was none. One that cannot be read is lifted too."""
        for _ in range(_TRIES):
            if (stored := self._store.read(self._name(Freeze))) is None:
                return None
            if self._store.remove(self._name(Freeze), stored):
                try:
                    return parse(Freeze, stored.text)
                except ValueError as error:
                    return Freeze(by="somebody", since=self._now(), why=str(error))
        raise StateError(f"the freeze in {self._store.where} is changed all the time")

    def obey(self) -> None:
        """Raises FrozenError where the target, or every one, is frozen; also by a file that nobody can read: somebody meant something."""
        for name, whose in ((FILES[Freeze], "every target"), (self._name(Freeze), f"target {self.target!r}")):
            try:
                stored = self._store.read(name)
            except UnreadableError as error:
                raise FrozenError(f"{whose} is frozen by a file that nobody can read: {error}") from error
            if stored is not None:
                try:
                    told = str(parse(Freeze, stored.text))
                except ValueError as error:
                    told = f"frozen by a file that {error}"
                lift = "freeze --lift" if name == FILES[Freeze] else f"freeze --lift --target {self.target}"
                raise FrozenError(f"{whose} is {told}; `harness {lift}` lifts it ({self._store.where}/{name})")

    def stopped(self, run: str) -> str:
        """Who told *run* to end, and why; empty where nobody did. What nobody can read is a stop, too, unless it names another run."""
        stop, _ = self._stop()
        return str(stop) if stop is not None and stop.run in ("", run) else ""

    def broken(self, lease: Lease) -> bool:
        """Whether *lease*, of a run that is dead, stands no more; one that somebody changed meanwhile is left alone."""
        found, stored = self._lease()
        return found == lease and stored is not None and self._store.remove(self._name(Lease), stored)

    def _heed_earlier_stop(self) -> None:
        """Raises RefusedError for a stop that nobody can read: it may be meant for who begins. One for whichever run there was is over."""
        stop, stored = self._stop()
        if isinstance(stop, _Unread) and not stop.run:
            raise RefusedError(f"target {self.target!r} is {stop}")
        if stop is not None and stored is not None and not stop.run:
            self._store.remove(self._name(Stop), stored)

    def _stop(self) -> tuple[Stop | _Unread | None, Stored | None]:
        try:
            stored = self._store.read(self._name(Stop))
        except UnreadableError as error:
            return _Unread("", f"a file that nobody can read: {error}"), None
        if stored is None:
            return None, None
        try:
            return parse(Stop, stored.text), stored
        except ValueError as error:
            why = f"a file that {error}; look at it, and remove it by hand ({self._path(Stop)})"
            return _Unread(_named(Stop, stored.text), why), stored

    def _path(self, kind: type[Lease | Stop | Freeze]) -> str:
        return f"{self._store.where}/{self._name(kind)}"

    def _name(self, kind: type[Lease | Stop | Freeze]) -> str:
        return f"{self.target}/{FILES[kind]}" if self.target else FILES[kind]

    def _lease(self) -> tuple[Lease | None, Stored | None]:
        stored = self._store.read(self._name(Lease))
        return (self._parsed(Lease, stored) if stored else None), stored

    def _parsed(self, kind: type[_F], stored: Stored) -> _F:
        try:
            return parse(kind, stored.text)
        except ValueError as error:
            raise StateError(
                f"{self._path(kind)} {error}; nobody knows whose it is: look at it, and remove it by hand"
            ) from None

    def _mine(self, run: str, folder: Path, now: datetime, ends: datetime | None, started: int) -> Lease:
        return Lease(
            target=self.target, run=run, by=me(), host=socket.gethostname(), boot=this_boot(), pids=these_processes(),
            pid=os.getpid(), started=started, folder=str(folder.absolute()), since=now, until=now + timedelta(seconds=LEASE_S), ends=ends,
        )  # fmt: skip

    def _tell(self, stop: Stop) -> None:
        name = self._name(Stop)
        for _ in range(_TRIES):
            if self._store.write(name, stop.to_json(), self._store.read(name)):
                return
        raise StateError(f"{name} in {self._store.where} is changed all the time")


class _Unread(NamedTuple):
    """A stop that cannot be read: the run that it names, as far as that can be told, and why nobody can read it."""

    run: str
    why: str

    def __str__(self) -> str:
        return f"stopped by {self.why}"


def _named(kind: type[Lease | Stop], text: str) -> str:
    """The run that a document names; of a stop also where the rest of it cannot be read."""
    try:
        return (parse(Lease, text) if kind is Lease else parse(Stop, text)).run
    except ValueError:
        pass
    try:
        run = json.loads(text)["run"] if kind is Stop else ""
    except (ValueError, TypeError, KeyError):
        return ""
    return run if isinstance(run, str) else ""
