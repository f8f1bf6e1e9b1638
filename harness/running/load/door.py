"""Who comes to the master of a load from another machine: let in, or told why not; and the file in which the harness reads of them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from harness.running.load import handshake

AWAITED = "LOAD_AWAITED"
"""In the environment of the master: the file that says whom it waits for (`Awaited`)."""
_LOCAL_MOST = 1 << 32
AGAIN, OVER = "again", "over"
"""Answers to a worker that asks after one of several runs: it is to ask once more; no other comes."""
HERE, HEARD = "is_here", "heard"
"""What whoever started a worker says again and again: the process is there, whatever it does. And the answer to why it does not come."""
GONE_S = 4.0
"""As long as Locust's master waits to hear of a worker."""


def version() -> str:
    """Of the harness that is installed here."""
    from importlib import metadata

    return metadata.version("resilience-harness")


def locust_version() -> str:
    """Of the Locust that is installed here."""
    from importlib import metadata

    return metadata.version("locust")


class Awaited(msgspec.Struct, frozen=True):
    """So *many* workers of other machines, of this *version*, who have the secrets that are *needed*; *callers_path* says who came."""

    many: int
    version: str
    needed: list[str]
    callers_path: str
    run: str = ""  # of which load this is, where they stay for several
    stays_s: float = 0.0  # how long they wait for another one after it; 0: they do not
    locustfile: str = ""  # the checksum of the file whose users they run; empty: they ask questions
    locust: str = ""  # the version of Locust that runs those


class Caller(msgspec.Struct):
    """A worker of another machine that has come, or was not let in and *why*; *client* is what Locust calls it."""

    client: str
    name: str
    pid: int
    why: str = ""

    @property
    def called(self) -> str:
        """What a person reads: ``load-1 (pid 4711)``."""
        return f"{self.name} (pid {self.pid})"


class Asking(msgspec.Struct, frozen=True):
    """What a worker says of itself before it comes; *after*: the load of which it sent a share before."""

    client: str
    name: str
    pid: int
    version: str
    after: str = ""
    locustfile: str = ""  # the checksum of the file that it has
    locust: str = ""


class Door:
    """Lets in those who are *awaited*. *answer* sends a client a message of a kind, with what it says; *clock* is a monotonic one."""

    def __init__(
        self,
        awaited: Awaited,
        answer: Callable[[str, str, object], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._awaited, self.answer, self._clock = awaited, answer, clock
        self._known: dict[str, Caller] = {}
        self._in: list[str] = []
        self._turned_away: list[Caller] = []
        self._written: bytes = b""
        self._heard_s: dict[str, float] = {}

    @property
    def order(self) -> list[str]:
        """The clients that are in, in the order in which they came."""
        return list(self._in)

    def lets_pass(self, client: str, kind: str, data: Any) -> bool:
        """Whether Locust is to hear this message, which is of a *kind* of its own or of ours."""
        if kind == "join":
            self._asked(client, msgspec.convert(data, Asking))
            return False
        if kind == HERE:
            self._heard_s[data] = self._clock()
            return False
        if kind == "lacks":
            self._turn_away(*data)
            self.answer(client, HEARD, "")
            return False
        if is_local(client):
            return True
        if kind == "client_ready" and client not in self._in:
            self._comes(client)
        return client in self._in

    def coming(self, since_s: float) -> set[str]:
        """Those that are in and of whose machines something was heard just now; they may be busy with loading what they run.

        Nobody was listened to before *since_s* of the door's clock.
        """
        late_s = self._clock() - GONE_S
        return {client for client in self._in if max(self._heard_s.get(client, 0.0), since_s) > late_s}

    def look(self, present: Collection[str]) -> None:
        """Write down who came, where that is news: of those who are in, those that are still *present*, and who was turned away."""
        self._in = [client for client in self._in if client in present]
        told = msgspec.json.encode([*(self._known[client] for client in self._in), *self._turned_away])
        if told != self._written:
            self._written = told
            handshake.write_whole(Path(self._awaited.callers_path), told)

    def _asked(self, asker: str, asking: Asking) -> None:
        if asking.after and asking.after == self._awaited.run:
            self.answer(asker, AGAIN, "")  # this load is about to end
            return
        self._known[asking.client] = Caller(asking.client, asking.name, asking.pid)
        awaited = self._awaited
        if why := _unfit(asking, awaited) or self._full():
            self._turn_away(asking.client, why)
        welcome = [awaited.many, awaited.needed, awaited.run, awaited.stays_s]
        self.answer(asker, *(("refused", why) if why else ("welcome", welcome)))

    def _comes(self, client: str) -> None:
        why = self._full() if client in self._known else "it did not ask before"
        if why:
            self.answer(client, "refused", why)
        else:
            self._in.append(client)

    def _full(self) -> str:
        many = self._awaited.many
        return f"the run has the {many} that it waited for" if len(self._in) >= many else ""

    def _turn_away(self, client: str, why: str) -> None:
        self._in = [other for other in self._in if other != client]
        if caller := self._known.get(client):
            away = msgspec.structs.replace(caller, why=why)
            if away not in self._turned_away:
                self._turned_away.append(away)


def _unfit(asking: Asking, awaited: Awaited) -> str:
    """Why who is *asking* cannot be one of those that are *awaited*, and what would be right; empty where it can."""
    if asking.version != awaited.version:
        return f"it is harness {asking.version}, and the run is of {awaited.version}: both have to be of one version"
    if asking.locustfile and not awaited.locustfile:
        return "the run asks questions and runs no locustfile: start it without --locustfile"
    if not asking.locustfile and awaited.locustfile:
        return "the run is one of users, and each machine needs their file: start it with --locustfile FILE"
    if asking.locustfile != awaited.locustfile:
        theirs, ours = asking.locustfile, awaited.locustfile
        return f"its locustfile is another one (SHA-256 {theirs}) than the run's ({ours}): copy that of the run there"
    if awaited.locustfile and asking.locust != awaited.locust:
        return f"it has Locust {asking.locust}, and the run {awaited.locust}: both have to be of one version"
    return ""


def is_local(client: str) -> bool:
    """Whether it is a worker of the master's own machine: their numbers are drawn beforehand, and small."""
    try:
        return int(client.rpartition("_")[2], 16) < _LOCAL_MOST
    except ValueError:
        return False


def callers(path: Path) -> list[Caller]:
    """Who has come and is there, and who was turned away; nobody before the master serves."""
    return msgspec.json.decode(path.read_bytes(), type=list[Caller]) if path.exists() else []
