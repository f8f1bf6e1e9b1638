"""What the connections of one tap share: where they lead, how each is treated at the moment, and what reads them along."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from harness.faults.delays import late_s
from harness.faults.effects import (
    Drawn,
    LookupAnswer,
    NameAnswer,
    NameDelay,
    Streams,
    TapAnswers,
    TapCertificate,
    TapMode,
    TapShape,
)
from harness.faults.requests import draw
from harness.faults.stretches import fault_of
from harness.running.wire.farewell import Farewell
from harness.running.wire.tap.lane import InForce, Lane
from harness.running.wire.tap.traffic import LinkTraffic
from harness.running.wire.tap.watch import Watch

Stream = Literal["upstream", "downstream"]
PROBE = 0
"""The number of each connection that looks at what is done here: whatever is done to some is done to it, and it is counted nowhere."""


TapEffect = TapMode | TapShape | TapAnswers | TapCertificate | NameAnswer | NameDelay
_OF_OTHERS = TapAnswers | TapCertificate | NameAnswer | NameDelay
"""What a share of is drawn for something else than whole connections."""


class Named(NamedTuple):
    """How one lookup is answered: by the address of the tap (empty), or by *answer*, which may be kept for *ttl_s*; after *delay_s*."""

    answer: LookupAnswer | Literal[""] = ""
    ttl_s: int = 0
    delay_s: float = 0.0


class Standing(NamedTuple):
    """An *effect* that is in force, and *since_s* when on the monotonic clock."""

    effect: TapEffect
    since_s: float


class Passage:
    """The way through the tap of *link*. It leads to 127.0.0.1:*via*; while that is None, as if a dial had been refused.

    *watch* makes what reads a new connection along; *seed* decides to which connections that is done which is for a share of them.
    *gated*: it is one of Redis, and commands on it may be answered in the server's place. *contexts*: how TLS is spoken with its clients,
    by what is wrong with the certificate that they are shown; none: it is not.
    """

    def __init__(
        self,
        link: str,
        watch: Callable[[], Watch],
        traffic: LinkTraffic,
        seed: int = 0,
        *,
        gated: bool = False,
        contexts: Mapping[str, ssl.SSLContext] | None = None,
    ) -> None:
        self.link = link
        self.watch = watch
        self.traffic = traffic
        self.seed = seed
        self.gated = gated
        self.contexts = contexts or {}
        self.via: int | None = None
        self.owed_s = 0.0
        """How long the far side is kept open for a client who left before a byte of the answer had come."""
        self.in_force: dict[str, Standing] = {}
        self.done_to: Counter[str] = Counter()
        """To how many connections each fault did something that is not done to all at once."""
        self.drawn: dict[str, Drawn] = {}
        """What came to each fault that is for a share of it, and what was picked."""
        self.refused: defaultdict[str, Counter[str]] = defaultdict(Counter)
        """TLS handshakes that clients ended for what each fault showed them (empty: for what is in order), by what they said."""
        self.closed = False
        self.farewell = Farewell()
        """What the far end says of how the provider ended."""
        self.upward = Farewell()
        """What the tap says of how a client ended its side of a tunnel, where somebody behind Toxiproxy listens for it."""
        self.dials: set[asyncio.Task[None]] = set()
        self.busy: set[Lane] = set()
        self._numbers = PROBE
        self._lookups = PROBE

    def next_number(self) -> int:
        """The number of a new connection, from 1."""
        self._numbers += 1
        return self._numbers

    def meet(self, number: int, met: set[str]) -> None:
        """Connection *number* is there: it comes to each fault for a share of them, but to those that it has *met* already."""
        for fault, (effect, _) in self.in_force.items():
            if fault not in met and effect.share_ratio < 1 and not isinstance(effect, _OF_OTHERS):
                met.add(fault)
                self.draw(fault, picked=self.hits(fault, number))

    def draw(self, fault: str, *, picked: bool) -> None:
        """One more came to *fault*, which was *picked* or not."""
        before = self.drawn.get(fault, Drawn())
        self.drawn[fault] = Drawn(before.came + 1, before.picked + picked)

    def certificate(self, number: int) -> tuple[str, str]:
        """The fault by which connection *number*, which is about to shake hands, is shown a certificate, and its flaw; empty: none."""
        for fault, (effect, _) in self.in_force.items():
            if isinstance(effect, TapCertificate):
                hit = self.hits(fault, number)
                if effect.share_ratio < 1:
                    self.draw(fault, picked=hit)
                if hit:
                    return fault, effect.flaw
        return "", ""

    def show(self, fault: str) -> None:
        """A client is shown the certificate of *fault*."""
        self.done_to[fault] += 1
        self.traffic.shown_bad()

    def refuse(self, fault: str, alert: str) -> None:
        """A client has ended its handshake for what it was shown by *fault* (empty: by none), and said *alert*."""
        self.refused[fault][alert] += 1
        self.traffic.refused()

    def look_up(self, now_s: float, *, counts: bool, probes: bool = False) -> Named:
        """How who asks for its name at *now_s* on the monotonic clock is answered.

        One that *counts* asks for its address, and is one of which a share may be hit; one that does not asks for what it has not got, and
        is told as the others where all are told the same. What *probes* meets whatever is done to some, and is counted nowhere.
        """
        number = self._next_lookup() if counts and not probes else PROBE
        found, hit = Named(), set[str]()
        for fault, (effect, since_s) in self.in_force.items():
            if not isinstance(effect, NameAnswer | NameDelay) or (not counts and not probes and effect.share_ratio < 1):
                continue
            picked = self.hits(fault, number, "lookup")
            if effect.share_ratio < 1 and number != PROBE:
                self.draw(fault, picked=picked)
            if not picked or (isinstance(effect, NameAnswer) and found.answer):
                continue
            hit.add(fault)
            if isinstance(effect, NameAnswer):
                found = found._replace(answer=effect.answer, ttl_s=effect.ttl_s)
            else:
                found = found._replace(delay_s=found.delay_s + self._late_s(fault, effect, number, now_s - since_s))
        if number != PROBE:
            self.done_to.update(hit)
            self.traffic.looked_up(hit=bool(hit))
        return found

    def _next_lookup(self) -> int:
        self._lookups += 1
        return self._lookups

    def _late_s(self, fault: str, effect: NameDelay, number: int, after_s: float) -> float:
        late = effect.late
        base_s = late.base_s if late.ramp is None else late.ramp.at(late.base_s, after_s)
        # A look sees what half of the others do.
        drawn = 0.5 if number == PROBE else draw(self.seed, self.link, fault_of(fault), f"late lookup {number}", 1)
        return late_s(base_s, late.jitter_s, late.distribution, drawn)

    def listens(self) -> bool:
        """Whether somebody listens for new connections."""
        return not self._modes("refuse", "no_new")

    def breaks(self, number: int) -> bool:
        """Whether connection *number*, which is open, is to be reset."""
        return bool(self._modes("refuse")) or self.resets(number)

    def resets(self, number: int) -> bool:
        """Whether connection *number* is reset once it has asked."""
        return any(self.hits(fault, number) for fault in self._modes("reset"))

    def silent(self, number: int) -> frozenset[Stream]:
        """The streams of connection *number* on which nothing passes."""
        silences = [(fault, mode.streams) for fault, mode in self._modes("silence").items()]
        return frozenset(stream for fault, streams in silences if self.hits(fault, number) for stream in each(streams))

    def shapes(self, number: int, stream: Stream) -> Mapping[str, InForce]:
        """What shapes *stream* of connection *number*, by fault."""
        return {
            fault: InForce(effect.shape, since_s)
            for fault, (effect, since_s) in self.in_force.items()
            if isinstance(effect, TapShape) and stream in each(effect.streams) and self.hits(fault, number)
        }

    def answers(self) -> Mapping[str, TapAnswers]:
        """What is answered in the place of a Redis server, by fault."""
        found = {fault: standing.effect for fault, standing in self.in_force.items()}
        return {fault: effect for fault, effect in found.items() if isinstance(effect, TapAnswers)}

    def _modes(self, *modes: str) -> Mapping[str, TapMode]:
        found = {fault: standing.effect for fault, standing in self.in_force.items()}
        return {
            fault: effect for fault, effect in found.items() if isinstance(effect, TapMode) and effect.mode in modes
        }

    def hits(self, fault: str, number: int, of: Literal["connection", "lookup"] = "connection") -> bool:
        """Whether *fault*, which is in force, is for connection, or lookup, *number*."""
        share = self.in_force[fault].effect.share_ratio
        return number == PROBE or share >= 1 or draw(self.seed, self.link, fault_of(fault), f"{of} {number}", 1) < share


def each(streams: Streams) -> tuple[Stream, ...]:
    """The single streams that *streams* are."""
    return ("upstream", "downstream") if streams == "both" else (streams,)
