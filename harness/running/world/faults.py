"""Makes a fault true and false again at the three places of the wire, its undo on disk before it is tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec.structs import replace

from harness.faults.effects import Cut, Effect, LinkCounts, Sight, Toxic
from harness.planning.plan import Disturbance
from harness.reading.target import Link
from harness.running.keeper.undo import Request, UndoLog
from harness.running.toxiproxy import ToxiproxyStage
from harness.running.wire.client import WireStage
from harness.running.world.carriers import Carriers


class FaultInjector:
    """The injector of a real world; see `ports.Injector`."""

    def __init__(
        self,
        carriers: Carriers,
        proxies: ToxiproxyStage,
        wire: WireStage | None,
        links: Mapping[str, Link],
        undo: UndoLog,
    ) -> None:
        self._carriers, self._proxies, self._wire, self._links, self._undo = carriers, proxies, wire, links, undo
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="probe")
        self._looks: dict[str, list[Future[Sight]]] = {}

    def inject(self, disturbance: Disturbance) -> None:
        self._undo.promise(
            disturbance.id,
            [request for effect in disturbance.effects for request in self._undo_requests(disturbance.id, effect)],
        )
        with self._carriers.answering():
            self._owe(disturbance, disturbance.fault.owed_s())
            for effect in disturbance.effects:
                self._inject(disturbance.id, effect)

    def revert(self, disturbance: Disturbance) -> None:
        with self._carriers.answering():
            # Last first: the tap goes on hiding closed connections until what closes them is over.
            for effect in reversed(disturbance.effects):
                self._revert(disturbance.id, effect)
            self._owe(disturbance, 0.0)
        self._undo.kept(disturbance.id)

    def look(self, disturbance: Disturbance) -> None:
        self._looks[disturbance.id] = [self._threads.submit(self._see, disturbance, link) for link in disturbance.links]

    def looked(self, disturbance: Disturbance) -> tuple[Sight, ...] | None:
        looks = self._looks.get(disturbance.id)
        if looks is None or not all(look.done() for look in looks):
            return None
        del self._looks[disturbance.id]
        with self._carriers.answering():
            return self._with_the_wire(disturbance, [look.result() for look in looks])

    def ask(self, disturbance: Disturbance) -> tuple[Sight, ...]:
        with self._carriers.answering():
            return self._with_the_wire(disturbance, [self._asked(disturbance.id, link) for link in disturbance.links])

    def _see(self, disturbance: Disturbance, link: str) -> Sight:
        if not disturbance.fault.probes:
            return self._asked(disturbance.id, link)
        probe = self._proxies.probe(link, self._links[link].carries, disturbance.fault.looks_for_s())
        return replace(self._asked(disturbance.id, link), outcome=probe.outcome, elapsed_s=probe.elapsed_s)

    def _asked(self, fault: str, link: str) -> Sight:
        """What Toxiproxy says."""
        stands, amiss = self._proxies.found(fault, link)
        return Sight(link, stands=stands, amiss=amiss)

    def _with_the_wire(self, disturbance: Disturbance, sights: list[Sight]) -> tuple[Sight, ...]:
        """*sights* with what the tap and the edge say, asked once for all links."""
        carried = {effect.link for effect in disturbance.effects if not isinstance(effect, Toxic | Cut)}
        if not carried:
            return tuple(sights)
        counts = self._the_wire().counts()
        return tuple(
            _with_counts(sight, counts[sight.link], disturbance.id) if sight.link in carried else sight
            for sight in sights
        )

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _inject(self, fault: str, effect: Effect) -> None:
        if isinstance(effect, Toxic | Cut):
            self._proxies.inject(fault, effect)
        else:
            self._the_wire().inject(fault, effect)

    def _revert(self, fault: str, effect: Effect) -> None:
        if isinstance(effect, Toxic | Cut):
            if not self._carriers.proxy_gone:
                self._proxies.revert(fault, effect)
        elif not self._carriers.wire_gone:
            self._the_wire().revert(fault, effect)

    def _undo_requests(self, fault: str, effect: Effect) -> Iterator[Request]:
        stage = (
            self._proxies.undo_requests(effect.link)
            if isinstance(effect, Toxic | Cut)
            else self._the_wire().undo_requests(fault, effect)
        )
        return (Request(request["method"], request["url"]) for request in stage)

    def _owe(self, disturbance: Disturbance, seconds: float) -> None:
        """What a client sent before it left is still on its way for as long as the link is slow."""
        if disturbance.fault.owed_s() and self._wire and not self._carriers.wire_gone:
            for link in disturbance.links:
                if self._links[link].carries == "http":
                    self._wire.owe(link, seconds)

    def _the_wire(self) -> WireStage:
        assert self._wire is not None, "only an HTTP link can carry this effect, and the plan checked that"
        return self._wire


def _with_counts(sight: Sight, counts: LinkCounts, fault: str) -> Sight:
    answered = counts.by_fault.get(fault, 0)
    if fault in counts.in_force:
        return replace(sight, answered=answered)
    amiss = "; ".join(filter(None, [sight.amiss, "neither the tap nor the edge has it in force any more"]))
    return replace(sight, answered=answered, stands=False, amiss=amiss)
