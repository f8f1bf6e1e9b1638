"""Workers of a load on other machines, as they are asked for: how many, where they come to, and how long they are waited for."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

from harness.problems import Problem, UsageProblems
from harness.reading.hosts import address, on_this_machine
from harness.reading.quantities import seconds

MANY, BIND, WAIT = "--load-hosts", "--load-bind", "--load-wait"
LOOPBACK, WAIT_S = "127.0.0.1", "120s"


class LoadHosts(NamedTuple):
    """So *many* workers on other machines, which come to *port* of this machine's *address* within so many seconds."""

    many: int = 0
    address: str = LOOPBACK
    port: int = 0
    """0: one that is free."""
    within_s: float = 120.0
    word: str = ""
    """By which they are known in each of several runs; empty: one is drawn."""
    stays_s: float = 0.0
    """How long they wait for another run after one; 0: they are of one run."""

    @property
    def away(self) -> bool:
        """Whether they can be on another machine than this one."""
        return self.many > 0 and not on_this_machine(self.address)

    @property
    def at(self) -> str:
        """Where this machine's own workers find them."""
        return LOOPBACK if self.everywhere else self.address

    @property
    def everywhere(self) -> bool:
        """Whether they come to every address of this machine."""
        with suppress(ValueError):
            return ip_address(self.address).is_unspecified
        return False

    @property
    def said(self) -> list[str]:
        """As a command line says it."""
        where = f"{self.address}:{self.port}" if self.port else self.address
        bind = [BIND, where] if where != LOOPBACK else []
        return [MANY, str(self.many), *bind] if self.many else []


NO_HOSTS = LoadHosts()
"""All workers are on this machine."""


def load_hosts(many: int, bind: str | None = None, wait: str = WAIT_S) -> LoadHosts:
    """*many* workers that come to *bind*, ``ADDRESS`` or ``ADDRESS:PORT`` of this machine. Raises UsageProblems."""
    if many < 0:
        raise UsageProblems(Problem(f"{many} is no number of workers", path=MANY))
    if not many and bind is not None:
        raise UsageProblems(
            Problem(f"is where workers of other machines come to; say how many with {MANY} N", path=BIND)
        )
    try:
        within_s = seconds(wait)
    except ValueError as error:
        raise UsageProblems(Problem(str(error), path=WAIT)) from error
    host, port = place(bind or LOOPBACK, BIND)
    if host.startswith("["):
        what = f"{host} is an IPv6 address, and workers come over IPv4: give such an address of this machine"
        raise UsageProblems(Problem(what, path=BIND))
    return LoadHosts(many, host, port, within_s)


def place(text: str, option: str) -> tuple[str, int]:
    """The host and the port, 0 where there is none, of ``HOST`` or ``HOST:PORT``, as *option* says it. Raises UsageProblems."""
    try:
        parts = address(text)
        if parts.scheme or parts.user or parts.path or "{" in text:
            raise ValueError("says more")
    except ValueError as error:
        what = f"{text!r} is not of the form HOST or HOST:PORT: it {error}"
        raise UsageProblems(Problem(what, path=option)) from error
    return parts.host, int(parts.port or 0)
