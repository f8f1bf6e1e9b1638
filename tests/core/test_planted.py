"""Services with one defect each, in a world in memory: the metric that is there for it finds it, and passes the twin that has it not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from concluded import concluded
from simulated_world import Fragile, Memory, Resilient, SimWorld
from simulated_world.events import Process
from simulated_world.service import Answer, Surroundings, said
from simulated_world.wire import Exchange
from simulated_world.world import QUESTIONS

from harness.judging.result import Result
from harness.planning.plan import plan
from harness.protocols.asking import Asked
from harness.reading.expectation import parse
from harness.reading.questions import Question
from harness.reading.scenario import Scenario
from harness.reading.target import Target
from harness.record.effects import Effects
from harness.running import loop

UPSTREAM = {"simulated": {"first_token": "50ms", "sigma": 0, "tokens": 3, "token_gap": "50ms"}}
EAST, WEST = "provider-east", "provider-west"
TARGET: dict[str, Any] = {
    "schema": "harness.target/1",
    "name": "planted",
    "entries": [{"name": region, "url": f"http://127.0.0.1:{port}", "region": region} for region, port in (("east", 1), ("west", 2))],
    "ask": {"protocol": "openai-chat", "model": "any"},
    "links": {
        EAST: {"kind": "provider", "region": "east", "upstream": UPSTREAM},
        WEST: {"kind": "provider", "region": "west", "upstream": UPSTREAM},
        "store-east": {"kind": "store", "region": "east", "upstream": "redis://127.0.0.1:3"},
        "store-west": {"kind": "store", "region": "west", "upstream": "redis://127.0.0.1:4"},
        "replication": {"kind": "replication", "region": "west", "upstream": "redis://127.0.0.1:3"},
    },
    "publish": {"post": "http://127.0.0.1:5/publish"},
    "effects": {"get": "http://127.0.0.1:6/orders"},
}  # fmt: skip
JSON = {"protocol": "json", "reply": {"answer": "/answer", "snapshot_version": "/version", "degraded": "/degraded"}}
"""Another way to ask, for what streams do not say."""
ON_EAST = {"kind": "provider", "region": "east"}
DOWN = {"kind": "http_error", "on": ON_EAST, "status": 503}
ONCE = DOWN | {"on": ON_EAST | {"attempt": 1}}
REFUSED = {"kind": "http_error", "on": ON_EAST, "status": 400}
LIMITED = {
    "kind": "http_error",
    "on": {"kind": "provider", "attempt": 1},
    "status": 429,
    "wait": "400ms",
    "retry_after": "ms",
}
SLOW = {"kind": "latency", "on": ON_EAST, "base": "1500ms"}
BROKEN_OFF = {"kind": "blackhole", "on": ON_EAST, "at": "fault + 1s", "for": "3s", "open_connections": "reset"}
BEHIND = {"kind": "cache_divergence", "region": "west", "publish_after": "500ms"}
PATIENCE_S = 0.5
BOUND = QUESTIONS[::2]
"""What has to stay in the east."""


class Sound:
    """Asks the provider of its region and turns to the other when that fails, for a few seconds at once; it stops with its caller."""

    ends_with_its_caller = True
    away_s: ClassVar[float] = 2.0
    """How long it leaves alone what has failed."""

    def __init__(self, around: Surroundings) -> None:
        self.around, self.orders = around, Counter[str]()
        self._failed_s: dict[str, float] = {}

    def answer(self, asked: Asked) -> Process[Answer | None]:
        for link in self.links(asked):
            exchange = yield from self.ask(link, asked)
            if exchange.complete:
                self.order(asked)
                return self.reply(asked, link)
            self._failed_s[link] = self.around.events.now_s
        return self.without(asked)

    def links(self, asked: Asked) -> list[str]:
        """Where to ask, one after the other."""
        now_s = self.around.events.now_s
        known = [link for link in self.around.providers if now_s - self._failed_s.get(link, -99) >= self.away_s]
        return known or list(self.around.providers)

    def ask(self, link: str, asked: Asked) -> Process[Exchange]:
        exchange = self.around.wire.send(link, asked.nonce, says=self.text(asked))
        if exchange.attempt:
            exchange.attempt.key_of = self.key(link)
        try:
            yield self.around.events.within(PATIENCE_S, exchange.ended)
        finally:
            exchange.leave()
        return exchange

    def text(self, asked: Asked) -> str:
        return said(asked.question, 1).text

    def key(self, link: str) -> str:
        return link

    def order(self, asked: Asked) -> None:
        """Do in the world what the answer says."""
        self.orders[asked.nonce] = 1

    def reply(self, asked: Asked, link: str) -> Answer:
        return Answer(self.text(asked), 1, model=link, streamed=True)

    def without(self, asked: Asked) -> Answer | None:
        """What it says when nobody answers."""
        return None


class Insisting(Sound):
    """Tries the same again whatever the answer was, and for every request anew."""

    away_s = 0.0

    def links(self, asked: Asked) -> list[str]:
        return [link for link in super().links(asked) for _ in range(4)]


class Hasty(Sound):
    """Comes back 50 ms after it was told to wait."""

    waits: ClassVar[bool] = False

    def answer(self, asked: Asked) -> Process[Answer | None]:
        exchange = yield from self.ask(self.around.providers[0], asked)
        if exchange.retry_after_s:
            yield self.around.events.pause(exchange.retry_after_s if self.waits else 0.05)
            exchange = yield from self.ask(self.around.providers[0], asked)
        return self.reply(asked, exchange.link) if exchange.complete else None


class Waiting(Hasty):
    """Comes back when it was told to."""

    waits = True


class Patient(Sound):
    """Asks one provider and waits for it as long as it takes, also when its caller has gone."""

    ends_with_its_caller = False

    def ask(self, link: str, asked: Asked) -> Process[Exchange]:
        exchange = self.around.wire.send(link, asked.nonce, says=self.text(asked))
        try:
            yield self.around.events.within(9, exchange.ended)
        finally:
            exchange.leave()
        return exchange

    def links(self, asked: Asked) -> list[str]:
        return self.around.providers[:1]


class Leaving(Patient):
    """The same, but it stops when its caller does."""

    ends_with_its_caller = True


class InStep(Patient):
    """Tries once more, so long after it failed."""

    def answer(self, asked: Asked) -> Process[Answer | None]:
        found = yield from super().answer(asked)
        if found is None:
            yield self.around.events.pause(self.wait_s())
            found = yield from super().answer(asked)
        return found

    def wait_s(self) -> float:
        return 0.6


class OutOfStep(InStep):
    """The same, and each time it waits another while."""

    def wait_s(self) -> float:
        return self.around.chance.uniform(0, super().wait_s())


class Hedging(Sound):
    """Asks both providers at once, and lets both go on to the end."""

    def answer(self, asked: Asked) -> Process[Answer | None]:
        asking = [self.around.wire.send(link, asked.nonce) for link in self.around.providers]
        yield self.around.events.within(PATIENCE_S, asking[-1].ended)
        return self.reply(asked, asking[-1].link) if asking[-1].complete else None


class Asking(Sound):
    """Asks what is down for every request anew."""

    away_s = 0.0


class Staying(Sound):
    """Never comes back to what has failed once."""

    away_s = 99.0


class Roaming(Sound):
    """Turns elsewhere with what has to stay in the east, too."""

    def links(self, asked: Asked) -> list[str]:
        return [EAST, WEST] if asked.question in BOUND else super().links(asked)


class Resident(Roaming):
    """Rather has no answer than one from elsewhere to what has to stay."""

    def links(self, asked: Asked) -> list[str]:
        return super().links(asked)[: 1 if asked.question in BOUND else None]


class Staunch(Sound):
    """Asks nobody outside its region."""

    def links(self, asked: Asked) -> list[str]:
        return self.around.providers[:1]


class Indiscreet(Sound):
    """Has one key, that of its region, for everybody."""

    def key(self, link: str) -> str:
        return self.around.providers[0]


class Mislabelling(Sound):
    """Names the model that it was to be, and not the one that it was."""

    def reply(self, asked: Asked, link: str) -> Answer:
        return replace(super().reply(asked, link), model=self.around.providers[0])


class Remembering(Staunch):
    """Has something from memory where nobody answers, and says so."""

    def without(self, asked: Asked) -> Answer | None:
        return Answer(self.text(asked), 1, degraded=True)


class Ordering(Sound):
    """Orders before it asks, each time."""

    def ask(self, link: str, asked: Asked) -> Process[Exchange]:
        self.orders[asked.nonce] += 1
        return (yield from super().ask(link, asked))

    def order(self, asked: Asked) -> None:
        """It has."""


class Stumping(Staunch):
    """Ends a stream that takes too long as if that had been all."""

    def without(self, asked: Asked) -> Answer | None:
        text = self.text(asked)
        return Answer(text[: len(text) // 2], 1, streamed=True)


class Doubling(Sound):
    """Begins anew in the same answer when it had to turn elsewhere."""

    def reply(self, asked: Asked, link: str) -> Answer:
        text = self.text(asked)
        again = text if link == self.around.providers[0] else text[: len(text) // 2] + text
        return Answer(again, 1, streamed=True)


PLANTED: list[tuple[dict[str, Any], str, type[Any], type[Any]]] = [
    (REFUSED, "non_retryable_retries <= 0.1 in fault", Insisting, Sound),
    (LIMITED, "retry_after_obeyed >= 0.9 in fault", Hasty, Waiting),
    (LIMITED, "waits_ignored <= 0.1 in fault", Hasty, Waiting),
    (SLOW, "orphaned_attempts <= 0.1 in fault", Patient, Leaving),
    (SLOW, "duplicate_completions <= 0.1 in fault", Hedging, Sound),
    (DOWN, "attempts_before_failover <= 2 in fault", Insisting, Asking),
    (DOWN, "probes_per_s <= 2 in fault", Asking, Sound),
    (BROKEN_OFF, "retry_burst <= 50 in fault", InStep, OutOfStep),
    (DOWN, "failback_time_s <= 3", Staying, Sound),
    (DOWN, "residency_violations <= 0 in fault", Roaming, Resident),
    (DOWN, "credential_leaks <= 0 in fault", Indiscreet, Sound),
    (DOWN, "mislabelled_ratio <= 0.1 in fault", Mislabelling, Sound),
    (ONCE, "degraded_ratio <= 0.1 in fault", Remembering, Insisting),
    (DOWN, "fallback_ratio <= 0.1 in recovery", Staying, Sound),
    (DOWN, "side_effects.duplicated <= 0", Ordering, Sound),
    (SLOW, "stream_integrity.truncated_as_success <= 0.1 in fault", Stumping, Sound),
    (DOWN, "stream_integrity.duplicated <= 0.1 in fault", Doubling, Sound),
    (DOWN, "stream_integrity.whole >= 0.9 in fault", Doubling, Sound),
    (BEHIND, "staleness_s.p95 <= 2 in fault", Fragile, Resilient),
]


def judged(fault: dict[str, Any], expectation: str, service: type[Any]) -> Result:
    """What a run on *service* comes to."""
    scenario = Scenario.model_validate(
        {
            "schema": "harness.scenario/1",
            "name": "planted",
            "load": {
                "rate_per_s": 60 if expectation.startswith(("failback", "retry_burst")) else 12,
                "questions": "q.yaml",
                "deadline": "1s",
            },
            "phases": {
                "warmup": "1s",
                "baseline": "4s",
                "fault": "8s",
                "recovery": "8s",
            },
            "faults": [fault],
            "good": {"within": "900ms"},
            "expect": [expectation],
        }
    )
    asked = JSON if expectation.startswith(("degraded_ratio", "staleness_s")) else TARGET["ask"]
    made, problems = plan(scenario, Target.model_validate(TARGET | {"ask": asked}), (parse(expectation),))
    assert problems == []
    there: list[Any] = []

    def one(around: Surroundings) -> Any:
        there.append(service(around))
        return there[-1]

    sim = SimWorld(made, one, 1)  # type: ignore[arg-type] # what makes a service is as good as its class
    evidence = sim.evidence(loop.run(made, sim.world, Memory()))
    orders = sum((getattr(each, "orders", Counter()) for each in there), Counter[str]())
    bound = {text: Question(id=text, text=text, region="east") for text in BOUND}
    return concluded(replace(evidence, effects=Effects(orders.total(), dict(orders)), asked=bound, _made={}))


@pytest.mark.parametrize(
    ("fault", "expectation", "planted", "twin"), PLANTED, ids=lambda each: each if isinstance(each, str) else ""
)
def test_the_metric_that_is_there_for_a_defect_finds_it_and_passes_the_twin(
    fault: dict[str, Any], expectation: str, planted: type[Any], twin: type[Any]
) -> None:
    found = {
        name: judged(fault, expectation, service).findings[0]
        for name, service in (("planted", planted), ("twin", twin))
    }
    told = {name: finding.model_dump() for name, finding in found.items()}
    assert {name: finding.verdict for name, finding in found.items()} == {"planted": "fail", "twin": "pass"}, told
