"""Makes a fault true and false again, each of its effects at its place, with its undo on disk before it is tried."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from msgspec.structs import replace

from harness.faults.effects import Effect, Sight
from harness.planning.disturbance import Disturbance
from harness.problems import HarnessError
from harness.running.keeper.undo import UndoLog
from harness.running.world.places import Place, Reach, places


class FaultInjector:
    """The injector of a real world; see `ports.Injector`."""

    def __init__(self, reach: Reach, undo: UndoLog) -> None:
        self._reach, self._undo = reach, undo
        self._places: dict[str, Place] = {}
        self._threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="look")
        self._looks: dict[str, list[Future[Sight]]] = {}
        self._in_force: dict[str, Disturbance] = {}

    @property
    def in_force(self) -> tuple[Disturbance, ...]:
        """Those that were injected, wholly or in part, and are not reverted; any thread may ask."""
        return tuple(self._in_force.values())

    def check(self, disturbances: Iterable[Disturbance]) -> None:
        """Raises HarnessError for one of *disturbances* that could not be injected."""
        for one in disturbances:
            for effect in _each_aim(one):
                if why := self._place(effect).misfit(effect):
                    raise HarnessError(f"{one.summary}: {why}")

    def inject(self, disturbance: Disturbance) -> None:
        undos = [undo for effect in disturbance.effects for undo in self._place(effect).undo(disturbance.id, effect)]
        self._undo.promise(disturbance.id, undos)
        self._in_force[disturbance.id] = disturbance
        with self._reach.carriers.answering():
            self._owe(disturbance, disturbance.fault.owed_s())
            for effect in disturbance.effects:
                self._place(effect).inject(disturbance.id, effect)

    def revert(self, disturbance: Disturbance) -> None:
        with self._reach.carriers.answering():
            # Last first: a later effect may stand on an earlier one.
            for effect in reversed(disturbance.effects):
                self._place(effect).revert(disturbance.id, effect)
            self._owe(disturbance, 0.0)
        self._undo.kept(disturbance.id)
        self._in_force.pop(disturbance.id, None)

    def look(self, disturbance: Disturbance) -> None:
        timeout_s = disturbance.fault.looks_for_s()
        looks = [
            self._threads.submit(self._place(effect).look, disturbance.id, effect, timeout_s)
            for effect in _each_aim(disturbance)
        ]
        self._looks[disturbance.id] = looks + [self._threads.submit(self._way, link) for link in disturbance.links]

    def looked(self, disturbance: Disturbance) -> tuple[Sight, ...] | None:
        looks = self._looks.get(disturbance.id)
        if looks is None or not all(look.done() for look in looks):
            return None
        del self._looks[disturbance.id]
        with self._reach.carriers.answering():
            return _by_link(look.result() for look in looks)

    def ask(self, disturbance: Disturbance) -> tuple[Sight, ...]:
        with self._reach.carriers.answering():
            said = [self._place(effect).ask(disturbance.id, effect) for effect in _each_aim(disturbance)]
            return _by_link([*said, *map(self._way, disturbance.links)])

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _way(self, link: str) -> Sight:
        """Whether the way through Toxiproxy is as the run made it, whichever place carries the fault."""
        return Sight(link, amiss=self._reach.proxies.found("", link)[1])

    def _place(self, effect: Effect) -> Place:
        if effect.place not in self._places:
            self._places[effect.place] = places[effect.place](self._reach)
        return self._places[effect.place]

    def _owe(self, disturbance: Disturbance, seconds: float) -> None:
        """What a client sent before it left is still on its way for as long as the link is slow."""
        wire = self._reach.wire
        if disturbance.fault.owed_s() and wire is not None and not self._reach.carriers.wire_gone:
            for link in disturbance.links:
                wire.owe(link, seconds)


def _each_aim(disturbance: Disturbance) -> Iterable[Effect]:
    """One effect for each thing that each place is aimed at: a look there shows all of them."""
    return {(effect.place, effect.aim): effect for effect in disturbance.effects}.values()


def _by_link(sights: Iterable[Sight]) -> tuple[Sight, ...]:
    """*sights* of several places, one for each link, in the order of the first."""
    merged: dict[str, Sight] = {}
    for sight in sights:
        merged[sight.link] = _both(merged[sight.link], sight) if sight.link in merged else sight
    return tuple(merged.values())


def _both(one: Sight, other: Sight) -> Sight:
    """What two places say of one link: it stands where both say so, of those who say anything."""
    said = [stands for stands in (one.stands, other.stands) if stands is not None]
    seen = one if one.outcome else other
    answered = [count for count in (one.answered, other.answered) if count is not None]
    return replace(
        one,
        outcome=seen.outcome,
        elapsed_s=seen.elapsed_s,
        answered=max(answered, default=None),
        drawn=one.drawn or other.drawn,
        refused=one.refused or other.refused,
        stands=all(said) if said else None,
        amiss="; ".join(dict.fromkeys(filter(None, [*one.amiss.split("; "), *other.amiss.split("; ")]))),
    )
