"""The links of a simulated world: which effects are in force on them, and what becomes of what is sent."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from msgspec import convert

from harness.dialects import dialects
from harness.faults.delays import late_s
from harness.faults.effects import (
    Curtail,
    Cut,
    CutAfter,
    Damage,
    EdgeRule,
    Effect,
    Killed,
    Late,
    LateEnd,
    Limited,
    Narrow,
    Paused,
    Sliced,
    TapAnswers,
    TapCertificate,
    TapMode,
    TapShape,
    Toxic,
    Unplugged,
)
from harness.faults.requests import Attempted, Tries
from harness.protocols.nonce import index, lot
from harness.running.wire.edge.rules.base import Asked
from harness.running.wire.edge.rules.in_force import PASSED, Rules, Ruling
from harness.simulated_provider.shortage import Shortage, Taken
from simulated_world.events import Events, Signal
from simulated_world.lookups import Lookups

HOP_S = 0.0005

Stream = Literal["upstream", "downstream"]
NOT_CARRIED = frozenset({"bandwidth", "slow_close", "slicer", "limit_data"})
"""Kinds of toxics that no link of this world knows; to ask for one is an error, and not silently nothing."""
NO_SHAPES = {Narrow: "rate", Sliced: "slices", CutAfter: "cut after so many bytes", LateEnd: "late end"}
"""What may be done at a tap to the bytes of a connection, of which this world has none."""


class NotCarriedError(Exception):
    """This world is not made for what is asked of it."""


@dataclass(frozen=True, slots=True)
class Laid:
    """One effect that is in force, for which fault, and since when."""

    fault: str
    effect: Effect
    since_s: float


class Network:
    """All links. An effect may be laid twice, for two faults; lifting it for one leaves the other."""

    def __init__(self, events: Events, chance: random.Random, seed: int, conversations: int = 0) -> None:
        self._events, self._chance, self._seed, self._conversations = events, chance, seed, conversations
        self._tries = Tries()
        self._rules: dict[str, Rules] = {}
        self.laid: list[Laid] = []
        self._by_link: dict[str, list[Laid]] = {}
        self.lookups = Lookups(events, chance, self._on)
        self._by_stream: dict[tuple[str, Stream], list[Toxic]] = {}
        self.shortages: defaultdict[str, Shortage] = defaultdict(lambda: Shortage(lambda: events.now_s))
        """What faults take of the provider behind each link."""
        self.when_eased: list[Callable[[str], None]] = []
        """Each is told the name of a link whose provider may do more than it could."""
        self.when_cut: list[Callable[[str], None]] = []
        """Each is told the name of a link whose open connections are broken off."""
        self._goes_on: defaultdict[str, Signal] = defaultdict(Signal)

    def lay(self, fault: str, effect: Effect) -> None:
        """Make *effect* true; raises NotCarriedError for one of a kind that this world does not know."""
        if what := not_carried(effect):
            raise NotCarriedError(f"the simulated world carries no {what}; run it in the real one")
        self._sort([*self.laid, Laid(fault, effect, self._events.now_s)])
        if isinstance(effect, Curtail):
            self.shortages[effect.aim].put(fault, convert(effect, Taken, from_attributes=True))
        if isinstance(effect, EdgeRule):
            rules = self._rules.setdefault(effect.aim, Rules(self._seed, effect.aim))
            rules.put(fault, effect.rule, effect.requests, self._events.now_s)
        if isinstance(effect, Cut) or (isinstance(effect, TapMode) and effect.mode in ("refuse", "reset")):
            for broken_off in self.when_cut:
                broken_off(effect.aim)

    def lift(self, fault: str, effect: Effect) -> None:
        """Make *effect* false; one that is not in force is not an error."""
        in_force = (fault, effect) in [(laid.fault, laid.effect) for laid in self.laid]
        self._sort([laid for laid in self.laid if (laid.fault, laid.effect) != (fault, effect)])
        if in_force and isinstance(effect, EdgeRule):
            self._rules[effect.aim].drop(fault)
        if in_force and isinstance(effect, Curtail):
            self.shortages[effect.aim].drop(fault)
            for eased in self.when_eased:
                eased(effect.aim)
        if in_force and isinstance(effect, TapMode) and effect.mode == "silence":
            if effect.open_connections == "reset":
                for broken_off in self.when_cut:
                    broken_off(effect.aim)
            self._goes_on.pop(effect.aim, Signal()).happen()

    def goes_on(self, link: str, stream: Stream) -> Signal | None:
        """What happens when the silence on *link* is over, after which what was sent into it is delivered; None where there is none."""
        silences = [laid.effect for laid in self._on(link) if _silences(laid.effect, stream)]
        delivers = [
            effect for effect in silences if isinstance(effect, TapMode) and effect.open_connections == "deliver"
        ]
        return self._goes_on[link] if delivers else None

    def refuses(self, link: str) -> bool:
        """Whether nobody listens."""
        return any(
            isinstance(laid.effect, Cut)
            or (isinstance(laid.effect, TapMode) and laid.effect.mode in ("refuse", "no_new"))
            for laid in self._on(link)
        )

    def resets(self, link: str, stream: Stream) -> bool:
        reset = any(isinstance(laid.effect, TapMode) and laid.effect.mode == "reset" for laid in self._on(link))
        return reset or "reset_peer" in [toxic.kind for toxic in self._toxics(link, stream)]

    def loses(self, link: str, stream: Stream) -> bool:
        """Whether what is sent vanishes without a word."""
        silent = any(_silences(laid.effect, stream) for laid in self._on(link))
        return silent or "timeout" in [toxic.kind for toxic in self._toxics(link, stream)]

    def delay_s(self, link: str, stream: Stream, *, probe: bool = False) -> float:
        """How long what is sent now is on its way; drawn anew each time where the delay has jitter, but at the tap for no *probe*."""
        delay_s = HOP_S
        for toxic in self._toxics(link, stream):
            if toxic.kind == "latency":
                jitter_ms = toxic.attributes.get("jitter", 0)
                delay_s += 0.001 * (toxic.attributes["latency"] + self._chance.uniform(-jitter_ms, jitter_ms))
        return delay_s + sum(self._shaped_s(laid, stream, probe) for laid in self._on(link))

    def _shaped_s(self, laid: Laid, stream: Stream, probe: bool) -> float:
        match laid.effect:
            case TapShape(shape=Late() as late, streams=streams) if streams in ("both", stream):
                after_s = self._events.now_s - laid.since_s
                base_s = late.base_s if late.ramp is None else late.ramp.at(late.base_s, after_s)
                return late_s(base_s, late.jitter_s, late.distribution, 0.5 if probe else self._chance.random())
        return 0.0

    def silent_since_s(self, link: str) -> float | None:
        """Since when nothing has come from the far side of *link*; None when it does come."""
        held = [
            laid.since_s
            for laid in self._on(link)
            if isinstance(laid.effect, Cut)
            or _silences(laid.effect, "downstream")
            or (isinstance(laid.effect, TapMode) and laid.effect.mode in ("refuse", "reset"))
            or (isinstance(laid.effect, Toxic) and laid.effect.kind == "timeout" and laid.effect.stream == "downstream")
            # What the replica says to its primary ends the connection, and it says something every second.
            or (isinstance(laid.effect, Toxic) and laid.effect.kind == "reset_peer")
        ]
        return min(held, default=None)

    def ruling(self, link: str, nonce: str) -> Ruling:
        """What the faults at the edge of *link* say of an attempt of *nonce*."""
        rules = self._rules.get(link)
        if rules is None or not rules.faults:
            return PASSED
        whose = index(nonce) % self._conversations if nonce and self._conversations else None
        attempt = Attempted(lot(nonce), self._tries.next(lot(nonce), link), method="POST", conversation=whose)
        return rules.judge(Asked(attempt, [], b"", "", self._events.now_s, dialects["openai"]))

    def _sort(self, laid: list[Laid]) -> None:
        """*laid* is what is in force from now on; sorted once, since every try asks several times what is on its link."""
        self.laid, self._by_link, self._by_stream = laid, defaultdict(list), defaultdict(list)
        for one in laid:
            self._by_link[one.effect.aim].append(one)
            if isinstance(one.effect, Toxic):
                self._by_stream[one.effect.aim, one.effect.stream].append(one.effect)

    def _on(self, link: str) -> Sequence[Laid]:
        return self._by_link.get(link, ())

    def _toxics(self, link: str, stream: Stream) -> Sequence[Toxic]:
        return self._by_stream.get((link, stream), ())


def not_carried(effect: Effect) -> str:
    """What of *effect* this world is not made for; empty where it carries it."""
    match effect:
        case Toxic(kind=kind) if kind in NOT_CARRIED:
            return kind
        case Damage() | TapAnswers():
            return "commands or entries of stores"
        case TapCertificate():
            return "handshakes of TLS"
        case Killed() | Paused() | Limited() | Unplugged():
            return "processes"
        case TapShape(shape=shape) if type(shape) in NO_SHAPES:
            return NO_SHAPES[type(shape)]
        case TapShape() | TapMode() if effect.share_ratio < 1:
            return "share of connections"
        case EdgeRule(requests=requests) if requests.draws and requests.per == "connection":
            return "share of connections"
        case EdgeRule(rule=rule) if rule.of_answers:
            # Nobody says anything piece by piece here, so there is no answer that a rule could go along with.
            return f"{rule.__struct_config__.tag}, which acts on answers"
    return ""


def _silences(effect: Effect, stream: Stream) -> bool:
    return isinstance(effect, TapMode) and effect.mode == "silence" and effect.streams in ("both", stream)
