"""What the watch of a run ends it for: a harness that was stopped, a machine that slept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

from harness.running.ports import ProxyWedgedError, UntrustworthyError
from harness.running.wire.client import WireError, WireSilentError
from harness.running.world import watch as watch_module
from harness.running.world.watch import Watchdog, asleep_s


@dataclass
class Processes:
    took_back_after_s: float | None = None

    def check(self) -> None: ...


@dataclass
class Proxies:
    said: str | None = ""
    then: list[str | None] = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)

    given_up: threading.Event = field(default_factory=threading.Event)

    def looked_over(self) -> str | None:
        self.asked.set()
        return self.then.pop(0) if self.then else self.said

    def give_up(self, why: str) -> None:
        self.given_up.set()


class Wire:
    """A wire that answers no call, but for those whose number is in *answered*."""

    def __init__(self, *answered: int, failing: type[WireError] = WireSilentError) -> None:
        self.asked, self._answered, self._failing = 0, answered, failing
        self.often = threading.Event()

    def counts(self, *, timeout_s: float) -> dict[str, object]:
        self.asked += 1
        if self.asked >= 4:
            self.often.set()
        if self.asked in self._answered:
            return {}
        raise self._failing("GET /counts: no answer within 1 s")


class Carriers:
    """Says what it would raise."""

    def wedged(self, why: str) -> ProxyWedgedError:
        return ProxyWedgedError(f"Toxiproxy: {why}")

    def silent(self, why: str) -> ProxyWedgedError:
        return ProxyWedgedError(f"the wire: {why}")


@pytest.fixture
def watch() -> Iterator[Callable[..., Watchdog]]:
    made: list[Watchdog] = []

    def make(
        processes: Processes, *asleep: float, proxies: Proxies | None = None, wire: Wire | None = None, **shared: Any
    ) -> Watchdog:
        said = iter(asleep)
        made.append(Watchdog(processes, proxies or Proxies(), Carriers(), lambda: next(said, 0.0), wire=wire, **shared))
        return made[-1]

    yield make
    for watchdog in made:
        watchdog.close()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks every hundredth of a second."""
    monkeypatch.setattr(watch_module, "_EVERY_S", 0.01)


def test_a_run_in_which_nothing_happened_goes_on(watch: Callable[..., Watchdog]) -> None:
    watch(Processes(), 100.0, 100.4).check()


def test_a_harness_whose_faults_were_taken_back_measures_no_more(watch: Callable[..., Watchdog]) -> None:
    with pytest.raises(
        UntrustworthyError, match=r"nothing was heard of the harness for 4\.1 s, .* took the faults back"
    ):
        watch(Processes(4.1), 0.0, 0.0).check()


def test_a_machine_that_slept_measures_no_more(watch: Callable[..., Watchdog]) -> None:
    with pytest.raises(UntrustworthyError, match=r"this machine was suspended for 8\.0 s"):
        watch(Processes(), 100.0, 108.0).check()


def test_whoever_meddles_with_a_proxy_ends_the_run(watch: Callable[..., Watchdog]) -> None:
    proxies = Proxies("east: somebody disabled its proxy")
    watchdog = watch(Processes(), proxies=proxies)
    proxies.asked.wait(30)
    watchdog.close()
    with pytest.raises(
        UntrustworthyError, match="somebody else was at the proxies of this run: east: somebody disabled"
    ):
        watchdog.check()


def test_a_proxy_that_does_not_answer_twice_is_waited_for_no_more_and_ends_the_run(
    watch: Callable[..., Watchdog], often: None
) -> None:
    proxies = Proxies(None)
    watchdog = watch(Processes(), proxies=proxies)
    assert proxies.given_up.wait(30)
    watchdog.close()
    with pytest.raises(UntrustworthyError, match="Toxiproxy: 2 calls in a row had no answer"):
        watchdog.check()


@pytest.mark.parametrize("shared", ["the Toxiproxy of all", ""])
def test_of_a_proxy_that_others_use_it_is_said_at_once_that_it_does_not_answer_and_that_it_does_again(
    watch: Callable[..., Watchdog], often: None, shared: str
) -> None:
    proxies, warned = Proxies(None, then=["", None, ""]), list[str]()
    watchdog = watch(Processes(), proxies=proxies, shared=shared, warned=warned.append)
    assert proxies.given_up.wait(30)
    watchdog.close()
    silent = f"{shared} does not answer; what it has in force can be neither changed nor taken back meanwhile"
    assert warned == ([silent, f"{shared} answers again", silent] if shared else [])


def test_a_wire_that_does_not_answer_twice_in_a_row_ends_the_run(watch: Callable[..., Watchdog], often: None) -> None:
    wire = Wire(2)
    watchdog = watch(Processes(), wire=wire)
    assert wire.often.wait(30)
    watchdog.close()
    with pytest.raises(UntrustworthyError, match="the wire: 2 calls in a row had no answer"):
        watchdog.check()


@pytest.mark.parametrize(
    "wire", [Wire(*range(1, 10_000, 2)), Wire(failing=WireError)], ids=["answers every other time", "has ended"]
)
def test_a_wire_that_is_late_once_or_has_ended_is_not_silent(
    watch: Callable[..., Watchdog], often: None, wire: Wire
) -> None:
    watchdog = watch(Processes(), wire=wire)
    watchdog.close()
    watchdog.check()


def test_a_machine_that_is_awake_has_slept_no_longer_than_before() -> None:
    before_s = asleep_s()
    assert all(abs(asleep_s() - before_s) < 0.25 for _ in zip(range(1000), count(), strict=False))
