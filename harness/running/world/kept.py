"""What stays from one run of a target to the next: its own processes with their ports, and where they find their links."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from secrets import token_hex
from shutil import rmtree

from harness.problems import HarnessError
from harness.running.free_port import free_port
from harness.running.keeper import temporary
from harness.running.keeper.keeper import Child, Keeper

_GRACE_S = 2.0


class Kept:
    """The processes of one target, which the first run starts and others find; `close` ends them, and so does the end of the harness.

    A run's own keeper ends with it, so they have one of their own. *ports* are theirs, *taps* those at which they find their links.
    """

    def __init__(self) -> None:
        self._folder = temporary.named("kept-")
        temporary.make(self._folder)
        self.temp = self._folder / "temp"
        self.keeper = Keeper(
            self._folder / "undo.jsonl", self.temp, self._folder / "keeper.log", run=f"kept-{token_hex(4)}"
        )
        try:
            self.keeper.start()
            self.keeper.beat()
        except BaseException:
            rmtree(self._folder, ignore_errors=True)
            raise
        self.ports: dict[str, int] = {}
        self.taps: dict[str, int] = {}
        self._resolver: int | None = None
        self.pids: dict[str, int] = {}
        self.outside: Mapping[str, str] = {}
        """What can be filled in where the target is spoken to, once the first run has begun."""

    def port(self, service: str) -> int:
        return self.ports.setdefault(service, free_port())

    def tap(self, link: str) -> int:
        return self.taps.setdefault(link, free_port())

    @property
    def resolver(self) -> int:
        """The port at which names are looked up."""
        if self._resolver is None:
            self._resolver = free_port()
        return self._resolver

    def spawn(self, child: Child) -> int:
        """The pid of the process of that name, which is started where it is not there."""
        if child.name not in self.pids:
            self.pids[child.name] = self.keeper.spawn(child)
        return self.pids[child.name]

    def forget(self, name: str) -> None:
        """That process has ended, and the next of its name is started anew."""
        self.pids.pop(name, None)

    def send(self, name: str, signum: int) -> int:
        return self.keeper.send(name, signum)

    def limit(self, name: str, cpu: float) -> int:
        return self.keeper.limit(name, cpu)

    def exited(self) -> dict[str, int]:
        """The exit status of each that has ended."""
        return self.keeper.exited()

    def alive(self, name: str) -> bool:
        return self.keeper.alive(name)

    def stop(self, name: str, grace_s: float) -> None:
        self.keeper.stop(name, grace_s)

    def how_it_ended(self, name: str) -> str:
        return self.keeper.how_it_ended(name)

    @property
    def whole(self) -> bool:
        """Whether something was started, and all of it is still there."""
        with suppress(HarnessError):
            return bool(self.pids) and not self.exited()
        return False

    def close(self) -> None:
        """End all of it; does nothing the second time."""
        try:
            self.keeper.close(_GRACE_S)
        finally:
            rmtree(self._folder, ignore_errors=True)
