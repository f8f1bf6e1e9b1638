"""The plan of a load of a locustfile's users: everything that their process needs to know, in one JSON file.

Like a load plan it may hold secrets, so it lies in the run's temporary folder, can be read by its owner only, and is never kept.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import msgspec

from harness.record.own_file import write_new
from harness.running.load import child


class UsersPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which users to run, against whom and for how long, and where to write down what came of it. Paths are absolute."""

    MODULE: ClassVar[str] = "harness.running.load.users"
    """What carries such a plan out."""

    run_id: str
    locustfile: str
    users: int
    spawn_rate: float
    entries: dict[str, str]  # the address of each, in the target file's order; users ask one after the other
    total_s: float
    rows_dir: str
    ready_path: str
    start_path: str
    seed: int = 1  # of the schedule of users who have one
    nonce_header: str = ""  # the one in which the target file has the nonce travel; empty: that is elsewhere
    drain_s: float = 10.0  # how long after the end of the load open requests may still end
    instrument_path: str = ""  # the file to which it is added how late this process runs; empty: none
    requests_max: int | None = None  # the load is over when so many have begun
    host: str = ""  # the one entry that is asked; empty: all
    tags: list[str] = []
    exclude_tags: list[str] = []
    web_port: int | None = None  # of Locust's page on this machine; None: there is none
    otel: bool = False
    reaches: list[str] = []  # what its own clients may connect to beside the entries: "host" or "host:port"
    secrets: dict[str, str] = {}  # by name; no row may tell them
    workers: int = 1  # as many processes share its users
    crew_path: str = ""  # of several workers: the file in which their master tells of them

    @property
    def hosts(self) -> dict[str, str]:
        """The entries that are asked, each with its address."""
        return {self.host: self.entries[self.host]} if self.host else self.entries

    def user(self, nth: int, worker: int) -> int:
        """The number of the *nth* user of a *worker*, both from 0 on, which no other user of the load has."""
        return nth * self.workers + worker

    def host_of(self, user: int) -> str:
        """The entry that user number *user* asks. The users of each worker ask one after the other, and each worker begins with another."""
        nth, worker = divmod(user, self.workers)
        return list(self.hosts)[(nth + worker) % len(self.hosts)]


def of_worker(index: int, worker: int, workers: int) -> int:
    """How many requests a *worker* of so many had begun before it began the one with this *index*; see `index_of`."""
    return (index - worker) // workers


def index_of(nth: int, worker: int, workers: int) -> int:
    """The index of the *nth* request that a *worker* of so many begins, which no request of another worker has."""
    return nth * workers + worker


def command(plan: Path, python: str = sys.executable) -> list[str]:
    """The command line of a child that carries out the plan in the file *plan*; it ends as the child of a load plan does."""
    return child.command(plan, python, UsersPlan.MODULE)


def write(plan: UsersPlan, path: Path) -> None:
    """Write *plan* to a new file that only its owner can read. Raises FileExistsError where there is one."""
    write_new(path, msgspec.json.encode(plan))


def read(path: Path) -> UsersPlan:
    """The plan in *path*. Raises OSError, or msgspec.ValidationError that says where it is wrong."""
    return msgspec.json.decode(path.read_bytes(), type=UsersPlan)
