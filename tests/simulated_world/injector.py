"""Makes faults true and false in memory, and looks at them as probes would."""

from __future__ import annotations

from collections.abc import Collection

from msgspec.structs import replace

from harness.faults.effects import NameAnswer, NameDelay, Sight
from harness.planning.disturbance import Disturbance
from simulated_world.calls import Calls
from simulated_world.events import Events
from simulated_world.network import Network
from simulated_world.wire import Wire


class SimInjector:
    """The injector of a simulated world; see `ports.Injector`.

    *in_force*: what has been injected, wholly or in part, and not reverted. Faults of *idle* are acknowledged and
    change nothing, as with a proxy that is not on the way.
    """

    def __init__(self, events: Events, network: Network, wire: Wire, calls: Calls, idle: Collection[str]) -> None:
        self._events, self._network, self._wire, self._calls = events, network, wire, calls
        self.idle = idle
        self._looks: dict[str, tuple[float, tuple[Sight, ...]]] = {}
        self.in_force: dict[str, Disturbance] = {}

    def inject(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.inject"):
            self.in_force[disturbance.id] = disturbance
            for effect in disturbance.effects:
                # Each is a call of its own: a fault can be there in part.
                with self._calls.one("injector.inject.effect"):
                    if disturbance.id not in self.idle:
                        self._network.lay(disturbance.id, effect)

    def revert(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.revert"):
            for effect in reversed(disturbance.effects):
                with self._calls.one("injector.revert.effect"):
                    self._network.lift(disturbance.id, effect)
            self.in_force.pop(disturbance.id, None)

    def look(self, disturbance: Disturbance) -> None:
        with self._calls.one("injector.look"):
            timeout_s = disturbance.fault.looks_for_s()
            links = disturbance.links if disturbance.fault.probes else ()
            by_name = {effect.aim for effect in disturbance.effects if isinstance(effect, NameAnswer | NameDelay)}
            sights = tuple(
                self._look_up(link, timeout_s) if link in by_name else self._probe(link, timeout_s) for link in links
            )
            seen_s = max((sight.elapsed_s for sight in sights), default=0.0)
            self._looks[disturbance.id] = (self._events.now_s + seen_s, sights)

    def looked(self, disturbance: Disturbance) -> tuple[Sight, ...] | None:
        with self._calls.one("injector.looked"):
            seen_s, probes = self._looks.get(disturbance.id, (float("inf"), ()))
            if self._events.now_s < seen_s:
                return None
            del self._looks[disturbance.id]
            seen = {probe.link: probe for probe in probes}
            return tuple(
                replace(sight, outcome=seen[sight.link].outcome, elapsed_s=seen[sight.link].elapsed_s)
                if sight.link in seen
                else sight
                for sight in self._asked(disturbance)
            )

    def ask(self, disturbance: Disturbance) -> tuple[Sight, ...]:
        with self._calls.one("injector.ask"):
            return self._asked(disturbance)

    def _asked(self, disturbance: Disturbance) -> tuple[Sight, ...]:
        there = {(laid.fault, laid.effect.aim, repr(laid.effect)) for laid in self._network.laid}
        sights = []
        for link in disturbance.links:
            wanted = {(disturbance.id, link, repr(effect)) for effect in disturbance.effects if effect.aim == link}
            stands = disturbance.id in self.idle or wanted <= there
            felt = self._network.shortages[link].felt[disturbance.id]
            answered = (
                self._wire.by_fault[disturbance.id, link] + felt + self._network.lookups.met[disturbance.id, link]
            )
            draws = (self._network.lookups.drawn(disturbance.id, one) for one in disturbance.effects if one.aim == link)
            drawn = next((one for one in draws if one), None)
            amiss = "" if stands else "it is not there any more: somebody took it away"
            sights.append(Sight(link, answered=answered, stands=stands, amiss=amiss, drawn=drawn))
        return tuple(sights)

    def _look_up(self, link: str, timeout_s: float) -> Sight:
        told = self._network.lookups.probe(link)  # which waits as long as it is late, too
        return Sight(link, "silent", timeout_s) if told.outcome == "silent" else Sight(link, told.outcome, told.after_s)

    def _probe(self, link: str, timeout_s: float) -> Sight:
        network = self._network
        if network.refuses(link):
            return Sight(link, "refused", 0.0)
        if network.resets(link, "upstream"):
            return Sight(link, "closed", 0.0)
        elapsed_s = network.delay_s(link, "upstream", probe=True) + network.delay_s(link, "downstream", probe=True)
        silent = network.loses(link, "upstream") or network.loses(link, "downstream") or elapsed_s > timeout_s
        return Sight(link, "silent", timeout_s) if silent else Sight(link, "answered", elapsed_s)
