"""A run that is ended: who holds its faults up is killed, or told of at once where it is somebody else's."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from harness.running.wire.client import WireError, WireSilentError
from harness.running.world import haste as haste_module
from harness.running.world.haste import Haste, TakenBack

LATE = SimpleNamespace(id="late-1", summary="latency 200 ms on openai")
HANGS_S = 60.0
SHARED = "the Toxiproxy at http://127.0.0.1:8474, which others use too,"
KILLED = "did not answer, so it was killed, and what it had in force is gone with it"


@dataclass
class Ending:
    """Somebody who wants the run to end, and a run that hears of it."""

    asked: bool = False
    heard: bool = False


@dataclass
class Run:
    """One that has *in_force*, and that a Toxiproxy or a wire of its own may hold up until it is killed."""

    ending: Ending = field(default_factory=Ending)
    in_force: list[SimpleNamespace] = field(default_factory=lambda: [LATE])
    holds_up: str = ""
    silent: type[WireError] | None = None
    asked: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    told: list[TakenBack] = field(default_factory=list)
    wire_asked: threading.Event = field(default_factory=threading.Event)
    more: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def answers(self, within_s: float) -> bool:
        self.asked.append("toxiproxy")
        return self.holds_up != "toxiproxy"

    def counts(self, *, timeout_s: float) -> dict[str, object]:
        self.asked.append("wire")
        self.wire_asked.set()
        if self.silent is not None:
            raise self.silent("GET /counts: no answer")
        return {}

    def kill_wedged(self) -> bool:
        return self._kill("toxiproxy")

    def kill_silent(self) -> bool:
        return self._kill("wire")

    def _kill(self, name: str) -> bool:
        self.killed.append(name)
        self.taken_back()
        return True

    def taken_back(self) -> None:
        self.ending.heard = True
        self.in_force.clear()

    def hear(self, found: TakenBack) -> None:
        self.told.append(found)
        self.more.release()


@pytest.fixture
def hastened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Haste]]:
    """Sees to the end of a run, which the run's own thread has no time to come to by itself."""
    monkeypatch.setattr(haste_module, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(haste_module, "_LOOK_S", 0.001)
    made: list[Haste] = []

    def make(run: Run, shared: str = "") -> Haste:
        made.append(Haste(run.ending, lambda: tuple(run.in_force), run, run, run, shared, run.hear))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_toxiproxy_of_its_own_that_holds_the_end_up_is_killed_and_that_is_told(
    hastened: Callable[..., Haste],
) -> None:
    run = Run(holds_up="toxiproxy")
    hastened(run)
    run.ending.asked = True
    assert run.more.acquire(timeout=HANGS_S)
    assert (run.told, run.killed) == ([TakenBack((), f"Toxiproxy {KILLED}")], ["toxiproxy"])


def test_one_that_others_use_is_left_alone_and_what_may_be_left_is_told_before_it_is_gone(
    hastened: Callable[..., Haste],
) -> None:
    run = Run(holds_up="toxiproxy")
    hastened(run, SHARED)
    run.ending.asked = True
    assert run.more.acquire(timeout=HANGS_S)
    assert run.told == [TakenBack((LATE.summary,), f"{SHARED} does not answer")]
    run.taken_back()
    assert run.more.acquire(timeout=HANGS_S)
    assert (run.told[1:], run.killed) == ([TakenBack()], [])


def test_a_wire_that_is_silent_is_killed_and_one_that_has_ended_is_not(hastened: Callable[..., Haste]) -> None:
    run = Run(silent=WireSilentError)
    hastened(run)
    run.ending.asked = True
    assert run.more.acquire(timeout=HANGS_S)
    assert (run.told, run.killed) == ([TakenBack((), f"the wire {KILLED}")], ["wire"])
    ended = Run(silent=WireError)
    one = hastened(ended)
    ended.ending.asked = True
    assert ended.wire_asked.wait(HANGS_S)
    ended.taken_back()
    one.close()
    assert (ended.told, ended.killed) == ([TakenBack()], [])


def test_where_all_answer_nobody_is_killed_and_it_is_told_once_nothing_is_in_force(
    hastened: Callable[..., Haste], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(haste_module, "_PATIENCE_S", HANGS_S)
    run = Run(holds_up="toxiproxy")
    hastened(run)
    run.ending.asked = True
    run.taken_back()
    assert run.more.acquire(timeout=HANGS_S)
    assert (run.told, run.killed, run.asked) == ([TakenBack()], [], [])


def test_a_run_that_has_not_heard_yet_may_still_break_something(hastened: Callable[..., Haste]) -> None:
    run = Run(in_force=[])
    one = hastened(run)
    run.ending.asked = True
    one.close()
    assert (run.told, run.asked) == ([], [])


def test_of_a_run_that_ends_by_itself_nothing_is_told_unless_somebody_is_in_its_way(
    hastened: Callable[..., Haste],
) -> None:
    sound, held_up = Run(in_force=[]), Run(holds_up="toxiproxy")
    for run in (sound, held_up):
        one = hastened(run)
        run.ending.heard = True
        assert run is sound or run.more.acquire(timeout=HANGS_S)
        one.close()
    assert (sound.told, held_up.told) == ([], [TakenBack((), f"Toxiproxy {KILLED}")])


def test_what_is_left_when_all_is_over_is_not_told_to_be_gone(hastened: Callable[..., Haste]) -> None:
    run = Run(holds_up="toxiproxy")
    one = hastened(run, SHARED)
    run.ending.asked = run.ending.heard = True
    assert run.more.acquire(timeout=HANGS_S)
    one.close()
    assert [found.left for found in run.told] == [(LATE.summary,)]
