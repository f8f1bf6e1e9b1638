"""Services with one thing wrong each, and what each is once that is mended: of them diagnoses are tried."""

from __future__ import annotations

from harness.protocols.asking import Asked
from harness.reference.breaker import Breaker, Pass
from simulated_world.events import Process
from simulated_world.fragile import Fragile
from simulated_world.service import Answer, Surroundings, said


class WithoutSdk(Fragile):
    sdk_tries = 1


class WithoutRetries(WithoutSdk):
    loops = 1


class Patient(Fragile):
    timeout_s = 5.0


class InStep(Patient):
    """Tries again so long after each failure."""

    sdk_tries, wait_s = 1, 0.6

    def answer(self, asked: Asked) -> Process[Answer | None]:
        for n in range(self.loops):
            if n:
                yield self._around.events.pause(self._wait_s())
            if (yield from self._complete(asked.nonce)):
                return said(asked.question, 1)
        return None

    def _wait_s(self) -> float:
        return self.wait_s


class OutOfStep(InStep):
    """The same, but each wait is drawn between nothing and that."""

    def _wait_s(self) -> float:
        return self._around.chance.uniform(0, self.wait_s)


class EndsWithItsCaller(Fragile):
    ends_with_its_caller = True


class TurnsElsewhere(Fragile):
    """Tries each provider once."""

    def _complete(self, nonce: str) -> Process[bool]:
        around = self._around
        for link in around.providers:
            exchange = around.wire.send(link, nonce, 0)
            yield around.events.within(self.timeout_s, exchange.ended)
            exchange.leave()
            if exchange.complete:
                return True
        return False


class Wary(Fragile):
    """Leaves its provider alone for a while after two failures in a row, and goes to the other one meanwhile, where there is one for it."""

    open_s, elsewhere, tries, timeout_s = 300.0, True, 1, 1.6

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._breaker = Breaker(2, self.open_s, lambda: around.events.now_s)

    def answer(self, asked: Asked) -> Process[Answer | None]:
        for _ in range(self.tries):
            passed = self._breaker.admit()
            if passed and (yield from self._ask(self._around.providers[0], asked.nonce, passed)):
                return said(asked.question, 1)
        away = self.elsewhere and (yield from self._ask(self._around.providers[1], asked.nonce, None))
        return said(asked.question, 1) if away else None

    def _ask(self, link: str, nonce: str, passed: Pass | None) -> Process[bool]:
        exchange = self._around.wire.send(link, nonce, 0)
        yield self._around.events.within(self.timeout_s, exchange.ended)
        exchange.leave()
        if passed:
            self._breaker.record(passed, "good" if exchange.complete else "failed")
        return exchange.complete


class TriesAgain(Wary):
    open_s = 1.0


class WaryAlone(Wary):
    open_s, elsewhere = 2.0, False


class Undaunted(WaryAlone):
    """Tries three times, and turns nobody away."""

    def answer(self, asked: Asked) -> Process[Answer | None]:
        for _ in range(3):
            if (yield from self._ask(self._around.providers[0], asked.nonce, None)):
                return said(asked.question, 1)
        return None


class CachesErrors(Fragile):
    """Knows for ever what it could not answer."""

    keeps, sdk_tries, loops = True, 1, 1

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._failed: set[str] = set()

    def answer(self, asked: Asked) -> Process[Answer | None]:
        if asked.question in self._failed:
            return None
        found = yield from super().answer(asked)
        if found is None and self.keeps:
            self._failed.add(asked.question)
        return found


class CachesNothing(CachesErrors):
    keeps = False


class OnePool(Fragile):
    """Asks one provider of some questions and the other one of the rest, from one pool of twelve."""

    timeout_s, places, pools = 6.0, 12, 1

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._open = [0] * self.pools

    def answer(self, asked: Asked) -> Process[Answer | None]:
        around, which = self._around, int(asked.question.rpartition("-")[2]) % 4 == 0
        pool = which % self.pools
        while self._open[pool] >= self.places:
            yield around.events.pause(0.05)
        self._open[pool] += 1
        exchange = around.wire.send(around.providers[which], asked.nonce)
        yield around.events.within(self.timeout_s, exchange.ended)
        exchange.leave()
        self._open[pool] -= 1
        return said(asked.question, 1) if exchange.complete else None


class PoolEach(OnePool):
    pools = 2


class TurnsABitElsewhere(TurnsElsewhere):
    """Turns elsewhere with one request at a time, and lets the others go bad."""

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._away = False

    def _complete(self, nonce: str) -> Process[bool]:
        around = self._around
        for link in around.providers:
            away = link != around.providers[0]
            if away and self._away:
                return False
            self._away |= away
            exchange = around.wire.send(link, nonce, 0)
            yield around.events.within(self.timeout_s, exchange.ended)
            exchange.leave()
            self._away &= not away
            if exchange.complete:
                return True
        return False


class ProbesWithUsers(Wary):
    """Goes elsewhere while its breaker is open; the request that finds out whether its provider is back goes nowhere else."""

    open_s, timeout_s = 0.2, 1.2

    def answer(self, asked: Asked) -> Process[Answer | None]:
        passed = self._breaker.admit()
        link = self._around.providers[0 if passed else 1]
        return said(asked.question, 1) if (yield from self._ask(link, asked.nonce, passed)) else None
