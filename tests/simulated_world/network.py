"""The links of a simulated world: which effects are in force on them, and what becomes of what is sent."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from harness.faults.effects import Cut, EdgeRule, Effect, FailShare, Rule, TapMode, Throttle, Toxic
from harness.faults.limiter import RateLimiter
from harness.protocols.nonce import lot
from harness.running.wire.edge.rules.fail_share import draw
from simulated_world.events import Events, Signal

HOP_S = 0.0005

Stream = Literal["upstream", "downstream"]
NOT_CARRIED = frozenset({"bandwidth", "slow_close", "slicer", "limit_data"})
"""Kinds of toxics that no link of this world knows; to ask for one is an error, and not silently nothing."""


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

    def __init__(self, events: Events, chance: random.Random, seed: int) -> None:
        self._events, self._chance, self._seed = events, chance, seed
        self._tries: Counter[tuple[str, str, str]] = Counter()
        self._limiters: dict[tuple[str, str], RateLimiter] = {}
        self.laid: list[Laid] = []
        self._by_link: dict[str, list[Laid]] = {}
        self._by_stream: dict[tuple[str, Stream], list[Toxic]] = {}
        self.when_cut: list[Callable[[str], None]] = []
        """Each is told the name of a link whose open connections are broken off."""
        self._goes_on: defaultdict[str, Signal] = defaultdict(Signal)

    def lay(self, fault: str, effect: Effect) -> None:
        """Make *effect* true; raises NotCarriedError for one of a kind that this world does not know."""
        if isinstance(effect, Toxic) and effect.kind in NOT_CARRIED:
            raise NotCarriedError(f"the simulated world carries no {effect.kind}; run it in the real one")
        self._sort([*self.laid, Laid(fault, effect, self._events.now_s)])
        if isinstance(effect, EdgeRule) and isinstance(effect.rule, Throttle):
            self._limiters[fault, effect.aim] = RateLimiter(effect.rule.requests_per_min, effect.rule.burst)
        if isinstance(effect, Cut) or (isinstance(effect, TapMode) and effect.mode in ("refuse", "reset")):
            for broken_off in self.when_cut:
                broken_off(effect.aim)

    def lift(self, fault: str, effect: Effect) -> None:
        """Make *effect* false; one that is not in force is not an error."""
        in_force = (fault, effect) in [(laid.fault, laid.effect) for laid in self.laid]
        self._sort([laid for laid in self.laid if (laid.fault, laid.effect) != (fault, effect)])
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
            isinstance(laid.effect, Cut) or (isinstance(laid.effect, TapMode) and laid.effect.mode == "refuse")
            for laid in self._on(link)
        )

    def resets(self, link: str, stream: Stream) -> bool:
        reset = any(isinstance(laid.effect, TapMode) and laid.effect.mode == "reset" for laid in self._on(link))
        return reset or "reset_peer" in [toxic.kind for toxic in self._toxics(link, stream)]

    def loses(self, link: str, stream: Stream) -> bool:
        """Whether what is sent vanishes without a word."""
        silent = any(_silences(laid.effect, stream) for laid in self._on(link))
        return silent or "timeout" in [toxic.kind for toxic in self._toxics(link, stream)]

    def delay_s(self, link: str, stream: Stream) -> float:
        """How long what is sent now is on its way; drawn anew each time where the delay has jitter."""
        delay_s = HOP_S
        for toxic in self._toxics(link, stream):
            if toxic.kind == "latency":
                jitter_ms = toxic.attributes.get("jitter", 0)
                delay_s += 0.001 * (toxic.attributes["latency"] + self._chance.uniform(-jitter_ms, jitter_ms))
        return delay_s

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

    def answer_of_a_fault(self, link: str, nonce: str) -> tuple[str, int, float | None] | None:
        """The fault that answers in the provider's place an attempt of *nonce*, its status, and its ``retry-after``; None for none.

        As at an edge every rule judges every attempt, and the one put first answers.
        """
        rules = [(laid.fault, laid.effect.rule) for laid in self._on(link) if isinstance(laid.effect, EdgeRule)]
        answers = [self._judged(fault, rule, link, nonce) for fault, rule in rules]
        return next((answer for answer in answers if answer is not None), None)

    def _judged(self, fault: str, rule: Rule, link: str, nonce: str) -> tuple[str, int, float | None] | None:
        match rule:
            case Throttle():
                allowance = self._limiters[fault, link].ask(self._events.now_s)
                if not allowance.allowed:
                    return fault, 429, allowance.retry_s
            case FailShare(status, share_ratio):
                self._tries[fault, link, lot(nonce)] += 1
                attempt = self._tries[fault, link, lot(nonce)]
                if draw(self._seed, link, fault, lot(nonce), attempt) < share_ratio:
                    return fault, status, None
        return None

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


def _silences(effect: Effect, stream: Stream) -> bool:
    return isinstance(effect, TapMode) and effect.mode == "silence" and effect.streams in ("both", stream)
