"""What the watch of a run ends it for: a harness that was stopped, a machine that slept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from harness.running.ports import UntrustworthyError
from harness.running.world.watch import Watchdog, asleep_s


@dataclass
class Processes:
    took_back_after_s: float | None = None

    def check(self) -> None: ...


@dataclass
class Proxies:
    said: str | None = ""
    asked: threading.Event = field(default_factory=threading.Event)

    def looked_over(self) -> str | None:
        self.asked.set()
        return self.said


@pytest.fixture
def watch() -> Iterator[Callable[..., Watchdog]]:
    made: list[Watchdog] = []

    def make(processes: Processes, *asleep: float, proxies: Proxies | None = None) -> Watchdog:
        said = iter(asleep)
        made.append(Watchdog(processes, proxies or Proxies(), None, lambda: next(said, 0.0)))
        return made[-1]

    yield make
    for watchdog in made:
        watchdog.close()


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


def test_a_machine_that_is_awake_has_slept_no_longer_than_before() -> None:
    before_s = asleep_s()
    assert all(abs(asleep_s() - before_s) < 0.25 for _ in zip(range(1000), count(), strict=False))
