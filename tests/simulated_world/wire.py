"""One try of a service at a provider: through the tap, Toxiproxy and the edge, each of which notes what it sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from harness.protocols.nonce import press, unpressed
from harness.protocols.said_error import code_said
from harness.protocols.sketch import sketch
from harness.record.rows import Arrival, ArrivalOutcome, Attempt, AttemptOutcome
from harness.running.wire.edge.rules.base import Answer, Cut, Following
from simulated_world.events import Events, Process, Signal
from simulated_world.network import HOP_S, Network, Stream
from simulated_world.provider import Provider

Over = Callable[["Exchange", AttemptOutcome], None]


class Exchange:
    """What a service sees of one try.

    *begun* happens with the first token, and *ended* when the answer is whole; both when nothing more will come.
    """

    def __init__(self, over: Over, link: str, says: str) -> None:
        self.begun, self.ended = Signal(), Signal()
        self.link, self.says = link, says
        self.status = 0
        self.retry_after_s: float | None = None
        self.attempt: Attempt | None = None  # None: nobody listened, so nobody saw it
        self._over = over

    @property
    def complete(self) -> bool:
        return self.ended.happened and self.status == 200

    def leave(self) -> None:
        """Wait for it no longer."""
        if not self.ended.happened:
            self._over(self, "client_left")


class Wire:
    """The ways to all *providers*, by link; *attempts* and *arrivals* are the rows that the two ends of it write."""

    def __init__(self, events: Events, network: Network, providers: Mapping[str, Provider]) -> None:
        self.attempts: list[Attempt] = []
        self.ended: list[Attempt] = []
        """Those of them that have ended, in the order in which they did."""
        self.arrivals: list[Arrival] = []
        self.by_fault: Counter[tuple[str, str]] = Counter()  # attempts that a fault answered, by fault and link
        self._following: dict[int, list[Following]] = {}  # what goes along with the answers to come, by arrival
        self._events, self._network, self._providers = events, network, providers
        self._open: dict[Exchange, None] = {}  # a dict, as it keeps their order and forgets one at no cost
        network.when_cut.append(self._break_off)

    def send(
        self, link: str, nonce: str, retry_count: int | None = None, *, stream: bool = False, says: str = ""
    ) -> Exchange:
        """Ask the provider behind *link*; with *stream*, the first token shows before the whole answer is there, which *says* what."""
        exchange = Exchange(self._over, link, says)
        self._open[exchange] = None
        told = self._network.lookups.look_up(link)
        if told.gone:
            self._events.at(self._events.now_s + max(HOP_S, told.after_s), lambda: self._over(exchange, "reset"))
        elif told.after_s:
            connect = partial(self._connect, exchange, nonce, retry_count, stream=stream)
            self._events.at(self._events.now_s + told.after_s, connect)
        else:
            self._connect(exchange, nonce, retry_count, stream=stream)
        return exchange

    def _connect(self, exchange: Exchange, nonce: str, retry_count: int | None, *, stream: bool) -> None:
        """Send what is asked, unless its client has left by now."""
        link = exchange.link
        if exchange.ended.happened:
            return
        if self._network.refuses(link):
            self._events.at(self._events.now_s + HOP_S, lambda: self._over(exchange, "reset"))
            return
        now_s = self._events.now_s
        attempt = Attempt(link, now_s, unpressed(nonce), retry_count=retry_count, sent_s=now_s, method="POST")
        attempt.press = press(nonce)
        exchange.attempt = attempt
        self.attempts.append(exchange.attempt)
        self._events.start(self._carry(exchange, stream=stream))

    def accepts(self, link: str) -> bool:
        """Whether a connection to the provider behind *link* would be accepted."""
        return not self._network.refuses(link)

    def _carry(self, exchange: Exchange, *, stream: bool) -> Process[None]:
        network, events, link = self._network, self._events, exchange.link
        yield from self._until_it_goes_on(exchange, "upstream")
        if exchange.ended.happened or network.loses(link, "upstream"):
            return
        resets, delay_s = network.resets(link, "upstream"), network.delay_s(link, "upstream")
        yield events.pause(delay_s)
        if resets:
            self._over(exchange, "reset")
            return
        # Also when the client has left by now: what it sent was on its way.
        assert exchange.attempt is not None
        arrival = Arrival(link, events.now_s, exchange.attempt.nonce, press=exchange.attempt.press)
        self.arrivals.append(arrival)
        ruling = network.ruling(link, exchange.attempt.nonce)
        arrival.came_to = " ".join(ruling.came_to)
        self._following[id(arrival)] = [following for _, following in ruling.following]
        if ruling.wait_s > 0:
            self._hit(arrival, ruling.waits_for)
            yield events.pause(ruling.wait_s)
        if isinstance(ruling.decision, Answer):
            self._hit(arrival, ruling.fault)
            exchange.attempt.error = code_said(ruling.decision.body)
            exchange.attempt.should_retry = ruling.decision.headers.get("x-should-retry", "")
            told_ms = ruling.decision.headers.get("retry-after-ms")
            retry_after_s = float(told_ms) / 1000 if told_ms else None
            yield from self._answer(exchange, arrival, ruling.decision.status, "answered_by_fault", retry_after_s)
            return
        if isinstance(ruling.decision, Cut):
            self._hit(arrival, ruling.fault)
            arrival.end_s, arrival.outcome = events.now_s, "cut_by_fault"
            yield events.pause(network.delay_s(link, "downstream"))
            self._over(exchange, "reset" if ruling.decision.reset else "closed")
            return
        arrival.forwarded_s = events.now_s
        begun, done = Signal(), Signal()
        if not self._providers[link].accept(begun.happen, done.happen):
            yield from self._answer(exchange, arrival, 503, "complete")
            return
        yield events.within(float("inf"), begun)
        arrival.first_byte_s = events.now_s
        if stream and not self._lost(exchange):
            exchange.attempt.first_byte_s = events.now_s + HOP_S
            exchange.begun.happen()
        yield events.within(float("inf"), done)
        arrival.model, arrival.finish = link, "stop"
        arrival.sketch = sketch(exchange.says) if exchange.says else ""
        yield from self._answer(exchange, arrival, 200, "complete")

    def _hit(self, arrival: Arrival, fault: str) -> None:
        arrival.fault = fault
        arrival.hit_by = f"{arrival.hit_by} {fault}".strip()
        self.by_fault[fault, arrival.link] += 1

    def _answer(
        self,
        exchange: Exchange,
        arrival: Arrival,
        status: int,
        outcome: ArrivalOutcome,
        retry_after_s: float | None = None,
    ) -> Process[None]:
        arrival.status, arrival.end_s, arrival.outcome = status, self._events.now_s, outcome
        for following in self._following.pop(id(arrival), []):
            following.ended(self._events.now_s, None)
        yield from self._until_it_goes_on(exchange, "downstream")
        if self._lost(exchange):
            return
        yield self._events.pause(self._network.delay_s(exchange.link, "downstream"))
        if exchange.ended.happened:
            return
        exchange.status, exchange.retry_after_s = status, retry_after_s
        if exchange.attempt is not None and retry_after_s is not None:
            exchange.attempt.retry_after_ms = 1000 * retry_after_s
        self._over(exchange, "complete")

    def _until_it_goes_on(self, exchange: Exchange, stream: Stream) -> Process[None]:
        """Wait while what is sent is held back to be delivered later."""
        while not exchange.ended.happened and (goes_on := self._network.goes_on(exchange.link, stream)):
            yield self._events.within(float("inf"), goes_on)

    def _lost(self, exchange: Exchange) -> bool:
        """Whether what comes back now does not reach the client."""
        if self._network.resets(exchange.link, "downstream"):
            self._over(exchange, "reset")
            return True
        return exchange.ended.happened or self._network.loses(exchange.link, "downstream")

    def _over(self, exchange: Exchange, outcome: AttemptOutcome) -> None:
        if exchange.ended.happened:
            return
        if exchange.attempt is not None:
            now_s = self._events.now_s
            exchange.attempt.end_s, exchange.attempt.outcome = now_s, outcome
            exchange.attempt.status = exchange.status
            self.ended.append(exchange.attempt)
            if outcome == "complete" and exchange.attempt.first_byte_s is None:
                exchange.attempt.first_byte_s = now_s
        del self._open[exchange]
        exchange.begun.happen()
        exchange.ended.happen()

    def _break_off(self, link: str) -> None:
        for exchange in [exchange for exchange in self._open if exchange.link == link]:
            self._over(exchange, "reset")
