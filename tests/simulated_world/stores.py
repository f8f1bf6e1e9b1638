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
    """One store for each link of kind ``store``; that of the first one is the primary."""

    def __init__(self, events: Events, network: Network, links: Mapping[str, Link]) -> None:
        self._events, self._network = events, network
        self._regions = {name: link.region or "" for name, link in links.items() if link.kind == "store"}
        self._replication = {link.region: name for name, link in links.items() if link.kind == "replication"}
        self._published = [(float("-inf"), 1)]
        self.primary = next(iter(self._regions), "")

    def nearest(self, region: str) -> list[str]:
        """Links to all stores, those of *region* first, and then the primary's."""
        links = self._regions.items()
        return [link for link, of in sorted(links, key=lambda one: (one[1] != region, one[0] != self.primary))]

    def own(self, region: str) -> str | None:
        """The first link to a store of *region* itself."""
        return next((link for link, of in self._regions.items() if of == region), None)

    def publish(self) -> int:
        """The next snapshot's version, which the primary holds from now on."""
        version = self._published[-1][1] + 1
        self._published.append((self._events.now_s, version))
        return version

    def read(self, link: str, timeout_s: float) -> Process[Reading | None]:
        """What the store behind *link* holds; None when it could not be read within *timeout_s*."""
        network = self._network
        told = network.lookups.look_up(link)
        if told.gone or told.after_s:
            yield self._events.pause(min(timeout_s, max(HOP_S, told.after_s)))
            if told.gone or told.after_s >= timeout_s:
                return None
            timeout_s -= told.after_s
        if network.refuses(link) or network.resets(link, "upstream"):
            yield self._events.pause(HOP_S)
            return None
        delay_s = network.delay_s(link, "upstream") + network.delay_s(link, "downstream")
        if network.loses(link, "upstream") or network.loses(link, "downstream") or delay_s > timeout_s:
            yield self._events.pause(timeout_s)
            return None
        yield self._events.pause(delay_s)
        return self._reading(link)

    def _reading(self, link: str) -> Reading:
        now_s = self._events.now_s
        as_of_s = now_s if link == self.primary else self._followed_until_s(link)
        version = next(version for at_s, version in reversed(self._published) if at_s <= as_of_s)
        return Reading(version, now_s - as_of_s + as_of_s % HEARTBEAT_S)

    def _followed_until_s(self, link: str) -> float:
        """Up to when what the primary was told has reached the store behind *link*, over its region's replication."""
        silent_s = self._network.silent_since_s(self._replication.get(self._regions[link], ""))
        return self._events.now_s - LAG_S if silent_s is None else silent_s


def fact(question: str, version: int) -> int:
    """The number that snapshot *version* knows for *question*; about half of them change with every version."""
    return 10 + sum(blake2b(f"{later}/{question}".encode()).digest()[0] % 2 for later in range(2, version + 1))
