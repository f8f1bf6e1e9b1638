"""Makes faults true and false in memory, and looks at them as probes would."""

from __future__ import annotations

from collections.abc import Collection

from harness.faults.base import Looked
from harness.faults.effects import Probe
from harness.planning.plan import Disturbance
from simulated_world.calls import Calls
from simulated_world.events import Events
from simulated_world.network import Network
from simulated_world.wire import Wire

_PROBE_S = 0.6


class SimInjector:
    """The injector of a simulated world; see `ports.Injector`.

    *in_force*: what has been injected, wholly or in part, and not reverted. Faults of *idle* are acknowledged and
    change nothing, as with a proxy that is not on the way.
    """

    def __init__(self, events: Events, network: Network, wire: Wire, calls: Calls, idle: Collection[str]) -> None:
        self._events, self._network, self._wire, self._calls = events, network, wire, calls
        self._idle = idle
        self._looks: dict[str, tuple[float, Looked]] = {}
        self.in_force: dict[str, Disturbance] = {}

    def inject(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.inject"):
            self.in_force[disturbance.id] = disturbance
            for effect in disturbance.effects:
                # Each is a call of its own: a fault can be there in part.
                with self._calls.one("injector.inject.effect"):
                    if disturbance.id not in self._idle:
                        self._network.lay(disturbance.id, effect)

    def revert(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.revert"):
            for effect in reversed(disturbance.effects):
                with self._calls.one("injector.revert.effect"):
                    self._network.lift(disturbance.id, effect)
            self.in_force.pop(disturbance.id, None)

    def look(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.look"):
            timeout_s = max(_PROBE_S, disturbance.fault.owed_s() + 1.0)
            links = disturbance.links if disturbance.fault.probes else ()
            probes = {link: self._probe(link, timeout_s) for link in links}
            seen_s = max((probe.elapsed_s for probe in probes.values()), default=0.0)
            self._looks[disturbance.id] = (self._events.now_s + seen_s, Looked(probes))

    def looked(self, disturbance: Disturbance) -> Looked | None:
        with self._calls.one("injector.looked"):
            seen_s, looked = self._looks.get(disturbance.id, (0.0, Looked()))
            if self._events.now_s < seen_s:
                return None
            return Looked(looked.probes, self._wire.by_fault[disturbance.id])

    def _probe(self, link: str, timeout_s: float) -> Probe:
        network = self._network
        if network.refuses(link):
            return Probe(link, "refused", 0.0)
        if network.resets(link, "upstream"):
            return Probe(link, "closed", 0.0)
        elapsed_s = network.delay_s(link, "upstream") + network.delay_s(link, "downstream")
        silent = network.loses(link, "upstream") or network.loses(link, "downstream") or elapsed_s > timeout_s
        return Probe(link, "silent", timeout_s) if silent else Probe(link, "answered", elapsed_s)
