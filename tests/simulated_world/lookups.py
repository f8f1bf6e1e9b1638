"""Lookups of the names by which links are reached: what whoever asks is told, after how long, and for how long that is kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from harness.faults.delays import late_s
from harness.faults.effects import Drawn, Effect, NameAnswer, NameDelay, Outcome
from simulated_world.events import Events

if TYPE_CHECKING:
    from simulated_world.network import Laid

GIVEN_UP_S = 10.0
"""For so long whoever is told nothing asks again: two tries of 5 s, as in resolv.conf(5)."""
_GONE = ("no_such_name", "no_address", "server_failure", "nothing", "nowhere")
"""Answers with which nobody gets where they want to; of one that does not fit the rest is asked for over TCP."""


class Told(NamedTuple):
    """What a lookup came to, after *after_s*; *gone*: nobody gets anywhere with it."""

    outcome: Outcome
    after_s: float = 0.0
    kept_s: float = 0.0

    @property
    def gone(self) -> bool:
        return self.outcome != "named"


class Lookups:
    """The resolver of a simulated world, and what who asks it keeps; *in_force* are the effects on a link."""

    def __init__(self, events: Events, chance: random.Random, in_force: Callable[[str], Iterable[Laid]]) -> None:
        self._events, self._chance, self._in_force = events, chance, in_force
        self.names: dict[str, float] = {}
        """Links that are reached by name, and for how many seconds the address of each is kept."""
        self.met: Counter[tuple[str, str]] = Counter()
        """Lookups that a fault answered otherwise, or late, by fault and link."""
        self._came: Counter[tuple[str, str]] = Counter()
        self._kept: dict[str, tuple[float, Told]] = {}

    def look_up(self, link: str) -> Told:
        """What whoever goes to *link* now is told; at once where it has no name, or where what was told before may be kept still."""
        now_s = self._events.now_s
        if link not in self.names:
            return Told("named")
        until_s, kept = self._kept.get(link, (0.0, Told("named")))
        if now_s < until_s:
            return kept._replace(after_s=0.0)
        told = self._asked(link, probe=False)
        self._kept[link] = (now_s + told.after_s + told.kept_s, told)
        return told

    def probe(self, link: str) -> Told:
        """What a look at *link* is told, which meets whatever is done to some, draws no jitter, and is counted nowhere."""
        return self._asked(link, probe=True)

    def drawn(self, fault: str, effect: Effect) -> Drawn | None:
        """How many lookups came to an *effect* that is for a share of them, and how many it was drawn for; None for another one."""
        if not isinstance(effect, NameAnswer | NameDelay) or effect.share_ratio == 1:
            return None
        key = fault, effect.aim
        return Drawn(came=self._came[key], picked=self.met[key]) if self._came[key] else None

    def _asked(self, link: str, *, probe: bool) -> Told:
        answer, kept_s, after_s = "", self.names.get(link, 0.0), 0.0
        for laid in self._in_force(link):
            effect = laid.effect
            if not isinstance(effect, NameAnswer | NameDelay) or not self._picked(laid, effect.share_ratio, probe):
                continue
            if isinstance(effect, NameDelay):
                after_s += self._late_s(effect, self._events.now_s - laid.since_s, probe)
            elif not answer:
                answer, kept_s = effect.answer, float(effect.ttl_s)
        if answer == "nothing":
            return Told("silent", after_s + GIVEN_UP_S)
        if answer == "truncated" and probe:
            return Told("truncated", after_s)
        return Told(answer if answer in _GONE else "named", after_s, kept_s)  # type: ignore[arg-type]  # those of LookupAnswer

    def _picked(self, laid: Laid, share_ratio: float, probe: bool) -> bool:
        if probe:
            return True
        picked = share_ratio == 1 or self._chance.random() < share_ratio
        self._came[laid.fault, laid.effect.aim] += 1
        self.met[laid.fault, laid.effect.aim] += picked
        return picked

    def _late_s(self, effect: NameDelay, in_force_s: float, probe: bool) -> float:
        late = effect.late
        base_s = late.base_s if late.ramp is None else late.ramp.at(late.base_s, in_force_s)
        return late_s(base_s, late.jitter_s, late.distribution, 0.5 if probe else self._chance.random())
