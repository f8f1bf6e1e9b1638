"""Workers of a load on other machines: waited for before anything is touched, and told when one that has come is gone again."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex
from shlex import quote

import msgspec

from harness.problems import HarnessError, Problem, UsageProblems
from harness.reading.hosts import on_this_machine
from harness.reading.load_hosts import BIND, NO_HOSTS, LoadHosts
from harness.reading.locustfile import checksum
from harness.running.free_port import free_port
from harness.running.load import child, door, handshake
from harness.running.load.dismissing import dismiss
from harness.running.load.door import Awaited, Caller
from harness.running.load.plan import LoadPlan
from harness.running.load.users.plan import UsersPlan
from harness.running.load.word import WORD, new_word
from harness.running.world.processes import Processes

_LOOK_S = 0.05
_AMISS = {
    errno.EADDRNOTAVAIL: "it has no such address; give one that it has",
    errno.EADDRINUSE: "another run waits there, or another program has the port; name another port, or none for a free one",
    errno.EACCES: "only root may take a port below 1024; name a higher one",
}
_STAYS_S, _DISMISSED_WITHIN_S = 120.0, 3.0


class Gathering:
    """Where workers of other machines come, for one run or for *several* in which they find the same place and the same word."""

    def __init__(self, several: bool = False) -> None:
        self._several, self._at = several, NO_HOSTS

    def place(self, asked: LoadHosts) -> LoadHosts:
        """*asked* with a port that is free; of several runs the one of the first. Raises UsageProblems where nobody can listen there."""
        if asked.many and not self._at.many:
            self._at = reserved(asked)
            if self._several:
                self._at = self._at._replace(word=new_word(), stays_s=max(asked.within_s, _STAYS_S))
        return self._at if asked.many else asked

    def close(self) -> None:
        """Those that stayed are told that no other run comes; who is not there within a moment hears nothing, and ends by itself."""
        at, self._at = self._at, NO_HOSTS
        if at.stays_s:
            dismiss(at.address, at.port, at.word, at.many, _DISMISSED_WITHIN_S)


class Hosts:
    """Those that were *asked* for, of a load that so many workers share in all, be it of the users in a *locustfile*."""

    def __init__(
        self,
        asked: LoadHosts,
        of: int,
        needed: Sequence[str],
        say: Callable[[str], None],
        locustfile: str | None = None,
    ) -> None:
        self.many, self._of, self._needed = asked.many, of, list(needed)
        self._asked, self._say = asked, say
        self._locustfile = Path(locustfile) if locustfile is not None else None
        self._callers_path = Path()
        self._told: dict[str, str] = {}
        self._whys: dict[str, str] = {}
        self.word = asked.word or new_word()

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
        run, stays_s = token_hex(8), self._asked.stays_s
        file = checksum(self._locustfile) if self._locustfile is not None else ""
        awaited = Awaited(
            self.many,
            door.version(),
            self._needed,
            str(self._callers_path),
            run,
            stays_s,
            file,
            door.locust_version(),
        )
        path = plan.with_name("load-awaited.json")
        handshake.write_whole(path, msgspec.json.encode(awaited))
        module = UsersPlan.MODULE if self._locustfile is not None else LoadPlan.MODULE
        argv = child.master_command(plan, self._of, self._asked.port, self._asked.address, module=module)
        processes.spawn(master, argv, {**self.environment, door.AWAITED: str(path)}, may_end=True)
        self._say(self._invitation())
        late_s = time.monotonic() + self._asked.within_s
        while len(came := self._look()) < self.many:
            processes.check_starting()
            if not processes.alive(master):
                raise HarnessError(self._left([]))
            if time.monotonic() > late_s:
                raise HarnessError(self._too_few(came))
            time.sleep(_LOOK_S)

    def check_starting(self, master: bool = True) -> None:
        """Raises HarnessError where one that had come is gone, or all are: the *master* is not there any more then."""
        came = self._look() if master else []
        if len(came) < self.many:
            raise HarnessError(self._left(came))

    def _left(self, came: Sequence[Caller]) -> str:
        """Who is gone, when of all those that were told of only these are there; Locust's master ends with the last of them."""
        there = {one.client for one in came}
        gone = "; ".join(
            f"{told}: {self._whys[client]}" if client in self._whys else told
            for client, told in self._told.items()
            if client not in there
        )
        return (
            f"a worker of another machine left before the load began: {gone or 'it is gone'}; what it said last stands on its terminal. "
            "Run again, and start it anew with the command that is printed"
        )

    def _look(self) -> list[Caller]:
        """Who is there; tells what is new of them."""
        found = door.callers(self._callers_path)
        there = [caller for caller in found if not caller.why]
        for caller in found:
            if caller.why and caller.client in self._told:
                self._whys[caller.client] = caller.why
            elif caller.why:
                self._say(f"{caller.called} was not let in: {caller.why}")
            elif caller.client not in self._told:
                self._say(f"{caller.called} has come: {len(there)} of {self.many}")
            self._told.setdefault(caller.client, caller.called)
        return there

    def _invitation(self) -> str:
        where = socket.gethostname() if self._asked.everywhere else self._asked.address
        file = f" --locustfile {quote(self._locustfile.name)}" if self._locustfile is not None else ""
        command = f"harness load-worker --master {where}:{self._asked.port} --join {self.word}{file}"
        machines = "another machine" if self.many == 1 else f"each of {self.many} other machines"
        stay = ", once for all runs" if self._asked.stays_s else ""
        return f"waiting {self._asked.within_s:g} s for workers of the load; on {machines}{stay}:\n  {command}"

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
        why = _AMISS.get(error.errno or 0) or str(error)
        what = f"nothing can listen at {asked.address}{f':{port}' if port else ''} of this machine: {why}"
        raise UsageProblems(Problem(what, path=BIND)) from error
    if asked.away and on_this_machine(at):
        what = f"{asked.address} is {at} here, which no other machine reaches; give this machine's IP address in their network"
        raise UsageProblems(Problem(what, path=BIND))
    return asked._replace(port=port)
