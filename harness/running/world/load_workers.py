"""The workers of a load: Locust's master and its workers, each a process of the run's, and what they leave behind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from harness.planning.schedule import Share
from harness.problems import HarnessError
from harness.reading.load_hosts import LOOPBACK
from harness.record import run_folder
from harness.record import workers as kept
from harness.record.clocks import fit, may_be_one, on_ours
from harness.record.masking import Mask
from harness.record.rowfile import RowFile, read_rows
from harness.record.rows import Request, Sent
from harness.record.run_folder import RunFolder
from harness.record.workers import Worker
from harness.running.free_port import free_port
from harness.running.load import child, crew
from harness.running.load.crew import Member
from harness.running.load.plan import LoadPlan
from harness.running.load.unsent import left_over
from harness.running.load.users.plan import UsersPlan
from harness.running.load.users.recording import never_heard_of
from harness.running.ports import UntrustworthyError
from harness.running.world.load_hosts import Hosts
from harness.running.world.processes import Processes


class LoadWorkers:
    """So *many* workers of the load *plan*, whose master is the process *master*; the last of them are *hosts*, on other machines."""

    def __init__(
        self, processes: Processes, plan: LoadPlan | UsersPlan, many: int, master: str, hosts: Hosts | None = None
    ) -> None:
        self._processes, self._plan, self._master, self._hosts = processes, plan, master, hosts
        self._numbers = range(many)
        self._names = {number: f"{master}-{number}" for number in range(many - (hosts.many if hosts else 0))}
        self._lost: dict[int, tuple[str, float]] = {}  # how, and when on the monotonic clock
        self._cut_short = False
        self._known: tuple[tuple[int, int, int] | None, dict[int, Member]] = None, {}

    def spawn(self, path: Path) -> None:
        """Start them all with the plan in the file at *path*; they send nothing yet. With *hosts* the master is there already."""
        spawn = partial(self._processes.spawn, may_end=True)
        if self._hosts is None:
            port, address, environment = free_port(), LOOPBACK, dict[str, str]()
            spawn(self._master, child.master_command(path, len(self._numbers), port, module=self._plan.MODULE))
        else:
            (port, address), environment = self._hosts.here, self._hosts.environment
        for number, name in self._names.items():
            said = {**environment, child.NUMBER: str(number)}
            spawn(name, child.worker_command(path, port, address, module=self._plan.MODULE), said, may_die=True)

    def check_starting(self) -> None:
        """Raises HarnessError where one of them has died already, or could not go on."""
        for name in self._names.values():
            if how := self._processes.died(name):
                raise HarnessError(f"a worker of the load could not begin: process {how}")
        members = self._members()
        for number, member in members.items():
            if member.lost:
                raise HarnessError(f"{self._worker(number, members).called} could not begin its load: it {member.lost}")
        if self._hosts is not None:
            self._hosts.check_starting(self._processes.alive(self._master))

    def check(self, zero_s: float) -> None:
        """Raises UntrustworthyError, which names it, for a worker that will not send its share to the end."""
        members = self._members()
        for number, member in members.items():
            if member.lost and member.lost_s is not None:
                self._lost.setdefault(number, (member.lost, member.lost_s))
        for number, name in self._names.items():
            if number not in self._lost and self._processes.died(name):
                self._lost[number] = (self._processes.ending(name), time.monotonic())
        if self._lost:
            raise UntrustworthyError("; ".join(self._told(number, members, zero_s) for number in sorted(self._lost)))

    def _told(self, number: int, members: Mapping[int, Member], zero_s: float) -> str:
        how, at_s = self._lost[number]
        called = self._worker(number, members).called
        return (
            f"{called}, one of {len(self._numbers)} that share the load, was lost {max(0.0, at_s - zero_s):.1f} s after the load began: "
            f"it {how}, and from then on {'its share was not sent' if isinstance(self._plan, LoadPlan) else 'its users asked nothing'}"
        )

    def ended(self) -> bool:
        return not any(map(self._processes.alive, (self._master, *self._names.values())))

    def stop(self, grace_s: float) -> None:
        """No more requests. The master tells its workers, so that all of them end at once."""
        self._cut_short = not self.ended()
        for name in (self._master, *self._names.values()):
            self._processes.stop(name, grace_s)

    def account(self, folder: RunFolder, zero_s: float) -> None:
        """Write a row for what a lost worker left over, and what is known of each worker."""
        members = self._members()
        of = (self._with_begun(self._worker(number, members), folder) for number in self._numbers)
        settled = [self._settled(worker, members, folder, zero_s) for worker in of]
        told = [self._on_our_clock(worker, members.get(worker.number), folder, zero_s) for worker in settled]
        if lost := [worker for worker in told if worker.lost]:
            self._write_left_over(lost, folder, zero_s)
        run_folder.write(folder.workers, kept.encode(told))

    def _members(self) -> dict[int, Member]:
        """Looked up many times a second, and so read only where the file is another one than before."""
        path = Path(self._plan.crew_path)
        if not path.exists():
            return {}
        of = path.stat()
        state = of.st_ino, of.st_mtime_ns, of.st_size
        if self._known[0] != state:
            self._known = state, {member.number: member for member in crew.read(path)}
        return self._known[1]

    def _worker(self, number: int, members: Mapping[int, Member]) -> Worker:
        member = members.get(number) or Member(number, crew.here()[0])
        pid = self._processes.pids[self._names[number]] if number in self._names else member.pid
        return Worker(number, member.host, pid, self._share_size(number))

    def _share_size(self, number: int) -> int:
        """How many requests a worker is to send; 0 where its users decide that."""
        if isinstance(self._plan, UsersPlan):
            return 0
        return self._plan.schedule.share_sizes(len(self._numbers), self._plan.requests_max)[number]

    def _with_begun(self, worker: Worker, folder: RunFolder) -> Worker:
        """*worker*, whose share are the requests that its users have begun, where those decide that."""
        if isinstance(self._plan, LoadPlan):
            return worker
        return replace(worker, requests=sum(1 for _ in _begun(folder, worker.number)))

    def _settled(self, worker: Worker, members: Mapping[int, Member], folder: RunFolder, zero_s: float) -> Worker:
        member, lost = members.get(worker.number), self._lost.get(worker.number)
        if lost is not None:
            return replace(worker, lost=lost[0], lost_s=round(lost[1] - zero_s, 4))
        seal = member.seal if member else None
        if seal is None:
            silent = not self._cut_short or worker.number not in self._names
            return replace(worker, torn="it did not say what it wrote") if silent else worker
        came = member.torn if member else ""
        few = f"it wrote {seal.rows} for the {worker.requests} requests that were its share"
        unsaid = few if seal.rows < worker.requests and not self._cut_short else ""
        begun = kept.torn(_begun_rows(folder, worker.number), member.begun) if member and member.begun else ""
        of_begun = f"of what its users had begun {begun}" if begun else ""
        return replace(worker, torn=came or kept.torn(_rows(folder, worker), seal) or of_begun or unsaid)

    def _on_our_clock(self, worker: Worker, member: Member | None, folder: RunFolder, zero_s: float) -> Worker:
        """Put the rows of *worker* on this clock, where it had another one."""
        if member is None or not member.looks or not (member.another_clock or not may_be_one(member.looks)):
            return worker
        found, path = fit(member.looks), _rows(folder, worker)
        if path.exists():
            with run_folder.replacing(path) as new:
                file = RowFile(new)
                for row in read_rows(path, Request):
                    file.add(on_ours(row, found))
                file.close()
        return replace(
            worker,
            another_clock=True,
            offset_s=round(member.ahead_s - (found.ours(zero_s) - zero_s), 9),
            drift_ppm=round(-1e6 * found.drift, 3),
            uncertainty_s=round(found.uncertainty_s, 9),
        )

    def _write_left_over(self, lost: Sequence[Worker], folder: RunFolder, zero_s: float) -> None:
        known: dict[int, float] = {}
        for path in folder.rows.glob("requests-*.rows"):
            known.update({row.index: row.due_s for row in read_rows(path, Request)})
        until_s = max([*known.values(), *(at_s for _, at_s in self._lost.values())])
        file = RowFile(folder.rows / "requests-left-over.rows", Mask(self._plan.secrets))
        for worker in lost:
            for row in self._left_over(worker, folder, known, zero_s, until_s):
                file.add(row)
        file.close()

    def _left_over(
        self, worker: Worker, folder: RunFolder, known: Mapping[int, float], zero_s: float, until_s: float
    ) -> Iterator[Request]:
        """The requests of a lost *worker* that have no row: those that were due *until_s*, or that its users had begun."""
        plan = self._plan
        if isinstance(plan, UsersPlan):
            begun = (sent for sent in _begun(folder, worker.number) if sent.index not in known)
            yield from (never_heard_of(plan, worker.number, sent, worker.lost_words) for sent in begun)
        else:
            share, at_s = Share(worker.number, len(self._numbers)), self._lost[worker.number][1]
            yield from left_over(plan, share, set(known), zero_s, at_s, until_s, worker.lost_words)


def _begun(folder: RunFolder, number: int) -> Iterator[Sent]:
    """What the users of a worker have begun."""
    path = _begun_rows(folder, number)
    return read_rows(path, Sent) if path.exists() else iter(())


def _begun_rows(folder: RunFolder, number: int) -> Path:
    return folder.rows / f"begun-{number}.rows"


def _rows(folder: RunFolder, worker: Worker) -> Path:
    return folder.rows / f"requests-{worker.number}.rows"
