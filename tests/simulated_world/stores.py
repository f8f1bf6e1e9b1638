"""The snapshot stores of a simulated target: a primary that is published to, and replicas that follow it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from harness.reading.target import Link
from simulated_world.events import Events, Process
from simulated_world.network import HOP_S, Network

HEARTBEAT_S = 0.25
LAG_S = 0.003  # of a replica, when nothing is broken


@dataclass(frozen=True, slots=True)
class Reading:
    """The snapshot that a store holds, and how old the heartbeat beside it is."""

    version: int
    heartbeat_age_s: float


class Stores:
    """One store for each link of kind ``store``; the first one is the primary."""

    def __init__(self, events: Events, network: Network, links: Mapping[str, Link]) -> None:
        self._events, self._network = events, network
        self._links = {link.region or name: name for name, link in links.items() if link.kind == "store"}
        self._replication = {link.region: name for name, link in links.items() if link.kind == "replication"}
        self._published = [(float("-inf"), 1)]
        self.primary = next(iter(self._links), "")

    @property
    def regions(self) -> list[str]:
        return list(self._links)

    def publish(self) -> int:
        """The next snapshot's version, which the primary holds from now on."""
        version = self._published[-1][1] + 1
        self._published.append((self._events.now_s, version))
        return version

    def read(self, region: str, timeout_s: float) -> Process[Reading | None]:
        """What the store of *region* holds; None when it could not be read within *timeout_s*."""
        link, network = self._links[region], self._network
        if network.refuses(link) or network.resets(link, "upstream"):
            yield self._events.pause(HOP_S)
            return None
        delay_s = network.delay_s(link, "upstream") + network.delay_s(link, "downstream")
        if network.loses(link, "upstream") or network.loses(link, "downstream") or delay_s > timeout_s:
            yield self._events.pause(timeout_s)
            return None
        yield self._events.pause(delay_s)
        return self._reading(region)

    def _reading(self, region: str) -> Reading:
        now_s = self._events.now_s
        as_of_s = now_s if region == self.primary else self._followed_until_s(region)
        version = next(version for at_s, version in reversed(self._published) if at_s <= as_of_s)
        return Reading(version, now_s - as_of_s + as_of_s % HEARTBEAT_S)

    def _followed_until_s(self, region: str) -> float:
        """Up to when what the primary was told has reached the store of *region*."""
        silent_s = self._network.silent_since_s(self._replication.get(region, ""))
        return self._events.now_s - LAG_S if silent_s is None else silent_s


def fact(question: str, version: int) -> int:
    """The number that snapshot *version* knows for *question*; about half of them change with every version."""
    return 10 + sum(blake2b(f"{later}/{question}".encode()).digest()[0] % 2 for later in range(2, version + 1))
