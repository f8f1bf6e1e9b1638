"""Workers of a load on other machines: waited for before anything is touched, and told when one that has come is gone again."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from harness.problems import HarnessError, Problem, UsageProblems
from harness.reading.hosts import on_this_machine
from harness.reading.load_hosts import BIND, LoadHosts
from harness.running.free_port import free_port
from harness.running.load import child, door, handshake
from harness.running.load.door import Awaited, Caller
from harness.running.load.word import WORD, new_word
from harness.running.world.processes import Processes

_LOOK_S = 0.05


class Hosts:
    """Those that were *asked* for, of a load that so many workers share in all."""

    def __init__(self, asked: LoadHosts, of: int, needed: Sequence[str], say: Callable[[str], None]) -> None:
        self.many, self._of, self._needed = asked.many, of, list(needed)
        self._asked, self._say = asked, say
        self._callers_path = Path()
        self._told: dict[str, str] = {}
        self.word = new_word()

    @property
    def here(self) -> tuple[int, str]:
        """Where this machine's own workers find the master: its port and its address."""
        return self._asked.port, self._asked.at

    @property
    def environment(self) -> dict[str, str]:
        """What this machine's own workers need to be heard by the master."""
        return {WORD: self.word}

    def gather(self, processes: Processes, master: str, plan: Path) -> None:
        """Start the master as the process *master*, whose plan will be at *plan*, and wait until all have come.

        Raises HarnessError that names who came, where that are too few when their time is over.
        """
        self._callers_path = plan.with_name("load-callers.json")
        awaited = Awaited(self.many, door.version(), self._needed, str(self._callers_path))
        path = plan.with_name("load-awaited.json")
        handshake.write_whole(path, msgspec.json.encode(awaited))
        argv = child.master_command(plan, self._of, self._asked.port, self._asked.address)
        processes.spawn(master, argv, {**self.environment, door.AWAITED: str(path)}, may_end=True)
        self._say(self._invitation())
        late_s = time.monotonic() + self._asked.within_s
        while len(came := self._look()) < self.many:
            processes.check_starting()
            if time.monotonic() > late_s:
                raise HarnessError(self._too_few(came))
            time.sleep(_LOOK_S)

    def check_starting(self) -> None:
        """Raises HarnessError where one that had come is gone."""
        if len(came := self._look()) < self.many:
            gone = "; ".join(told for client, told in self._told.items() if client not in {one.client for one in came})
            raise HarnessError(f"a worker of another machine left before the load began: {gone or 'it is gone'}")

    def _look(self) -> list[Caller]:
        """Who is there; tells what is new of them."""
        found = door.callers(self._callers_path)
        there = [caller for caller in found if not caller.why]
        for caller in found:
            if caller.client not in self._told and caller.why:
                self._say(f"{caller.called} was not let in: {caller.why}")
            elif caller.client not in self._told:
                self._say(f"{caller.called} has come: {len(there)} of {self.many}")
            self._told.setdefault(caller.client, caller.called)
        return there

    def _invitation(self) -> str:
        where = socket.gethostname() if self._asked.everywhere else self._asked.address
        command = f"harness load-worker --master {where}:{self._asked.port} --join {self.word}"
        machines = "another machine" if self.many == 1 else f"each of {self.many} other machines"
        return f"waiting {self._asked.within_s:g} s for workers of the load; on {machines}:\n  {command}"

    def _too_few(self, came: Sequence[Caller]) -> str:
        who = f" ({', '.join(caller.called for caller in came)})" if came else ""
        return (
            f"{len(came)} of the {self.many} workers of other machines came within {self._asked.within_s:g} s{who}; nothing was touched. "
            f"They have to reach {self._asked.address}:{self._asked.port} over TCP"
        )


def reserved(asked: LoadHosts) -> LoadHosts:
    """*asked* with a port that is free. Raises UsageProblems where nobody can listen there."""
    if not asked.many:
        return asked
    port = free_port() if not asked.port and on_this_machine(asked.address) else asked.port
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((asked.address, port))
            at, port = probe.getsockname()
    except OSError as error:
        known = error.errno in (errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.EACCES)
        why = os.strerror(error.errno) if known and error.errno else str(error)
        what = f"nothing can listen at {asked.address}{f':{port}' if port else ''} of this machine: {why}"
        raise UsageProblems(Problem(what, path=BIND)) from error
    if asked.away and on_this_machine(at):
        what = f"{asked.address} is {at} here, which no other machine reaches; give this machine's IP address in their network"
        raise UsageProblems(Problem(what, path=BIND))
    return asked._replace(port=port)
