"""What a simulated service is: something that answers questions with what its region's store and providers give it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from harness.protocols.asking import Asked
from simulated_world.events import Events, Process
from simulated_world.stores import Stores, fact
from simulated_world.wire import Wire


@dataclass(frozen=True, slots=True)
class Answer:
    """What a client gets; *streamed*: piece by piece, and ended in good order. *model*: whom it names, if anybody."""

    text: str
    version: int
    model: str = ""
    degraded: bool = False
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a service runs and what it can reach; *providers* are links, those of its own region first."""

    region: str
    events: Events
    wire: Wire
    stores: Stores
    providers: list[str]
    chance: random.Random


class Service(Protocol):
    """One instance, in one region."""

    ends_with_its_caller: bool
    """Whether it stops working on a question once the client has left."""

    def __init__(self, around: Surroundings) -> None: ...

    def answer(self, asked: Asked) -> Process[Answer | None]:
        """The answer; None when it gave up, which the client sees as an error."""


class Plain:
    """Asks its own provider once, and that is all."""

    ends_with_its_caller = True

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def answer(self, asked: Asked) -> Process[Answer | None]:
        around = self._around
        exchange = around.wire.send(around.providers[0], asked.nonce)
        try:
            yield around.events.within(float("inf"), exchange.ended)
        finally:
            exchange.leave()
        return said(asked.question, 1) if exchange.complete else None


def said(question: str, version: int) -> Answer:
    """What any of them says to *question* when it has read snapshot *version*."""
    return Answer(f"The answer to {question} is {fact(question, version)}.", version)
